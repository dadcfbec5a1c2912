"""Who would be judged differently under other rules, by how much, and by which test."""

from __future__ import annotations

import datetime as dt

import pytest

from support.rules import BOOK, edited, small_rules
from verify.domain.access import LOCAL, Caller, RoleName
from verify.domain.errors import InputError, NotFound, NotPermitted
from verify.rules import GivenHousehold, Law, load_cases
from verify.service.explain_case import explain_given, find_case
from verify.service.impact import given_facts, impact, shifted
from verify.service.impacts import Impacts, Sample
from verify.service.sampling import sample

RULES = small_rules()
LAW = Law.from_content(RULES)
DAY = dt.date(2021, 5, 20)


def household(monthly: str = "0", savings: str = "0", **more) -> GivenHousehold:
    member = {
        "person": "p1",
        "relation": "self",
        "birth": "1980-03-01",
        "incomes": [{"kind": "wage", "monthly": monthly}],
        "assets": [{"amount": savings}],
        **more,
    }
    return GivenHousehold.model_validate(
        {"programme": "aid", "region": "310000", "as_of": DAY.isoformat(), "members": [member]}
    )


def compared(after: Law, *given: GivenHousehold, **options) -> dict:
    labels = [f"household {i}" for i in range(len(given))]
    return impact(LAW, after, given_facts(given, LAW), labels, **options)


RAISED = Law.from_content(
    edited(('value: "2000", check: 2 * 1000', 'value: "2200", check: 2200 * 1'))
)
LOWERED = Law.from_content(
    edited(('value: "2000", check: 2 * 1000', 'value: "1800", check: 1800 * 1'))
)


def test_the_same_law_changes_nothing():
    found = compared(LAW, household("500"), household("5000"))
    assert found["unchanged"] == found["households"] == 2
    assert found["flips"] == found["tests"] == found["examples"] == []


def test_a_higher_line_lets_those_between_the_lines_in_and_pays_the_others_more():
    found = compared(RAISED, household("2100"), household("1500"), household("3000"))
    assert found["flips"] == [{"from": "ineligible", "to": "eligible", "households": 1}]
    assert found["tests"] == [{"rulebook": "cn/310000/aid", "test": "income", "households": 1}]
    assert found["benefit"]["raised"] == {"households": 2, "monthly": "300.00"}
    assert found["benefit"]["lowered"]["households"] == 0
    assert found["benefit"]["largest_raise"] == "200.00"
    assert found["unchanged"] == 1


def test_a_lower_line_puts_them_out_and_shows_the_test_before_and_after():
    found = compared(LOWERED, household("1900"))
    (example,) = found["examples"]
    assert (example["from"], example["to"]) == ("eligible", "ineligible")
    assert (example["benefit_before"], example["benefit_after"]) == ("100.00", "0.00")
    (test,) = example["tests"]
    assert test["before"] == ["satisfied", "1900.00", "< 2000.00"]
    assert test["after"] == ["not_satisfied", "1900.00", "< 1800.00"]


def test_what_is_not_known_is_counted_apart_and_never_as_nothing():
    unanswered = household("1900", unanswered=["wage"])
    found = compared(RAISED, unanswered)
    assert found["outcomes"]["before"] == {"undetermined": 1}
    assert found["benefit"]["not_known_exactly"] == 1
    assert found["benefit"]["net_monthly"] == "0.00"


def test_a_day_for_which_one_side_has_no_law_is_a_flip_of_its_own():
    closed = Law.from_content(
        edited(
            ("effective_from: 2021-01-01, cite: [law]}",
             "effective_from: 2021-01-01, effective_to: 2021-04-30, cite: [law]}"),
        )
    )  # fmt: skip
    assert compared(closed, household("500"))["flips"] == [
        {"from": "eligible", "to": "no_law", "households": 1}
    ]


def test_single_households_can_be_kept_out_of_the_result():
    assert compared(RAISED, household("2100"), examples=False)["examples"] == []


