"""What was in force, and what was known when."""

from __future__ import annotations

import datetime as dt

import pytest
from test_rules_faults import BOOK, load

from verify.domain.errors import LawNotInForce
from verify.rules import GivenHousehold, assess, facts_from_given

JANUARY = dt.date(2021, 1, 15)


def income_limit(book: str, as_of: str, known_at: str) -> int:
    law = load(book)
    given = GivenHousehold.model_validate(
        {
            "programme": "aid",
            "region": "310104",
            "as_of": as_of,
            "known_at": known_at,
            "members": [{"person": "p1", "relation": "self", "birth": "1980-01-01"}],
        }
    )
    parts = facts_from_given([("a", given)], law)
    (found,) = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)
    return found.findings[0].limit.lo


def test_the_value_in_force_on_the_day_is_used():
    assert income_limit(BOOK, "2020-12-31", "2022-01-01") == 100_000
    assert income_limit(BOOK, "2021-01-01", "2022-01-01") == 200_000


def test_a_value_published_later_is_not_known_yet():
    published = BOOK.replace(
        "cite: [law]}\npersons",
        "published_at: 2021-01-20, cite: [law],\n"
        "       retroactive: {note: {zh: 自一月起, en: from January}, cite: [law]}}\npersons",
    )
    assert income_limit(published, "2021-01-15", "2021-01-20") == 200_000
    assert income_limit(published, "2021-01-15", "2021-01-19") == 100_000


def test_nothing_is_in_force_before_the_first_value_was_published():
    published = BOOK.replace(
        "effective_to: 2020-12-31", "effective_to: 2020-12-31, published_at: 2019-12-01"
    )
    assert income_limit(published, "2020-12-31", "2019-12-01") == 100_000
    with pytest.raises(LawNotInForce, match="had not been published by 2019-11-30"):
        income_limit(published, "2020-12-31", "2019-11-30")


def test_a_clause_of_the_composition_holds_in_its_period_only():
    book = BOOK.replace(
        "- {code: everyone, counts: yes, when: age >= 0, cite: [law]}",
        "- {code: at_first, counts: no, when: age >= 0, effective_to: 2020-06-30, cite: [law]}\n"
        "  - {code: everyone, counts: yes, when: age >= 0, cite: [law]}",
    )
    law = load(book)
    for day, expected in (("2020-06-30", "not_counted"), ("2020-07-01", "counted")):
        given = GivenHousehold.model_validate(
            {
                "programme": "aid",
                "region": "310104",
                "as_of": day,
                "members": [{"person": "p1", "relation": "self", "birth": "1980-01-01"}],
            }
        )
        parts = facts_from_given([("a", given)], law)
        (found,) = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)
        assert found.composition[0][1] == expected


def test_the_days_on_which_the_law_changes_are_listed():
    assert load(BOOK).dates("310104", "aid") == [dt.date(2020, 1, 1), dt.date(2021, 1, 1)]
