"""Administrators try, change and roll back sources through the API, and see nobody's data."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest

from support.live import household
from verify.api import sources_models
from verify.api.body import validate
from verify.content import ContentSet
from verify.domain.access import RoleName
from verify.domain.identifiers import check_digit
from verify.service.source_trials import NOBODY

ROOT = Path(__file__).parents[2]
TAX = ContentSet.load("connectors").files["tax.yaml"]
AT = "/v1/connectors/tax"
FUTURE = (dt.datetime.now(dt.UTC) + dt.timedelta(days=400)).isoformat()
REAL_LOOKING, NAMESAKE = "310104198503120021", "330106199001010018"


@pytest.fixture(scope="module")
def staff(live, key_for):
    """Two administrators."""
    keys = [key_for(RoleName.ADMINISTRATOR) for _ in range(2)]
    with live.client(keys[0]) as li, live.client(keys[1]) as wang:
        yield li, wang


def propose(client, text: str = TAX + "# a remark\n", **more):
    return client.post(f"{AT}/proposals", json={"declaration": text, **more})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("source-proposal", sources_models.SourceProposalIn),
        ("source-rollback", sources_models.RollbackIn),
        ("source-test", sources_models.TrialIn),
        ("source-preview", sources_models.PreviewIn),
        ("source-shadow", sources_models.ShadowIn),
    ],
)
def test_the_published_examples_are_accepted_by_their_schemas(name, kind):
    validate(kind, (ROOT / "api/examples" / f"{name}.json").read_bytes())


def test_the_published_example_of_a_change_can_be_proposed(staff):
    example = json.loads((ROOT / "api/examples/source-proposal.json").read_text("utf-8"))
    made = staff[0].post("/v1/connectors/utilities/proposals", json=example)
    assert made.status_code == 201, made.text
    at = made.headers["location"]
    assert staff[1].post(f"{at}/withdraw").json()["state"] == "withdrawn"


def test_every_source_is_listed_with_latency_errors_freshness_and_fill(live, staff, judged):
    live.system.asker.health.flush()
    time.sleep(0.3)
    found = sources_models.SourcesHealth.model_validate(
        staff[0].get("/v1/connectors/health").json()
    )
    tax = next(s for s in found.sources if s.id == "tax")
    (hour,) = tax.hours[:1]
    assert hour.asked >= 1
    assert 0 <= hour.error_permille <= 1000
    assert hour.filled_permille == 1000
    assert hour.mean_age_days == 0


def test_two_administrators_publish_and_a_verdict_names_the_version(live, staff, refusal):
    li, wang = staff
    made = propose(li, note="a remark")
    assert made.status_code == 201, made.text
    view = sources_models.SourceProposalView.model_validate(made.json())
    assert (view.state, view.changes[-1]) == ("proposed", "+# a remark")
    at = made.headers["location"]
    assert at == f"{AT}/proposals/{view.id}"
    refusal(li.post(f"{at}/approve"), 403)
    approved = wang.post(f"{at}/approve").json()
    assert (approved["state"], approved["proposed_by"] == approved["approved_by"]) == (
        "in_force", False,
    )  # fmt: skip
    page = sources_models.SourceView.model_validate(li.get(AT).json())
    assert (page.in_force.digest, page.in_force.from_) == (view.digest, "store")
    body = {**household("01").application, "case_number": "SYN-API-SOURCES"}
    verdict = live.verdict(live.check(body))
    named = {c["connector"] for c in verdict["coverage"] if c["source"] == "tax"}
    assert named == {view.digest}
    known = li.get(f"{AT}/versions/{view.digest}").json()
    sources_models.SourceVersionView.model_validate(known)
    assert known["declaration"].endswith("# a remark\n")
    assert known["proposals"][0]["approved_by"] == approved["approved_by"]
    ended = wang.post(f"{AT}/rollback", json={"digest": view.digest, "note": "enough"})
    assert ended.json()["rolled_back_to"] == view.base
    assert li.get(AT).json()["in_force"]["from"] == "folder"
    refusal(wang.post(f"{AT}/rollback", json={"digest": view.digest}), 409)


def test_a_scheduled_version_is_withdrawn_before_its_time(staff):
    li, wang = staff
    at = propose(li, starts=FUTURE).headers["location"]
    assert wang.post(f"{at}/approve").json()["state"] == "scheduled"
    assert li.post(f"{at}/withdraw").json()["state"] == "withdrawn"
    states = [p["state"] for p in li.get(AT).json()["proposals"]]
    assert "scheduled" not in states


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("id: tax\n", "id: tax\nsurprise: 1\n", "does-not-load"),
        ("http://127.0.0.1:8471", "https://elsewhere.example", "address-not-allowed"),
        ("TAX_CLIENT_SECRET", "BANK_KEY", "secret-of-another-host"),
        ("{field: srje, unit: yuan}\n", "{field: srje, unit: fen}\n", "contract"),
    ],
)
def test_a_draft_with_a_fault_is_a_problem_with_line_and_remedy(staff, refusal, old, new, code):
    assert TAX.count(old) == 1
    found = refusal(propose(staff[0], TAX.replace(old, new)), 422)
    (first, *_) = found["errors"]
    assert (first["pointer"], first["code"]) == ("/declaration", code)
    assert first["reason"].startswith("connectors/tax.yaml:")
    assert first["remedy"]


def test_only_administrators_change_and_try_sources(caseworker, auditor, refusal):
    for client in (caseworker, auditor):
        refusal(propose(client), 403)
        refusal(client.post(f"{AT}/test", json={}), 403)
        refusal(client.post(f"{AT}/preview", json={}), 403)
        refusal(client.post(f"{AT}/rollback", json={"digest": "sha256:" + "0" * 64}), 403)
    refusal(caseworker.get(AT), 403)
    assert auditor.get(AT).status_code == 200


def test_a_source_is_asked_about_nobody_and_about_nobody_else(staff, refusal):
    found = staff[0].post(f"{AT}/test", json={})
    told = sources_models.TrialView.model_validate(found.json())
    assert (told.state, told.records, told.bodies) == ("confirmed_empty", 0, 1)
    answer = staff[0].post(f"{AT}/test", json={"id_number": REAL_LOOKING, "name": "林晓梅"})
    problem = refusal(answer, 422)
    assert problem["errors"][0]["code"] == "real-looking-id"
    assert REAL_LOOKING not in answer.text


def test_nothing_is_asked_with_a_version_that_only_one_person_has_seen(live, staff, refusal):
    li, wang = staff
    made = propose(li, TAX + "# later\n", starts=FUTURE).json()
    before = len(live.sources.requests("tax"))
    refusal(li.post(f"{AT}/test", json={"proposal": made["id"]}), 409)
    assert len(live.sources.requests("tax")) == before
    at = f"{AT}/proposals/{made['id']}"
    wang.post(f"{at}/approve")
    told = li.post(f"{AT}/test", json={"proposal": made["id"]}).json()
    assert (told["state"], told["connector"]) == ("confirmed_empty", made["digest"])
    wang.post(f"{at}/withdraw")


def test_recorded_answers_are_shown_with_mapping_units_and_evidence(staff):
    found = staff[0].post(f"{AT}/preview", json={})
    shown = sources_models.PreviewView.model_validate(found.json())
    assert {r.state for r in shown.replies} == {"ok", "confirmed_empty"}
    (line,) = [m for m in shown.mapping if m["becomes"] == "amount" and m["rows"] == "srxx"]
    assert (line["from"], line["unit"]) == ("srje", "yuan")
    (found_one,) = [r for r in shown.replies if r.state == "ok"]
    assert 312_050 in {r.get("amount") for r in found_one.records}
    assert found_one.bodies[0].startswith("sha256:")


def test_a_draft_is_tried_on_recorded_answers_before_anybody_approves_it(staff):
    fen = TAX.replace("{field: srje, unit: yuan}\n", "{field: srje, unit: fen}\n")
    shown = staff[0].post(f"{AT}/preview", json={"declaration": fen}).json()
    ok = next(r for r in shown["replies"] if r["title"] == "something is found")
    assert ok["state"] == "schema_mismatch"
    assert ok["records"] == []
    assert ok["detail"]


def test_an_answer_is_fetched_about_nobody_and_read_with_a_draft(staff):
    body = {"declaration": TAX + "# x\n", "asked": {}}
    shown = staff[0].post(f"{AT}/preview", json=body).json()
    assert [(r["title"], r["state"]) for r in shown["replies"]] == [("fetched", "confirmed_empty")]


def pasted(number: str, name: str) -> str:
    text = (ROOT / "fixtures/replies/tax/replies.yaml").read_text("utf-8")
    body = text.split("- |\n", 1)[1].split("    expect:", 1)[0]
    body = body.replace(NAMESAKE, "10000019900101001" + check_digit("10000019900101001"))
    return body.replace(REAL_LOOKING, number).replace("林晓梅", name)


def test_a_pasted_answer_is_read_when_it_speaks_of_nobody(staff, refusal):
    asked = {"id_number": NOBODY, "name": "某某", "as_of": "2025-05-20"}
    body = {"asked": asked, "bodies": [pasted(NOBODY, "某某")]}
    shown = staff[0].post(f"{AT}/preview", json=body)
    assert [(r["title"], r["state"]) for r in shown.json()["replies"]] == [("pasted", "ok")]
    for wrong in (
        {**body, "bodies": [pasted(REAL_LOOKING, "某某")]},
        {**body, "asked": {**asked, "id_number": REAL_LOOKING}},
    ):
        problem = refusal(staff[0].post(f"{AT}/preview", json=wrong), 422)
        assert problem["errors"][0]["code"] == "real-looking-id"
    missing = refusal(staff[0].post(f"{AT}/preview", json={"bodies": ["{}"]}), 422)
    assert missing["errors"][0]["pointer"] == "/asked"
    unread = {**body, "bodies": [{"base64": "?"}]}
    problem = refusal(staff[0].post(f"{AT}/preview", json=unread), 422)
    assert problem["errors"][0]["pointer"] == "/bodies/0/base64"


def test_a_draft_beside_the_live_version_is_told_in_numbers_to_administrators(
    staff, auditor, judged, refusal
):
    draft = TAX.replace('"0101": wage, "0400"', '"0101": labour, "0400"')
    assert draft != TAX
    asked = {"declaration": draft, "limit": 20}
    numbers = staff[0].post(f"{AT}/shadow", json=asked)
    shown = sources_models.ShadowView.model_validate(numbers.json())
    assert shown.differ.answers >= 1
    assert (shown.answers, shown.verdicts) == ([], [])
    (wages,) = [f for f in shown.facts if f.kind == "wage"]
    assert wages.lost == wages.gained >= 1
    assert judged not in numbers.text
    single = auditor.post(f"{AT}/shadow", json=asked).json()
    assert single["differ"] == numbers.json()["differ"]
    assert len(single["answers"]) == single["differ"]["answers"]
    nothing = refusal(staff[0].post(f"{AT}/shadow", json={}), 422)
    assert nothing["errors"][0]["pointer"] == "/declaration"
    broken = refusal(staff[0].post(f"{AT}/shadow", json={"declaration": "id: tax\n"}), 422)
    assert broken["errors"][0]["code"] == "does-not-load"


def test_two_drafts_at_once_and_unknown_things_are_refused(staff, refusal):
    made = propose(staff[0], TAX + "# both\n", starts=FUTURE).json()
    both = {"declaration": TAX, "proposal": made["id"]}
    assert refusal(staff[0].post(f"{AT}/preview", json=both), 422)["errors"][0]["code"] == "one-of"
    by_id = staff[0].post(f"{AT}/preview", json={"proposal": made["id"]}).json()
    assert by_id["connector"] == made["digest"]
    for path in ("/v1/connectors/lottery", "/v1/connectors/Lottery", f"{AT}/versions/x",
                 f"{AT}/versions/sha256:{'0' * 64}", f"{AT}/proposals/p_{'0' * 26}"):  # fmt: skip
        refusal(staff[0].get(path), 404)
    refusal(staff[0].post("/v1/connectors/lottery/test", json={}), 404)
