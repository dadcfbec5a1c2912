"""A limit that the law has and our sources do not is called unknown wherever a person reads it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from verify.cli.render import gap_words
from verify.cli.sentences import explain_case
from verify.cli.tree import trace_tree
from verify.console.view import report_view
from verify.content import ContentSet
from verify.rules import Law
from verify.service import wording
from verify.service.explain_case import explain_given, find_case

RULES = ContentSet.load("rules")
LAW = Law.from_content(RULES)
WAITS = "in Guangdong under dibao the local standard is not in the rulebook, so no income at all"


@pytest.fixture(scope="module")
def explained():
    return explain_given(LAW, find_case(RULES, f"On 2019-09-01 {WAITS}").given)


def row(explained, name):
    return next(t for t in explained["report"]["tests"] if t["test"] == name)


def test_the_report_says_that_the_limit_is_not_known_and_so_is_the_distance(explained):
    income = row(explained, "income")
    assert (income["limit"]["lo"], income["limit"]["hi"]) == (0, None)
    assert income["limit"]["en"] == "an amount that is not known"
    assert income["limit"]["zh"] == "未查得的数额"
    assert (income["gap"]["zh"], income["gap"]["en"]) == ("未知", "unknown")
    assert gap_words(income) == "gap unknown"
    assert row(explained, "vehicles")["limit"]["en"] == "0"


def test_the_command_line_and_the_tree_say_the_same(explained):
    sentences = [en for _, en in explain_case(explained["report"], explained["composition"])]
    assert any("must be below an amount that is not known" in line for line in sentences)
    paper = Console(record=True, width=200, file=io.StringIO())
    paper.print(trace_tree(explained["trace"]))
    tree = paper.export_text()
    assert "an amount that is not known" in tree
    assert "at least 0" not in tree


def test_the_console_shows_the_words_of_the_report(explained):
    view = report_view({**explained["report"], "coverage": [], "matches": [], "members": []})
    limits = {t["test"]: t["limit"]["en"] for t in view["tests"]}
    assert limits["income"] == "an amount that is not known"
    assert not any(words.startswith("at least 0") for words in limits.values())


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ({"lo": 0, "hi": None}, "item", "a number that is not known"),
        ({"lo": 0, "hi": None}, "dm2", "an area that is not known"),
        ({"lo": 100, "hi": None}, "item", "at least 100"),
        ({"lo": 0, "hi": 0}, "fen", "¥0"),
        ({"lo": 0, "hi": 100}, "fen", "¥0 to ¥1"),
    ],
)
def test_only_a_limit_from_nothing_up_is_called_unknown(value, unit, words):
    assert wording.limit(value, unit)["en"] == words
