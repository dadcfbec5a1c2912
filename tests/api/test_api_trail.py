"""The access trail: no read of personal data without an entry; the questions auditors ask."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from pathlib import Path

import pytest
from test_api_access import every_route

from support.canaries import Sweep
from support.live import household
from verify.domain.access import LOCAL, RoleName
from verify.service.intake import ApplicationIn
from verify.service.tabular import as_csv
from verify.store.accesses import AccessFilters

HOUSEHOLD = household("01")
MEMBERS = HOUSEHOLD.application["household"]["members"]
SWEEP = Sweep(
    {**{m["id_number"]: m["id_number"] for m in MEMBERS}, **{m["name"]: m["name"] for m in MEMBERS},
     "case": HOUSEHOLD.application["case_number"]}
)  # fmt: skip
CASE = "/v1/verifications/{id}"
SHOWS = {
    "GET /console/",
    "GET /console/verifications/{id}",
    "GET /console/verifications/{id}/what-if",
    "GET /v1/audit/inclusion",
    "GET /v1/verifications",
    f"GET {CASE}",
    *(f"GET {CASE}/{part}" for part in (
        "asked", "bundle", "events", "evidence", "evidence/{digest}", "receipt", "report",
        "trace", "verdict",
    )),
    "POST /console/verifications/{id}/replay",
    "POST /console/verifications/{id}/what-if",
    "POST /v1/audit/person",
    f"POST {CASE}/cancel",
    f"POST {CASE}/replay",
    f"POST {CASE}/what-if",
}  # fmt: skip
"""Routes that show something of a case: each answer is a read on record."""

LISTS = {
    "GET /v1/audit/accesses",  # of clerks: who read, never what it said
    "GET /v1/audit/caseless",
    "GET /v1/audit/unread",
}
"""Routes that list who did what to which case: looking there is a read on record, too."""

SHOWS_NOTHING = {
    "GET /console",
    "GET /console/login",
    "GET /console/sources",
    "GET /console/sources/{source}",
    "GET /console/sources/{source}/proposals/{proposal}",
    "GET /healthz",
    "GET /metrics",
    "GET /problems/{code}",
    "GET /readyz",
    "GET /v1/audit/checkpoint",
    "GET /v1/audit/consistency",
    "GET /v1/audit/keys",
    "GET /v1/connectors",
    "GET /v1/connectors/health",
    "GET /v1/connectors/{source}",
    "GET /v1/connectors/{source}/proposals/{proposal}",
    "GET /v1/connectors/{source}/versions/{digest}",
    "GET /v1/matching/evaluation",
    "GET /v1/matching/evaluation/{plot}.svg",
    "GET /v1/matching/labels",  # levels of agreement, see ADR 0014
    "GET /v1/rules",
    "GET /v1/rules/coverage",
    "GET /v1/rules/proposals",
    "GET /v1/rules/proposals/{proposal}",
    "GET /v1/rules/proposals/{proposal}/impact",
    "POST /console/login",
    "POST /console/logout",
    "POST /console/purpose",
    "POST /console/sources/{source}/draft",
    "POST /console/sources/{source}/proposals/{proposal}/{step}",
    "POST /console/sources/{source}/release",
    "POST /console/sources/{source}/rollback",
    "POST /console/sources/{source}/test",
    "POST /v1/assessments",
    "POST /v1/callbacks/{token}",
    "POST /v1/connectors/{source}/preview",
    "POST /v1/connectors/{source}/proposals",
    "POST /v1/connectors/{source}/proposals/{proposal}/approve",
    "POST /v1/connectors/{source}/proposals/{proposal}/withdraw",
    "POST /v1/connectors/{source}/release",
    "POST /v1/connectors/{source}/rollback",
    "POST /v1/connectors/{source}/shadow",
    "POST /v1/connectors/{source}/test",
    "POST /v1/matching/calibration",
    "POST /v1/matching/labels",
    "POST /v1/matching/labels/{label}/revoke",
    "POST /v1/matching/threshold",
    "POST /v1/rules/proposals",
    "POST /v1/rules/proposals/{proposal}/approve",
    "POST /v1/rules/proposals/{proposal}/withdraw",
    "POST /v1/verifications",  # what the caller has just sent; a verdict in it is on record
}
BODIES = {
    "POST /v1/assessments": "assessment",
    "POST /v1/connectors/{source}/preview": "source-preview",
    "POST /v1/connectors/{source}/shadow": "source-shadow",
    "POST /v1/connectors/{source}/test": "source-test",
    "POST /v1/matching/calibration": "calibration",
    "POST /v1/matching/threshold": "threshold",
    "POST /v1/verifications": "application",
}
EXAMPLES = Path(__file__).parents[2] / "api" / "examples"


def newest(live):
    """The newest read on record, a list or of a case."""
    return live.system.store.accesses(LOCAL, AccessFilters(), "", 1)[0]


@pytest.fixture(scope="module")
def visitors(live, key_for):
    """Everybody there is, over REST and at the console, each for a purpose of theirs."""
    keys = {
        "caseworker": (live.caseworker_key, "complaint"),
        "auditor": (live.auditor_key, "audit"),
        "administrator": (key_for(RoleName.ADMINISTRATOR, regions=("*",)), ""),
        "policy": (key_for(RoleName.POLICY, regions=("*",)), ""),
    }
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(live.client(*keys[name])) for name in keys]
        for key, purpose in keys.values():
            console = stack.enter_context(live.client(key))
            console.headers.pop("Authorization")
            console.headers["Origin"] = live.url
            entered = console.post("/console/login", data={"key": key, "purpose": purpose})
            assert entered.status_code == 303
            found.append(console)
        yield found


def test_every_route_is_declared_as_one_that_shows_personal_data_or_not():
    declared = [*SHOWS, *LISTS, *SHOWS_NOTHING]
    assert len(declared) == len(set(declared))
    assert set(declared) == set(every_route())


def addressed(live, judged, route):
    """A route's address with what is there to see, and its body."""
    digest = next(d for x in live.system.store.exchanges(judged) for d in x.bodies)
    method, path = route.split()
    if "versions" in path:
        digest = live.system.contents.connectors.declaration("bank").digest
    known = {"id": judged, "digest": digest, "source": "bank", "plot": "calibration"}
    path = re.sub(r"\{(\w+)\}", lambda m: known.get(m[1], "x"), path)
    if path.endswith("/inclusion"):
        path += f"?verification={judged}"
    body = {"id_number": MEMBERS[0]["id_number"]} if path.endswith("/person") else {}
    if route in BODIES:
        body = json.loads((EXAMPLES / f"{BODIES[route]}.json").read_text())
    return method, path, body


