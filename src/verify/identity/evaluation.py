"""How good judged pairs are, held against the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import polars as pl

from verify.domain.match import Judgement


@dataclass(frozen=True)
class Quality:
    """Counts of pairs and what follows from them; shares are 0 where nothing is counted.

    `true_pairs` all pairs of the truth; `positive` judged so, `right` of these true; `unsure`
    judged so, `unsure_true` of these true.
    """

    true_pairs: int
    positive: int
    right: int
    unsure: int
    unsure_true: int

    @property
    def precision(self) -> float:
        """Share of positive pairs that are true."""
        return self.right / self.positive if self.positive else 0.0

    @property
    def recall(self) -> float:
        """Share of true pairs judged positive."""
        return self.right / self.true_pairs if self.true_pairs else 0.0

    @property
    def recall_with_unsure(self) -> float:
        """Share of true pairs judged positive or unsure."""
        return (self.right + self.unsure_true) / self.true_pairs if self.true_pairs else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.positive + self.true_pairs
        return 2 * self.right / both if both else 0.0

    def to_dict(self) -> dict[str, float | int]:
        """All figures."""
        return {
            **asdict(self),
            "precision": self.precision,
            "recall": self.recall,
            "recall_with_unsure": self.recall_with_unsure,
            "f1": self.f1,
        }


def true_pairs(
    left: pl.DataFrame, right: pl.DataFrame | None, *, label: str = "cluster"
) -> pl.DataFrame:
    """All true pairs (`unique_id_l`, `unique_id_r`) of registers that hold the truth in `label`."""

    def side(frame: pl.DataFrame, end: str) -> pl.DataFrame:
        return frame.select(
            pl.col("unique_id").cast(pl.String).alias(f"unique_id_{end}"), label
        ).drop_nulls()

    a, b = side(left, "l"), side(left if right is None else right, "r")
    pairs = a.join(b, on=label).select("unique_id_l", "unique_id_r")
    return pairs.filter(pl.col("unique_id_l") < pl.col("unique_id_r")) if right is None else pairs


def evaluate(pairs: pl.DataFrame, truth: pl.DataFrame) -> Quality:
    """Hold judged pairs (`Linked.pairs`) against `true_pairs`.

    Within one register a pair is the same whichever row stands first.
    """
    keys = ["unique_id_l", "unique_id_r"]
    judged = pairs.select(*keys, "judgement")
    turned = truth.select(pl.col(keys[1]).alias(keys[0]), pl.col(keys[0]).alias(keys[1]))
    both = pl.concat([truth.select(keys), turned.select(keys)]).unique().with_columns(true=True)
    found = judged.join(both, on=keys, how="left").with_columns(
        pl.col("true").fill_null(value=False)
    )
    positive = found.filter(pl.col("judgement") == Judgement.POSITIVE.value)
    unsure = found.filter(pl.col("judgement") == Judgement.UNSURE.value)
    return Quality(
        truth.height,
        positive.height,
        int(positive["true"].sum()),
        unsure.height,
        int(unsure["true"].sum()),
    )
