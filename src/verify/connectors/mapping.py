"""Turn the rows of an answer into records, as the connector's mapping says. Pure.

The mapping is compiled once into plain functions. Each field is read, and what remains is
audited: a field that nobody declared, or a declared one that is gone, is a *signal* that the
source has changed; then nothing of the answer is used until a person has looked.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from verify.connectors.functions import FUNCTIONS
from verify.connectors.grammar import (
    AnswerSpec,
    Condition,
    JointSubjects,
    ListSubjects,
    Range,
    RecordSpec,
    Section,
    Subjects,
    ValueSpec,
)
from verify.connectors.values import integer_amount, read_day, read_share, text_of
from verify.domain.period import add_months

MAX_SIGNALS = 50

Row = Mapping[str, Any]
Record = dict[str, Any]


class Mismatch(Exception):
    """The answer does not fit the declaration: a stable code and the declared place."""

    def __init__(self, code: str, place: str = "") -> None:
        super().__init__(code, place)
        self.code = code
        self.place = place


@dataclass
class Signals:
    """What is unlike the declaration, collected over a whole answer."""

    found: dict[str, None] = field(default_factory=dict)

    def add(self, code: str, place: str) -> None:
        """Note a deviation; field names are shortened, values never enter."""
        if len(self.found) < MAX_SIGNALS:
            self.found[f"{code}:{place[:80]}"] = None


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

Reader = Callable[[Row, Whole], Any]
Test = Callable[[Row], bool]


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
    return _text(get(tree, path), path)


def _text(value: Any, place: str) -> str:
    if isinstance(value, dict | list):
        raise Mismatch("unreadable", place)
    try:
        return text_of(value)
    except ValueError:
        raise Mismatch("unreadable", place) from None


class Mapper:
    """The compiled mapping of one connector."""

    def __init__(self, answer: AnswerSpec) -> None:
        self.answer = answer
        self.sections = tuple(_Section(s) for s in answer.sections)
        self.lists = frozenset(s.rows for s in answer.sections)
        used = {answer.outcome.field, answer.as_of.field, answer.subject.name, answer.subject.id}
        used.update(p for p in (answer.part, answer.total) if p)
        if answer.paging:
            used.update(answer.paging.places)
        if answer.indicator:
            used.add(answer.indicator.field)
        used.update(s.count for s in answer.sections if s.count)
        self._known = frozenset(used | set(answer.ignore) | self.lists)

    def audit(self, tree: Any, signals: Signals) -> None:
        """Note every place of the answer, outside its rows, that nobody declared."""
        for place in _places(tree, "", self.lists):
            if place not in self._known:
                signals.add("unexpected_field", place)


def _places(tree: Any, path: str, lists: frozenset[str]) -> Iterator[str]:
    if path not in lists and isinstance(tree, dict | list) and tree:
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, value in items:
            yield from _places(value, f"{path}.{key}" if path else str(key), lists)
    elif path:
        yield path


class _Section:
    """The compiled mapping of one list of rows."""

    def __init__(self, spec: Section) -> None:
        self.spec = spec
        self._subjects = _subject_reader(spec.subjects)
        self._drop = [_test(c) for c in spec.drop_when]
        self._ranges = [_range(r) for r in spec.expect]
        self._records = [_Record(r) for r in spec.records]
        self.fields = frozenset(_used_fields(spec))
        self.known = self.fields | set(spec.ignore)

    def audit_header(self, header: Iterable[str], signals: Signals) -> None:
        """Note undeclared and missing columns of a table, also where it has no rows."""
        names = set(header)
        for name in sorted(names - self.known):
            signals.add("unexpected_field", f"{self.spec.rows}.{name}")
        for name in sorted(self.fields - names):
            signals.add("missing_field", f"{self.spec.rows}.{name}")

    def rows(self, tree: Any) -> list[Any]:
        """The rows of this section.

        Raises:
            Mismatch: there is no list at the declared place.
        """
        rows = get(tree, self.spec.rows)
        if not isinstance(rows, list):
            raise Mismatch("unreadable", self.spec.rows)
        return rows

    def read(self, row: Any, whole: Whole, signals: Signals) -> tuple[list[Record], Any]:
        """The records of a row and, where objects are unique, its key and what must agree."""
        if not isinstance(row, dict):
            signals.add("unreadable", self.spec.rows)
            return [], None
        if any(isinstance(value, dict) for value in row.values()):
            row = dict(flat_row(row, ""))
        if row.keys() != self.fields:
            self.audit_header(row, signals)
            if not self.fields <= row.keys():
                return [], None
        try:
            for check in self._ranges:
                check(row)
            if any(test(row) for test in self._drop):
                return [], None
            made = [
                {**subject, **record}
                for subject in self._subjects(row)
                for maker in self._records
                if (record := maker.make(row, whole)) is not None
            ]
            return made, self._identity(row, whole)
        except Mismatch as fault:
            signals.add(fault.code, f"{self.spec.rows}.{fault.place}")
            return [], None

    def _identity(self, row: Row, whole: Whole) -> Any:
        if self.spec.unique is None:
            return None
        key = tuple(_text(row[f], f) for f in self.spec.unique.key)
        if not all(key):
            return None
        agree = tuple(_comparable(row[f]) for f in self.spec.unique.agree)
        return (self.spec.rows, whole.part, *key), agree


def flat_row(row: Row, path: str) -> Iterator[tuple[str, Any]]:
    """Nested mappings of a row by dotted name, as declarations name them."""
    for key, value in row.items():
        if isinstance(value, dict) and value:
            yield from flat_row(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _comparable(value: Any) -> Any:
    """Equal for equal contents, whatever the order of owners or fields."""
    if isinstance(value, list):
        return tuple(sorted(repr(_comparable(v)) for v in value))
    if isinstance(value, dict):
        return tuple(sorted((k, repr(_comparable(v))) for k, v in value.items()))
    return text_of(value)


# The canonical form of verify.domain.canonical, for values already known to be text, integers
# and dates: checking them again was a third of the time that decoding took.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _detail_text(detail: Record) -> str:
    plain = {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in detail.items()}
    return _encode(plain)


def _used_fields(spec: Section) -> Iterator[str]:
    subjects = spec.subjects
    if isinstance(subjects, ListSubjects):
        yield subjects.list
    else:
        yield from (p for p in (subjects.name, subjects.id, subjects.phone, subjects.address) if p)
    if isinstance(subjects, JointSubjects):
        yield subjects.also
    for condition in spec.drop_when:
        yield condition.field
    for bound in spec.expect:
        yield bound.field
    if spec.unique:
        yield from (*spec.unique.key, *spec.unique.agree)
    for record in spec.records:
        yield from (c.field for c in record.when)
        for value in (record.kind, *record.columns.values(), *record.detail.values()):
            yield from _value_fields(value)


def _value_fields(value: ValueSpec) -> Iterator[str]:
    yield from (p for p in (value.field, value.minus) if p)
    for inner in value.join or ():
        yield from _value_fields(inner)


class _Record:
    """The compiled form of one record template."""

    def __init__(self, spec: RecordSpec) -> None:
        self._when = [_test(c) for c in spec.when]
        self._kind = _reader(spec.kind)
        self._columns = [(name, _reader(value)) for name, value in sorted(spec.columns.items())]
        self._detail = [
            (name, _reader(value.model_copy(update={"optional": True})))
            for name, value in sorted(spec.detail.items())
        ]

    def make(self, row: Row, whole: Whole) -> Record | None:
        """The record, or nothing where one of its conditions does not hold."""
        if not all(test(row) for test in self._when):
            return None
        record: Record = {"kind": self._kind(row, whole)}
        for name, read in self._columns:
            record[name] = read(row, whole)
        _check_period(record)
        detail = {n: v for n, read in self._detail if (v := read(row, whole)) is not None}
        record["detail"] = _detail_text(detail) if detail else "{}"
        return record


def _check_period(record: Record) -> None:
    """A monthly amount covers one month and a yearly one a calendar year, or it is neither."""
    grain = record["granularity"]
    start, end = record.get("period_start"), record.get("period_end")
    if grain == "instant":
        return
    if start is None or end is None:
        raise Mismatch("period", "period_start")
    month = (start.year, start.month) == (end.year, end.month)
    year = (start.year, start.month, end.month) == (end.year, 1, 12)
    if not (month if grain == "month" else year):
        raise Mismatch("period", "period_start")


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
        text = _text(row[name], name)
        if not text:
            if optional:
                return None
            raise Mismatch("empty_value", name)
        value = convert(text)
        return value if minus is None else value - convert(_text(row[minus], minus))

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


def _test(condition: Condition) -> Test:
    name = condition.field
    if condition.is_in is not None:
        wanted = frozenset(condition.is_in)
        return lambda row: _text(row[name], name) in wanted
    refused = frozenset(condition.not_in or ())
    return lambda row: _text(row[name], name) not in refused


def _range(bound: Range) -> Callable[[Row], None]:
    read = integer_amount(bound.unit)
    low, high = read(bound.min), read(bound.max)
    applies = _test(bound.where) if bound.where else None
    name = bound.field

    def check(row: Row) -> None:
        if applies is not None and not applies(row):
            return
        text = _text(row[name], name)
        if not text:
            return
        try:
            plausible = low <= read(text) <= high
        except ValueError:
            raise Mismatch("unreadable", name) from None
        if not plausible:
            raise Mismatch("implausible_value", name)
        if bound.decimals is not None and len(text.partition(".")[2]) != bound.decimals:
            raise Mismatch("other_decimals", name)

    return check


def _subject_reader(spec: Subjects) -> Callable[[Row], list[Record]]:
    if isinstance(spec, ListSubjects):
        return lambda row: _listed(spec, row[spec.list])
    own = (spec.phone, spec.address)

    def read(row: Row) -> list[Record]:
        holder = _subject(_text(row[spec.name], spec.name), _text(row[spec.id], spec.id), spec.name)
        for column, name in zip(("subject_phone", "subject_address"), own, strict=True):
            if name and (text := _text(row[name], name)):
                holder[column] = text
        also = _joint(spec, _text(row[spec.also], spec.also)) if spec.form == "joint" else []
        holders = [holder, *also]
        return [{**h, "share_num": 1, "share_den": len(holders)} for h in holders]

    return read


def _subject(name: str, number: str, place: str) -> Record:
    if not name.strip():
        raise Mismatch("empty_value", place)
    return {"subject_name": name, "subject_id": number or None}


def _joint(spec: JointSubjects, text: str) -> list[Record]:
    """Further holders of an account: `name|id` each, the id may be empty."""
    holders = []
    for entry in filter(None, text.split(spec.separator)):
        name, found, number = entry.partition(spec.inner)
        if not found or spec.inner in number:
            raise Mismatch("unreadable", spec.also)
        holders.append(_subject(name, number, spec.also))
    return holders


def _listed(spec: ListSubjects, owners: Any) -> list[Record]:
    if not isinstance(owners, list) or not owners:
        raise Mismatch("unreadable", spec.list)
    used = {spec.name, spec.id, spec.share}
    made = []
    for owner in owners:
        if not isinstance(owner, dict) or not used <= owner.keys():
            raise Mismatch("missing_field", spec.list)
        if extra := sorted(owner.keys() - used - set(spec.ignore)):
            raise Mismatch("unexpected_field", f"{spec.list}.{extra[0]}")
        try:
            num, den = read_share(_text(owner[spec.share], spec.share))
        except ValueError:
            raise Mismatch("unreadable", f"{spec.list}.{spec.share}") from None
        subject = _subject(
            _text(owner[spec.name], spec.name), _text(owner[spec.id], spec.id), spec.list
        )
        made.append({**subject, "share_num": num, "share_den": den})
    return made
