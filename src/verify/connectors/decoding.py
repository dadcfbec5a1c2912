"""From raw answer bytes to records and an evidence state. Pure: replay runs it years later.

The states, worst first; an answer gets the worst that is true of any of its bodies:

    wrong_subject     the answer repeats another subject than the one asked about
    malformed         the bytes are not what the format demands
    schema_mismatch   readable, but not what the connector declares (or not plausible)
    (failures)        the source's own result code says that it could not answer
    partial           pages, parts or counts do not add up          rows are kept
    conflicting       one object is stated twice, differently       rows are kept
    stale             the data are older than the connector allows  rows are kept
    ok                there are rows
    confirmed_empty   the source says in so many words that it found nothing

"Nobody answered" and "an answer we cannot read" never become "nothing found".
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verify.connectors import wire
from verify.connectors.declaration import Declaration
from verify.connectors.grammar import DayField, Echo, Indicator, Paging
from verify.connectors.mapping import Signals
from verify.connectors.places import Mismatch, Whole, get, get_text
from verify.connectors.tables import parse_table_file
from verify.connectors.values import read_day, same_number
from verify.connectors.wholeness import Body, state_of
from verify.domain.evidence import EvidenceState
from verify.frames import RECORDS

Record = dict[str, Any]

_WHERE = ("household", "record", "evidence", "source", "asked_person")
_CONTENT = tuple(sorted(c for c in RECORDS.columns if c not in _WHERE))


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """Who was asked about, and where the records belong.

    `evidence` is the evidence id (`bank/p1`), `person` the caller's key, `name` and `id_number`
    what the source was asked for, `as_of` the day in question, `asked_on` the day of asking
    (where it is not known, no answer can be from the future).
    """

    household: str
    evidence: str
    person: str
    name: str
    id_number: str
    as_of: dt.date
    asked_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an answer says.

    `rows` fit `verify.frames.RECORDS`; `detail` is a stable code; `signals` name the deviations
    from the declaration (`unexpected_field:srxx.foo`), never values. `as_of` is the oldest day
    of which the source says its data are.
    """

    state: EvidenceState
    detail: str
    as_of: dt.date | None
    rows: list[Record]
    signals: tuple[str, ...]


@dataclass(frozen=True)
class _Useless:
    """A body of which nothing may be used."""

    state: EvidenceState
    detail: str


_USELESS = (
    EvidenceState.WRONG_SUBJECT,
    EvidenceState.MALFORMED,
    EvidenceState.SCHEMA_MISMATCH,
    EvidenceState.UNAUTHORISED,
    EvidenceState.THROTTLED,
    EvidenceState.UNAVAILABLE,
    EvidenceState.TIMEOUT,
    EvidenceState.CANCELLED,
)


def decode(declaration: Declaration, bodies: Sequence[bytes], question: DecodeContext) -> Decoded:
    """Read the raw bodies of one answer as the declaration says. Never raises for their content.

    The order of pages and parts does not matter: the same rows give the same records with the
    same ids.
    """
    if not bodies:
        return Decoded(EvidenceState.MALFORMED, "no_body", None, [], ())
    reading = _Reading(declaration, question)
    results = [reading.body(b) for b in bodies]
    read = [r for r in results if isinstance(r, Body)]
    signals = tuple(reading.signals.found)
    as_of = min((b.as_of for b in read), default=None)
    useless = [r for r in results if isinstance(r, _Useless)]
    if signals:
        useless.append(_Useless(EvidenceState.SCHEMA_MISMATCH, signals[0].partition(":")[0]))
    if as_of is None or useless:
        worst = min(useless, key=lambda u: (_USELESS.index(u.state), u.detail))
        return Decoded(worst.state, worst.detail, as_of, [], signals)
    state, detail = state_of(declaration, read, question.as_of, as_of)
    rows = [] if state in _USELESS else _numbered(declaration, read, question)
    return Decoded(state, detail, as_of, rows, ())


