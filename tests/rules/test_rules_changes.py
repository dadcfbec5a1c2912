"""What would meet a test that is not met: found exactly, and checked by judging it again."""

from __future__ import annotations

import copy

import polars as pl
import pytest
import rules_oracle as oracle
import wide_oracle
from hypothesis import HealthCheck, given, settings
from rules_strategies import households
from test_rules_faults import load

from verify.domain.verdict import Assessment, Change, ChangeKind, FindingState
from verify.rules import GivenHousehold, assess, facts_from_given

SOME = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MET = (FindingState.SATISFIED, FindingState.NOT_APPLICABLE)


def certain(case: oracle.Household) -> oracle.Household:
    """The same household with nothing in doubt."""
    case = copy.deepcopy(case)
    for person in case.persons:
        person.things = [t for t in person.things if t.status == "certain"]
        person.circumstances = {k: (True, v) for k, (_, v) in person.circumstances.items()}
        person.circumstances.setdefault("wage_at_least_minimum", (True, True))
    return case


def frames(document: dict, law):
    return facts_from_given([("a", GivenHousehold.model_validate(document))], law)


def judged(law, parts, facts: pl.DataFrame | None = None) -> Assessment:
    facts = parts.facts if facts is None else facts
    (found,) = assess(law, parts.households, parts.persons, facts, parts.doubts)
    return found


def state(found: Assessment, test: str) -> FindingState:
    return next(f.state for f in found.findings if f.test == test)


def shifted(facts: pl.DataFrame, change: Change, by: int) -> pl.DataFrame:
    """The facts with one amount more or less, put into as many of them as it takes."""
    mine = facts.filter(
        (pl.col("person") == change.person)
        & (pl.col("quantity") == change.quantity)
        & (
            pl.col("period_start").is_null()
            | pl.col("period_start").is_between(pl.date(2024, 5, 1), pl.date(2025, 4, 1))
        )
    )["fact"].to_list()
    rows, left = [], by
    for row in facts.to_dicts():
        if row["fact"] in mine and left:
            step = left if left > 0 else max(left, -row["lo"])
            row["lo"], row["hi"], left = row["lo"] + step, row["hi"] + step, left - step
        rows.append(row)
    assert not left
    return pl.DataFrame(rows, schema=facts.schema)


@SOME
@given(case=households())
def test_the_change_of_an_amount_meets_the_test_and_a_fen_less_does_not(law, case):
    parts = frames(oracle.as_given(certain(case)), law)
    found = judged(law, parts)
    for finding in found.findings:
        for change in finding.changes:
            if change.kind is not ChangeKind.AMOUNT:
                continue
            if change.by is None:
                gone = shifted(parts.facts, change, -(change.present or 0))
                assert state(judged(law, parts, gone), finding.test) not in MET
                continue
            enough = judged(law, parts, shifted(parts.facts, change, change.by))
            assert state(enough, finding.test) in MET
            short = change.by + (1 if change.by < 0 else -1)
            less = judged(law, parts, shifted(parts.facts, change, short))
            assert state(less, finding.test) not in MET


@SOME
@given(case=households())
def test_fewer_things_meet_the_test_and_one_more_of_them_does_not(law, case):
    document = oracle.as_given(certain(case))
    parts = frames(document, law)
    for finding in judged(law, parts).findings:
        for change in (c for c in finding.changes if c.kind is ChangeKind.THING):
            things = parts.facts.filter(pl.col("quantity") == change.quantity)["fact"].to_list()
            fewer = -change.by if change.by is not None else change.present
            assert fewer is not None
            outcomes = set()
            for gone in (fewer - 1, fewer):
                rest = parts.facts.filter(~pl.col("fact").is_in(_counted(parts, things)[:gone]))
                outcomes.add((gone, state(judged(law, parts, rest), finding.test) in MET))
            if change.by is None:
                assert (fewer, True) not in outcomes
            else:
                assert outcomes == {(fewer - 1, False), (fewer, True)}


