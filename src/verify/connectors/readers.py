"""Compile what a declaration says of single values into plain functions. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from verify.connectors.functions import FUNCTIONS
from verify.connectors.grammar import Condition, Range, ValueSpec
from verify.connectors.places import Mismatch, Row, Whole, text_at
from verify.connectors.values import integer_amount, read_day

Reader = Callable[[Row, Whole], Any]
Test = Callable[[Row], bool]


def value_reader(spec: ValueSpec) -> Reader:
    """The reader of one declared value; it raises Mismatch for what it does not read exactly."""
    return _reader(spec)


def _reader(spec: ValueSpec) -> Reader:
    if spec.constant is not None:
        constant = spec.constant
        return lambda row, whole: constant
    if spec.answer is not None:
        name = spec.answer
        return lambda row, whole: whole.value(name)
    if spec.join is not None:
        parts = [_reader(s) for s in spec.join]
        return lambda row, whole: ":".join(str(read(row, whole) or "") for read in parts)
    return _field_reader(spec, str(spec.field))


def _field_reader(spec: ValueSpec, name: str) -> Reader:
    convert = _converter(spec, name)
    minus, optional = spec.minus, spec.optional

    def read(row: Row, whole: Whole) -> Any:
        text = text_at(row[name], name)
        if not text:
            if optional:
                return None
            raise Mismatch("empty_value", name)
        value = convert(text)
        return value if minus is None else value - convert(text_at(row[minus], minus))

    return read


def _converter(spec: ValueSpec, name: str) -> Callable[[str], Any]:
    read = _plain_converter(spec, name)
    if spec.split is not None:
        split, inner = spec.split, read

        def part_of(text: str) -> Any:
            pieces = text.split(split.by)
            if len(pieces) != split.parts:
                raise Mismatch("unreadable", name)
            return inner(pieces[split.part - 1].strip())

        read = part_of
    if spec.function is not None:
        before, after = _guarded(FUNCTIONS[spec.function], name), read
        return lambda text: after(before(text))
    return read


def _plain_converter(spec: ValueSpec, name: str) -> Callable[[str], Any]:
    if spec.table is not None:
        table = spec.table

        def look_up(text: str) -> str:
            if text not in table:
                raise Mismatch("unknown_code", name)
            return table[text]

        return look_up
    if spec.unit is not None:
        return _guarded(integer_amount(spec.unit), name)
    if spec.format is not None:
        date_format, edge = spec.format, spec.edge
        return _guarded(lambda text: read_day(text, date_format, edge), name)
    return lambda text: text


def _guarded(read: Callable[[str], Any], name: str) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return read(text)
        except ValueError:
            raise Mismatch("unreadable", name) from None

    return convert


def condition_test(condition: Condition) -> Test:
    """Whether a row meets a condition."""
    name = condition.field
    if condition.is_in is not None:
        wanted = frozenset(condition.is_in)
        return lambda row: text_at(row[name], name) in wanted
    refused = frozenset(condition.not_in or ())
    return lambda row: text_at(row[name], name) not in refused


def range_check(bound: Range) -> Callable[[Row], None]:
    """Raises Mismatch for a row whose value is not plausible."""
    read = integer_amount(bound.unit)
    low, high = read(bound.min), read(bound.max)
    applies = condition_test(bound.where) if bound.where else None
    name = bound.field
    before = FUNCTIONS[bound.function] if bound.function else str

    def check(row: Row) -> None:
        if applies is not None and not applies(row):
            return
        text = text_at(row[name], name)
        if not text:
            return
        try:
            text = before(text)
            plausible = low <= read(text) <= high
        except ValueError:
            raise Mismatch("unreadable", name) from None
        if not plausible:
            raise Mismatch("implausible_value", name)
        if bound.decimals is not None and len(text.partition(".")[2]) != bound.decimals:
            raise Mismatch("other_decimals", name)

    return check
