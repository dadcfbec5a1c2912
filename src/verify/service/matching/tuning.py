"""Tune the matching: measure it, try other figures, collect what people decide.

Administrators see how records agree and what would change, never whose records they are: names
and numbers stay with the caseworkers of the region.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, InputError, NotFound, NotPermitted, Problem
from verify.domain.match import Judgement
from verify.identity.names import name_form
from verify.scoring import Family, Scoring
from verify.scoring.declared import FamilyDeclared
from verify.scoring.levels import LEVELS
from verify.service.clock import Clock, now_ms
from verify.service.contents import Contents
from verify.service.matching import calibration, draft, labelled, odds
from verify.service.matching.evaluation import Evaluation, evaluate
from verify.service.matching.flips import VerdictFlips, labelled_flips, verdict_flips
from verify.service.replay import sealed_case
from verify.store import LabelRow, NewLabel, Store

READERS = (RoleName.ADMINISTRATOR, RoleName.AUDITOR)
LISTERS = (RoleName.ADMINISTRATOR, RoleName.AUDITOR, RoleName.CASEWORKER)
MAX_VERDICTS, STRENGTH, MAX_STRENGTH = 2_000, 200, 1_000_000
FAMILY = "cn"
Plain = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """A draft beside the scoring in use: what it would change.

    `labelled` are the labelled pairs that are judged otherwise, `verdicts` the past verdicts
    (None where they were not asked for).
    """

    scoring: str
    draft: str
    before: Evaluation
    after: Evaluation
    labelled: list[Plain]
    verdicts: VerdictFlips | None


@dataclass(frozen=True)
class Calibrated:
    """Figures that clerical decisions suggest: the changed m as text, what the scores in use mean
    by these decisions (`odds.report`), and the draft's trial."""

    decisions: int
    same: int
    changes: list[Plain]
    odds: Plain
    trial: Trial


