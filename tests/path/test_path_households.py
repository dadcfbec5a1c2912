"""Every hand-written household, from application to verdict, over real HTTP sources."""

from __future__ import annotations

import pytest

from support.live import households
from verify.domain.access import LOCAL


@pytest.mark.parametrize("case", households(), ids=lambda h: h.title["en"])
def test_household(case, live):
    verification = live.check(case.application)
    verdict = live.verdict(verification)
    expect = case.expect
    found = {f["test"]: f["state"] for f in verdict["assessment"]["findings"]}
    explanation = (case.path.name, found, verdict["assessment"]["questions"], verdict["coverage"])
    assert verdict["outcome"] == expect["outcome"], explanation
    assert verdict["final"] == expect.get("final", True), explanation
    for state in ("not_satisfied", "undetermined"):
        if state in expect:
            assert sorted(t for t, s in found.items() if s == state) == sorted(expect[state]), (
                explanation
            )
    for kind in ("questions", "advisories"):
        if kind in expect:
            kinds = [q["kind"] for q in verdict["assessment"][kind]]
            assert sorted(set(kinds)) == sorted(set(expect[kind])), explanation
    # Whatever the outcome: every member was asked about at every source, and it replays.
    asked = {(c["source"], c["person"]) for c in verdict["coverage"]}
    members = {m["person"] for m in case.application["household"]["members"]}
    assert {p for _, p in asked} == members
    signals = {(c["source"], c["person"]) for c in verdict["coverage"] if c.get("auxiliary")}
    assert len(asked - signals) == 5 * len(members)
    assert signals == {("utilities", m) for m in members}
    result = live.system.replays.replay(verification, LOCAL)
    assert result.identical, result
