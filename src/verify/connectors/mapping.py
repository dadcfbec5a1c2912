"""Turn the rows of an answer into records, as the connector's mapping says. Pure.

The mapping is compiled once into plain functions. Each field is read, and what remains is
audited: a field that nobody declared, or a declared one that is gone, is a *signal* that the
source has changed; then nothing of the answer is used until a person has looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from verify.connectors.grammar import (
    AnswerSpec,
    JointSubjects,
    ListSubjects,
    RecordSpec,
    Section,
    Subjects,
    ValueSpec,
)
from verify.connectors.places import Mismatch, Record, Row, Whole, flat_row, get, text_at
from verify.connectors.readers import condition_test, range_check, value_reader
from verify.connectors.values import read_share, text_of
from verify.domain.canonical import canonical_bytes

MAX_SIGNALS = 50


@dataclass
class Signals:
    """What is unlike the declaration, collected over a whole answer."""

    found: dict[str, None] = field(default_factory=dict)

    def add(self, code: str, place: str) -> None:
        """Note a deviation; field names are shortened, values never enter."""
        if len(self.found) < MAX_SIGNALS:
            self.found[f"{code}:{place[:80]}"] = None


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
        self._drop = [condition_test(c) for c in spec.drop_when]
        self._ranges = [range_check(r) for r in spec.expect]
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
        key = tuple(text_at(row[f], f) for f in self.spec.unique.key)
        if not all(key):
            return None
        agree = tuple(_comparable(row[f]) for f in self.spec.unique.agree)
        return (self.spec.rows, whole.part, *key), agree


def _comparable(value: Any) -> Any:
    """Equal for equal contents, whatever the order of owners or fields."""
    if isinstance(value, list):
        return tuple(sorted(repr(_comparable(v)) for v in value))
    if isinstance(value, dict):
        return tuple(sorted((k, repr(_comparable(v))) for k, v in value.items()))
    return text_of(value)


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
        self._when = [condition_test(c) for c in spec.when]
        self._kind = value_reader(spec.kind)
        self._columns = [
            (name, value_reader(value)) for name, value in sorted(spec.columns.items())
        ]
        self._detail = [
            (name, value_reader(value.model_copy(update={"optional": True})))
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
        record["detail"] = canonical_bytes(detail).decode() if detail else "{}"
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


def _subject_reader(spec: Subjects) -> Callable[[Row], list[Record]]:
    if isinstance(spec, ListSubjects):
        return lambda row: _listed(spec, row[spec.list])
    own = (spec.phone, spec.address)

    def read(row: Row) -> list[Record]:
        holder = _subject(
            text_at(row[spec.name], spec.name), text_at(row[spec.id], spec.id), spec.name
        )
        for column, name in zip(("subject_phone", "subject_address"), own, strict=True):
            if name and (text := text_at(row[name], name)):
                holder[column] = text
        also = _joint(spec, text_at(row[spec.also], spec.also)) if spec.form == "joint" else []
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
            num, den = read_share(text_at(owner[spec.share], spec.share))
        except ValueError:
            raise Mismatch("unreadable", f"{spec.list}.{spec.share}") from None
        subject = _subject(
            text_at(owner[spec.name], spec.name), text_at(owner[spec.id], spec.id), spec.list
        )
        made.append({**subject, "share_num": num, "share_den": den})
    return made
