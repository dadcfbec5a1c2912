"""What the raw answers of sealed cases say, and what is not there to say anything. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from verify import frames
from verify.connectors import Connectors, Declaration, DecodeContext, Decoded, decode
from verify.domain.evidence import EvidenceState, Exchange
from verify.domain.household import Person
from verify.domain.vocabulary import StatementKind
from verify.rules import Law, Rulebook
from verify.scoring import Scoring
from verify.service.questions import deciding_questions
from verify.service.sealed import SealedCase

Row = dict[str, Any]
Signals = dict[tuple[str, str], tuple[str, ...]]

NEVER_ASKED = "never_asked"
"""The detail of a mandatory source that a case holds no exchange with."""


@dataclass(frozen=True)
class Content:
    """The three content sets a batch is judged with.

    `versions` are further sets of connectors, by digest: those that single answers were asked
    with, because the question was put again after a change of its source.
    """

    law: Law
    scoring: Scoring
    connectors: Connectors
    versions: Mapping[str, Connectors] = field(default_factory=dict)

    def declaration(self, exchange: Exchange) -> Declaration:
        """What an exchange was asked with, and is read with."""
        held = self.versions[exchange.connectors] if exchange.connectors else self.connectors
        return held.declaration(exchange.source)


def read_answers(
    keys: Sequence[str], cases: Sequence[SealedCase], content: Content
) -> tuple[pl.DataFrame, pl.DataFrame, Signals]:
    """Coverage, records, and what was odd about each answer (by household and evidence).

    A mandatory source that a case holds no exchange with at all is covered as `unavailable`,
    `never_asked`: left out, its silence would read as "nothing found".
    """
    coverage: list[Row] = []
    records: list[Row] = []
    signals: Signals = {}
    for key, case in zip(keys, cases, strict=True):
        people = {p.person: p for p in case.application.persons}
        book = content.law.find(case.application.region, case.application.programme)
        for exchange in case.exchanges:
            declaration = content.declaration(exchange)
            found = _decode(key, case, exchange, people[exchange.person], declaration)
            coverage.append(
                {
                    "household": key,
                    "evidence": exchange.evidence,
                    "source": exchange.source,
                    "person": exchange.person,
                    "mandatory": exchange.source not in book.auxiliary_sources,
                    "state": found.state.value,
                    "detail": found.detail,
                    "as_of": found.as_of,
                    "yields": sorted(str(k) for k in declaration.yields),
                    "records": len(found.rows),
                }
            )
            records.extend(found.rows)
            signals[(key, exchange.evidence)] = found.signals
        for row in _never_asked(key, case, book, content.connectors):
            coverage.append(row)
            signals[(key, row["evidence"])] = ()
    return frames.COVERAGE.frame(coverage), frames.RECORDS.frame(records), signals


def _never_asked(
    key: str, case: SealedCase, book: Rulebook, connectors: Connectors
) -> Iterable[Row]:
    asked = {(e.source, e.person) for e in case.exchanges}
    for source, person in deciding_questions(book, case.application):
        if (source, person) in asked:
            continue
        known = source in connectors.sources
        yields = connectors.declaration(source).yields if known else StatementKind
        yield {
            "household": key,
            "evidence": f"{source}/{person}",
            "source": source,
            "person": person,
            "mandatory": True,
            "state": EvidenceState.UNAVAILABLE.value,
            "detail": NEVER_ASKED,
            "as_of": None,
            "yields": sorted(str(k) for k in yields),
            "records": 0,
        }


def _decode(
    key: str, case: SealedCase, exchange: Exchange, person: Person, declaration: Declaration
) -> Decoded:
    """What an exchange says, and how good it is."""
    ended = exchange.transport
    if not exchange.bodies and ended.answered:
        # An answer without a single byte is no answer, whatever the transport believed.
        return Decoded(EvidenceState.MALFORMED, "no_body", None, [], ())
    if not exchange.bodies or not (ended.answered or ended is EvidenceState.PARTIAL):
        # Bytes that came with any other ending (a forged envelope) are kept, never read.
        return Decoded(ended, exchange.detail, None, [], ())
    context = DecodeContext(
        household=key,
        evidence=exchange.evidence,
        person=person.person,
        name=person.name,
        id_number=person.id_number,
        as_of=case.application.as_of,
        asked_on=exchange.asked_on,
    )
    decoded = decode(declaration, [case.bodies[d] for d in exchange.bodies], context)
    state, detail = _worse(exchange, decoded.state, decoded.detail)
    return dataclasses.replace(decoded, state=state, detail=detail)


def _worse(exchange: Exchange, state: EvidenceState, detail: str) -> tuple[EvidenceState, str]:
    """Bytes that came with trouble in transport (a bank missing) are never better than that."""
    if exchange.transport.answered or not state.answered:
        return state, detail
    return exchange.transport, exchange.detail