def _counted(parts, things: list[str]) -> list[str]:
    """Things in the order in which they are left out: those of no special class."""
    rows = parts.facts.filter(pl.col("fact").is_in(things))
    rows = rows.filter(pl.col("category").fill_null("") != "disability_vehicle")
    return rows["fact"].to_list()


@SOME
@given(case=households())
def test_every_test_that_is_not_met_says_what_would_meet_it_and_no_other_does(law, case):
    found = judged(law, frames(oracle.as_given(case), law))
    for finding in found.findings:
        if finding.state in MET:
            assert finding.changes == ()
        for change in finding.changes:
            assert change.by != 0
            assert change.text.zh
            assert change.text.en


def test_the_words_name_the_amount_the_months_and_the_person(judge):
    (found,) = judge(
        {
            "programme": "dibao",
            "region": "310104",
            "as_of": "2025-05-20",
            "members": [
                {
                    "person": "p1",
                    "relation": "self",
                    "birth": "1960-03-04",
                    "incomes": [{"kind": "pension", "monthly": "1607.00"}],
                    "vehicles": [{"vehicle_class": "car"}],
                }
            ],
        }
    )
    texts = {c.text.zh: c for f in found.findings for c in f.changes}
    assert "人均月收入减少 12.01 元即满足" in texts
    pension = texts["申请人的养老金减少 144.01 元(12 个月合计,月均 12.01 元)即满足"]
    assert (pension.by, pension.present, pension.person) == (-14_401, 1_928_400, "p1")
    assert "机动车减少 1 即满足" in texts


@pytest.mark.parametrize("relation", ["parent", "sibling"])
def test_a_person_who_would_have_to_count_or_not_is_named(judge, relation):
    poor = {"person": "p1", "relation": "self", "birth": "1960-03-04"}
    rich = {
        "person": "p2",
        "relation": relation,
        "birth": "1958-03-04",
        "incomes": [{"kind": "pension", "monthly": "5000.00"}],
        "circumstances": [{"kind": "long_term_co_resident"}],
    }
    base = {"programme": "dibao", "region": "310104", "as_of": "2025-05-20"}
    (found,) = judge({**base, "members": [poor, rich]})
    income = next(f for f in found.findings if f.test == "income")
    counted = next(c for c in income.changes if c.kind is ChangeKind.COUNTED)
    assert (counted.person, counted.by) == ("p2", -1)
    assert counted.text.zh.endswith("若不计入家庭人口即满足")


def test_what_a_son_who_lives_elsewhere_would_have_to_earn_less_is_exact():
    law = load(wide_oracle.BOOK)
    son = {
        "person": "p2",
        "relation": "child",
        "birth": "1990-01-01",
        "supporter": True,
        "incomes": [{"kind": "wage", "monthly": "4000.00"}],
        "numbers": [{"kind": "family_size", "number": 1}],
    }
    self = {"person": "p1", "relation": "self", "birth": "1960-03-04"}
    base = {"programme": "aid", "region": "310104", "as_of": "2025-05-20"}
    parts = frames({**base, "members": [self, son]}, law)
    (income,) = (f for f in judged(law, parts).findings if f.test == "income")
    (wage,) = (c for c in income.changes if c.kind is ChangeKind.AMOUNT)
    # Half of what he has above 1000 a month, halves up, is under 1000: at most 2999.98 5/6.
    assert (wage.person, wage.by) == ("p2", -600_007)
    enough = shifted_of(parts.facts, "p2", wage.by)
    assert state(judged(law, parts, enough), "income") in MET
    less = shifted_of(parts.facts, "p2", wage.by + 1)
    assert state(judged(law, parts, less), "income") not in MET


def shifted_of(facts: pl.DataFrame, person: str, by: int) -> pl.DataFrame:
    """One month's wage with so much less, in the window of the rulebook."""
    month = (pl.col("person") == person) & (pl.col("period_start") == pl.date(2025, 1, 1))
    return facts.with_columns(
        pl.when(month).then(pl.col(end) + by).otherwise(end).alias(end) for end in ("lo", "hi")
    )
