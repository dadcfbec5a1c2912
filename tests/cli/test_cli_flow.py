"""Chinese and English sentences share a line and break where readers expect it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from verify.cli.flow import NOT_FIRST, lines

ALPHABET = "ab c人均月收入低于,。《》(1595)元/月 "


def test_a_chinese_sentence_goes_on_in_the_same_line_as_the_name_before_it():
    text = "王芳: 税务部门未能答复关于申请人的查询,其结果如何?"
    assert list(lines(text, 20)) == ["王芳: 税务部门未能答", "复关于申请人的查询,", "其结果如何?"]


def test_a_latin_word_is_kept_whole_where_it_fits():
    assert list(lines("at most 1595 yuan a month", 12)) == ["at most 1595", "yuan a month"]


def test_a_word_longer_than_the_line_is_cut_rather_than_lost():
    assert list(lines("sha256:" + "0" * 10, 8)) == ["sha256:0", "00000000", "0"]


def test_spaces_before_closing_punctuation_do_not_widen_a_line():
    for width in range(4, 12):
        wrapped = list(lines("人均收入" + " " * 20 + ")ab", width))
        assert all(cell_len(line) <= width for line in wrapped)
        assert "".join(wrapped).replace(" ", "") == "人均收入)ab"


@settings(max_examples=200, deadline=None)
@given(st.text(ALPHABET, max_size=60), st.integers(4, 30))
def test_nothing_is_lost_and_no_line_is_too_wide(text, width):
    wrapped = list(lines(text, width))
    assert "".join(wrapped).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= width for line in wrapped)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["人", "均收", "入,", "高。", "《法》"]), max_size=20))
def test_no_line_begins_with_closing_punctuation(words):
    for line in list(lines("".join(words), 10))[1:]:
        assert line[0] not in NOT_FIRST
