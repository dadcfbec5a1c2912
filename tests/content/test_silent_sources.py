"""A source that must answer and does not is never overlooked, in any rulebook.

Golden cases that are eligible are judged again as if one source had said nothing about the
applicant.
"""

from __future__ import annotations

import pytest

from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.verdict import Outcome
from verify.reconcile.kinds import MEANS
from verify.rules import Case, Law, assess, facts_from_given, load_cases
from verify.rules.given import GivenHousehold
from verify.service.rule_checks import source_flaws

RULES = ContentSet.load("rules")
LAW = Law.from_content(RULES)
CONNECTORS = Connectors.from_content(ContentSet.load("connectors"))
OF_EACH = 4  # cases of each rulebook


def silent(given: GivenHousehold, source: str) -> GivenHousehold:
    """The household of whose applicant the source has said nothing."""
    told = sorted({k.value for k in CONNECTORS.declaration(source).yields} & set(MEANS))
    members = [
        m.model_copy(update={"unanswered": sorted({*m.unanswered, *told})})
        if m.relation == "self" and not m.supporter
        else m
        for m in given.members
    ]
    return given.model_copy(update={"members": members})


def judged(given: list[GivenHousehold]):
    parts = facts_from_given([(f"{i:06d}", g) for i, g in enumerate(given)], LAW)
    frames = (parts.households, parts.persons, parts.facts, parts.doubts)
    return assess(LAW, *frames, trace=False, with_changes=False)


@pytest.fixture(scope="module")
def without():
    """Of each eligible golden case: rulebook, source, title, and the outcome without the source."""
    eligible: dict[str, list[Case]] = {}
    for case in load_cases(RULES):
        if case.expect.outcome is Outcome.ELIGIBLE:
            book = LAW.find(case.given.region, case.given.programme)
            eligible.setdefault(book.id, []).append(case)
    asked = [
        (LAW.books[book], source, case)
        for book, cases in eligible.items()
        for case in cases[:: max(1, len(cases) // OF_EACH)]
        for source in LAW.books[book].mandatory_sources
    ]
    found = judged([silent(case.given, source) for _, source, case in asked])
    return [
        (book.id, source, case.title, f.outcome)
        for (book, source, case), f in zip(asked, found, strict=True)
    ]


def test_no_family_is_eligible_while_a_source_that_must_answer_is_silent(without):
    assert [found for *found, outcome in without if outcome is Outcome.ELIGIBLE] == []


def test_every_rulebook_and_source_was_tried(without):
    tried = {(book, source) for book, source, *_ in without}
    can_be_eligible = {book for book, *_ in without}
    assert tried == {
        (book.id, source)
        for book in LAW.books.values()
        if book.id in can_be_eligible
        for source in book.mandatory_sources
    }
    assert len(can_be_eligible) > 20


def test_no_rulebook_asks_a_source_of_which_it_reads_nothing():
    assert list(source_flaws(LAW, RULES, CONNECTORS)) == []
