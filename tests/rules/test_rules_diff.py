"""What changed in law between two sets of rules, and what only in words."""

from __future__ import annotations

import re

import pytest

from support.rules import BOOK, small_rules
from support.rules import edited as edited_content
from verify.content import ContentSet
from verify.rules.diff import LawDiff, diff_content

SMALL = small_rules()
NAME = BOOK.removesuffix(".yaml")
LINE_2020 = '{value: "1000", effective_from: 2020-01-01, effective_to: 2020-12-31, cite: [law]}'
LINE_2021 = '{value: "2000", check: 2 * 1000, effective_from: 2021-01-01, cite: [law]}'
SPOUSE = "  - {code: spouse, counts: yes, when: relation = 'spouse', cite: [law]}\n"
CHILD = (
    "  - {code: minor_child, counts: yes, when: relation = 'child' AND age < adult_age, "
    "cite: [law]}\n"
)
PART = (
    "  part: {title: {zh: 部分, en: part}, unit: fen, is: total_savings + small_household_limit}\n"
)


def edited(*edits: tuple[str, str], path: str = BOOK) -> LawDiff:
    """The difference that edits of one file make."""
    return diff_content(SMALL, edited_content(*edits, path=path))


def only(diff: LawDiff):
    assert len(diff.changes) == 1, diff.plain()
    return diff.changes[0]


def test_a_set_compared_with_itself_has_no_change():
    diff = diff_content(SMALL, SMALL)
    assert diff.same_law
    assert not diff.text_only


def test_a_new_figure_is_one_change_with_its_days():
    change = only(edited(('value: "1000"', 'value: "1100"')))
    assert (change.kind, change.what) == ("value", "limits.line")
    assert (change.before, change.after) == ("1,000 yuan a month", "1,100 yuan a month")
    assert (str(change.start), str(change.end)) == ("2020-01-01", "2020-12-31")


def test_a_figure_that_ends_a_day_earlier_concerns_that_day_only():
    change = only(edited((LINE_2020, LINE_2020.replace("12-31", "12-30"))))
    assert change.after == "–"
    assert str(change.start) == str(change.end) == "2020-12-31"


def test_a_figure_known_only_later_is_a_change():
    later = LINE_2021.replace("cite", "published_at: 2020-12-20, cite")
    assert only(edited((LINE_2021, later))).after.endswith("(published 2020-12-20)")


def test_an_entry_split_in_two_with_the_same_value_is_no_change_in_law():
    first = LINE_2020.replace("2020-12-31", "2020-06-30")
    second = LINE_2020.replace("2020-01-01", "2020-07-01")
    assert edited((LINE_2020, f"{first}\n      - {second}")).same_law


def test_the_operator_of_a_test_is_compared_day_by_day():
    change = only(edited(('2020-12-31, operator: "<="', '2020-12-31, operator: "<"')))
    assert (change.kind, change.what) == ("operator", "tests.savings.operator")
    assert (change.before, change.after) == ("<=", "<")
    assert (str(change.start), str(change.end)) == ("2020-01-01", "2020-12-31")


def test_an_operator_written_as_a_history_of_one_is_no_change_in_law():
    history = 'operator: [{effective_from: 2020-01-01, operator: "<"}]\n    limit: line'
    assert edited(('operator: "<"\n    limit: line', history)).same_law


def test_a_clause_of_the_composition_that_changes_is_named():
    change = only(edited(("age < adult_age", "age <= adult_age")))
    assert (change.kind, change.what) == ("composition", "composition.minor_child")
    assert "age <= adult_age" in change.after


def test_a_formula_is_followed_into_the_tests_that_rest_on_it():
    diff = edited(("THEN 0 ELSE wage", "THEN 0 ELSE 2 * wage"))
    assert {(c.kind, c.what) for c in diff.changes} == {
        ("formula", "tests.income.value"),
        ("formula", "benefit"),
    }
    assert all("2 * wage" in c.after for c in diff.changes)


def test_what_is_counted_as_a_fact_is_law():
    change = only(edited(("[bank_balance]", "[bank_balance, wealth_product]")))
    assert (change.kind, change.what) == ("fact", "facts.savings.quantities")


