"""A faulty rulebook is refused at load, with file, line, reason and remedy."""

from __future__ import annotations

import time

import pytest

from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.rules import Law

BOOK = """\
schema: verify.rules/1
programme: aid
region: "310000"
title: {zh: 救助, en: Aid}
in_force_with: line
income_window: income
mandatory_sources: [tax]
citations:
  law: {document: A law, article: "1", confidence: read}
windows:
  income:
    title: {zh: 十二个月, en: twelve months}
    months: 12
    before: month_of_application
    cite: [law]
composition:
  - {code: everyone, counts: yes, when: age >= 0, cite: [law]}
facts:
  wage:
    title: {zh: 工资, en: wage}
    of: amount
    quantities: [wage]
    window: income
    annual: upper_bound_only
  disabled: {title: {zh: 残疾, en: disabled}, of: truth, quantities: [disability]}
limits:
  line:
    title: {zh: 线, en: line}
    unit: fen_per_month
    entries:
      - {value: "1000", effective_from: 2020-01-01, effective_to: 2020-12-31, cite: [law]}
      - {value: "2000", check: 2 * 1000, effective_from: 2021-01-01, cite: [law]}
persons:
  helped:
    title: {zh: 帮扶, en: helped}
    unit: fen
    is: CASE WHEN disabled THEN 0 ELSE wage END
household:
  income:
    title: {zh: 收入, en: income}
    unit: fen_per_month
    is: SUM(helped) / income_months
tests:
  - test: income
    title: {zh: 收入低于线, en: income below the line}
    value: income
    operator: "<"
    limit: line
    effect: fail
    cite: [law]
"""
SUM = "is: SUM(helped) / income_months"
CASE = "is: CASE WHEN disabled THEN 0 ELSE wage END"
VALUE = 'value: "1000", effective_from'

FAULTS = {
    "an unknown field": ("effect: fail", "effect: fail\n    excepted: yes", "Extra inputs"),
    "a missing citation": ("    cite: [law]\n", "", "cite"),
    "an unlisted citation": (
        "limit: line\n    effect: fail\n    cite: [law]",
        "limit: line\n    effect: fail\n    cite: [lore]",
        "lore is not listed",
    ),
    "a citation without confidence": (", confidence: read}", "}", "confidence"),
    "an unknown quantity": (SUM, "is: SUM(helpd) / income_months", "`helpd` is not known"),
    "a circle": (CASE, "is: CASE WHEN disabled THEN 0 ELSE helped END", "helped -> helped"),
    "division by zero": (SUM, "is: SUM(helped) / 0", "division by zero"),
    "a sum of different units": (CASE, "is: wage + age", "fen and years"),
    "money compared with months": (
        "when: age >= 0",
        "when: wage > income_months",
        "fen and months",
    ),
    "a unit that is not what is declared": ("unit: fen\n", "unit: fen_per_month\n", "computes fen"),
    "a flow divided by a bare number": (SUM, "is: SUM(helped) / 12", "computes fen"),
    "money as a literal": (CASE, "is: wage - 870", "fen and number"),
    "a decimal": (CASE, "is: wage * 1.5", "whole"),
    "a date against a number": (
        CASE,
        "is: CASE WHEN age > '2020-01-01' THEN 0 ELSE wage END",
        "text",
    ),
    "a text on its own": ("when: age >= 0", "when: relation", "truth is needed"),
    "a sum where a member is meant": (CASE, "is: SUM(wage)", "cannot add up the household"),
    "a member where a sum is meant": (SUM, "is: helped / income_months", "SUM(helped)"),
    "CASE without ELSE": (CASE, "is: CASE WHEN disabled THEN wage END", "ELSE"),
    "a comparison of truths": ("when: age >= 0", "when: disabled = TRUE", "not compared"),
    "a member's condition in the composition that counts members": (
        "when: age >= 0",
        "when: counted",
        "composition",
    ),
    "two entries that overlap": ("effective_to: 2020-12-31", "effective_to: 2021-03-31", "overlap"),
    "an entry that never closes": (", effective_to: 2020-12-31", "", "overlap"),
    "an entry that ends before it starts": (
        "effective_to: 2020-12-31",
        "effective_to: 2019-12-31",
        "ends before",
    ),
    "a value that is not its formula": ("check: 2 * 1000", "check: 3 * 1000", "not 3 * 1000"),
    "a check that is not arithmetic": ("check: 2 * 1000", "check: 2 * line", "plain arithmetic"),
    "a value that is not a number": (VALUE, 'value: "1,000", effective_from', "value"),
    "an impossible date": ("effective_from: 2020-01-01", "effective_from: 2020-02-31", "date"),
    "an octal-looking code": ('region: "310000"', "region: 0777", "region"),
    "income without words on yearly amounts": ("\n    annual: upper_bound_only", "", "annual"),
    "income without a window": ("    window: income\n", "", "window"),
    "an unlisted window": ("    window: income\n", "    window: year\n", "not listed"),
    "things counted as money": ("quantities: [wage]", "quantities: [vehicle]", "no meaning"),
    "a quantity that connectors do not know": (
        "quantities: [wage]",
        "quantities: [salary]",
        "salary|Input",
    ),
    "a quantity that no test uses": (SUM, "is: SUM(wage) / income_months", "never used"),
    "an unknown operator": ('operator: "<"', 'operator: "=<"', "operator"),
    "a referral without the proof that settles it": ("effect: fail", "effect: refer", "settles"),
    "money of another currency": ("unit: fen\n", "unit: cent\n", "not a unit of CNY"),
    "a charge that nobody defines": (
        "    effect: fail\n    cite: [law]\n",
        (
            "    effect: fail\n    cite: [law]\ncharges:\n"
            "  - {charge: line_years, formula: {zh: 额, en: sum}, cite: [law]}\n"
        ),
        "`line_years` is not known",
    ),
    "a charge of each member": (
        "    effect: fail\n    cite: [law]\n",
        (
            "    effect: fail\n    cite: [law]\ncharges:\n"
            "  - {charge: helped, formula: {zh: 额, en: sum}, cite: [law]}\n"
        ),
        "amount of money of the household",
    ),
    "a charge with an unlisted citation": (
        "    effect: fail\n    cite: [law]\n",
        (
            "    effect: fail\n    cite: [law]\ncharges:\n"
            "  - {charge: income, formula: {zh: 额, en: sum}, cite: [lore]}\n"
        ),
        "lore is not listed",
    ),
    "a key given twice": ("effect: fail", "effect: fail\n    effect: fail", "twice"),
    "an anchor": ("title: {zh: 救助, en: Aid}", "title: &a {zh: 救助, en: Aid}", "anchors"),
    "an alias": ("title: {zh: 救助, en: Aid}", "title: *a", "anchors|not YAML"),
    "a tag": ("months: 12", "months: !!int 12", "tag"),
    "a file that says it is elsewhere": ("programme: aid", "programme: help", "move it"),
    "an unknown region": ('region: "310000"', 'region: "990000"', "not in"),
    "a name used twice": ("  helped:\n", "  wage:\n", "used in facts"),
    "a limit that is not there": ("in_force_with: line", "in_force_with: lime", "not a limit"),
    "a subquery": (CASE, "is: (SELECT 1)", "closed list"),
    "a statement": (CASE, "is: DROP TABLE verdicts", "not one expression"),
    "two statements": (CASE, "is: wage; DROP TABLE x", "not one expression"),
    "a file read": (CASE, "is: read_csv('/etc/passwd')", "closed list"),
    "the clock": (CASE, "is: NOW()", "closed list"),
    "a cast": (CASE, "is: wage::int", "closed list"),
    "a window function": (SUM, "is: SUM(helped) OVER ()", "closed list"),
    "a concatenation": (CASE, "is: wage || wage", "closed list"),
    "a distinct count": (SUM, "is: COUNT(DISTINCT helped)", "closed list"),
    "a star": (SUM, "is: COUNT(*)", "closed list"),
    "a parameter": (CASE, "is: ':wage'", "closed list"),
    "a dotted name": (CASE, "is: facts.wage", "closed list"),
    "a quoted name": (CASE, "is: '\"wage\"'", "without quotes"),
    "a comment that hides a rule": (CASE, "is: wage /* - 870 */", "comments"),
    "a null test": (CASE, "is: CASE WHEN wage IS NULL THEN 0 ELSE wage END", "closed list"),
    "a remainder": (CASE, "is: wage % 2", "closed list"),
    "an ANY that swallows what follows": (
        SUM,
        "is: CASE WHEN ANY(disabled) + 1 > 0 THEN 0 ELSE SUM(helped) END",
        "swallow",
    ),
    "parentheses without end": (CASE, "is: " + "(" * 200 + "wage" + ")" * 200, "nested deeper"),
    "an endless expression": (CASE, "is: " + " + ".join(["wage"] * 200), "at most 600"),
    "a product of two unbounded sums": (CASE, "is: wage * wage", "cannot be multiplied"),
    "an overflow": (CASE, "is: wage * 999999 * 999999", "overflow"),
}