def test_no_route_shows_personal_data_without_an_entry_in_the_trail(live, visitors, judged):
    """A walk over every route, as everybody: what shows a person leaves an entry, at once."""
    live.system.notary.once()
    named, answered = set(), set()
    visitors[0].get("/v1/verifications")  # something to begin from
    for route in sorted({*SHOWS, *LISTS, *SHOWS_NOTHING} - {"POST /console/logout"}):
        method, path, body = addressed(live, judged, route)
        for visitor in visitors:
            before = newest(live)
            answer = visitor.request(method, path, **({"json": body} if method == "POST" else {}))
            after = newest(live)
            assert answer.status_code < 500, route
            if SWEEP.scan(answer.content):
                named.add(route)
                assert after.id > before.id or route == "POST /v1/verifications", route
            if route in LISTS and answer.status_code == 200:
                assert after.id > before.id, route
                assert (after.caller, after.purpose) != ("", ""), route
            if route in SHOWS and answer.status_code == 200:
                answered.add(route)
                assert after.id > before.id, route
                assert (after.caller, after.purpose) != ("", ""), route
                assert judged in (after.verification, *after.shown.split()), route
    assert named <= SHOWS | {"POST /v1/verifications"}
    assert named >= {"GET /console/", "GET /v1/verifications", f"GET {CASE}", f"GET {CASE}/report"}
    assert answered == SHOWS - {f"POST {CASE}/cancel"}  # it has ended: the next test


def test_who_cancels_a_check_sees_where_it_stood_and_that_is_on_record(live, caseworker, example):
    for _ in range(5):
        accepted = caseworker.post("/v1/verifications", json=example).json()["id"]
        answer = caseworker.post(f"/v1/verifications/{accepted}/cancel")
        if answer.status_code == 200:
            break  # otherwise its verdict was faster
    assert answer.status_code == 200
    assert (newest(live).verification, newest(live).what) == (accepted, "state")


