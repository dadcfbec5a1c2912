"""The doors to `verify.service.impact`: which households, which two sets of rules, for whom."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Sequence
from typing import Any

from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.errors import InputError, NotPermitted, Problem
from verify.rules import GivenHousehold, Law, Rulebook, load_cases
from verify.rules.diff import diff_laws
from verify.service.contents import Contents
from verify.service.impact import given_facts, impact
from verify.service.judging import Facts, facts_of
from verify.service.replay import sealed_case
from verify.service.sampling import sample
from verify.service.sealed import SealedCase, versions_of
from verify.store import Store, VerificationRow
from verify.store.keyring import Erased

Plain = dict[str, Any]

READERS = (RoleName.POLICY, RoleName.AUDITOR, RoleName.ADMINISTRATOR)
SEES_CASES = (RoleName.AUDITOR, RoleName.CASEWORKER)
MAX_HOUSEHOLDS = 5_000
PAGE = 200


class Sample(enum.StrEnum):
    """Which households are asked about."""

    SYNTHETIC = "synthetic"  # spread evenly around the limits
    CASES = "cases"  # the golden cases of the present rules
    STORED = "stored"  # what the newest stored verdicts were judged from


class Impacts:
    """What a change of rules would do; nothing of it is stored."""

    def __init__(
        self,
        store: Store | None,
        contents: Contents,
        note_list: Callable[[Caller, str, Sequence[str]], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._contents = contents
        self._note_list = note_list

    @staticmethod
    def of_given(
        before: Law,
        after: Law,
        given: Sequence[tuple[str, GivenHousehold]],
        on: dt.date | None,
    ) -> Plain:
        """Two laws on given households."""
        labels = [label for label, _ in given]
        found = impact(before, after, given_facts([g for _, g in given], after), labels, on=on)
        return {**found, "sample": "given", "on": _day(on)}

    def of(  # noqa: PLR0917 - two laws, which households, how many, when, for whom
        self,
        before: ContentSet,
        after: Law,
        choice: Sample,
        size: int,
        seed: int,
        on: dt.date | None,
        caller: Caller,
    ) -> Plain:
        """Two laws on a sample of households; stored cases that are shown are a read on record.

        Raises:
            NotPermitted: the role may not look at what rules do.
            InputError: more households than are compared in one go.
        """
        if not caller.may(*READERS):
            raise NotPermitted(
                "your role may not do this",
                remedy=f"use a key with one of the roles: {', '.join(READERS)}",
            )
        if not 1 <= size <= MAX_HOUSEHOLDS:
            raise InputError(
                "that many households cannot be compared in one go",
                problems=(
                    Problem(
                        "query:size", "size", f"it is not 1 to {MAX_HOUSEHOLDS}.", "Give fewer."
                    ),
                ),
            )
        old = self._contents.law_of(before.digest) if self._known(before) else None
        old = old or Law.from_content(before)
        if choice is Sample.STORED:
            facts, labels = self._stored(caller, size)
            shown = caller.may(*SEES_CASES)
            if shown:
                self._note_list(caller, "impact", labels)
        else:
            given = self._sample(old, after, before, choice, size, seed)
            labels, facts = [label for label, _ in given], given_facts([g for _, g in given], after)
            shown = True
        found = impact(old, after, facts, labels, on=on, examples=shown)
        return {**found, "sample": choice.value, "on": _day(on)}

    def _known(self, content: ContentSet) -> bool:
        return content.digest == self._contents.sets["rules"].digest

    @staticmethod
    def _sample(  # noqa: PLR0917 - as `of`
        old: Law, new: Law, before: ContentSet, choice: Sample, size: int, seed: int
    ) -> list[tuple[str, GivenHousehold]]:
        if choice is Sample.CASES:
            return [(c.title, c.given) for c in load_cases(before)][:size]
        return sample(old, _concerned(old, new), size, seed)

    def _stored(self, caller: Caller, size: int) -> tuple[Facts, list[str]]:
        """What the newest verdicts in the caller's regions were judged from."""
        if self._store is None:
            raise InputError("there is no store to take verdicts from")
        cases: dict[str, SealedCase] = {}
        cursor: str | None = None
        while len(cases) < size:
            page, cursor = self._store.list(caller, cursor, PAGE)
            for row in page:
                if row.verdict_count and len(cases) < size:
                    cases |= self._case(self._store, row, caller)
            if cursor is None:
                break
        return self._facts(list(cases.values())), list(cases)

    @staticmethod
    def _case(store: Store, row: VerificationRow, caller: Caller) -> dict[str, SealedCase]:
        """What a verification's newest verdict was judged from, by its id; nothing if erased."""
        latest = store.verdicts(row.id, caller)[-1]
        try:
            return {row.id: sealed_case(store, row, latest, caller)}
        except Erased:
            return {}

    def _facts(self, cases: Sequence[SealedCase]) -> Facts:
        """Facts as the pinned scoring and connectors established them, all in one batch.

        The rules only read facts, so cases pinned to other rules come together; the scoring and
        connectors of this moment are used, as a new verification would.
        """
        return facts_of(cases, self._contents.pinned(self._contents.digests, versions_of(cases)))


def _concerned(old: Law, new: Law) -> list[tuple[Rulebook, dt.date]]:
    """Rulebooks that the change concerns, each on the last day from which it differs.

    Where nothing differs: every rulebook on the last day on which it changes.
    """
    days: dict[str, dt.date] = {}
    for change in diff_laws(old, new).changes:
        if change.start is not None and change.rulebook in old.books:
            days[change.rulebook] = max(change.start, days.get(change.rulebook, change.start))
    found = []
    for name, book in sorted(old.books.items()):
        if days and name not in days:
            continue
        day = days.get(name) or book.dates()[-1]
        found.append((book, day if book.covers(day) else book.dates()[-1]))
    return found


def _day(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