class _Reading:
    """Reads the bodies of one answer, collecting what is unlike the declaration."""

    def __init__(self, declaration: Declaration, question: DecodeContext) -> None:
        self._declaration = declaration
        self._mapper = declaration.mapper
        self._answer = declaration.answer
        self._limits = declaration.limits
        self._question = question
        self.signals = Signals()

    def body(self, body: bytes) -> Body | _Useless:
        """One body, read, or why nothing of it may be used."""
        if not body.strip():
            return _Useless(EvidenceState.MALFORMED, "empty_body")
        if wire.looks_like_web_page(body):
            return _Useless(EvidenceState.SCHEMA_MISMATCH, "web_page")
        if len(body) > self._limits.max_bytes:
            return _Useless(EvidenceState.MALFORMED, "too_large")
        try:
            return self._tree(*_parse(self._declaration, body))
        except (wire.Malformed, wire.SoapFault) as fault:
            return _unreadable(fault)
        except Mismatch as fault:
            self.signals.add(fault.code, fault.place)
            return _Useless(EvidenceState.SCHEMA_MISMATCH, fault.code)

    def _tree(self, tree: Any, header: list[str] | None) -> Body | _Useless:
        spec = self._answer
        code = get_text(tree, spec.outcome.field)
        if code in spec.outcome.failures:
            # A refusal need not have the shape of an answer; what it lacks is no change of schema.
            return _Useless(spec.outcome.failures[code], "source_says_no")
        self._mapper.audit(tree, self.signals)
        if code not in (*spec.outcome.ok, *spec.outcome.empty):
            raise Mismatch("unknown_outcome", spec.outcome.field)
        if not _same_subject(tree, spec.subject, self._question):
            return _Useless(EvidenceState.WRONG_SUBJECT, "echo_differs")
        body = Body(_day(tree, spec.as_of), empty=code in spec.outcome.empty)
        if _in_the_future(body.as_of, self._question.asked_on):
            return _Useless(EvidenceState.SCHEMA_MISMATCH, "day_in_the_future")
        body.part = get_text(tree, spec.part) if spec.part else ""
        body.total = _number(tree, spec.total) if spec.total else None
        _place_of_page(tree, spec.paging, body)
        if spec.indicator:
            body.disclosed = _disclosed(tree, spec.indicator, body)
        self._rows(tree, header, body)
        if body.empty and body.count:
            raise Mismatch("empty_with_rows", spec.outcome.field)
        return body

    def _rows(self, tree: Any, header: list[str] | None, body: Body) -> None:
        whole = Whole(body.as_of, body.part)
        for section in self._mapper.sections:
            if header is not None:
                section.audit_header(header, self.signals)
            rows = section.rows(tree)
            body.count += len(rows)
            if body.count > self._limits.max_rows:
                raise Mismatch("row_count", section.spec.rows)
            if section.spec.count and _number(tree, section.spec.count) != len(rows):
                body.counts_agree = False
            for row in rows:
                records, identity = section.read(row, whole, self.signals)
                body.records.extend(records)
                if identity is not None:
                    body.identities.append(identity)


def _unreadable(fault: wire.Malformed | wire.SoapFault) -> _Useless:
    if isinstance(fault, wire.SoapFault):
        return _Useless(EvidenceState.UNAVAILABLE, "soap_fault")
    return _Useless(EvidenceState.MALFORMED, fault.code)


def read_tree(declaration: Declaration, body: bytes) -> Any:
    """The answer as mappings, lists and texts.

    Raises:
        Malformed: the bytes are not what the format demands.
    """
    return _parse(declaration, body)[0]


def _parse(declaration: Declaration, body: bytes) -> tuple[Any, list[str] | None]:
    """The answer as a tree, and the header where its rows are a table."""
    answer = declaration.answer
    if answer.format == "xml":
        return wire.parse_xml(body, declaration.mapper.lists), None
    if answer.format == "soap":
        return wire.parse_soap(body, declaration.mapper.lists), None
    if answer.table is not None:
        return parse_table_file(body, answer.table, declaration.limits.max_rows)
    tree = wire.parse_json(body)
    spec = answer.payload
    if spec is None:
        return tree, None
    if not isinstance(tree, dict) or spec.field not in tree:
        raise wire.Malformed("payload")
    header, rows = wire.parse_table(
        tree[spec.field], spec.encoding, spec.delimiter, declaration.limits.max_rows
    )
    return {**tree, spec.field: rows}, header


def _same_subject(tree: Any, echo: Echo, question: DecodeContext) -> bool:
    name = unicodedata.normalize("NFKC", get_text(tree, echo.name)).strip()
    asked = unicodedata.normalize("NFKC", question.name).strip()
    return name == asked and same_number(get_text(tree, echo.id), question.id_number)


def _in_the_future(as_of: dt.date, asked_on: dt.date | None) -> bool:
    """Whether data are of a day that had not come: they would never be stale.

    A day is allowed for clocks and time zones that differ.
    """
    return asked_on is not None and as_of > asked_on + dt.timedelta(days=1)


def _day(tree: Any, spec: DayField) -> dt.date:
    try:
        return read_day(get_text(tree, spec.field), spec.format)
    except ValueError:
        raise Mismatch("unreadable", spec.field) from None


def _place_of_page(tree: Any, paging: Paging | None, body: Body) -> None:
    if paging is None:
        return
    if paging.page and paging.pages:
        body.page = _number(tree, paging.page)
        body.pages = _number(tree, paging.pages)
    if paging.offset:
        body.offset = _number(tree, paging.offset)
    if paging.next:
        body.next = get_text(tree, paging.next)


def _disclosed(tree: Any, indicator: Indicator, body: Body) -> bool:
    """Whether the source says that there is something; it says no more."""
    text = get_text(tree, indicator.field)
    if text not in (*indicator.nothing, *indicator.something):
        raise Mismatch("unknown_code", indicator.field)
    something = text in indicator.something
    if something and body.empty:
        raise Mismatch("empty_with_rows", indicator.field)
    return something


def _number(tree: Any, path: str) -> int:
    value = get(tree, path)
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Mismatch("unreadable", path)
    return int(text)


def _numbered(declaration: Declaration, read: list[Body], question: DecodeContext) -> list[Record]:
    """Identical records once, in an order that no page boundary and no source decides."""
    distinct = {_order(r): r for b in read for r in b.records}
    return [
        {
            "household": question.household,
            "record": f"{question.evidence}/{ordinal}",
            "evidence": question.evidence,
            "source": declaration.id,
            "asked_person": question.person,
            **distinct[key],
        }
        for ordinal, key in enumerate(sorted(distinct), start=1)
    ]


def _order(record: Record) -> tuple[str, ...]:
    """A total order of records by content. Equal only for equal records: no text of an answer
    holds the control character that stands for a missing value."""
    return tuple("\x00" if (v := record.get(c)) is None else str(v) for c in _CONTENT)