def test_the_length_of_a_window_is_law():
    change = only(edited(("months: 12", "months: 6")))
    assert (change.kind, change.before, change.after) == ("period", "12", "6")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# A small made-up rulebook", "# Another remark on the rulebook"),
        ("relation = 'child' AND age < adult_age", "adult_age > age AND relation = 'child'"),
        ("mandatory_sources: [tax, bank]", "mandatory_sources: [bank, tax]"),
        ("line * members - income", "members * line - income"),
        ("is: SUM(helped) / income_months", "is: (SUM( helped )) / income_months"),
        (SPOUSE + CHILD, CHILD + SPOUSE),
    ],
)
def test_comments_spaces_and_order_are_no_change_in_law(old, new):
    diff = edited((old, new))
    assert diff.same_law, diff.plain()
    assert diff.text_only == ((BOOK, "layout, order, names or comments"),)


def test_a_long_sum_in_another_order_with_a_part_named_is_no_change_in_law():
    one = "savings_limit + small_household_limit + total_savings"
    before = edited_content(("THEN small_household_limit", f"THEN {one}"))
    after = edited_content(
        ("THEN small_household_limit", "THEN part + savings_limit"),
        (
            "  shortfall: {",
            PART + "  shortfall: {",
        ),
    )
    assert diff_content(before, after).same_law
    other = edited_content(
        ("THEN small_household_limit", f"THEN {one.replace(' + total', ' - total')}")
    )
    assert not diff_content(before, other).same_law


@pytest.mark.parametrize("name", ["adult_age", "savings", "income_per_member", "line"])
def test_another_name_is_no_change_in_law(name):
    text = SMALL.files[BOOK]
    renamed = re.sub(rf"(?<![\w'])\b{name}\b(?!: \{{zh|: savings)", f"{name}_anew", text)
    renamed = renamed.replace(f"test: {name}_anew", f"test: {name}")
    diff = diff_content(SMALL, ContentSet("rules", {**SMALL.files, BOOK: renamed}))
    assert renamed != text
    assert diff.same_law, diff.plain()


def test_titles_notes_and_citations_are_listed_as_text_only():
    diff = edited(("en: income line", "en: the line"), ('article: "1"', 'article: "2"'))
    assert diff.same_law
    assert {what for _, what in diff.text_only} == {"limits.line.title", "citations.law"}


def test_reworded_questions_and_new_cases_are_text_only():
    case = next(p for p in SMALL.files if "/cases/" in p)
    files = {**SMALL.files, case: SMALL.files[case] + "# seen\n"}
    files["wording.yaml"] = files["wording.yaml"].replace("ask {source} again", "ask {source} anew")
    diff = diff_content(SMALL, ContentSet("rules", files))
    assert diff.same_law
    assert dict(diff.text_only) == {"wording.yaml": "wording of questions", case: "golden cases"}


def test_a_rulebook_or_region_that_comes_or_goes_is_a_change():
    files = {p: t for p, t in SMALL.files.items() if p != BOOK}
    gone = only(diff_content(SMALL, ContentSet("rules", files)))
    assert (gone.rulebook, gone.kind, gone.before, gone.after) == (
        NAME,
        "place",
        "from 2020-01-01",
        "–",
    )
    new = edited(
        ("en: Shanghai}", 'en: Shanghai}\n  - {code: "310104", zh: 徐汇区, en: Xuhui}'),
        path="regions.yaml",
    )
    assert (only(new).what, only(new).after) == ("310104", "Xuhui")


def test_a_clause_that_moves_across_one_with_another_effect_is_a_change():
    excluded = "  - {code: away, counts: no, when: disabled, cite: [law]}\n"
    base = edited_content((SPOUSE, SPOUSE + excluded))
    moved = edited_content((SPOUSE, excluded + SPOUSE))
    change = only(diff_content(base, moved))
    assert (change.kind, change.what) == ("composition", "composition: order")


# ------------------------------------------------------------------ the tables beside the books

WORDS = """schema: verify.vocabulary/1
kinds:
  meal_allowance: {nature: flow, zh: 伙食补贴, en: meal allowance}
  farm_tools: {nature: stock, zh: 农具, en: farm tools}
"""
VOCABULARY = "cn/vocabulary.yaml"
OF_REGIONS = [
    '  - {code: "310104", zh: 徐汇区, en: Xuhui}',
    '  - {code: "310103", zh: 卢湾区, en: Luwan, became: "310101", until: 2011-06-08}',
    '  - {code: "310101", zh: 黄浦区, en: Huangpu}',
]


def with_words(text: str, base: ContentSet = SMALL) -> ContentSet:
    return ContentSet("rules", {**base.files, VOCABULARY: text})


