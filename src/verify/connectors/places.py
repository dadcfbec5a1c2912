"""Places in an answer: values at dotted names, and what the answer as a whole says. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from verify.connectors.values import text_of
from verify.domain.period import add_months

Row = Mapping[str, Any]
Record = dict[str, Any]


class Mismatch(Exception):
    """The answer does not fit the declaration: a stable code and the declared place."""

    def __init__(self, code: str, place: str = "") -> None:
        super().__init__(code, place)
        self.code = code
        self.place = place


def _year_before(day: dt.date) -> dt.date:
    last_year = day.replace(day=1, year=day.year - 1)
    if (day.month, day.day) == (2, 29):
        return last_year.replace(month=3)
    return last_year.replace(day=day.day) + dt.timedelta(days=1)


_DAYS: Mapping[str, Callable[[dt.date], dt.date]] = {
    "as_of": lambda day: day,
    "year_before_as_of": _year_before,
    "month_first": lambda day: day.replace(day=1),
    "month_last": lambda day: add_months(day.replace(day=1), 1) - dt.timedelta(days=1),
    "year_first": lambda day: day.replace(month=1, day=1),
    "year_last": lambda day: day.replace(month=12, day=31),
}


@dataclass(frozen=True)
class Whole:
    """What the answer as a whole says, for the values that rows take from it."""

    as_of: dt.date
    part: str

    def value(self, name: str) -> Any:
        """See `verify.connectors.grammar.AnswerValue`."""
        if name == "part":
            return self.part
        return _DAYS[name](self.as_of)


def get(tree: Any, path: str) -> Any:
    """The value at a dotted path; a number is a place in a list, counted from 0.

    Raises:
        Mismatch: nothing is there (`missing_field`).
    """
    for key in path.split("."):
        if isinstance(tree, list) and key.isascii() and key.isdigit() and int(key) < len(tree):
            tree = tree[int(key)]
        elif isinstance(tree, dict) and key in tree:
            tree = tree[key]
        else:
            raise Mismatch("missing_field", path)
    return tree


def get_text(tree: Any, path: str) -> str:
    """The text at a dotted path.

    Raises:
        Mismatch: nothing is there, or something that is not a text or a number.
    """
    return text_at(get(tree, path), path)


def text_at(value: Any, place: str) -> str:
    """The text of a value.

    Raises:
        Mismatch: it is not a text or a number; `place` is named.
    """
    if type(value) is str:  # nearly always, and asked for every field of every row
        return value
    if isinstance(value, dict | list):
        raise Mismatch("unreadable", place)
    try:
        return text_of(value)
    except ValueError:
        raise Mismatch("unreadable", place) from None


def flat_row(row: Row, path: str) -> Iterator[tuple[str, Any]]:
    """Nested mappings of a row by dotted name, as declarations name them."""
    for key, value in row.items():
        if isinstance(value, dict) and value:
            yield from flat_row(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
