"""Read single values exactly: money, areas, dates. Integers and dates out, never a float."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from verify.domain.identifiers import lift_15_to_18
from verify.domain.period import add_months

Scalar = str | int | Decimal | bool | None

_DECIMAL = re.compile(r"-?[0-9]{1,13}(?:\.([0-9]{1,8}))?", re.ASCII)
# Decimal places that each unit may have beyond the integer it is turned into.
_SCALE = {"yuan": 2, "fen": 0, "wan_yuan": 6, "m2": 2}
_DATES = {
    "YYYYMMDD": re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII),
    "YYYYMM": re.compile(r"([0-9]{4})([0-9]{2})", re.ASCII),
    "YYYY-MM-DD": re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII),
    "YYYY-MM": re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII),
    "YYYY/MM/DD": re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})", re.ASCII),
    "YYYY.MM.DD": re.compile(r"([0-9]{4})\.([0-9]{2})\.([0-9]{2})", re.ASCII),
    "YYYY年MM月DD日": re.compile(r"([0-9]{4})年([0-9]{2})月([0-9]{2})日", re.ASCII),
    "YYYY年MM月": re.compile(r"([0-9]{4})年([0-9]{2})月", re.ASCII),
    "YYYY": re.compile(r"([0-9]{4})", re.ASCII),
    # Of a moment only the day counts; the hour must still be one.
    "YYYY-MM-DDThh:mm:ss": re.compile(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
        r"(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})?",
        re.ASCII,
    ),
    "YYYYMMDDhhmmss": re.compile(
        r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]", re.ASCII
    ),
}
_SHARE = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)
_ID15 = re.compile(r"[1-9][0-9]{14}", re.ASCII)


def text_of(value: Scalar) -> str:
    """The text of a scalar as the source wrote it; empty for null.

    Raises:
        ValueError: for a truth value, which no declared field has.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        raise ValueError("not a text or a number")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def integer_amount(unit: str) -> Callable[[str], int]:
    """A reader of amounts in `unit` (yuan, fen, wan_yuan to fen; m2 to dm2).

    The reader raises ValueError unless the value is exact in the target unit.
    """
    scale = _SCALE[unit]

    @lru_cache(maxsize=4096)
    def read(text: str) -> int:
        found = _DECIMAL.fullmatch(text)
        if not found:
            raise ValueError("not a decimal number of up to 13 digits")
        places = (found[1] or "").rstrip("0")
        if len(places) > scale:
            raise ValueError("more decimals than the unit has")
        whole = int(text.partition(".")[0])
        size = abs(whole) * int(f"1{'0' * scale}") + int(places.ljust(scale, "0") or "0")
        return -size if text.startswith("-") else size

    return read


@lru_cache(maxsize=8192)
def read_day(text: str, date_format: str, edge: str | None = None) -> dt.date:
    """Read a date in a declared format; a month or year becomes its `first` or `last` day.

    Raises:
        ValueError: another format, an impossible date, or a year outside 1880 to 2199.
    """
    found = _DATES[date_format].fullmatch(text)
    if not found:
        raise ValueError(f"not of the form {date_format}")
    year, *rest = (int(n) for n in found.groups())
    if not 1880 <= year < 2200:
        raise ValueError("the year is not plausible")
    if not rest and edge == "last":
        return dt.date(year, 12, 31)
    day = dt.date(year, rest[0] if rest else 1, rest[1] if len(rest) > 1 else 1)
    if edge == "last":
        day = add_months(day, 1) - dt.timedelta(days=1)
    return day


def write_day(day: dt.date, date_format: str) -> str:
    """Write a date in a declared format."""
    text = date_format.replace("YYYY", f"{day.year:04d}")
    text = text.replace("MM", f"{day.month:02d}").replace("DD", f"{day.day:02d}")
    return text.replace("hh", "00").replace("mm", "00").replace("ss", "00")


def read_share(text: str) -> tuple[int, int]:
    """Read `1/2`.

    Raises:
        ValueError: not a fraction above 0 and at most 1.
    """
    found = _SHARE.fullmatch(text)
    if not found or not 0 < int(found[1]) <= int(found[2]):
        raise ValueError("not a share such as 1/2")
    return int(found[1]), int(found[2])


def same_number(echoed: str, asked: str) -> bool:
    """Whether an echoed identity number is the one asked about (15 digits are lifted)."""
    return _lifted(echoed) == _lifted(asked)


def _lifted(number: str) -> str:
    number = number.strip().upper()
    return lift_15_to_18(number) if _ID15.fullmatch(number) else number
