"""Single values: exact, or refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.connectors.values import (
    integer_amount,
    read_day,
    read_share,
    same_number,
    text_of,
    write_day,
)

FORMATS = ("YYYYMMDD", "YYYY-MM-DD", "YYYY/MM/DD", "YYYY年MM月DD日")
SCALES = {"yuan": 2, "fen": 0, "wan_yuan": 6, "m2": 2}


@settings(max_examples=80, deadline=None)
@given(
    unit=st.sampled_from(sorted(SCALES)),
    number=st.integers(-(10**14), 10**14),
    places=st.integers(0, 6),
)
def test_amounts_are_exact_or_refused(unit: str, number: int, places: int) -> None:
    text = format(Decimal(number).scaleb(-places), "f")
    exact = Decimal(text).scaleb(SCALES[unit])
    whole_digits = len(text.lstrip("-").partition(".")[0])
    if exact != exact.to_integral_value() or whole_digits > 13:
        with pytest.raises(ValueError):  # noqa: PT011 -- its text is for no one
            integer_amount(unit)(text)
    else:
        assert integer_amount(unit)(text) == int(exact)


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("yuan", "3120.50", 312050),
        ("yuan", "-0.05", -5),
        ("yuan", "1595", 159500),
        ("fen", "123", 123),
        ("fen", "123.00", 123),
        ("wan_yuan", "0.2599", 259900),
        ("wan_yuan", "12.3400", 12340000),
        ("m2", "62.5", 6250),
    ],
)
def test_units_become_fen_and_square_decimetres(unit: str, text: str, value: int) -> None:
    assert integer_amount(unit)(text) == value


@pytest.mark.parametrize(
    "text", ["", "1e3", "1,000", " 1", "1.", ".5", "+1", "NaN", "1.001", "１２", "9" * 14]
)
def test_what_is_not_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        integer_amount("yuan")(text)


@settings(max_examples=60, deadline=None)
@given(day=st.dates(dt.date(1880, 1, 1), dt.date(2199, 12, 31)), form=st.sampled_from(FORMATS))
def test_a_day_written_is_the_day_read(day: dt.date, form: str) -> None:
    assert read_day(write_day(day, form), form) == day


@settings(max_examples=60, deadline=None)
@given(day=st.dates(dt.date(1880, 1, 1), dt.date(2199, 11, 30)))
def test_a_month_becomes_its_first_or_last_day(day: dt.date) -> None:
    text = write_day(day, "YYYYMM")
    last = read_day(text, "YYYYMM", "last")
    assert read_day(text, "YYYYMM", "first") == day.replace(day=1)
    assert (last.month, (last + dt.timedelta(days=1)).day) == (day.month, 1)


@pytest.mark.parametrize("text", ["20250230", "2025-02-03", "18790101", "99990101", "20250203\n"])
def test_an_impossible_or_implausible_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_day(text, "YYYYMMDD")


@pytest.mark.parametrize("text", ["0/1", "3/2", "1/0", "1", "1/2/3", "½", "1 /2"])
def test_a_share_lies_above_zero_and_at_most_at_one(text: str) -> None:
    assert read_share("2/3") == (2, 3)
    with pytest.raises(ValueError):  # noqa: PT011
        read_share(text)


def test_an_echoed_15_digit_number_is_the_18_digit_one_asked_about() -> None:
    assert same_number("110105491231002", "11010519491231002X")
    assert same_number("11010519491231002x", "11010519491231002X")
    assert not same_number("", "11010519491231002X")
    assert not same_number("110105194912310021", "11010519491231002X")


def test_a_truth_value_is_no_text() -> None:
    assert text_of(None) == ""
    assert text_of(Decimal("5000.50")) == "5000.50"
    with pytest.raises(ValueError):  # noqa: PT011
        text_of(True)
