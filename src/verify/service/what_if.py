"""What if: the sealed evidence judged under other rules, scoring or date, or without one record.

An answer to a question, never a verdict: nothing is stored, and it says so. Families, clerks and
auditors learn from it what a doubt or a change of law comes to in this case.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from verify.content import ContentSet
from verify.domain.access import Caller
from verify.domain.canonical import plain
from verify.domain.errors import InputError, NotFound, Problem
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.contents import Contents
from verify.service.judging import Content, judge
from verify.service.replay import (
    MAX_DIFFERENCES,
    Difference,
    Note,
    differences_of,
    permit,
    sealed_case,
)
from verify.service.sealed import SealedCase
from verify.store import Store

Plain = dict[str, Any]


@dataclass(frozen=True)
class Supposed:
    """What is supposed to be otherwise; what is left out stays as it was sealed."""

    rules: ContentSet | None = None
    scoring: ContentSet | None = None
    as_of: dt.date | None = None
    without: str = ""  # a record, `bank/p1/3`, or all of an answer, `bank/p1`


@dataclass(frozen=True)
class WhatIf:
    """What it would come to. `sealed` and `supposed` hold outcome and benefit."""

    verification: str
    sequence: int
    stored: bool
    sealed: Plain
    supposed: Plain
    differences: tuple[Difference, ...]


class WhatIfs:
    """Answers such questions; writes nothing."""

    def __init__(self, store: Store, contents: Contents, note: Note = lambda *_: None) -> None:
        self._store = store
        self._contents = contents
        self._note = note

    def require(self, verification: str, caller: Caller) -> None:
        """Raise `NotPermitted` or `NotFound` unless the caller may ask about this one."""
        permit(caller)
        self._store.verification(verification, caller)

    def ask(
        self, verification: str, supposed: Supposed, caller: Caller, sequence: int | None = None
    ) -> WhatIf:
        """Judge one verdict's evidence again under a supposition.

        Raises:
            NotFound: no such verification in the caller's regions, or nothing judged yet.
            InputError: no such record or answer in this case; no law on that day.
        """
        permit(caller)
        row = self._store.verification(verification, caller)
        verdicts = self._store.verdicts(verification, caller)
        chosen = [v for v in verdicts if sequence is None or v.sequence == sequence]
        if not chosen:
            raise NotFound("there is no verdict to ask about yet", where=verification)
        verdict = chosen[-1]
        self._note(caller, verification, "what if", verdict.verdict_digest)
        case = sealed_case(self._store, row, verdict, caller)
        before = json.loads(self._store.blob(verdict.verdict_digest))
        trace = json.loads(self._store.blob(verdict.trace_digest))
        leave_out = _left_out(supposed.without, trace)
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
            differences=tuple(found)[:MAX_DIFFERENCES],
        )

    def _content(self, case: SealedCase, supposed: Supposed) -> Content:
        pinned = self._contents.pinned(case.digests)
        return Content(
            Law.from_content(supposed.rules) if supposed.rules else pinned.law,
            Scoring.from_content(supposed.scoring) if supposed.scoring else pinned.scoring,
            pinned.connectors,
        )


def _dated(case: SealedCase, supposed: Supposed) -> SealedCase:
    if supposed.as_of is None:
        return case
    known = max(case.application.known_at, supposed.as_of)
    changed = dataclasses.replace(case.application, as_of=supposed.as_of, known_at=known)
    return dataclasses.replace(case, application=changed)


def _left_out(without: str, trace: Plain) -> frozenset[str]:
    """The records that a supposition takes away."""
    if not without:
        return frozenset()
    records = {str(r["record"]) for r in trace["records"]}
    gone = {r for r in records if r == without or r.startswith(without + "/")}
    if not gone:
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
    return frozenset(gone)


def _summary(verdict: Plain) -> Plain:
    benefit = verdict.get("assessment", {}).get("benefit")
    return {"outcome": verdict["outcome"], "benefit": plain(benefit)}
