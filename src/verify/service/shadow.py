"""A changed declaration beside the live one, on recorded evidence: what would differ. Pure but
for reading the store; nothing is asked, stored or decided."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from verify.connectors import Connectors, Declaration, DecodeContext, decode
from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.canonical import digest_bytes
from verify.domain.errors import ContentError
from verify.service.answers import Content
from verify.service.contents import Contents
from verify.service.judging import judge
from verify.service.proposing import permit
from verify.service.replay import sealed_case
from verify.service.sealed import SealedCase
from verify.store import Store, VerificationRow
from verify.store.keyring import Erased

Plain = dict[str, Any]

READERS = (RoleName.ADMINISTRATOR, RoleName.AUDITOR)
SEES_CASES = (RoleName.AUDITOR, RoleName.CASEWORKER)
MAX_VERDICTS = 2_000
PAGE = 200
BATCH = 50


@dataclass(frozen=True)
class _Case:
    verification: str
    case: SealedCase


class Shadows:
    """Compares two versions of one connector on what sources really answered."""

    def __init__(
        self,
        store: Store,
        contents: Contents,
        note_list: Callable[[Caller, str, Sequence[str]], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._contents = contents
        self._note_list = note_list

    def compare(self, source: str, text: str, caller: Caller, limit: int) -> Plain:
        """The newest `limit` verdicts that used the source, as they are and as they would be.

        Facts are compared per answer (`answers`), outcomes per verdict (`verdicts`); both are
        listed for those who may read cases, and counted (`facts`, `flips`) for everybody. Both
        sides use the rules and scoring each verdict was judged with. What is listed is a read of
        those cases, on record; a case that was erased takes no part.

        Raises:
            NotPermitted: the caller's role looks after neither sources nor verdicts.
            ContentError: the changed declaration does not load, or is another source's.
            NotFound: no such source is declared.
        """
        permit(caller, READERS)
        current = self._contents.connector_set()
        live = self._contents.connectors.declaration(source)
        changed = Connectors.from_content(
            ContentSet("connectors", {**current.files, f"{source}.yaml": text})
        )
        draft = changed.declaration(source)
        if draft.id != source:
            raise ContentError("the declaration is another source's", where=f"{source}.yaml")
        cases = list(self._cases(source, caller, min(limit, MAX_VERDICTS)))
        answers = [a for c in cases for a in _answers(c, source, live, draft)]
        verdicts = [v for batch in _batches(cases) for v in self._verdicts(batch, changed)]
        changed_answers = [a for a in answers if a["differs"]]
        turned = [v for v in verdicts if v["live"] != v["draft"]]
        shown = caller.may(*SEES_CASES)
        if shown:
            listed = {one["verification"] for one in (*changed_answers, *turned)}
            self._note_list(caller, "shadow", sorted(listed))
        return {
            "source": source,
            "live": live.digest,
            "draft": draft.digest,
            "compared": {"verdicts": len(cases), "answers": len(answers)},
            "differ": {"verdicts": len(turned), "answers": len(changed_answers)},
            "states": _tally(answers, "answers"),
            "flips": _tally(turned, "verdicts"),
            "facts": _facts(changed_answers),
            "answers": changed_answers if shown else [],
            "verdicts": turned if shown else [],
        }

    def _cases(self, source: str, caller: Caller, limit: int) -> Iterator[_Case]:
        cursor: str | None = None
        found = 0
        while found < limit:
            page, cursor = self._store.list(caller, cursor, PAGE)
            for row in page:
                if found < limit and row.verdict_count:
                    case = self._case(row, caller)
                    if case is not None and any(
                        e.source == source and e.bodies for e in case.exchanges
                    ):
                        found += 1
                        yield _Case(row.id, case)
            if cursor is None:
                return

    def _case(self, row: VerificationRow, caller: Caller) -> SealedCase | None:
        latest = self._store.verdicts(row.id, caller)[-1]
        try:
            return sealed_case(self._store, row, latest, caller)
        except Erased:
            return None

    def _verdicts(self, batch: Sequence[_Case], changed: Connectors) -> Iterator[Plain]:
        for one in batch:
            pinned = self._contents.pinned(one.case.digests)
            live, draft = (
                # Whatever version an answer was asked with, here it is read with these.
                Content(pinned.law, pinned.scoring, c, dict.fromkeys(one.case.versions, c))
                for c in (self._contents.connectors, changed)
            )
            [before], [after] = judge([one.case], live), judge([one.case], draft)
            yield {
                "verification": one.verification,
                "live": before.verdict.outcome.value,
                "draft": after.verdict.outcome.value,
            }


def _batches(cases: Sequence[_Case]) -> Iterator[Sequence[_Case]]:
    for start in range(0, len(cases), BATCH):
        yield cases[start : start + BATCH]


def _answers(one: _Case, source: str, live: Declaration, draft: Declaration) -> Iterator[Plain]:
    people = {p.person: p for p in one.case.application.persons}
    for exchange in one.case.exchanges:
        if exchange.source != source or not exchange.bodies:
            continue
        person = people[exchange.person]
        context = DecodeContext(
            household="h",
            evidence=exchange.evidence,
            person=person.person,
            name=person.name,
            id_number=person.id_number,
            as_of=one.case.application.as_of,
        )
        bodies = [one.case.bodies[d] for d in exchange.bodies]
        before, after = decode(live, bodies, context), decode(draft, bodies, context)
        lost, gained = _difference(before.rows, after.rows)
        yield {
            "verification": one.verification,
            "evidence": exchange.evidence,
            "live": before.state.value,
            "draft": after.state.value,
            "signals": list(after.signals),
            "records": {"live": len(before.rows), "draft": len(after.rows)},
            "facts": {"lost": lost, "gained": gained},
            "differs": before.state != after.state or bool(lost or gained),
        }


def _difference(before: list[Plain], after: list[Plain]) -> tuple[list[Plain], list[Plain]]:
    """What only one side says: kinds, amounts and periods; never whose they are."""
    old, new = Counter(map(_said, before)), Counter(map(_said, after))
    return (
        [json.loads(t) for t in sorted((old - new).elements())],
        [json.loads(t) for t in sorted((new - old).elements())],
    )


def _said(row: Plain) -> str:
    columns = ("kind", "amount", "category", "granularity", "period_start", "period_end")
    said = {c: str(row[c]) for c in (*columns, "area_dm2") if row.get(c) is not None}
    # The rest of a record takes part in the comparison without being shown.
    rest = json.dumps({k: str(v) for k, v in row.items() if k != "record"}, sort_keys=True)
    return json.dumps({**said, "of": digest_bytes(rest.encode())[7:19]}, sort_keys=True)


def _tally(compared: Sequence[Plain], what: str) -> list[Plain]:
    pairs = Counter((a["live"], a["draft"]) for a in compared)
    return [{"live": a, "draft": b, what: n} for (a, b), n in sorted(pairs.items())]


def _facts(answers: Sequence[Plain]) -> list[Plain]:
    """Statements that only one side makes, counted by kind."""
    counts = {
        side: Counter(f.get("kind", "") for a in answers for f in a["facts"][side])
        for side in ("lost", "gained")
    }
    kinds = sorted(counts["lost"].keys() | counts["gained"].keys())
    return [{"kind": k, "lost": counts["lost"][k], "gained": counts["gained"][k]} for k in kinds]
