"""The golden cases beside the rulebooks; the test id is the case's title."""

from __future__ import annotations

from functools import cache

import pytest

from verify.content import ContentSet
from verify.domain.verdict import Outcome
from verify.rules import Law, load_cases, run_cases

CONTENT = ContentSet.load("rules")
CASES = load_cases(CONTENT)


@cache
def results():
    outcomes = run_cases(Law.from_content(CONTENT), CASES)
    return {r.title: r for r in outcomes}


@pytest.mark.parametrize("title", [c.title for c in CASES])
def test_golden_case(title: str):
    result = results()[title]
    assert result.passed, f"{result.where}: " + "; ".join(result.differences)


def test_a_case_with_a_wrong_expectation_is_reported_with_its_place():
    case = next(c for c in CASES if c.expect.outcome is Outcome.INELIGIBLE)
    wrong = case.expect.model_copy(update={"outcome": Outcome.ELIGIBLE, "benefit": "1.00"})
    (result,) = run_cases(
        Law.from_content(CONTENT), [type(case)(case.title, case.where, case.given, wrong)]
    )
    assert not result.passed
    assert result.where.startswith("rules/")
    assert any(d.startswith("outcome: expected") for d in result.differences)
    assert any(d.startswith("benefit") for d in result.differences)
