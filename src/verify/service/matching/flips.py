"""What a draft scoring would change: labelled pairs judged otherwise, past verdicts that flip.

Past verdicts are judged again from their sealed evidence, under the rules and connectors they
were judged with, once with the scoring in use and once with the draft. Nothing is stored, and no
verdict changes: a flip here is a forecast, a reason to look before the change counts.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from verify.domain.access import Caller
from verify.domain.errors import VerifyError
from verify.domain.verdict import Verdict
from verify.scoring import Scoring
from verify.service.contents import Contents
from verify.service.judging import Judged, judge
from verify.service.replay import sealed_case
from verify.service.sealed import SealedCase, versions_of
from verify.store import Filters, State, Store, VerificationRow

Row = dict[str, Any]
_PAGE, _BATCH = 100, 64


def labelled_flips(before: pl.DataFrame, after: pl.DataFrame) -> list[Row]:
    """Labelled pairs (`labelled.judged`) whose judgement differs, by key.

    `better`: the draft agrees with the person and the scoring in use did not; `worse` the other
    way round; `other`: neither does.
    """
    both = before.select("key", "origin", "title_zh", "title_en", "label", "judgement", "score")
    moved = both.join(
        after.select("key", draft="judgement", draft_score="score"), on="key", how="inner"
    ).filter(pl.col("judgement") != pl.col("draft"))
    effect = (
        pl.when(pl.col("draft") == pl.col("label"))
        .then(pl.lit("better"))
        .when(pl.col("judgement") == pl.col("label"))
        .then(pl.lit("worse"))
        .otherwise(pl.lit("other"))
    )
    return moved.with_columns(effect=effect).sort("origin", "key").to_dicts()


@dataclass(frozen=True)
class VerdictFlips:
    """Past verdicts under a draft.

    `examined` verdicts were judged again, `unreadable` could not be (ids in `skipped`);
    `outcomes` counts outcome before and after (`eligible>undetermined`), changed or not;
    `matches` counts judgements of single records that moved (`unsure>positive`); `flipped` lists
    the verdicts whose outcome or whose matches change.
    """

    examined: int
    unreadable: int
    skipped: tuple[str, ...]
    outcomes: dict[str, int]
    matches: dict[str, int]
    flipped: tuple[Row, ...]


def verdict_flips(
    store: Store, contents: Contents, draft: Scoring, caller: Caller, limit: int
) -> VerdictFlips:
    """Judge the newest `limit` completed verifications in the caller's regions under a draft."""
    outcomes: Counter[str] = Counter()
    matches: Counter[str] = Counter()
    flipped: list[Row] = []
    skipped: list[str] = []
    examined = 0
    for rows in _batches(store, caller, limit):
        cases: list[tuple[VerificationRow, SealedCase]] = []
        for row in rows:
            case = _case(store, row, caller)
            if case is None:
                skipped.append(row.id)
            else:
                cases.append((row, case))
        for row, now, then in _both(cases, contents, draft):
            examined += 1
            change = f"{now.verdict.outcome.value}>{then.verdict.outcome.value}"
            outcomes[change] += 1
            moved = _moved(now.verdict, then.verdict)
            matches.update(f"{m['judgement']}>{m['draft']}" for m in moved)
            if moved or now.verdict.outcome is not then.verdict.outcome:
                flipped.append(
                    {
                        "verification": row.id,
                        "programme": row.programme,
                        "region": row.region,
                        "as_of": row.as_of,
                        "outcome": now.verdict.outcome.value,
                        "draft": then.verdict.outcome.value,
                        "matches": moved,
                    }
                )
    return VerdictFlips(
        examined,
        len(skipped),
        tuple(skipped),
        dict(sorted(outcomes.items())),
        dict(sorted(matches.items())),
        tuple(sorted(flipped, key=lambda f: (f["outcome"] == f["draft"], f["verification"]))),
    )


def _batches(store: Store, caller: Caller, limit: int) -> Iterator[Sequence[VerificationRow]]:
    completed = Filters(state=State.COMPLETED.value)
    cursor: str | None = None
    while limit > 0:
        rows, cursor = store.list(caller, cursor, min(_PAGE, limit), completed)
        limit -= len(rows)
        if rows:
            yield rows
        if cursor is None:
            return


def _case(store: Store, row: VerificationRow, caller: Caller) -> SealedCase | None:
    """The latest verdict's sealed input; None where it cannot be read any more."""
    try:
        verdict = store.latest_verdict(row.id, caller)
        return None if verdict is None else sealed_case(store, row, verdict, caller)
    except (VerifyError, ValueError, KeyError):
        return None


def _both(
    cases: Sequence[tuple[VerificationRow, SealedCase]], contents: Contents, draft: Scoring
) -> Iterator[tuple[VerificationRow, Judged, Judged]]:
    """Each case judged with the scoring in use and with the draft, other content as pinned."""

    def pinned(pair: tuple[VerificationRow, SealedCase]) -> tuple[str, str]:
        return pair[1].digests.rules, pair[1].digests.connectors

    for _, group in groupby(sorted(cases, key=pinned), key=pinned):
        same = list(group)
        content = contents.pinned(same[0][1].digests, versions_of(c for _, c in same))
        current = dataclasses.replace(content, scoring=contents.scoring)
        changed = dataclasses.replace(content, scoring=draft)
        for start in range(0, len(same), _BATCH):
            part = same[start : start + _BATCH]
            sealed = [case for _, case in part]
            results = zip(part, judge(sealed, current), judge(sealed, changed), strict=True)
            yield from ((row, now, then) for (row, _), now, then in results)


def _moved(now: Verdict, then: Verdict) -> list[Row]:
    """Records of a verdict whose judgement differs, with who they may belong to."""
    after = {(m["record"], m["person"]): m for m in then.matches}
    before = {(m["record"], m["person"]): m for m in now.matches}
    rows = []
    for key in sorted(before.keys() | after.keys()):
        # A pair that is not listed agrees in nothing: it is not theirs.
        old, new = (found.get(key, _NOT_LISTED) for found in (before, after))
        if old["judgement"] != new["judgement"]:
            rows.append(
                {
                    "record": key[0],
                    "person": key[1],
                    "judgement": old["judgement"],
                    "draft": new["judgement"],
                    "score": old["score"],
                    "draft_score": new["score"],
                }
            )
    return rows


_NOT_LISTED: Row = {"judgement": "negative", "score": None}
