"""What if: the sealed evidence judged under other rules, scoring or date, or without one record.

An answer to a question, never a verdict: nothing is stored, and it says so. Families, clerks and
auditors learn from it what a doubt or a change of law comes to in this case.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from verify.content import ContentSet
from verify.domain.access import Caller
from verify.domain.canonical import plain
from verify.domain.errors import InputError, NotFound, Problem
from verify.domain.evidence import EvidenceState, Exchange
from verify.rules import Law
from verify.scoring import Scoring
from verify.service import wording
from verify.service.answers import Content
from verify.service.contents import Contents
from verify.service.judging import judge
from verify.service.replay import (
    MAX_DIFFERENCES,
    Difference,
    Note,
    differences_of,
    permit,
    sealed_case,
)
from verify.service.report import assessment_view, written
from verify.service.schedule import Proposal, ProposalState
from verify.service.sealed import SealedCase
from verify.store import Store, VerdictRow, VerificationRow

Plain = dict[str, Any]


@dataclass(frozen=True)
class Supposed:
    """What is supposed to be otherwise; what is left out stays as it was sealed."""

    rules: ContentSet | None = None
    scoring: ContentSet | None = None
    as_of: dt.date | None = None
    without: str = ""  # a record, `bank/p1/3`, or a whole answer, `bank/p1`


@dataclass(frozen=True)
class ComparedTest:
    """A test as it was sealed beside the same test as supposed, in words; null: not asked."""

    test: str
    title: Plain
    sealed: Plain | None
    supposed: Plain | None
    differs: bool


@dataclass(frozen=True)
class WhatIf:
    """What it would come to. `sealed` and `supposed` hold outcome and benefit."""

    verification: str
    sequence: int
    stored: bool
    sealed: Plain
    supposed: Plain
    tests: tuple[ComparedTest, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Version:
    """A content set that is kept here. `proposals` says as what it was proposed, if it was."""

    digest: str
    sealed: bool
    current: bool
    proposals: tuple[Plain, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What can be supposed of a case: versions that are kept, its answers and their records."""

    verification: str
    case_number: str
    as_of: str
    outcome: str
    rules: tuple[Version, ...]
    scoring: tuple[Version, ...]
    records: tuple[Plain, ...]  # `record`, `kind` in words, `amount` in words or null


class WhatIfs:
    """Answers such questions; writes nothing."""

    def __init__(
        self,
        store: Store,
        contents: Contents,
        note: Note = lambda *_: None,
        standing: Callable[[], Iterable[tuple[Proposal, ProposalState]]] = list,
    ) -> None:
        self._store = store
        self._contents = contents
        self._note = note
        self._standing = standing

    def require(self, verification: str, caller: Caller) -> None:
        """Raise `NotPermitted` or `NotFound` unless the caller may ask about this one."""
        permit(caller)
        self._store.verification(verification, caller)

    def named(
        self, *, rules: str = "", scoring: str = "", as_of: str = "", without: str = ""
    ) -> Supposed:
        """A supposition as callers write it: versions by digest, the day as text.

        Raises:
            NotFound: no such set of that kind is kept here.
            InputError: the day is none.
        """
        return Supposed(
            rules=self._contents.rules(rules) if rules else None,
            scoring=self._contents.scoring_set(scoring) if scoring else None,
            as_of=_day(as_of),
            without=without,
        )

    def choices(self, verification: str, caller: Caller) -> Choices:
        """What can be supposed about a case; raises as `ask`. A read of the case."""
        permit(caller)
        row, verdict = self._judged(verification, caller, None)
        self._note(caller, verification, "what if", verdict.verdict_digest)
        trace = json.loads(self._store.document(verification, verdict.trace_digest, caller))
        records = [_choice(r) for r in trace["records"]]
        asked = self._store.exchanges(verification)
        answers = {f"{e.source}/{e.person}" for e in asked if e.bodies}
        records += [{"record": answer, "kind": None, "amount": None} for answer in answers]
        now = self._contents.digests
        return Choices(
            verification=verification,
            case_number=row.case_number,
            as_of=row.as_of,
            outcome=verdict.outcome,
            rules=self._versions("rules", row.rules_digest, now.rules),
            scoring=self._versions("scoring", row.scoring_digest, now.scoring),
            records=tuple(sorted(records, key=lambda r: _place(r["record"]))),
        )

    def _versions(self, kind: str, sealed: str, current: str) -> tuple[Version, ...]:
        proposed: dict[str, list[Plain]] = {}
        for proposal, state in self._standing() if kind == "rules" else ():
            said = {"id": proposal.id, "starts": proposal.starts, "state": state.value}
            proposed.setdefault(proposal.digest, []).append(said)
        return tuple(
            Version(digest, digest == sealed, digest == current, tuple(proposed.get(digest, ())))
            for digest in self._store.kept_sets(kind)
        )

    def _judged(
        self, verification: str, caller: Caller, sequence: int | None
    ) -> tuple[VerificationRow, VerdictRow]:
        row = self._store.verification(verification, caller)
        verdicts = self._store.verdicts(verification, caller)
        chosen = [v for v in verdicts if sequence is None or v.sequence == sequence]
        if not chosen:
            raise NotFound(
                "there is no verdict to ask about yet",
                where=verification,
                remedy="wait for the verdict, or leave the sequence number out",
            )
        return row, chosen[-1]

    def ask(
        self, verification: str, supposed: Supposed, caller: Caller, sequence: int | None = None
    ) -> WhatIf:
        """Judge one verdict's evidence again under a supposition.

        Raises:
            NotFound: no such verification in the caller's regions, or nothing judged yet.
            InputError: no such record or answer in this case; no law on that day.
        """
        permit(caller)
        row, verdict = self._judged(verification, caller, sequence)
        self._note(caller, verification, "what if", verdict.verdict_digest)
        case = sealed_case(self._store, row, verdict, caller)
        before = json.loads(self._store.blob(verdict.verdict_digest))
        trace = json.loads(self._store.blob(verdict.trace_digest))
        case, leave_out = _left_out(supposed.without, case, trace)
        content = self._content(case, supposed)
        (judged,) = judge([_dated(case, supposed)], content, leave_out=leave_out)
        after = json.loads(judged.verdict_bytes)
        found = differences_of(before.get("assessment"), after.get("assessment"), "/assessment")
        return WhatIf(
            verification=verification,
            sequence=verdict.sequence,
            stored=False,
            sealed=_summary(before),
            supposed=_summary(after),
            tests=_beside(before["assessment"], after["assessment"]),
            differences=tuple(found)[:MAX_DIFFERENCES],
        )

    def _content(self, case: SealedCase, supposed: Supposed) -> Content:
        pinned = self._contents.pinned(case.digests, case.versions)
        return Content(
            self._law(supposed.rules) if supposed.rules else pinned.law,
            Scoring.from_content(supposed.scoring) if supposed.scoring else pinned.scoring,
            pinned.connectors,
            pinned.versions,
        )

    def _law(self, rules: ContentSet) -> Law:
        try:
            return self._contents.law_of(rules.digest)
        except NotFound:  # a folder of the asker's own
            return Law.from_content(rules)


