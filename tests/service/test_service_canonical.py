"""The canonical form: sorted, without floats, and the same bytes whoever writes them."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.domain.canonical import canonical_bytes, plain

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


def by_the_standard_library(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


@given(VALUES)
def test_the_bytes_are_those_of_any_other_writer_of_sorted_json(value: object) -> None:
    assert canonical_bytes(value) == by_the_standard_library(value)
    assert json.loads(canonical_bytes(value)) == value


@pytest.mark.parametrize("code", range(0x20))
def test_a_control_character_has_the_same_escape_everywhere(code: int) -> None:
    value = {chr(code): f"甲{chr(code)}\u2028\x7f乙"}
    assert canonical_bytes(value) == by_the_standard_library(value)


def test_keys_are_in_the_order_of_their_characters_not_of_their_utf16() -> None:
    value = {"\U0001f600": 1, "\uffff": 2, "名": 3, "a": 4}
    assert list(json.loads(canonical_bytes(value))) == sorted(value)


def test_what_is_nested_deeper_than_one_writer_allows_is_written_by_the_other() -> None:
    value: object = 1
    for _ in range(300):
        value = [value]
    assert canonical_bytes(value) == by_the_standard_library(value)


@pytest.mark.parametrize("wrong", [0.5, 1.0, float("nan"), float("inf"), b"1", {1}, dt.time(1)])
@pytest.mark.parametrize(
    "where",
    [
        lambda v: v,
        lambda v: [1, "2", v],
        lambda v: {"a": 1, "b": v},
        lambda v: {"a": [{"b": (1, v)}]},
    ],
)
def test_what_has_no_single_form_is_refused_wherever_it_stands(where, wrong: object) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        canonical_bytes(where(wrong))


@pytest.mark.parametrize("key", [1, 1.5, None, True, (1,)])
def test_a_key_that_is_no_text_is_refused(key: object) -> None:
    with pytest.raises(TypeError, match="text keys"):
        canonical_bytes({"a": 1, key: 2})


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_bytes({"a": "\ud83d"})


def test_dates_and_tuples_become_text_and_lists() -> None:
    value = {"days": (dt.date(2026, 1, 2),), "rest": [(), {}]}
    assert plain(value) == {"days": ["2026-01-02"], "rest": [[], {}]}
