"""The linking of registers, held against a roster whose truth is known.

A roster is a folder with `people.parquet`, `records.parquet` and `truth.parquet`, as
`verify simulate roster` writes it, or as a platform keeps it of its own labelled records: the
truth names for each record the person it belongs to, or nobody.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from verify.domain.errors import InputError
from verify.domain.match import Judgement
from verify.identity.linkage import LEFT, RIGHT, Linked, link
from verify.identity.model import Model
from verify.identity.settle import ASSIGNED_ELSEWHERE, BETTER, NOT_CONFIRMED
from verify.scoring.linking import LinkSettings
from verify.service.matching.evaluation import Row, calibration, curve, per_million, thinned

_FILES = ("people", "records", "truth")
_TRUTH = ("record", "person")
_DAMAGE = ("kind", "id_mishap", "name_mishap")
_HELD_BACK = (NOT_CONFIRMED, BETTER, ASSIGNED_ELSEWHERE)
_POINTS, _SHOWN = 100, 20
_JUDGEMENTS = tuple(j.value for j in Judgement)
Plain = dict[str, Any]


@dataclass(frozen=True)
class Roster:
    """Records, the people they may belong to, and whose each record is."""

    people: pl.DataFrame
    records: pl.DataFrame
    truth: pl.DataFrame

    @classmethod
    def load(cls, folder: Path) -> Roster:
        """Read a roster.

        Raises:
            InputError: a file is not there, is not Parquet, or the truth names no records.
        """
        try:
            frames = [pl.read_parquet(folder / f"{name}.parquet") for name in _FILES]
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(
                f"not a roster ({type(error).__name__})",
                where=str(folder),
                remedy="write one with `verify simulate roster`; it has people.parquet, "
                "records.parquet and truth.parquet",
            ) from None
        roster = cls(*frames)
        for name, frame, wanted in (
            ("people", roster.people, {"person"}),
            ("records", roster.records, {"record"}),
            ("truth", roster.truth, set(_TRUTH)),
        ):
            if lacking := wanted - set(frame.columns):
                raise InputError(
                    f"{name}.parquet lacks the column {min(lacking)}", where=str(folder)
                )
        return roster


def link_roster(
    roster: Roster, families: Mapping[str, LinkSettings], model: Model | None
) -> Linked:
    """Link the records to the people: every record belongs to at most one person."""
    return link(roster.records, roster.people, families, model=model, how="many_to_one")


def judged_records(roster: Roster, linked: Linked) -> pl.DataFrame:
    """Every record with its truth and its best judgement.

    Columns: those of the truth, and `judgement` (the best of the record's pairs, `negative` where
    there is none), `found` (the person of that pair) and `right`: whether that is the truth.
    """
    order = {judgement: i for i, judgement in enumerate(_JUDGEMENTS)}
    best = (
        linked.pairs.select(
            record=LEFT, found=RIGHT, judgement="judgement", score="score",
            place=pl.col("judgement").replace_strict(order, return_dtype=pl.Int8),
        )
        .sort("record", "place", "score", "found", descending=[False, False, True, False])
        .unique("record", keep="first", maintain_order=True)
    )  # fmt: skip
    whole = roster.truth.with_columns(pl.col("record").cast(pl.String)).join(
        best.select("record", "found", "judgement"),
        on="record",
        how="left",
        maintain_order="left",
    )
    return whole.with_columns(
        pl.col("judgement").fill_null(Judgement.NEGATIVE.value),
        right=(pl.col("found") == pl.col("person").cast(pl.String)).fill_null(value=False),
    )


def evaluate_roster(roster: Roster, linked: Linked) -> Plain:
    """How well the records found their people; shares per million.

    `damage` says, for each kind of damage that the truth names, how the records with it were
    judged and how many of the positive and unsure ones were right.
    """
    pairs = _told(roster, linked)
    counts = {
        (judgement, same): n
        for judgement, same, n in pairs.group_by("judgement", "same").len().iter_rows()
    }
    everyone = roster.truth["person"].len() - roster.truth["person"].null_count()
    found = counts.get(("positive", True), 0)
    claimed = found + counts.get(("positive", False), 0)
    doubted = counts.get(("unsure", True), 0)
    records = judged_records(roster, linked)
    return {
        "family": linked.family,
        "model": linked.model.model_digest,
        "people": roster.people.height,
        "records": roster.records.height,
        "cutoffs": {"positive": linked.model.positive, "unsure": linked.model.unsure},
        "true_pairs": everyone,
        "positive": claimed,
        "right": found,
        "precision": per_million(found, claimed),
        "recall": per_million(found, everyone),
        "recall_with_unsure": per_million(found + doubted, everyone),
        "f1": per_million(2 * found, claimed + everyone),
        "unsure": per_million(
            int((records["judgement"] == "unsure").sum()), max(1, records.height)
        ),
        "damage": {name: _by_damage(records, name) for name in _DAMAGE if name in records.columns},
        "curve": list(thinned(_curve(pairs, everyone, linked), _POINTS)),
        "calibration": list(calibration(pairs.select("score", "same"))),
    }


def _told(roster: Roster, linked: Linked) -> pl.DataFrame:
    """The kept pairs with `same`: whether the truth says so."""
    truth = roster.truth.select(
        pl.col("record").cast(pl.String).alias(LEFT), pl.col("person").cast(pl.String)
    )
    pairs = linked.pairs.select(LEFT, RIGHT, "score", "judgement", "rule").join(
        truth, on=LEFT, how="left", maintain_order="left"
    )
    return pairs.with_columns(same=(pl.col("person") == pl.col(RIGHT)).fill_null(value=False)).drop(
        "person"
    )


def _curve(pairs: pl.DataFrame, everyone: int, linked: Linked) -> tuple[Row, ...]:
    """Cut-offs over the pairs that stand after joint settlement; what was never kept is missed."""
    standing = pairs.select("score", "same", eligible=~pl.col("rule").is_in(list(_HELD_BACK)))
    unseen = everyone - int(pairs["same"].sum())
    missed = pl.DataFrame(
        {"score": [0] * unseen, "same": [True] * unseen, "eligible": [False] * unseen},
        schema=standing.schema,
    )
    return curve(pl.concat([standing, missed]), linked.model.positive)


def _by_damage(records: pl.DataFrame, name: str) -> list[Plain]:
    rows = (
        records.group_by(name, "judgement")
        .agg(n=pl.len(), right=pl.col("right").sum())
        .sort(name)
        .iter_rows()
    )
    table: dict[str, Plain] = {}
    for damage, judgement, n, right in rows:
        line = table.setdefault(
            damage, {"damage": damage, **dict.fromkeys(_JUDGEMENTS, 0), "right": 0}
        )
        line[judgement] += int(n)
        line["right"] += int(right) if judgement != Judgement.NEGATIVE.value else 0
    return list(table.values())


def move_cutoffs(
    roster: Roster,
    families: Mapping[str, LinkSettings],
    model: Model | None,
    *,
    positive: int | None,
    unsure: int | None,
) -> Plain:
    """What other cut-offs (milli-bits) would do to a roster, the weights held fixed.

    `moves` counts records by judgement before and after, those rightly found apart; `examples`
    lists some of each move.

    Raises:
        InputError: the cut-offs stand the wrong way round.
    """
    before = link_roster(roster, families, model)
    now = before.model
    high = now.positive if positive is None else positive
    low = now.unsure if unsure is None else unsure
    if high < low:
        raise InputError(
            "the positive cut-off lies below the unsure one",
            where="--to",
            remedy="keep it at or above",
        )
    moved = dataclasses.replace(now, positive=high, unsure=low, kept=min(now.kept, low))
    after = link_roster(roster, families, moved)
    both = (
        judged_records(roster, before)
        .select("record", "person", "judgement", "right")
        .join(
            judged_records(roster, after).select("record", draft="judgement", draft_right="right"),
            on="record",
        )
        .filter(
            (pl.col("judgement") != pl.col("draft")) | (pl.col("right") != pl.col("draft_right"))
        )
        .sort("record")
    )
    moves = both.group_by("judgement", "draft", "right", "draft_right").len("records").sort(
        "records", "judgement", "draft", "right", "draft_right",
        descending=[True, False, False, False, False],
    )  # fmt: skip
    return {
        "before": _figures(evaluate_roster(roster, before)),
        "after": _figures(evaluate_roster(roster, after)),
        "flipped": both.height,
        "moves": moves.to_dicts(),
        "examples": both.group_by("judgement", "draft", maintain_order=True)
        .head(_SHOWN)
        .select("record", "person", "judgement", "draft", "right", "draft_right")
        .to_dicts(),
    }


def _figures(evaluation: Plain) -> Plain:
    kept = ("cutoffs", "positive", "right", "precision", "recall", "recall_with_unsure", "f1",
            "unsure")  # fmt: skip
    return {name: evaluation[name] for name in kept}
