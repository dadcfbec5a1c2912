"""Steps 3 to 6: from sealed evidence to verdicts. Pure; always a batch.

`judge` is the whole judging path: decode the raw answers, resolve identities, reconcile the
statements into facts, apply the law, assemble the verdict. It reads no clock and does no I/O;
replay calls exactly this function.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from verify import frames, telemetry
from verify.connectors import Connectors
from verify.domain.canonical import canonical_bytes, digest_bytes, plain_fields
from verify.domain.evidence import EvidenceState, Exchange
from verify.domain.household import Application, Role
from verify.domain.match import Judgement
from verify.domain.verdict import Assessment, Outcome, Text, Verdict
from verify.domain.vocabulary import Nature, Relation, StatementKind
from verify.identity import resolve
from verify.reconcile import auxiliary_signals, reconcile
from verify.rules import Law, assess, declared_facts
from verify.service.answers import Content, Signals, read_answers
from verify.service.sealed import SealedCase

DISCLAIMER = Text(
    zh="本结论是经济状况核对意见,供审核确认机关参考,不是救助决定;由具名工作人员确认后方可使用。",
    en="This is a finding for the authority, not its decision; a named person must confirm it "
    "(State Council Order 649, article 58).",
)

# The reasons that a reader of a verdict wants to see for a record that is not simply theirs.
Row = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """A verdict, its canonical bytes, and the bytes of its trace."""

    verdict: Verdict
    verdict_bytes: bytes
    trace_bytes: bytes


@dataclass(frozen=True)
class Facts:
    """What the rules are asked about a batch: households by the number of their case."""

    households: pl.DataFrame
    persons: pl.DataFrame
    facts: pl.DataFrame
    doubts: pl.DataFrame


def judge(
    cases: Sequence[SealedCase], content: Content, *, leave_out: frozenset[str] = frozenset()
) -> list[Judged]:
    """Judge a batch of sealed cases; the result is in the order of `cases`.

    A case's verdict depends on that case alone: the batch is only a way to go faster. `leave_out`
    names records to judge without, for a supposition; a verdict leaves out none.
    """
    keys = _keys(cases)
    found, parts = _established(keys, cases, content, leave_out)
    assessments = assess(content.law, found.households, found.persons, found.facts, found.doubts)
    by_household = {a.household: a for a in assessments}
    return [
        _assemble(key, case, by_household[key], parts)
        for key, case in zip(keys, cases, strict=True)
    ]


def facts_of(cases: Sequence[SealedCase], content: Content) -> Facts:
    """The same path up to the rules: what sealed cases establish, to ask other rules about."""
    return _established(_keys(cases), cases, content)[0]


def _keys(cases: Sequence[SealedCase]) -> list[str]:
    return [f"{i:08d}" for i in range(len(cases))]


def _established(
    keys: Sequence[str],
    cases: Sequence[SealedCase],
    content: Content,
    leave_out: frozenset[str] = frozenset(),
) -> tuple[Facts, _Parts]:
    with telemetry.span("decode", households=len(cases)), telemetry.DECODE_SECONDS.time():
        coverage, records, signals = read_answers(keys, cases, content)
    if leave_out:
        records = records.filter(~pl.col("record").is_in(sorted(leave_out)))
    households = frames.HOUSEHOLDS.frame(
        _household_row(k, c.application) for k, c in zip(keys, cases, strict=True)
    )
    persons = frames.PERSONS.frame(_each(keys, cases, _person_rows))
    # What auxiliary sources say never meets what is counted: it can decide nothing.
    counted, aside = _apart(coverage, records)
    matches = resolve(persons, counted.records, content.scoring)
    reconciled = reconcile(
        households,
        persons,
        counted.records,
        matches,
        counted.coverage,
        frames.DECLARED.frame(_each(keys, cases, _declared_rows)),
        frames.CLAIMS.frame(_each(keys, cases, _claim_rows)),
    )
    discrepancies = reconciled.discrepancies
    signalled = resolve(persons, aside.records, content.scoring)
    told = auxiliary_signals(aside.records, signalled, aside.coverage)
    if not told.is_empty():
        discrepancies = pl.concat([discrepancies, told]).sort(frames.DISCREPANCIES.key)
    if not signalled.is_empty():
        matches = pl.concat([matches, signalled]).sort(frames.MATCHES.key)
    parts = _Parts(
        coverage=_grouped(coverage),
        records=_grouped(records),
        matches=_grouped(matches),
        facts=_grouped(reconciled.facts),
        discrepancies=_grouped(discrepancies),
        signals=signals,
        pinned=content.connectors,
    )
    return Facts(households, persons, reconciled.facts, reconciled.doubts), parts


@dataclass(frozen=True)
class _Evidence:
    coverage: pl.DataFrame
    records: pl.DataFrame


def _apart(coverage: pl.DataFrame, records: pl.DataFrame) -> tuple[_Evidence, _Evidence]:
    """The evidence that counts, and that of auxiliary sources."""
    if coverage["mandatory"].all():
        return _Evidence(coverage, records), _Evidence(coverage.clear(), records.clear())
    aside = coverage.filter(~pl.col("mandatory"))
    on = ["household", "evidence"]
    return (
        _Evidence(coverage.filter("mandatory"), records.join(aside, on=on, how="anti")),
        _Evidence(aside, records.join(aside, on=on, how="semi")),
    )


@dataclass(frozen=True)
class _Parts:
    coverage: Mapping[str, list[Row]]
    records: Mapping[str, list[Row]]
    matches: Mapping[str, list[Row]]
    facts: Mapping[str, list[Row]]
    discrepancies: Mapping[str, list[Row]]
    signals: Signals
    pinned: Connectors


def _grouped(frame: pl.DataFrame) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        groups.setdefault(row.pop("household"), []).append(row)
    return groups


def _each(keys: Sequence[str], cases: Sequence[SealedCase], rows: Any) -> Iterable[Row]:
    for key, case in zip(keys, cases, strict=True):
        for row in rows(case.application):
            yield {"household": key, **row}


def _household_row(key: str, a: Application) -> Row:
    return {
        "household": key,
        "programme": a.programme,
        "region": a.region,
        "residence": a.residence.value,
        "as_of": a.as_of,
        "known_at": a.known_at,
    }


def _person_rows(a: Application) -> Iterable[Row]:
    for p in a.persons:
        yield {
            "person": p.person,
            "role": p.role.value,
            "relation": p.relation.value,
            "name": p.name,
            "former_names": list(p.former_names),
            "id_number": p.id_number,
            "birth": p.birth,
            "phone": p.phone,
            "address": p.address,
        }


def _declared_rows(a: Application) -> Iterable[Row]:
    """Declared amounts, and what supporters pay: income of the applicant (57号 article 13)."""
    totals: Counter[tuple[str, str]] = Counter()
    for d in a.declared.amounts:
        totals[(d.person, d.kind.value)] += d.amount
    applicant = next(p.person for p in a.members if p.relation is Relation.SELF)
    for p in a.persons:
        if p.role is Role.SUPPORTER and p.support is not None:
            totals[(applicant, StatementKind.SUPPORT_RECEIVED.value)] += p.support.monthly
    for (person, quantity), amount in totals.items():
        yield {"person": person, "quantity": quantity, "amount": amount}


def _stated(keys: Sequence[str], cases: Sequence[SealedCase], law: Law) -> pl.DataFrame:
    """What the family declared, as facts of its own, where a rulebook compares the two."""
    rows: list[Row] = []
    for key, case in zip(keys, cases, strict=True):
        application = case.application
        if not law.find(application.region, application.programme).plan.compares_declared:
            continue
        number = itertools.count(1)
        for d in application.declared.amounts:
            monthly = d.kind.nature in (Nature.FLOW, Nature.SPENDING)
            for row in declared_facts(application.as_of, [(d.kind.value, d.amount, monthly)]):
                rows.append(
                    {
                        "household": key,
                        "fact": f"declared/{next(number):04d}",
                        "person": d.person,
                        "evidence": [],
                        "records": [],
                        **row,
                    }
                )
    return frames.FACTS.frame(rows)


def _claim_rows(a: Application) -> Iterable[Row]:
    """Circumstances that hold on the day; a later claim of the same kind replaces an earlier."""
    for p in a.persons:
        claims = {
            c.kind: c
            for c in p.circumstances
            if (c.since is None or c.since <= a.as_of) and (c.until is None or a.as_of <= c.until)
        }
        for kind, c in claims.items():
            yield {
                "person": p.person,
                "kind": kind.value,
                "holds": c.holds,
                "documented": bool(c.document.strip()),
                "grade": c.grade,
                "category": c.category or None,
            }


def _assemble(key: str, case: SealedCase, assessment: Assessment, parts: _Parts) -> Judged:
    application = case.application
    coverage = _coverage_view(key, case, parts)
    waiting = any(
        EvidenceState(c["state"]).worth_asking_again and not case.closed
        for c in coverage
        if not c.get("auxiliary")
    )
    trace_bytes = canonical_bytes(
        {
            "schema": "verify.trace/1",
            "trace": assessment.trace,
            "facts": [_clean(f) for f in parts.facts.get(key, [])],
            "records": [_clean(r) for r in parts.records.get(key, [])],
        }
    )
    # Nobody was asked in its place, now or later: neither closes the case nor favours the family.
    unasked = any(c["asked_on"] is None for c in coverage)
    if unasked and assessment.outcome is Outcome.ELIGIBLE:
        assessment = dataclasses.replace(assessment, outcome=Outcome.UNDETERMINED)
    settled = assessment.outcome is not Outcome.UNDETERMINED or not waiting
    body = plain_fields(assessment, without=frozenset({"trace", "household"}))
    verdict = Verdict(
        schema="verify.verdict/1",
        engine=case.digests.engine,
        programme=application.programme,
        region=application.region,
        residence=application.residence.value,
        as_of=application.as_of.isoformat(),
        known_at=application.known_at.isoformat(),
        digests={
            "application": case.application_digest,
            "connectors": case.digests.connectors,
            "evidence": case.evidence_digest,
            "rules": case.digests.rules,
            "scoring": case.digests.scoring,
            "trace": digest_bytes(trace_bytes),
        },
        outcome=assessment.outcome,
        final=settled and not unasked,
        assessment=body,
        coverage=coverage,
        matches=_match_view(parts.matches.get(key, []), parts.records.get(key, [])),
        discrepancies=[_clean(d) for d in parts.discrepancies.get(key, [])],
        disclaimer=DISCLAIMER,
    )
    return Judged(verdict, canonical_bytes(verdict), trace_bytes)


def _clean(row: Row) -> Row:
    """A frame row as canonical data, without the columns that say nothing."""
    return {k: v for k, v in row.items() if v is not None}


def _coverage_view(key: str, case: SealedCase, parts: _Parts) -> list[Row]:
    exchanges = {e.evidence: e for e in case.exchanges}
    view = []
    for row in parts.coverage.get(key, []):
        exchange = exchanges.get(row["evidence"])
        view.append(
            {
                "evidence": row["evidence"],
                "source": row["source"],
                "person": row["person"],
                # Only where it is so: verdicts from before there were any stay what they were.
                **({} if row["mandatory"] else {"auxiliary": True}),
                "state": row["state"],
                "detail": row["detail"],
                "signals": [s[:120] for s in parts.signals[(key, row["evidence"])][:20]],
                "as_of": row["as_of"].isoformat() if row["as_of"] else None,
                "asked_on": exchange.asked_on.isoformat() if exchange else None,
                "letter": exchange.letter if exchange else "",
                "records": row["records"],
                "bodies": list(exchange.bodies) if exchange else [],
                "connector": exchange.connector if exchange else None,
                **_other_version(exchange, parts.pinned),
            }
        )
    return view


def _other_version(exchange: Exchange | None, pinned: Connectors) -> Row:
    """Where a question was put with another version than the case is pinned to: both by name."""
    if exchange is None or not exchange.connectors:
        return {}
    planned = pinned.declaration(exchange.source).digest
    return {"connectors": exchange.connectors, "instead_of": planned}


def match_counts(verdict: Verdict) -> dict[str, Counter[str]]:
    """By source, how many records were judged positive, unsure and negative.

    A record is compared with several people and counts once, as the best it was for anybody.
    """
    best: dict[tuple[str, str], int] = {}
    for match in verdict.matches:
        key = (match["evidence"].partition("/")[0], match["record"])
        best[key] = min(best.get(key, len(_RANK)), _RANK.index(match["judgement"]))
    counts: dict[str, Counter[str]] = {}
    for (source, _), rank in best.items():
        counts.setdefault(source, Counter())[_RANK[rank]] += 1
    return counts


_RANK = [Judgement.POSITIVE.value, Judgement.UNSURE.value, Judgement.NEGATIVE.value]


def _match_view(matches: list[Row], records: list[Row]) -> list[dict[str, Any]]:
    """Per record: whose it was judged to be, and why; rejected candidates stay listed."""
    info = {r["record"]: r for r in records}
    return [
        {
            "record": m["record"],
            "evidence": info[m["record"]]["evidence"],
            "kind": info[m["record"]]["kind"],
            "person": m["person"],
            "judgement": m["judgement"],
            "weighs": m["weighs"],
            "rule": m["rule"],
            "score": m["score"],
            "prior": m["prior"],
            "reasons": m["reasons"],
        }
        for m in matches
    ]