def _choice(record: Plain) -> Plain:
    """A record that may be supposed away; not whom the source named in it."""
    return {
        "record": str(record["record"]),
        "kind": wording.word(wording.KIND, record["kind"]),
        "amount": written(record)["amount"],
    }


def _place(record: str) -> tuple[str, str, int]:
    """An answer before its records, and those by number."""
    source, person, number = (*record.split("/"), "-1")[:3]
    return source, person, int(number) if number.lstrip("-").isdigit() else -1


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(
            "the supposed day is none",
            problems=(Problem("/as_of", "date", "it is not a day.", "Write 2025-10-01."),),
        ) from None


def _dated(case: SealedCase, supposed: Supposed) -> SealedCase:
    if supposed.as_of is None:
        return case
    known = max(case.application.known_at, supposed.as_of)
    changed = dataclasses.replace(case.application, as_of=supposed.as_of, known_at=known)
    return dataclasses.replace(case, application=changed)


def _unanswered(e: Exchange) -> Exchange:
    state = EvidenceState.UNAVAILABLE
    return dataclasses.replace(e, transport=state, bodies=(), detail="left_out")


def _left_out(without: str, case: SealedCase, trace: Plain) -> tuple[SealedCase, frozenset[str]]:
    """The case as a supposition leaves it, and the records that it takes away.

    A source whose answer is taken away has not answered: what it knows is unknown, not nothing.
    """
    if not without:
        return case, frozenset()
    answered = [e for e in case.exchanges if e.evidence == without and e.bodies]
    if answered:
        exchanges = tuple(_unanswered(e) if e in answered else e for e in case.exchanges)
        return dataclasses.replace(case, exchanges=exchanges), frozenset()
    if without not in {str(r["record"]) for r in trace["records"]}:
        raise InputError(
            "there is nothing to leave out",
            problems=(
                Problem(
                    "without",
                    "no-such-record",
                    "this case has no such record or answer.",
                    "Use a record or evidence id of its trace, `bank/p1/3` or `bank/p1`.",
                ),
            ),
        )
    return case, frozenset({without})


def _beside(sealed: Plain, supposed: Plain) -> tuple[ComparedTest, ...]:
    """Every test of either, in the order of the supposed verdict, those of before at the end."""
    old = {t["test"]: t for t in assessment_view(sealed, {})["tests"]}
    new = {t["test"]: t for t in assessment_view(supposed, {})["tests"]}
    found = []
    for name in [*new, *(name for name in old if name not in new)]:
        was, now = _side(old.get(name)), _side(new.get(name))
        title = (new.get(name) or old[name])["title"]
        found.append(ComparedTest(name, title, was, now, was != now))
    return tuple(found)


def _side(test: Plain | None) -> Plain | None:
    shown = ("state", "value", "operator", "limit")
    return None if test is None else {name: test[name] for name in shown}


def _summary(verdict: Plain) -> Plain:
    benefit = verdict.get("assessment", {}).get("benefit")
    return {"outcome": verdict["outcome"], "benefit": plain(benefit)}
