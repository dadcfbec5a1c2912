"""More income or more property never helps: in every rulebook, for every golden case.

Where the law itself is not monotone, the test of the rulebook that makes it so is listed here with
the article it rests on; nothing else may be an exception.
"""

from __future__ import annotations

import pytest

from verify.content import ContentSet
from verify.domain.verdict import FindingState, Outcome
from verify.domain.vocabulary import Nature
from verify.rules import Law, assess, facts_from_given, load_cases
from verify.rules.given import GivenAsset, GivenHousehold, GivenIncome

NOT_MONOTONE = {
    # A family of the margin has *more* than dibao allows: below, it belongs under dibao.
    "above_standard": "民发〔2021〕57号 第八条",
}
RULES = ContentSet.load("rules")
LAW = Law.from_content(RULES)
CASES = [c.given for c in load_cases(RULES)]


def with_more(given: GivenHousehold, section: str) -> GivenHousehold:
    """The household with 1,000 a month, or 50,000 in the bank, more."""
    more = {
        "incomes": GivenIncome(kind="pension", monthly="1000"),
        "assets": GivenAsset(kind="bank_balance", amount="50000"),
    }[section]
    members = list(given.members)
    at = next(i for i, m in enumerate(members) if m.relation == "self" and not m.supporter)
    changed = {section: [*getattr(members[at], section), more]}
    members[at] = members[at].model_copy(update=changed)
    return given.model_copy(update={"members": members})


def judged(given: list[GivenHousehold]):
    parts = facts_from_given([(f"{i:06d}", g) for i, g in enumerate(given)], LAW)
    return assess(
        LAW,
        parts.households,
        parts.persons,
        parts.facts,
        parts.doubts,
        trace=False,
        with_changes=False,
    )


@pytest.fixture(scope="module")
def before():
    return judged(CASES)


@pytest.mark.parametrize("section", ["incomes", "assets"])
def test_more_means_never_help_except_where_an_article_says_so(before, section):
    after = judged([with_more(g, section) for g in CASES])
    helped = []
    for old, new in zip(before, after, strict=True):
        better = (old.outcome is Outcome.INELIGIBLE and new.outcome is not Outcome.INELIGIBLE) or (
            old.outcome is not Outcome.ELIGIBLE and new.outcome is Outcome.ELIGIBLE
        )
        if not better:
            continue
        turned = {f.test for f in old.findings if f.state not in _MET} - {
            f.test for f in new.findings if f.state not in _MET
        }
        if not turned or not turned <= NOT_MONOTONE.keys():
            helped.append((old.rulebook, sorted(turned), CASES[int(old.household)].as_of))
    assert helped == []


_MET = (FindingState.SATISFIED, FindingState.NOT_APPLICABLE)


def test_the_exceptions_are_tests_of_some_rulebook_that_cites_the_article():
    for test, article in NOT_MONOTONE.items():
        number, _, clause = article.partition(" ")
        found = [b for b in LAW.books.values() if any(t.name == test for t in b.plan.tests)]
        assert found
        cited = [
            c
            for b in found
            for t in b.plan.tests
            if t.name == test
            for c in b.citations(tuple(t.model.cite))
        ]
        assert any(c.number == number and clause in c.article for c in cited)


def test_the_kinds_that_are_added_are_income_and_savings():
    book = LAW.find("310000", "dibao")
    natures = LAW.vocabulary(book.region, book.programme).natures
    assert (natures["pension"], natures["bank_balance"]) == (Nature.FLOW, Nature.STOCK)
