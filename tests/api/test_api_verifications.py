"""The path of a verification over HTTP: submit, follow, read, prove, replay, cancel."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest

from support.live import household
from verify.api.models import (
    Assessments,
    ConnectorsInUse,
    Events,
    EvidenceDocument,
    Readiness,
    Receipt,
    Replay,
    RulesInUse,
    TraceDocument,
    VerdictDocument,
    Verification,
    VerificationPage,
)


def submit(client, application, **headers):
    return client.post("/v1/verifications", json=application, headers=headers)


def test_a_submission_is_accepted_at_once_and_judged_soon(caseworker, application):
    accepted = submit(caseworker, application)
    assert accepted.status_code == 202
    view = accepted.json()
    Verification.model_validate(view)
    assert accepted.headers["location"] == f"/v1/verifications/{view['id']}"
    assert view["state"] == "asking"
    assert view["verdict"] is None
    waited = caseworker.get(accepted.headers["location"], headers={"Prefer": "wait=30"})
    assert waited.headers["preference-applied"] == "wait=30"
    Verification.model_validate(waited.json())
    assert waited.json()["verdict"]["outcome"] == "eligible"
    assert waited.json()["verdict"]["final"] is True


def test_a_submission_can_wait_for_its_verdict(caseworker, application):
    answer = submit(caseworker, application, Prefer="respond-async, wait=40")
    assert answer.status_code == 200
    assert answer.json()["verdict"]["outcome"] == "eligible"


def test_waiting_holds_up_nobody_else(live, caseworker, application):
    """More callers wait than there are threads; a quick question is still answered quickly."""
    live.sources.set_profile("real_estate", delay_seconds=60)
    accepted = submit(caseworker, application).json()["id"]
    states: list[str] = []

    def wait() -> None:
        with live.client() as client:
            path = f"/v1/verifications/{accepted}"
            states.append(client.get(path, headers={"Prefer": "wait=40"}).json()["state"])

    threads = [threading.Thread(target=wait) for _ in range(50)]
    try:
        for thread in threads:
            thread.start()
        time.sleep(1)
        assert caseworker.get("/v1/verifications?limit=1").status_code == 200
        assert states == []  # answered while all of them wait
        caseworker.post(f"/v1/verifications/{accepted}/cancel")
        for thread in threads:
            thread.join(timeout=60)
        assert states == ["cancelled"] * 50
    finally:
        live.sources.set_profile("real_estate", delay_seconds=0.2)


@pytest.mark.parametrize("prefer", ["wait=soon", "wait=-1", "wait", "handling=lenient", "wait=1e9"])
def test_a_preference_that_makes_no_sense_is_no_preference(caseworker, judged, prefer):
    answer = caseworker.get(f"/v1/verifications/{judged}", headers={"Prefer": prefer})
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


def test_the_same_key_with_the_same_body_is_the_same_verification(caseworker, application):
    first = submit(caseworker, application, **{"Idempotency-Key": "case-1"})
    again = submit(caseworker, application, **{"Idempotency-Key": "case-1"})
    assert first.status_code == 202
    assert again.status_code == 200
    assert first.json()["id"] == again.json()["id"]


def test_the_same_key_with_another_body_is_a_conflict(caseworker, application, refusal):
    submit(caseworker, application, **{"Idempotency-Key": "case-2"})
    application["residence"] = "rural"
    answer = submit(caseworker, application, **{"Idempotency-Key": "case-2"})
    refusal(answer, 409, "conflict")


def test_twenty_at_once_under_one_key_are_one_verification(live, application):
    found: list[str] = []

    def send() -> None:
        with live.client() as client:
            found.append(submit(client, application, **{"Idempotency-Key": "race"}).json()["id"])

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 20
    assert len(set(found)) == 1


def test_pages_together_hold_every_verification_once(caseworker, application):
    mine = {submit(caseworker, application).json()["id"] for _ in range(5)}
    seen: list[str] = []
    cursor = None
    for _ in range(200):
        answer = caseworker.get(
            "/v1/verifications", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        )
        page = answer.json()
        VerificationPage.model_validate(page)
        seen += [v["id"] for v in page["verifications"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert mine <= set(seen)


def test_the_verdict_is_its_sealed_bytes_and_its_tag_their_digest(caseworker, judged):
    answer = caseworker.get(f"/v1/verifications/{judged}/verdict")
    digest = "sha256:" + hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["etag"] == f'"{digest}"'
    VerdictDocument.model_validate(answer.json())
    assert caseworker.get(f"/v1/verifications/{judged}").json()["verdict"]["digest"] == digest
    first = caseworker.get(f"/v1/verifications/{judged}/verdict?sequence=1")
    assert first.content == answer.content
    assert caseworker.get(f"/v1/verifications/{judged}/verdict?sequence=99").status_code == 404


def test_the_trace_is_the_one_the_verdict_names(caseworker, judged):
    verdict = caseworker.get(f"/v1/verifications/{judged}/verdict").json()
    trace = caseworker.get(f"/v1/verifications/{judged}/trace")
    digest = "sha256:" + hashlib.sha256(trace.content).hexdigest()
    assert verdict["digests"]["trace"] == digest
    TraceDocument.model_validate(trace.json())


def test_every_raw_answer_has_the_digest_it_is_listed_under(caseworker, judged):
    evidence = caseworker.get(f"/v1/verifications/{judged}/evidence").json()
    EvidenceDocument.model_validate(evidence)
    digests = {d for e in evidence["evidence"] for d in e["bodies"]}
    assert len(digests) > 5
    for digest in digests:
        answer = caseworker.get(
            f"/v1/verifications/{judged}/evidence/{digest}", headers={"X-Purpose": "review"}
        )
        salt = bytes.fromhex(answer.headers["digest-salt"])
        assert len(salt) == 16
        assert digest == "sha256:" + hashlib.sha256(salt + answer.content).hexdigest()


def test_a_report_is_data_or_a_page_as_the_reader_prefers(caseworker, judged):
    path = f"/v1/verifications/{judged}/report"
    for accept in ("*/*", "application/json", "text/html;q=0.1, application/json", ""):
        answer = caseworker.get(path, headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["schema"] == "verify.report/1"
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for answer in (
        caseworker.get(path, headers={"Accept": browser}),
        caseworker.get(path, params={"format": "html"}),
    ):
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.text.startswith("<!doctype html>")
    assert caseworker.get(path, params={"format": "pdf"}).status_code == 422


def test_the_receipt_is_the_last_verdict_entry_of_the_ledger(caseworker, judged):
    events = caseworker.get(f"/v1/verifications/{judged}/events").json()
    receipt = caseworker.get(f"/v1/verifications/{judged}/receipt").json()
    Events.model_validate(events)
    Receipt.model_validate(receipt)
    assert events["events"][0]["kind"] == "accepted"
    assert receipt["leaf"] in events["events"]
    assert receipt["verdict"] in str(receipt["leaf"]["payload"])


def test_a_replay_gives_the_same_bytes(auditor, judged):
    result = auditor.post(f"/v1/verifications/{judged}/replay").json()
    Replay.model_validate(result)
    assert result["identical"] is True
    assert result["faults"] == result["differences"] == []


def test_what_is_cancelled_asks_nobody_any_more(live, caseworker, application, refusal):
    live.sources.set_profile("real_estate", delay_seconds=30)
    try:
        accepted = submit(caseworker, application).json()["id"]
        cancelled = caseworker.post(f"/v1/verifications/{accepted}/cancel")
        assert cancelled.status_code == 200
        assert cancelled.json()["state"] == "cancelled"
        Verification.model_validate(cancelled.json())
        refusal(caseworker.get(f"/v1/verifications/{accepted}/verdict"), 404)
    finally:
        live.sources.set_profile("real_estate", delay_seconds=0.2)


def test_one_given_household_is_the_list_of_one(caseworker):
    given = household_facts()
    one = caseworker.post("/v1/assessments", json=given)
    assert one.status_code == 200, one.text
    many = caseworker.post("/v1/assessments", json={"households": [given, given]})
    Assessments.model_validate(many.json())
    assert [a["index"] for a in many.json()["assessments"]] == [0, 1]
    first, second = ({**a, "index": 0} for a in many.json()["assessments"])
    assert first == second == one.json()["assessments"][0]


def test_a_household_abroad_is_judged_in_its_own_money(caseworker):
    member = {"person": "p1", "relation": "self", "birth": "1970-05-05"}
    member |= {"incomes": [{"kind": "pension", "monthly": "1010.00"}]}
    member |= {"spending": [{"kind": "rent_paid", "monthly": "545.00"}]}
    given = {"programme": "civil_legal_aid", "region": "GB-WLS", "as_of": "2024-06-01"}
    answer = caseworker.post("/v1/assessments", json={**given, "members": [member]})
    assert answer.status_code == 200, answer.text
    Assessments.model_validate(answer.json())
    (found,) = answer.json()["assessments"]
    assert (found["outcome"], found["benefit"]) == ("eligible", None)
    assert {c["name"]: (c["value"]["lo"], c["unit"]) for c in found["charges"]} == {
        "income_contribution": (5390, "penny_per_month"),
        "capital_contribution": (0, "penny"),
    }


def test_a_fault_in_a_list_names_the_household(caseworker, refusal):
    given = household_facts()
    bad = {**given, "verdict": "eligible"}
    answer = caseworker.post("/v1/assessments", json={"households": [given, bad]})
    found = refusal(answer, 422)
    assert found["errors"][0]["pointer"] == "/households/1/verdict"


@pytest.mark.parametrize("households", [[], [{}] * 1001, "all", None])
def test_a_list_of_households_has_bounds(caseworker, refusal, households):
    answer = caseworker.post("/v1/assessments", json={"households": households})
    assert refusal(answer, 422)["errors"][0]["pointer"] == "/households"


def household_facts():
    import json
    from pathlib import Path

    text = Path(__file__).parents[2] / "api/examples/assessment.json"
    return json.loads(text.read_text(encoding="utf-8"))


def test_what_is_in_use_is_listed_without_secrets(live, caseworker):
    rules = caseworker.get("/v1/rules")
    connectors = caseworker.get("/v1/connectors")
    RulesInUse.model_validate(rules.json())
    ConnectorsInUse.model_validate(connectors.json())
    assert "cn/310000/dibao" in [b["id"] for b in rules.json()["rulebooks"]]
    assert [c["id"] for c in connectors.json()["connectors"]] == sorted(live.sources.urls)
    told = rules.text + connectors.text
    for name, secret in live.sources.environment().items():
        assert secret not in told, name


def test_readiness_names_each_part(nobody):
    answer = nobody.get("/readyz")
    assert answer.status_code == 200
    Readiness.model_validate(answer.json())
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "keys": "ok",
        "witness": "ok",
        "content": "ok",
        "disk": "ok",
        "worker": "ok",
    }
    assert nobody.get("/healthz").json() == {"status": "ok"}


def test_a_report_in_one_piece_shows_a_namesakes_record_with_its_reasons(live, caseworker):
    found = live.check(household("02").application)
    report = caseworker.get(f"/v1/verifications/{found}/report").json()
    rejected = [m for m in report["matches"] if m["judgement"]["code"] == "negative"]
    assert rejected
    assert all(m["explanation"] and m["written"]["name"] for m in rejected)