def test_every_entry_of_the_trail_names_who_what_and_the_case(live, auditor, judged):
    auditor.get(f"/v1/verifications/{judged}/report")
    newest = auditor.get("/v1/audit/accesses", params={"verification": judged}).json()["accesses"]
    assert all(row["caller"] and row["what"] and row["purpose"] for row in newest)
    assert all(judged in (row["verification"], *row["shown"]) for row in newest)
    assert (newest[0]["what"], newest[0]["purpose"], newest[0]["stated"]) == (
        "report", "audit", True,
    )  # fmt: skip


def test_a_check_that_nobody_read_is_a_check_without_follow_up(live, auditor, caseworker):
    verification = live.check(HOUSEHOLD.application)

    def unread():
        found = auditor.get("/v1/audit/unread", params={"days": 0}).json()["checks"]
        return verification in [row["verification"] for row in found]

    assert unread()
    assert caseworker.get("/v1/audit/unread").status_code == 403
    caseworker.get(f"/v1/verifications/{verification}/report")
    assert not unread()


def test_a_look_up_without_a_case_stands_out(live, auditor):
    body = ApplicationIn.model_validate({**HOUSEHOLD.application, "case_number": ""})
    without = live.system.verifications.submit(body, LOCAL).id
    with_case = live.check(HOUSEHOLD.application)
    found = {r["verification"] for r in auditor.get("/v1/audit/caseless").json()["checks"]}
    assert without in found
    assert with_case not in found


def test_who_looked_at_this_person_is_answered_and_itself_recorded(live, auditor, judged):
    wanted = {"id_number": MEMBERS[0]["id_number"]}
    answer = auditor.post("/v1/audit/person", json=wanted).json()
    assert judged in {case["verification"] for case in answer["cases"]}
    again = auditor.post("/v1/audit/person", json=wanted).json()
    assert "search" in {row["what"] for row in again["accesses"]}
    assert not SWEEP.scan(str(answer).encode())


def test_everybody_was_asked_negatives_included(live, auditor, judged):
    answer = auditor.get(f"/v1/verifications/{judged}/asked").json()
    assert answer["complete"]
    assert answer["intact"]
    planned = {x.evidence for x in live.system.store.exchanges(judged)}
    assert {row["evidence"] for row in answer["asked"]} == planned
    assert "confirmed_empty" in {row["state"] for row in answer["asked"]}
    entries = {e.position: e for e in live.system.store.ledger(judged, LOCAL)}
    for row in answer["asked"]:
        assert entries[row["entry"]].payload["evidence"] == row["evidence"]


