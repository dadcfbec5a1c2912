"""docs/reference/rules.md is run: its rulebook, its family, its cases, every operator example."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from verify.content import ContentSet, parse_yaml
from verify.rules import GivenHousehold, Law, assess, facts_from_given, load_cases, run_cases

PAGE = (Path(__file__).parents[2] / "docs/reference/rules.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BOOK, FAMILY, CASES = BLOCKS
ROWS = re.findall(r"^\| .* \| `(.+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)


def load(book: str, **files: str) -> tuple[Law, ContentSet]:
    shipped = ContentSet.load("rules").files
    shared = {k: shipped[k] for k in ("regions.yaml", "wording.yaml")}
    content = ContentSet("rules", shared | {"cn/310000/aid.yaml": book} | files)
    return Law.from_content(content), content


@cache
def values() -> dict[str, tuple[int | None, int | None]]:
    """The value of every example for the family of the page."""
    quantities, tests = "", ""
    for i, (formula, unit, _) in enumerate(ROWS):
        shown = f"CASE WHEN {formula} THEN 1 ELSE 0 END" if unit == "truth" else formula
        kind = "item" if unit == "truth" else unit
        title = f"title: {{zh: 例, en: example {i}}}"
        quantities += f'  example_{i}: {{{title}, unit: {kind}, is: "{shown}"}}\n'
        tests += f"""  - test: example_{i}
    {title}
    value: example_{i}
    operator: ">="
    limit: "0"
    effect: fail
    cite: [notice]
"""
    book = BOOK.replace("\ntests:\n", f"\n{quantities}\ntests:\n{tests}")
    law, _ = load(book)
    family = GivenHousehold.model_validate(parse_yaml("family", FAMILY).value)
    parts = facts_from_given([("a", family)], law)
    (found,) = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)
    by_test = {f.test: f.value for f in found.findings}
    return {
        formula: (by_test[f"example_{i}"].lo, by_test[f"example_{i}"].hi)
        for i, (formula, _, _) in enumerate(ROWS)
    }


@pytest.mark.parametrize(("formula", "result"), [(f, r) for f, _, r in ROWS])
def test_the_example_gives_what_the_page_says(formula: str, result: str):
    low, high = (result.split(" to ") * 2)[:2]
    expected = (int(low), None if high == "∞" else int(high))
    assert values()[formula] == expected


def test_every_operator_of_the_grammar_has_an_example():
    shown = " ".join(f for f, _, _ in ROWS)
    for operator in (
        *"+-*/()",
        *("<", "<=", ">", ">=", " = ", "<>", "IN", "AND", "OR", "NOT", "TRUE", "FALSE", "CASE"),
        *("LEAST", "GREATEST", "SUM", "COUNT", "ANY", "MAX"),
    ):
        assert operator in shown


def test_the_rulebook_and_the_case_of_the_page_are_sound():
    law, content = load(BOOK, **{"cn/310000/cases/aid/2025-05-20/page.yaml": CASES})
    (result,) = run_cases(law, load_cases(content))
    assert result.passed, result.differences


def test_the_family_of_the_page_is_open_because_of_what_the_page_says():
    law, _ = load(BOOK)
    family = GivenHousehold.model_validate(parse_yaml("family", FAMILY).value)
    parts = facts_from_given([("a", family)], law)
    (found,) = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)
    assert found.outcome == "undetermined"
    assert {q.doubt.split(":")[0] for q in found.questions} >= {"missing", "law", "refer"}