class Matching:
    """The verbs of tuning, over the scoring in use and the decisions in the store."""

    def __init__(
        self,
        store: Store | None,
        contents: Contents,
        clock: Clock = now_ms,
        note_list: Callable[[Caller, str, Sequence[str]], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._contents = contents
        self._clock = clock
        self._note_list = note_list

    def evaluation(self, caller: Caller, family: str = FAMILY) -> Evaluation:
        """How the scoring in use judges the labelled pairs.

        Raises:
            NotPermitted: the role tunes nothing. InputError: no such family.
        """
        _require(caller, READERS)
        return self._evaluate(self._contents.scoring, caller, family)[0]

    def try_cutoffs(
        self,
        caller: Caller,
        *,
        positive: int | None,
        unsure: int | None,
        family: str = FAMILY,
        verdicts: int = 0,
    ) -> Trial:
        """What moving the cut-offs (milli-bits) would change; the newest `verdicts` are re-judged.

        Raises:
            NotPermitted: the role tunes nothing. InputError: an impossible cut-off or family.
        """
        _require(caller, READERS)
        moved = draft.with_cutoffs(
            self._contents.sets["scoring"], family, positive=positive, unsure=unsure
        )
        return self.try_draft(caller, moved, family=family, verdicts=verdicts)

    def try_draft(
        self, caller: Caller, content: ContentSet, *, family: str = FAMILY, verdicts: int = 0
    ) -> Trial:
        """What a changed scoring content would change; past verdicts listed are a read on record.

        Raises:
            NotPermitted: the role tunes nothing. ContentError: the draft is not sound.
        """
        _require(caller, READERS)
        changed = Scoring.from_content(content)
        before, now = self._evaluate(self._contents.scoring, caller, family)
        after, then = self._evaluate(changed, caller, family)
        count = min(verdicts, MAX_VERDICTS)
        flips = None
        if count and self._store is not None:
            flips = verdict_flips(self._store, self._contents, changed, caller, count)
            listed = {*flips.skipped, *(str(row["verification"]) for row in flips.flipped)}
            self._note_list(caller, "trial", sorted(listed))
        return Trial(
            self._contents.scoring.digest,
            changed.digest,
            before,
            after,
            labelled_flips(now, then),
            flips,
        )

    def calibrate(
        self, caller: Caller, *, family: str = FAMILY, strength: int = STRENGTH, verdicts: int = 0
    ) -> tuple[Calibrated, ContentSet]:
        """The draft that the labelled pairs suggest: m counted among pairs found to be the same.

        `strength` is how many such pairs the declared figures count as.

        Raises:
            NotPermitted: the role tunes nothing. InputError: nothing to learn from, or a wrong
                strength.
        """
        _require(caller, READERS)
        if not 1 <= strength <= MAX_STRENGTH:
            raise InputError(
                "this strength is out of range",
                problems=(
                    Problem("/strength", "out-of-range", "is not 1 to 1000000.", "Give another."),
                ),
            )
        content = self._contents.sets["scoring"]
        declared = draft.declared(content, family)
        pairs = self._decided(caller, self._contents.scoring.family(family))
        counted = calibration.count(pairs, declared)
        if counted.pairs == 0:
            raise InputError(
                "no clerical decision found two entries to be the same person",
                where="labels",
                remedy="decide doubts first: POST /v1/matching/labels or `verify match decide`",
            )
        changed = draft.with_shares(
            content, family, calibration.shares(declared, counted, strength)
        )
        changes = _changes(declared, draft.declared(changed, family), counted)
        trial = self.try_draft(caller, changed, family=family, verdicts=verdicts)
        family_in_use = self._contents.scoring.family(family)
        said = odds.told(labelled.judged(pairs, family_in_use))
        meaning = odds.report(said, strength, family_in_use.positive, family_in_use.unsure)
        return Calibrated(pairs.height, counted.pairs, changes, meaning, trial), changed

    def labels(self, caller: Caller) -> tuple[LabelRow, ...]:
        """All clerical decisions in the caller's regions, revoked ones too, oldest first."""
        _require(caller, LISTERS)
        return self._stored().labels(caller)

    def decide(
        self, caller: Caller, verification: str, record: str, person: str, judgement: Judgement
    ) -> LabelRow:
        """Keep what a caseworker found of a record of a sealed verdict.

        Raises:
            NotPermitted: the role decides nothing. NotFound: no such verification, or its latest
                verdict does not list that record with that person. Conflict: a decision stands.
        """
        _require(caller, (RoleName.CASEWORKER,))
        store = self._stored()
        row = store.verification(verification, caller)
        verdict = store.latest_verdict(verification, caller)
        if verdict is None:
            raise Conflict("nothing is judged yet", where=verification, remedy="wait for a verdict")
        case = sealed_case(store, row, verdict, caller)
        sealed = json.loads(store.document(verification, verdict.verdict_digest, caller))
        match = _match(sealed, record, person)
        name = next(p.name for p in case.application.persons if p.person == person)
        family = self._contents.pinned(case.digests).scoring.family(FAMILY)
        return store.decide(
            NewLabel(
                verification=verification,
                record=record,
                person=person,
                family=FAMILY,
                levels={r["field"]: r["level"] for r in match["reasons"] if r["field"] in LEVELS},
                rarity=family.names.rarity(name_form(name).text),
                judgement=judgement.value,
            ),
            caller,
            self._clock(),
        )

    def revoke(self, caller: Caller, label: str) -> LabelRow:
        """Take a decision back; it stays on record.

        Raises:
            NotPermitted: the role decides nothing. NotFound: no such decision in your regions.
            Conflict: it is revoked already.
        """
        _require(caller, (RoleName.CASEWORKER, RoleName.ADMINISTRATOR))
        return self._stored().revoke_label(label, caller, self._clock())

    def _stored(self) -> Store:
        if self._store is None:
            raise NotFound("there is no database here yet", remedy="verify a household first")
        return self._store

    def _evaluate(
        self, scoring: Scoring, caller: Caller, name: str
    ) -> tuple[Evaluation, pl.DataFrame]:
        draft.family_path(self._contents.sets["scoring"], name)
        family = scoring.family(name)
        pairs = self._pairs(scoring, caller, family)
        found = labelled.judged(pairs, family)
        return evaluate(found, family.positive), found

    def _pairs(self, scoring: Scoring, caller: Caller, family: Family) -> pl.DataFrame:
        cases: Sequence[Any] = scoring.cases.get(family.family, ())
        return labelled.together(labelled.from_cases(cases, family), self._decided(caller, family))

    def _decided(self, caller: Caller, family: Family) -> pl.DataFrame:
        rows = self._store.labels(caller) if self._store is not None else ()
        decisions = [
            labelled.Decision(row.id, row.levels, row.rarity, Judgement(row.judgement))
            for row in rows
            if row.revoked_at is None and row.family == family.family
        ]
        return labelled.from_decisions(decisions, family)


def _changes(
    before: FamilyDeclared, after: FamilyDeclared, counted: calibration.Counted
) -> list[Plain]:
    """The m that differ, as text, with how often the level was seen."""
    return [
        {
            "field": field.field,
            "level": old.level,
            "m": draft.decimal(old.m),
            "draft": draft.decimal(new.m),
            "seen": counted.levels[field.field][old.level],
        }
        for field, changed in zip(before.fields, after.fields, strict=True)
        for old, new in zip(field.levels, changed.levels, strict=True)
        if old.m is not None and old.m != new.m
    ]


def _match(verdict: Plain, record: str, person: str) -> Plain:
    for match in verdict["matches"]:
        if (match["record"], match["person"]) == (record, person):
            found: Plain = match
            return found
    raise NotFound(
        "the latest verdict does not list this record with this person",
        where="record",
        remedy="take record and person from the verdict's matches",
    )


def _require(caller: Caller, roles: tuple[RoleName, ...]) -> None:
    if not caller.may(*roles):
        raise NotPermitted(
            "your role may not do this to the matching",
            remedy=f"use the key of: {', '.join(roles)}",
        )
