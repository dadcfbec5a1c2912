"""Auxiliary sources are asked, recorded and shown, and decide nothing: neither by what they say nor
by their silence."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import time
from functools import cache
from pathlib import Path

import pytest
import yaml
from test_path_silent_verdicts import WHO, case

from support.every_source import CONNECTORS, MANDATORY
from support.live import changed_content, household, installation
from support.rules import BOOK, edited
from verify.bootstrap import build
from verify.content import ContentSet
from verify.domain.access import LOCAL
from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState
from verify.domain.verdict import Outcome, Verdict
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.judging import Content, judge
from verify.service.rule_checks import check_rules
from verify.service.sealed import SealedCase

ROOT = Path(__file__).parents[2]
RULES = ContentSet.load("rules", ROOT)
PATH = "cn/310000/dibao.yaml"


def with_sources(text: str) -> ContentSet:
    assert MANDATORY in RULES.files[PATH]
    return ContentSet("rules", {**RULES.files, PATH: RULES.files[PATH].replace(MANDATORY, text)})


@cache
def content() -> Content:
    """Shanghai, where whatever else is connected is only a signal."""
    five = ["tax", "vehicle", "real_estate", "bank", "social_insurance"]
    others = [s for s in CONNECTORS.sources if s not in five]
    text = f"mandatory_sources: {five}\nauxiliary_sources: {others}".replace("'", "")
    law = Law.from_content(with_sources(text))
    return Content(law, Scoring.from_content(ContentSet.load("scoring", ROOT)), CONNECTORS)


def told(case_: SealedCase, source: str, bodies: tuple[bytes, ...]) -> SealedCase:
    """The same household, of which one source says something else."""
    exchanges = tuple(
        dataclasses.replace(
            e, transport=EvidenceState.OK, bodies=tuple(digest_bytes(b) for b in bodies), detail=""
        )
        if e.source == source
        else e
        for e in case_.exchanges
    )
    kept = {**case_.bodies, **{digest_bytes(b): b for b in bodies}}
    return dataclasses.replace(case_, exchanges=exchanges, bodies=kept)


def recorded(source: str) -> list[tuple[bytes, ...]]:
    """Every answer that was recorded of a source over HTTP in text, as if it were about WHO."""
    text = (ROOT / f"fixtures/replies/{source}/replies.yaml").read_text(encoding="utf-8")
    made = []
    for reply in yaml.safe_load(text)["replies"]:
        if any(isinstance(b, dict) for b in reply["bodies"]):
            continue
        asked = reply["asked"]
        bodies = [
            b.replace(str(asked["id_number"]), WHO[1]).replace(asked["name"], WHO[0])
            for b in reply["bodies"]
        ]
        made.append(tuple(b.encode() for b in bodies))
    return made


def decided(verdict: Verdict) -> bytes:
    return canonical_bytes([verdict.outcome, verdict.final, verdict.assessment])


NOTHING = case("tax", EvidenceState.CONFIRMED_EMPTY)
SIGNALS = ("utilities", "securities", "internet_finance", "market", "disability", "medical")


@cache
def plain() -> Verdict:
    return judge([NOTHING], content())[0].verdict


@pytest.mark.parametrize("source", SIGNALS)
def test_neither_words_nor_silence_of_an_auxiliary_source_change_what_is_decided(
    source: str,
) -> None:
    said = [told(NOTHING, source, bodies) for bodies in recorded(source)]
    silent = [case(source, state) for state in EvidenceState]
    open_ = [dataclasses.replace(c, closed=False) for c in silent]
    assert plain().outcome is Outcome.ELIGIBLE
    for one in judge([*said, *silent, *open_], content()):
        assert decided(one.verdict) == decided(plain())
        [row] = [c for c in one.verdict.coverage if c["source"] == source]
        assert row["auxiliary"] is True
        assert all("auxiliary" not in c for c in one.verdict.coverage if c["source"] == "tax")


def test_securities_that_would_decide_as_a_mandatory_source_are_told_as_a_signal() -> None:
    asked = told(NOTHING, "securities", recorded("securities")[0])
    verdict = judge([asked], content())[0].verdict
    signals = [d for d in verdict.discrepancies if d["code"] == "auxiliary_signal"]
    assert {(d["person"], d["quantity"]) for d in signals} >= {("p1", "securities")}
    assert all(d["found_lo"] > 0 and "declared" not in d for d in signals)
    trace = json.loads(judge([asked], content())[0].trace_bytes)
    assert any(r["source"] == "securities" for r in trace["records"]), "recorded"
    assert not any(f["quantity"] == "securities" for f in trace["facts"]), "and never a fact"
    assert any(m["evidence"] == "securities/p1" for m in verdict.matches)


def test_a_use_out_of_proportion_is_a_signal_without_an_amount() -> None:
    [high, *_] = recorded("utilities")
    verdict = judge([told(NOTHING, "utilities", high)], content())[0].verdict
    [signal] = verdict.discrepancies
    assert (signal["code"], signal["quantity"]) == ("auxiliary_signal", "utility_use")
    assert signal["evidence"] == ["utilities/p1"]


def test_on_the_whole_path_they_are_asked_for_each_member_and_shown(live) -> None:
    verification = live.check(household("33").application)
    verdict = live.verdict(verification)
    rows = [c for c in verdict["coverage"] if c.get("auxiliary")]
    assert [(c["source"], c["person"]) for c in rows] == [("utilities", "p1")]
    assert (rows[0]["state"], rows[0]["letter"], len(rows[0]["bodies"])) == (
        "partial",
        "SQ-2025-0033-p1",
        1,
    )
    assert verdict["outcome"] == "ineligible"  # for her second account, and for nothing else
    report = live.system.verifications.report(verification, LOCAL)
    [shown] = [c for c in report["coverage"] if c["auxiliary"]]
    assert shown["source"]["zh"] == "水电燃气经营单位"
    [signal] = [d for d in report["discrepancies"] if d["code"]["code"] == "auxiliary_signal"]
    assert (signal["found"]["zh"], signal["quantity"]["zh"]) == ("有提示", "水电燃气使用")
    assert live.system.replays.replay(verification, LOCAL, 1).identical
    with live.client() as client:
        page = client.get(
            f"/v1/verifications/{verification}/report", headers={"Accept": "text/html"}
        )
    assert "辅助线索" in page.text


def test_without_a_letter_for_it_an_auxiliary_source_hears_nothing_and_nothing_waits(live) -> None:
    application = json.loads(json.dumps(household("01").application, default=str))
    for letter in application["authorisations"]:
        letter["sources"].remove("utilities")
    before = len(live.sources.requests("utilities"))
    verification = live.check(application)
    verdict = live.verdict(verification)
    states = {c["state"] for c in verdict["coverage"] if c["source"] == "utilities"}
    assert states == {"unauthorised"}
    assert len(live.sources.requests("utilities")) == before
    assert (verdict["outcome"], verdict["final"]) == ("eligible", True)


def test_a_dead_auxiliary_source_leaves_the_verdict_final(own) -> None:
    own.sources.switch_off("utilities")
    verification = own.check(household("01").application)
    verdict = own.verdict(verification)
    states = {c["state"] for c in verdict["coverage"] if c["source"] == "utilities"}
    assert states == {"unavailable"}
    assert (verdict["outcome"], verdict["final"]) == ("eligible", True)
    assert own.system.verifications.view(verification, LOCAL)["state"] == "completed"


def settled(live, verification: str) -> None:
    deadline = time.monotonic() + 30
    while live.system.verifications.view(verification, LOCAL)["state"] != "completed":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def auxiliary(live, verification: str, sequence: int) -> list[dict]:
    verdict = live.system.verifications.documents(verification, LOCAL, sequence).verdict
    return [c for c in verdict["coverage"] if c.get("auxiliary")]


def heard(live, source: str) -> int:
    """Questions that a source was asked: what comes before it answers."""
    return len(live.sources.requests(source))


def test_a_slow_auxiliary_source_delays_no_verdict_and_its_signal_follows(tmp_path) -> None:
    with installation(tmp_path, auxiliary_grace_seconds=0.05, retry_seconds=600) as live:
        live.sources.set_profile("utilities", latency_seconds=3)
        verification = live.check(household("33").application)
        view = live.system.verifications.view(verification, LOCAL)
        first = live.verdict(verification)
        assert (first["outcome"], first["final"], view["state"]) == ("ineligible", True, "waiting")
        assert [c["state"] for c in auxiliary(live, verification, 1)] == ["timeout"]
        assert not any(d["code"] == "auxiliary_signal" for d in first["discrepancies"])

        settled(live, verification)
        one, two = live.system.store.verdicts(verification, LOCAL)
        second = live.verdict(verification)
        assert (two.follows, two.final) == (one.verdict_digest, True)
        assert one.evidence_digest != two.evidence_digest
        # It says more, and decides nothing: by neither its silence nor its words.
        assert [c["state"] for c in auxiliary(live, verification, 2)] == ["partial"]
        assert any(d["code"] == "auxiliary_signal" for d in second["discrepancies"])
        assert (second["outcome"], second["assessment"]) == (first["outcome"], first["assessment"])
        assert heard(live, "utilities") == 1, "what was on its way was not asked for twice"
        for sequence in (1, 2):
            assert live.system.replays.replay(verification, LOCAL, sequence).identical


def test_an_auxiliary_source_that_hangs_until_the_end_closes_the_check_without_it(
    tmp_path, monkeypatch
) -> None:
    changes = {"deadline_seconds: 10,": "deadline_seconds: 2,"}
    content = changed_content(tmp_path / "content", "connectors/utilities.yaml", changes)
    monkeypatch.setenv("VERIFY_CONTENT", str(content))
    with installation(tmp_path, auxiliary_grace_seconds=0, retry_seconds=600) as live:
        live.sources.set_profile("utilities", fault="timeout")
        verification = live.check(household("01").application)
        assert {c["state"] for c in auxiliary(live, verification, 1)} == {"timeout"}
        assert live.verdict(verification)["final"] is True
        settled(live, verification)
        last = live.verdict(verification)
        assert (last["outcome"], last["final"]) == ("eligible", True)
        assert {c["state"] for c in last["coverage"] if c.get("auxiliary")} <= {
            "timeout",
            "unavailable",
        }


def test_a_prompt_auxiliary_source_is_in_the_first_and_only_verdict(live) -> None:
    verification = live.check(household("33").application)
    settled(live, verification)
    assert len(live.system.store.verdicts(verification, LOCAL)) == 1


def test_what_an_auxiliary_source_says_after_a_check_was_cancelled_is_not_kept(tmp_path) -> None:
    with installation(tmp_path, auxiliary_grace_seconds=0, retry_seconds=600) as live:
        live.sources.set_profile("utilities", latency_seconds=2)
        verification = live.check(household("33").application)
        live.system.verifications.cancel(verification, LOCAL)
        live.system.worker.close()  # waits for what is under way
        [row] = [r for r in live.system.store.exchanges(verification) if r.source == "utilities"]
        assert (row.status, row.attempts, row.bodies) == ("pending", 0, ())
        assert len(live.system.store.verdicts(verification, LOCAL)) == 1


def test_a_check_that_died_while_a_signal_was_awaited_is_carried_on_by_the_next_process(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("verify.service.questioning.OUT_PAUSE_MS", 1000)
    with installation(tmp_path, auxiliary_grace_seconds=0, retry_seconds=600) as live:
        live.sources.set_profile("utilities", latency_seconds=3)
        verification = live.check(household("33").application)
        live.system.worker.close()
        store = live.system.store
        [row] = [r for r in store.exchanges(verification) if r.source == "utilities"]
        if row.status == "pending":  # it did not come to keeping it
            assert live.system.verifications.view(verification, LOCAL)["state"] == "waiting"
        live.sources.set_profile("utilities", latency_seconds=0)
        environment = live.sources.environment()
        live.system.close()
        with build(live.system.settings, environment=environment) as again:
            again.start()
            live.system = again
            settled(live, verification)
            assert [c["state"] for c in auxiliary(live, verification, 2)] == ["partial"]


def test_a_source_is_either_mandatory_or_auxiliary() -> None:
    both = with_sources("mandatory_sources: [tax, bank]\nauxiliary_sources: [utilities, tax]")
    with pytest.raises(ContentError, match="the source tax is named twice") as caught:
        Law.from_content(both)
    assert caught.value.where.startswith(f"rules/{PATH}:")


def test_an_auxiliary_source_that_nobody_connected_is_a_fault() -> None:
    listed = "mandatory_sources: [tax, bank]\n"
    found = check_rules(edited((listed, f"{listed}auxiliary_sources: [telecoms]\n")), CONNECTORS)
    assert [(f.where, f.what) for f in found.faults] == [
        (f"rules/{BOOK}:9", "auxiliary_sources: no source `telecoms` is connected")
    ]


def test_the_day_of_an_auxiliary_answer_is_shown_as_any_other() -> None:
    [row] = [c for c in plain().coverage if c["source"] == "utilities"]
    assert dt.date.fromisoformat(row["as_of"]) == dt.date(2025, 5, 20)