def test_answers_are_also_given_as_csv_that_no_spreadsheet_runs(live, auditor, judged):
    text = auditor.get(f"/v1/verifications/{judged}/asked", params={"format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(live.system.store.exchanges(judged))


@pytest.mark.parametrize(
    "text", ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "  =1", "＝cmd()", "－1"]
)
def test_no_spreadsheet_runs_what_somebody_named_themselves(text):
    (head, row) = csv.reader(io.StringIO(as_csv(("a", "b", "c"), [{"a": text, "c": ["x", "y"]}])))
    assert head == ["a", "b", "c"]
    assert row == [f"'{text}", "", "x y"]
    assert as_csv(("a", "b"), []) == "a,b\r\n"


def test_what_if_is_answered_and_nothing_is_kept(live, auditor, caseworker, judged, refusal):
    verdicts = live.system.store.verdicts(judged, LOCAL)
    path = f"/v1/verifications/{judged}/what-if"
    answer = caseworker.post(path, json={"without": "bank/p1"}).json()
    assert answer["stored"] is False
    assert answer["sealed"]["outcome"] == "eligible"
    sets = live.system.contents.digests
    same = auditor.post(path, json={"rules": sets.rules, "scoring": sets.scoring}).json()
    assert same["differences"] == []
    assert live.system.store.verdicts(judged, LOCAL) == verdicts
    refusal(caseworker.post(path, json={"as_of": "yesterday"}), 422)
    refusal(caseworker.post(path, json={"rules": "sha256:" + "0" * 64}), 404)
    refusal(caseworker.post(path, json={"without": "bank/p9"}), 422)


def test_a_search_that_found_nobody_is_on_record_too(live, auditor, refusal):
    sought = {"id_number": "10101019000101001X"}
    first = auditor.post("/v1/audit/person", json=sought).json()
    assert first["cases"] == []
    again = auditor.post("/v1/audit/person", json=sought).json()
    assert [row["what"] for row in again["accesses"]] == ["search"] * 2
    assert {(row["purpose"], *row["shown"]) for row in again["accesses"]} == {("audit",)}
    assert sought["id_number"] not in str(again)
    with live.client(live.auditor_key, purpose="") as unsaid:
        refused = refusal(unsaid.post("/v1/audit/person", json=sought), 422, "purpose-needed")
        assert refused["errors"][0]["pointer"] == "header:X-Purpose"
        assert "complaint" in refused["remedy"]
    assert newest(live).what == "search"


def test_every_question_is_answered_as_a_table_that_leads_to_its_next_page(auditor, judged):
    auditor.get("/v1/verifications")
    found, path = [], "/v1/audit/accesses?format=csv&limit=3"
    for _ in range(3):
        answer = auditor.get(path)
        assert answer.headers["content-type"].startswith("text/csv")
        found += csv.DictReader(io.StringIO(answer.text))
        path = answer.links["next"]["url"]
    assert len({row["id"] for row in found}) == 9
    assert {row["purpose"] for row in found} <= {"audit", "check", "complaint", "review"}
    about = auditor.post("/v1/audit/person?format=csv", json={"id_number": MEMBERS[0]["id_number"]})
    rows = list(csv.DictReader(io.StringIO(about.text)))
    assert judged in {row["verification"] for row in rows}
    assert any(judged in row["shown"].split() for row in rows if row["what"] in ("list", "search"))
    for question in ("unread?days=0", "caseless?x=1"):
        plain = auditor.get(f"/v1/audit/{question}").json()["checks"]
        table = auditor.get(f"/v1/audit/{question}&format=csv").text
        assert [row["verification"] for row in csv.DictReader(io.StringIO(table))] == [
            row["verification"] for row in plain
        ]


def test_who_looks_into_the_trail_stands_in_it(live, auditor, judged):
    auditor.get(f"/v1/verifications/{judged}/report")
    auditor.get("/v1/audit/accesses", params={"verification": judged})
    seen = newest(live)
    assert (seen.what, seen.purpose, seen.stated, seen.shown) == ("trail", "audit", True, judged)
    unread = live.check(HOUSEHOLD.application)
    for _ in range(2):  # seeing it in this list is no follow-up
        found = auditor.get("/v1/audit/unread", params={"days": 0}).json()["checks"]
        assert unread in {row["verification"] for row in found}
        assert newest(live).what == "unread"
        assert unread in newest(live).shown.split()
    auditor.get("/v1/audit/caseless")
    assert newest(live).what == "caseless"


def test_stored_verdicts_that_a_comparison_lists_are_on_record_as_read(
    live, auditor, key_for, judged
):
    answer = auditor.post("/v1/matching/threshold", json={"positive": 60_000}).json()
    listed = {flip["verification"] for flip in answer["verdicts"]["flipped"]}
    assert judged in listed
    assert newest(live).what == "trial"
    assert listed <= set(newest(live).shown.split())
    with live.client(key_for(RoleName.ADMINISTRATOR, regions=("*",)), "") as administrator:
        administrator.post("/v1/matching/threshold", json={"positive": 60_000})
    assert (newest(live).what, newest(live).purpose) == ("trial", "maintenance")
    text = (Path(__file__).parents[2] / "connectors" / "bank.yaml").read_text(encoding="utf-8")
    changed = text.replace("version: ", "version: 9", 1)
    draft = auditor.post("/v1/connectors/bank/shadow", json={"declaration": changed, "limit": 5})
    assert draft.status_code == 200, draft.text
    assert newest(live).what == "shadow"


def test_a_raw_answer_before_the_verdict_is_no_follow_up(live, auditor, caseworker):
    verification = live.check(HOUSEHOLD.application)
    caseworker.get(f"/v1/verifications/{verification}/evidence")
    unread = auditor.get("/v1/audit/unread", params={"days": 0}).json()["checks"]
    assert verification in {row["verification"] for row in unread}
    caseworker.get(f"/v1/verifications/{verification}/verdict")
    unread = auditor.get("/v1/audit/unread", params={"days": 0}).json()["checks"]
    assert verification not in {row["verification"] for row in unread}