def load(text: str, vocabulary: str | None = None) -> Law:
    shipped = ContentSet.load("rules").files
    files = {k: shipped[k] for k in ("regions.yaml", "wording.yaml")}
    if vocabulary is not None:
        files["cn/vocabulary.yaml"] = vocabulary
    return Law.from_content(ContentSet("rules", files | {"cn/310000/aid.yaml": text}))


def test_the_rulebook_of_these_tests_is_sound():
    assert list(load(BOOK).books) == ["cn/310000/aid"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_rulebook_is_refused_with_its_line(fault: str):
    old, new, reason = FAULTS[fault]
    assert BOOK.count(old), f"the corpus is out of date: {old!r} is gone"
    started = time.process_time()
    with pytest.raises(ContentError) as caught:
        load(BOOK.replace(old, new))
    spent = time.process_time() - started
    assert any(part in str(caught.value) for part in reason.split("|"))
    path, line = caught.value.where.rsplit(":", 1)
    assert path == "rules/cn/310000/aid.yaml"
    assert 1 <= int(line) <= BOOK.count("\n") + 2
    assert spent < 2, "refusing must not be slow"


def test_a_fault_is_reported_at_the_line_of_the_expression():
    with pytest.raises(ContentError) as caught:
        load(BOOK.replace(SUM, "is: SUM(helped) / 0"))
    line = next(i for i, text in enumerate(BOOK.splitlines(), 1) if text.strip() == SUM)
    assert caught.value.where == f"rules/cn/310000/aid.yaml:{line}"


def test_a_limit_with_a_hole_where_the_rulebook_is_in_force_is_refused():
    text = BOOK.replace(
        "persons:\n",
        """  age_limit:
    title: {zh: 年龄, en: age}
    unit: years
    entries:
      - {value: "60", effective_from: 2020-07-01, cite: [law]}
persons:
""",
    ).replace("when: age >= 0", "when: age >= age_limit")
    with pytest.raises(ContentError, match="gap between 2020-01-01"):
        load(text)


def test_a_rulebook_without_the_region_table_is_refused():
    with pytest.raises(ContentError, match=r"regions\.yaml"):
        Law.from_content(ContentSet("rules", {"cn/310000/aid.yaml": BOOK}))
