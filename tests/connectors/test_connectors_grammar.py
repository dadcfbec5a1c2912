"""The mapping grammar: split, named functions, formats; what it refuses."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from verify.connectors.functions import FUNCTIONS
from verify.connectors.grammar import ValueSpec
from verify.connectors.places import Mismatch, Whole
from verify.connectors.readers import value_reader
from verify.connectors.values import read_day, write_day

WHOLE = Whole(dt.date(2025, 5, 20), "")


def read(spec: dict[str, Any], text: Any) -> Any:
    return value_reader(ValueSpec.model_validate({"field": "f", **spec}))({"f": text}, WHOLE)


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        ({"split": {"by": "/", "part": 2, "parts": 3}}, "甲/乙/丙", "乙"),
        (
            {"split": {"by": "~", "part": 1, "parts": 2}, "format": "YYYY.MM.DD"},
            "2024.03.05 ~ 2025.03.04",
            dt.date(2024, 3, 5),
        ),
        ({"function": "ungrouped", "unit": "yuan"}, "12,345.60", 1_234_560),
        ({"function": "half_width", "unit": "fen"}, "１２３４", 1234),
        ({"function": "capital_amount", "unit": "yuan"}, "人民币壹万贰仟零叁拾元伍角整", 1_203_050),
        ({"format": "YYYY-MM-DDThh:mm:ss"}, "2025-02-28T23:59:59+08:00", dt.date(2025, 2, 28)),
        ({"format": "YYYYMMDDhhmmss"}, "20250228235959", dt.date(2025, 2, 28)),
        ({"format": "YYYY年MM月", "edge": "last"}, "2024年02月", dt.date(2024, 2, 29)),
    ],
)
def test_a_declared_way_of_reading_gives_the_exact_value(
    spec: dict[str, Any], text: str, value: object
) -> None:
    assert read(spec, text) == value


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"split": {"by": "/", "part": 2, "parts": 3}}, "甲/乙"),
        ({"split": {"by": "/", "part": 2, "parts": 3}}, "甲/乙/丙/丁"),
        ({"function": "ungrouped", "unit": "yuan"}, "12,34.50"),
        ({"function": "ungrouped", "unit": "yuan"}, "1,2345.50"),
        ({"function": "capital_amount", "unit": "yuan"}, "壹万左右"),
        ({"function": "capital_amount", "unit": "yuan"}, "壹贰元整"),
        ({"function": "half_width", "unit": "fen"}, "一二三"),
        ({"format": "YYYY-MM-DDThh:mm:ss"}, "2025-02-28T24:00:00"),
        ({"format": "YYYYMMDDhhmmss"}, "20250229000000"),
    ],
)
def test_anything_else_is_refused_not_guessed(spec: dict[str, Any], text: str) -> None:
    with pytest.raises(Mismatch):
        read(spec, text)


@pytest.mark.parametrize(
    "spec",
    [
        {"function": "eval"},
        {"function": "os.system"},
        {"constant": "x", "field": None, "function": "ungrouped"},
        {"constant": "x", "field": None, "split": {"by": "/", "part": 1, "parts": 2}},
        {"split": {"by": "/", "part": 3, "parts": 2}},
        {"split": {"by": "", "part": 1, "parts": 2}},
        {"format": "YYYY年MM月"},
        {"expression": "f * 100"},
    ],
)
def test_a_spec_outside_the_grammar_does_not_load(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ValueSpec.model_validate({"field": "f", **spec})


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(FUNCTIONS)), text=st.text(max_size=60))
def test_a_named_function_gives_a_text_or_refuses_whatever_it_meets(name: str, text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(FUNCTIONS[name](text), str)


def _capital(number: int) -> str:
    """The same number in capital figures, by the book."""
    digits, units = "零壹贰叁肆伍陆柒捌玖", ["", "拾", "佰", "仟"]
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    out = ""
    for at, group in reversed(list(enumerate(groups))):
        if not group:
            continue
        text = f"{group:04d}"
        part = "".join(
            digits[int(d)] + units[3 - i] if d != "0" else "零" for i, d in enumerate(text)
        ).rstrip("零")
        while "零零" in part:
            part = part.replace("零零", "零")
        out += part + ["", "万", "亿"][at]
    return out.lstrip("零") or "零"


@settings(max_examples=300, deadline=None)
@given(number=st.integers(0, 10**12 - 1))
def test_capital_figures_read_back_as_the_number_they_were_written_from(number: int) -> None:
    assert FUNCTIONS["capital_amount"](f"{_capital(number)}元整") == f"{number}.00"


@settings(max_examples=200, deadline=None)
@given(
    day=st.dates(dt.date(1880, 1, 1), dt.date(2199, 12, 31)),
    form=st.sampled_from(
        ["YYYYMMDD", "YYYY.MM.DD", "YYYY-MM-DDThh:mm:ss", "YYYYMMDDhhmmss", "YYYY年MM月DD日"]
    ),
)
def test_a_day_written_in_any_format_reads_back(day: dt.date, form: str) -> None:
    assert read_day(write_day(day, form), form) == day
