"""The scoring content: read strictly, weighed exactly, versioned by digest."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.scoring import Scoring
from verify.scoring.bits import log_odds, millibits
from verify.scoring.levels import LEVELS, MISSING

CONTENT = ContentSet.load("scoring")


def changed(path: str, old: str, new: str) -> ContentSet:
    text = CONTENT.files[path]
    assert text.count(old) >= 1, old
    return ContentSet("scoring", {**CONTENT.files, path: text.replace(old, new, 1)})


def test_the_shipped_content_is_read_and_carries_its_digest() -> None:
    scoring = Scoring.from_content(CONTENT)
    assert scoring.digest == CONTENT.digest
    assert scoring.family("cn").prior == log_odds(Fraction(1, 1000)) == -9964


def test_a_set_rebuilt_from_its_stored_form_scores_the_same() -> None:
    assert Scoring.from_content(ContentSet.from_blob(CONTENT.to_blob())) == Scoring.from_content(
        CONTENT
    )


def test_every_known_field_and_level_has_words_and_a_weight() -> None:
    family = Scoring.from_content(CONTENT).family("cn")
    assert {f.field: f.levels for f in family.fields} == LEVELS
    for field in family.fields:
        assert len(field.weights) == len(field.titles) == len(field.levels)
        assert all(t.zh and t.en for t in field.titles)


def test_stronger_levels_never_weigh_less_and_silence_weighs_nothing() -> None:
    for field in Scoring.from_content(CONTENT).family("cn").fields:
        assert list(field.weights) == sorted(field.weights, reverse=True)
        assert field.weights[field.levels.index(MISSING)] == 0


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_milli_bits_are_the_rounded_logarithm(a: int, b: int) -> None:
    assert abs(millibits(Fraction(a, b)) - 1000 * math.log2(a / b)) <= 0.51
    assert millibits(Fraction(a, b)) == -millibits(Fraction(b, a))


def test_a_common_name_is_weak_evidence_and_a_rare_one_strong() -> None:
    family = Scoring.from_content(CONTENT).family("cn")
    ladder = ["张伟", "王芳", "张丽", "王建国", "慕容雪"]
    weights = [family.name_weight(n) for n in ladder]
    assert weights == sorted(weights)
    assert weights[0] == millibits(Fraction(1_400_000_000, 290_607)) + family.exact_name
    assert weights[-1] == family.names.cap + family.exact_name


def test_a_name_of_another_script_is_not_taken_for_a_rare_one() -> None:
    family = Scoring.from_content(CONTENT).family("cn")
    common = millibits(Fraction(1_400_000_000, 28_000)) + family.exact_name
    for name in ("阿不都买买提", "wangwei", "мария"):
        assert family.name_weight(name) == common < family.names.cap


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('m: "0.97"', 'm: "0.98"', "sum to exactly 1"),
        ('u: "0.00004"', 'u: "0.9"', "sum to at most 1"),
        ('u: "0.000012"', 'u: "0.000001"', "never weighs less"),
        ('u: "0.00004"', "u: 4e-5", "decimal text"),
        ('u: "0.00004"', 'u: "0"', "between 0 and 1"),
        ("level: swapped", "level: turned", "strongest first"),
        ("title: {zh: 未提供出生日期", 'u: "0.1"\n        title: {zh: 未提供出生日期', "neither"),
        ("field: phone", "field: fax", "unknown field"),
        ('unsure: "3"', 'unsure: "30"', "at or above"),
        ('positive: "12"', 'positive: "12.0005"', "three decimals"),
        ("names: names/cn.yaml", "names: names/xx.yaml", "does not exist"),
        ("prior:", "extra: 1\nprior:", "Extra inputs"),
    ],
)
def test_a_wrong_declaration_is_refused_with_file_line_and_reason(
    old: str, new: str, says: str
) -> None:
    with pytest.raises(ContentError) as error:
        Scoring.from_content(changed("cn.yaml", old, new))
    assert says in str(error.value)
    assert error.value.where.startswith("scoring/cn.yaml:")
    assert int(error.value.where.split(":")[1]) >= 1


def test_a_fault_names_the_line_it_stands_on() -> None:
    broken = changed("cn.yaml", 'u: "0.00004"', "u: often")
    with pytest.raises(ContentError) as error:
        Scoring.from_content(broken)
    line = int(error.value.where.split(":")[1])
    assert "often" in broken.files["cn.yaml"].splitlines()[line - 1]


def test_more_bearers_than_people_are_refused() -> None:
    with pytest.raises(ContentError, match="fewer people"):
        Scoring.from_content(changed("names/cn.yaml", '张伟: "290607"', '张伟: "1400000001"'))


def test_an_undeclared_family_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ContentError, match="cn"):
        Scoring.from_content(CONTENT).family("el")


def test_two_files_may_not_declare_the_same_family() -> None:
    doubled = ContentSet("scoring", {**CONTENT.files, "other.yaml": CONTENT.files["cn.yaml"]})
    with pytest.raises(ContentError, match="same family"):
        Scoring.from_content(doubled)