@pytest.mark.parametrize("on", ["2020-03-20", "2022-02-28", "2024-02-29", "2026-12-31"])
def test_a_household_moved_in_time_is_judged_as_the_same_household(on):
    """Ages and income months move with it, so what it has is the same under the law of any day."""
    day = dt.date.fromisoformat(on)
    given = [household("900"), household("900", birth="2003-05-21"), household("1500", "25000")]
    moved = shifted(given_facts(given, LAW), day)
    days = moved.households["as_of"].to_list()
    assert all(day <= d < day + dt.timedelta(days=32) for d in days)
    before = impact(LAW, LAW, given_facts(given, LAW), ["a", "b", "c"])
    after = impact(LAW, LAW, given_facts(given, LAW), ["a", "b", "c"], on=day)
    poor = {"eligible": 3} if day.year > 2020 else {"eligible": 2, "ineligible": 1}
    assert before["outcomes"]["before"] == {"eligible": 3}
    assert after["outcomes"]["before"] == poor


def test_the_same_seed_gives_the_same_households_and_many_lie_near_the_limits():
    books = [(LAW.books[BOOK.removesuffix(".yaml")], DAY)]
    one, two, other = (sample(LAW, books, 200, seed) for seed in (1, 1, 2))
    assert one == two
    assert one != other
    facts = given_facts([g for _, g in one], LAW)
    outcomes = impact(LAW, LAW, facts, [label for label, _ in one])["outcomes"]["before"]
    assert all(outcomes[o] >= 10 for o in ("eligible", "ineligible"))
    assert outcomes["undetermined"] >= 1


def test_a_sample_is_taken_on_the_day_on_which_the_law_differs():
    found = Impacts(None, _Contents()).of(RULES, RAISED, Sample.SYNTHETIC, 20, 1, None, LOCAL)
    assert found["days"] == ["2021-01-01", "2021-01-01"]
    assert found["sample"] == "synthetic"


def test_the_golden_cases_are_a_sample_too():
    found = Impacts(None, _Contents()).of(RULES, RAISED, Sample.CASES, 100, 1, None, LOCAL)
    assert found["households"] == len(load_cases(RULES))
    assert found["flips"] == [{"from": "ineligible", "to": "eligible", "households": 1}]


def test_only_those_who_may_see_rules_see_their_impact():
    caller = Caller("key:x", frozenset({RoleName.CALLER}), ("*",))
    with pytest.raises(NotPermitted):
        Impacts(None, _Contents()).of(RULES, RAISED, Sample.CASES, 100, 1, None, caller)
    with pytest.raises(InputError):
        Impacts(None, _Contents()).of(RULES, RAISED, Sample.CASES, 0, 1, None, LOCAL)


class _Contents:
    """The small set as the one of an installation."""

    def __init__(self) -> None:
        self.sets = {"rules": RULES}

    @staticmethod
    def law_of(digest: str) -> Law:
        assert digest == RULES.digest
        return LAW


def test_a_case_is_found_by_title_part_or_line_and_explained_with_its_law():
    title = "A worker with exactly the line of 2000 yuan has too much in 2021"
    path = "cn/310000/cases/aid/2021-01-01/income.yaml"
    for name in (title, "exactly the line", f"rules/{path}:9", f"{path}:7"):
        assert find_case(RULES, name).title == title
    explained = explain_given(LAW, find_case(RULES, title).given)
    assert explained["report"]["outcome"]["code"] == "ineligible"
    (member,) = explained["composition"]
    assert member["counted"]["code"] == "counted"
    assert [c["document"] for c in member["citations"]] == ["A made-up law"]
    assert explained["trace"]


@pytest.mark.parametrize(
    ("name", "error"),
    [("nobody", NotFound), ("yuan", InputError), ("cn/310000/cases/none.yaml:3", NotFound)],
)
def test_a_case_that_cannot_be_told_is_refused(name, error):
    with pytest.raises(error):
        find_case(RULES, name)
