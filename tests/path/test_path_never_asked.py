"""A sealed case that holds no exchange with a source that must be heard: nobody asked it, nobody
answered, and no verdict may read that as "nothing found"."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_path_silent_verdicts import case

from support.every_source import CONNECTORS, MEANS, content
from support.live import Live, household
from verify.connectors import Connectors
from verify.domain.access import LOCAL
from verify.domain.evidence import EvidenceState
from verify.domain.verdict import Outcome, Verdict
from verify.service.judging import judge
from verify.service.replay import sealed_case
from verify.service.report import build_report
from verify.service.sealed import SealedCase

WHOLE = case("tax", EvidenceState.CONFIRMED_EMPTY)
FAVOUR = [Outcome.INELIGIBLE, Outcome.UNDETERMINED, Outcome.ELIGIBLE]


def without(whole: SealedCase, *numbers: int) -> SealedCase:
    kept = [e for n, e in enumerate(whole.exchanges) if n not in numbers]
    return dataclasses.replace(whole, exchanges=tuple(kept))


def never_asked(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [
        (c["source"], c["person"], c["state"])
        for c in verdict.coverage
        if c["detail"] == "never_asked"
    ]


@pytest.mark.parametrize("number", range(len(WHOLE.exchanges)))
def test_whichever_source_was_never_asked_is_named_and_nobody_is_eligible(number: int) -> None:
    lost = WHOLE.exchanges[number].source
    for closed in (True, False):
        [judged] = judge([dataclasses.replace(without(WHOLE, number), closed=closed)], content())
        verdict = judged.verdict
        assert (verdict.outcome, verdict.final) == (Outcome.UNDETERMINED, False)
        assert verdict.assessment["outcome"] == "undetermined"
        assert never_asked(verdict) == [(lost, "p1", "unavailable")]
        [row] = [c for c in verdict.coverage if c["source"] == lost]
        assert (row["asked_on"], row["letter"], row["bodies"]) == (None, "", [])
        if lost in MEANS:
            questions = verdict.assessment["questions"]
            assert lost in {q["source"] for q in questions if q["kind"] == "missing"}


def test_a_report_says_that_it_was_never_asked() -> None:
    [judged] = judge([without(WHOLE, 0)], content())
    verdict = json.loads(judged.verdict_bytes)
    records = json.loads(judged.trace_bytes)["records"]
    report = build_report("v_0", verdict, WHOLE.application, content(), records)
    lost = WHOLE.exchanges[0].source
    [row] = [c for c in report["coverage"] if c["source"]["code"] == lost]
    assert row["state"] == {"code": "unavailable", "zh": "从未查询", "en": "never asked"}


def judged_households(live: Live) -> list[tuple[SealedCase, Verdict]]:
    """What the engine sealed of some families of every outcome."""
    found = []
    for number in ("01", "02", "03", "05", "33"):
        verification = live.check(household(number).application)
        row = live.system.store.verification(verification, LOCAL)
        sealed = live.system.store.verdicts(verification, LOCAL)[-1]
        one = sealed_case(live.system.store, row, sealed, LOCAL)
        pinned = live.system.contents.pinned(one.digests)
        found.append((one, judge([one], pinned)[0].verdict))
    return found


def test_leaving_exchanges_out_never_favours_a_family_and_never_closes_a_case(live) -> None:
    cases = judged_households(live)
    assert {v.outcome for _, v in cases} >= {Outcome.ELIGIBLE, Outcome.INELIGIBLE}
    pinned = live.system.contents.pinned(cases[0][0].digests)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def law(data: st.DataObject) -> None:
        whole, before = data.draw(st.sampled_from(cases))
        deciding = [
            n
            for n, e in enumerate(whole.exchanges)
            if e.source not in ("utilities",)  # a signal decides nothing, asked or not
        ]
        lost = data.draw(st.sets(st.sampled_from(deciding), min_size=1))
        one = dataclasses.replace(without(whole, *lost), closed=data.draw(st.booleans()))
        verdict = judge([one], pinned)[0].verdict
        assert verdict.final is False
        assert verdict.outcome is not Outcome.ELIGIBLE
        if before.outcome is not Outcome.INELIGIBLE:
            assert FAVOUR.index(verdict.outcome) <= FAVOUR.index(before.outcome)
        named = {(s, p) for s, p, _ in never_asked(verdict)}
        assert named == {(whole.exchanges[n].source, whole.exchanges[n].person) for n in lost}

    law()


def test_a_source_that_is_not_even_connected_leaves_everything_open() -> None:
    """Rules that name a source which these connectors do not know: nothing is known of anything."""
    kept = [CONNECTORS.declaration(s) for s in CONNECTORS.sources if s != "funeral"]
    fewer = Connectors({d.id: d for d in kept}, "sha256:" + "0" * 64)
    pinned = dataclasses.replace(content(), connectors=fewer)
    number = next(n for n, e in enumerate(WHOLE.exchanges) if e.source == "funeral")
    [judged] = judge([without(WHOLE, number)], pinned)
    assert (judged.verdict.outcome, judged.verdict.final) == (Outcome.UNDETERMINED, False)