def with_regions(*lines: str) -> ContentSet:
    text = SMALL.files["regions.yaml"].rstrip("\n") + "\n" + "\n".join(lines) + "\n"
    return ContentSet("rules", {**SMALL.files, "regions.yaml": text})


def test_a_kind_that_may_be_stated_from_now_on_is_a_change():
    found = diff_content(SMALL, with_words(WORDS)).changes
    assert {(c.rulebook, c.kind, c.what, c.before, c.after) for c in found} == {
        (VOCABULARY, "vocabulary", "meal_allowance", "–", "flow"),
        (VOCABULARY, "vocabulary", "farm_tools", "–", "stock"),
    }
    back = diff_content(with_words(WORDS), SMALL).changes
    assert {(c.what, c.before, c.after) for c in back} == {
        ("meal_allowance", "flow", "–"),
        ("farm_tools", "stock", "–"),
    }


def test_a_kind_with_another_nature_is_a_change_of_every_rulebook_that_reads_it():
    reads = edited_content(("[bank_balance]", "[farm_tools]"))
    before = with_words(WORDS, reads)
    after = with_words(WORDS.replace("farm_tools: {nature: stock", "farm_tools: {nature: item"))
    unread = only(diff_content(with_words(WORDS), after))
    assert (unread.kind, unread.what, unread.before, unread.after) == (
        "vocabulary",
        "farm_tools",
        "stock",
        "item",
    )
    also_worth = edited_content(
        ("of: amount, quantities: [bank_balance]", "of: worth, quantities: [farm_tools]")
    )
    other = with_words(after.files[VOCABULARY], also_worth)
    found = diff_content(before, other)
    assert ("fact", "facts.savings: nature of farm_tools", "stock", "item") in {
        (c.kind, c.what, c.before, c.after) for c in found.changes
    }
    assert str(found.days()[0]) == "2020-01-01"


def test_another_title_or_order_of_the_words_is_text_only():
    renamed = diff_content(with_words(WORDS), with_words(WORDS.replace("en: meal", "en: board")))
    assert renamed.same_law
    assert renamed.text_only == ((VOCABULARY, "meal_allowance: name"),)
    first, *kinds = WORDS.splitlines(keepends=True)
    turned = "".join([first, kinds[0], *reversed(kinds[1:])])
    moved = diff_content(with_words(WORDS), with_words(turned))
    assert moved.same_law
    assert moved.text_only == ((VOCABULARY, "layout, order, names or comments"),)


def test_a_code_that_is_replaced_by_another_is_a_change_from_the_day_after_its_last():
    old = [OF_REGIONS[1].replace(', became: "310101", until: 2011-06-08', ""), OF_REGIONS[2]]
    change = only(diff_content(with_regions(*old), with_regions(*OF_REGIONS[1:])))
    assert (change.rulebook, change.kind) == ("regions.yaml", "place")
    assert (change.what, change.before) == ("310103: replaced by", "–")
    assert (change.after, str(change.start)) == ("310101 (Huangpu)", "2011-06-09")


def test_a_code_that_is_replaced_by_a_third_names_both():
    to_other = OF_REGIONS[1].replace('became: "310101"', 'became: "310104"')
    change = only(
        diff_content(
            with_regions(*OF_REGIONS), with_regions(OF_REGIONS[0], to_other, OF_REGIONS[2])
        )
    )
    assert (change.before, change.after) == ("310101 (Huangpu)", "310104 (Xuhui)")


def test_another_last_day_of_a_replaced_code_or_another_name_is_text_only():
    later = OF_REGIONS[1].replace("2011-06-08", "2011-07-08").replace("en: Luwan", "en: Old Luwan")
    found = diff_content(with_regions(*OF_REGIONS[1:]), with_regions(later, OF_REGIONS[2]))
    assert found.same_law
    assert found.text_only == (
        ("regions.yaml", "310103: name"),
        ("regions.yaml", "310103: last day of the code"),
    )


def test_a_region_that_lies_within_another_is_a_change():
    ours = [
        "  - {code: GB, zh: 英国, en: United Kingdom}",
        "  - {code: GB-EAW, zh: 英格兰和威尔士, en: England and Wales}",
    ]
    wales = "  - {code: GB-WLS, zh: 威尔士, en: Wales%s}"
    change = only(
        diff_content(
            with_regions(*ours, wales % ""), with_regions(*ours, wales % ", within: GB-EAW")
        )
    )
    assert (change.what, change.before, change.after) == (
        "GB-WLS: lies within",
        "–",
        "GB-EAW (England and Wales)",
    )
