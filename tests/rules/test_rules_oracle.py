"""The engine against a second opinion that shares no code with it."""

from __future__ import annotations

from fractions import Fraction

import rules_oracle as oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules_strategies import households

SOME = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SOME
@given(cases=st.lists(households(), min_size=1, max_size=12))
def test_whatever_the_doubts_turn_out_to_be_the_truth_lies_in_the_interval(judge, cases):
    found = judge(*(oracle.as_given(h) for h in cases))
    for household, assessment in zip(cases, found, strict=True):
        truth = oracle.values(household)
        for finding in assessment.findings:
            if finding.test not in truth or finding.state == "not_applicable":
                continue
            value, slack = truth[finding.test], Fraction(1, 2)  # shown values are rounded
            assert finding.value.lo is None or finding.value.lo - slack <= value
            assert finding.value.hi is None or value <= finding.value.hi + slack


@SOME
@given(cases=st.lists(households(), min_size=1, max_size=12))
def test_a_final_outcome_is_the_outcome_of_every_way_the_doubts_can_turn_out(judge, cases):
    found = judge(*(oracle.as_given(h) for h in cases))
    for household, assessment in zip(cases, found, strict=True):
        if assessment.outcome != "undetermined":
            assert assessment.outcome == oracle.outcome(household)
        else:
            assert assessment.questions, "an open case names what would settle it"


@SOME
@given(case=households())
def test_a_household_without_doubts_gets_exactly_the_outcome_of_the_law(judge, case):
    for person in case.persons:
        for thing in person.things:
            thing.status = "certain"
            thing.real = True
            thing.amount = 1 if thing.kind in ("vehicle", "dwelling", "homestead") else thing.amount
            thing.amount = 1 if thing.kind == "non_residential" else thing.amount
        person.circumstances = {k: (True, v) for k, (_, v) in person.circumstances.items()}
    (assessment,) = judge(oracle.as_given(case))
    left = {q.doubt.split(":")[0] for q in assessment.questions}
    assert left <= {"law", "refer"}, "only what the law leaves open is asked"
    if assessment.outcome != "undetermined":
        assert assessment.outcome == oracle.outcome(case)
