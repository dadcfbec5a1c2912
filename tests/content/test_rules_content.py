"""What must hold of the shipped rules, beyond loading."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import pytest

from verify.content import ContentSet
from verify.rules import Law, load_cases
from verify.rules.lint_cases import book_of

CONTENT = ContentSet.load("rules")
LAW = Law.from_content(CONTENT)
CASES = load_cases(CONTENT)

# Yuan per person per month, from the notices named in the rulebook.
STANDARD = {
    "2016-04-01": 880,
    "2019-04-01": 1160,
    "2020-07-01": 1240,
    "2021-07-01": 1330,
    "2022-07-01": 1420,
    "2023-07-01": 1510,
    "2024-07-01": 1595,
}
SAVINGS = {
    "dibao": {"2016-04-01": (30000, 33000, None), "2024-07-01": (38280, 42108, 45936)},
    "dibao_margin": {"2024-07-01": (57420, 63162, 68904)},
}


@pytest.mark.parametrize(
    ("programme", "limit", "times"),
    [
        ("dibao", "standard", 1),
        ("dibao_margin", "income_line", 2),
    ],
)
@pytest.mark.parametrize("day", STANDARD)
def test_the_income_limit_of_each_period_is_the_published_one(programme, limit, times, day):
    book = LAW.books[f"cn/310000/{programme}"]
    start = dt.date.fromisoformat(day)
    entry = book.regime(start, start).entries[limit]
    assert entry.lo == entry.hi == STANDARD[day] * times * 100
    assert entry.model.effective_from == start


@pytest.mark.parametrize("programme", SAVINGS)
@pytest.mark.parametrize("day", STANDARD)
def test_the_savings_limits_are_the_published_ones_or_declared_unknown(programme, day):
    regime = LAW.books[f"cn/310000/{programme}"].regime(*[dt.date.fromisoformat(day)] * 2)
    names = ("savings_limit", "savings_limit_small", "savings_limit_favoured")
    known = SAVINGS[programme].get(day, (None, None, None))
    for name, yuan in zip(names, known, strict=True):
        entry = regime.entries[name]
        if yuan is None:
            assert entry.unknown is not None
            assert (entry.lo, entry.hi) == (0, None)
        else:
            assert entry.lo == entry.hi == yuan * 100


@pytest.mark.parametrize(
    ("day", "operator"),
    [
        ("2016-04-01", "<="),
        ("2017-03-31", "<="),
        ("2019-04-01", "<"),
        ("2024-07-01", "<"),
    ],
)
def test_the_operator_of_the_savings_test_is_the_published_one(day, operator):
    regime = LAW.books["cn/310000/dibao"].regime(*[dt.date.fromisoformat(day)] * 2)
    assert regime.operators["money_assets"].operator == operator


@pytest.mark.parametrize("book", LAW.books.values(), ids=list(LAW.books))
def test_every_limit_entry_cites_a_document_with_a_confidence(book):
    for limit in book.plan.limits.values():
        for entry in limit.entries:
            for citation in book.citations(tuple(entry.model.cite)):
                assert citation.document
                assert citation.confidence


def test_no_shanghai_figure_claims_more_than_a_copy():
    """None of the city's notices was read in full; only national instruments were."""
    for book in shanghai():
        for key, citation in book.plan.model.citations.items():
            national = citation.number.startswith(("国务院令", "民发")) or key.startswith("civil_")
            assert (citation.confidence == "read") == national, key


@pytest.mark.parametrize("book", LAW.books.values(), ids=list(LAW.books))
def test_every_day_on_which_the_law_changes_has_cases(book):
    covered = {c.given.as_of for c in cases_of(book)}
    assert set(book.dates()) <= covered


@pytest.mark.parametrize("book", LAW.books.values(), ids=list(LAW.books))
def test_every_test_of_every_rulebook_has_at_least_six_cases(book):
    """A case shows the tests that it names, and the test after which its file is named."""
    for test in book.plan.tests:
        shown = [c for c in cases_of(book) if test.name in names_of(c)]
        assert len(shown) >= 6, test.name


def names_of(case):
    expect = case.expect
    stem = case.where.rpartition("/")[2].partition(".yaml")[0]
    return {*expect.not_satisfied, *expect.undetermined, *expect.values, stem}


def cases_of(book):
    return [c for c in CASES if book_of(c) == book.id]


def shanghai():
    return [b for b in LAW.books.values() if b.region == "310000"]


@pytest.mark.parametrize("book", shanghai(), ids=lambda b: b.id)
def test_every_test_of_shanghai_is_shown_by_at_least_six_cases(book):
    words = {
        "composition": "counts",
        "income": "pension|income|wage|worker|standard|line",
        "money_assets": "savings|limit|account|yuan",
        "vehicles": "vehicle|car|truck|motorcycle",
        "dwellings": "dwelling|homestead|real-estate",
        "non_residential": "shop",
    }
    for test in book.plan.tests:
        shown = [
            c for c in cases_of(book) if test.name in words and re.search(words[test.name], c.title)
        ]
        if test.name not in words:
            continue
        need = 6 if book.programme == "dibao" or test.name in ("income", "money_assets") else 2
        assert len(shown) >= need, test.name


def test_case_titles_are_sentences_and_used_once():
    counts = Counter(c.title for c in CASES)
    assert max(counts.values()) == 1
    for title in counts:
        assert len(title.split()) >= 6, title


def test_no_text_of_the_rules_names_a_web_address_or_an_identity_number():
    for path, text in CONTENT.files.items():
        assert not re.search(r"https?://|[1-9][0-9]{16}[0-9X]", text), path


def test_the_law_can_be_rebuilt_from_its_stored_form_with_the_same_digest():
    again = Law.from_content(ContentSet.from_blob(CONTENT.to_blob()))
    assert again.digest == LAW.digest == CONTENT.digest
    assert list(again.books) == list(LAW.books)
