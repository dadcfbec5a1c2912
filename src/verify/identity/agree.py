"""Agreement of pairs: one rank per field, each distinct pair of values compared once.

A pair is two row numbers. Equal codes are an exact agreement; what is left is reduced to distinct
pairs of codes, compared by kind (`identity.likeness`), and carried back.
"""

from __future__ import annotations

import polars as pl

from verify.identity.coding import Coded, Registers
from verify.identity.likeness import LIKENESS
from verify.scoring.kinds import KINDS, level_rank

_AT_ONCE = 1_000_000  # value pairs compared at a time: bounds the memory of Python strings


def agree(registers: Registers, pairs: pl.DataFrame) -> pl.DataFrame:
    """`pairs` (`l`, `r`) with one column of ranks per field (`scoring.kinds`, 0 strongest)."""
    codes = {
        name: (coded.left.gather(pairs["l"]), coded.right.gather(pairs["r"]))
        for name, coded in registers.fields.items()
    }
    ranks = {
        name: _ranks(registers.fields[name], *codes[name]).alias(name) for name in registers.fields
    }
    ranks |= _former(registers, pairs, ranks)
    ranks |= _swapped(registers, codes, ranks)
    ranks |= _implied(registers, ranks)
    return pairs.with_columns(**ranks)


def _ranks(coded: Coded, a: pl.Series, b: pl.Series) -> pl.Series:
    missing = KINDS[coded.field.kind].index("missing")
    equal = _equal_ranks(coded)
    same = a == b
    ranks = pl.select(
        pl.when(pl.lit(same).is_null())
        .then(pl.lit(missing, pl.UInt8))
        .otherwise(pl.lit(0, pl.UInt8) if equal is None else pl.lit(equal.gather(a)))
    ).to_series()
    if len(ranks) != len(a):  # nothing but a literal came out: no pairs, or a single one
        ranks = pl.Series([0] * len(a), dtype=pl.UInt8)
    unlike = (~same).fill_null(value=False).arg_true()
    if not len(unlike):
        return ranks
    return ranks.scatter(unlike, _unlike_ranks(coded, a.gather(unlike), b.gather(unlike)))


def _unlike_ranks(coded: Coded, a: pl.Series, b: pl.Series) -> pl.Series:
    """Compare each distinct pair of values once and carry the rank back."""
    width = len(coded.values)
    keys = a.cast(pl.UInt64) * width + b
    distinct = keys.unique()
    table = pl.concat(
        [
            pl.DataFrame({"k": part, "rank": _compare(coded, part // width, part % width)})
            for part in (distinct.slice(at, _AT_ONCE) for at in range(0, len(distinct), _AT_ONCE))
        ]
    )
    return pl.DataFrame({"k": keys}).join(table, on="k", how="left", maintain_order="left")["rank"]


def _compare(coded: Coded, a: pl.Series, b: pl.Series) -> pl.Series:
    if not len(a):
        return pl.Series([], dtype=pl.UInt8)
    left, right = coded.values.gather(a), coded.values.gather(b)
    return pl.Series(LIKENESS[coded.field.kind](left, right), dtype=pl.UInt8)


def _equal_ranks(coded: Coded) -> pl.Series | None:
    """Ranks of equal values where equality is not always exact agreement.

    Two masked numbers that read the same may hide different ones, and a number that cannot be
    right proves less than a whole one.
    """
    if coded.field.kind != "cn_id":
        return None
    near, masked = (level_rank("cn_id", level) for level in ("near", "masked"))
    broken = (~coded.whole).arg_true()
    starred = coded.values.gather(broken).str.contains("*", literal=True)
    ranks = pl.zeros(len(coded.values), dtype=pl.UInt8, eager=True)
    if not len(broken):
        return ranks
    lesser = pl.DataFrame({"s": starred}).select(
        pl.when("s").then(pl.lit(masked, pl.UInt8)).otherwise(pl.lit(near, pl.UInt8))
    )
    return ranks.scatter(broken, lesser.to_series())


def _former(
    registers: Registers, pairs: pl.DataFrame, ranks: dict[str, pl.Series]
) -> dict[str, pl.Series]:
    """Further values (former names) count where the first do not agree, as `former` at best."""
    found = {}
    for name, coded in registers.fields.items():
        kind = coded.field.kind
        if "former" not in KINDS[kind] or (coded.also_left is None and coded.also_right is None):
            continue
        floor, missing = level_rank(kind, "former"), level_rank(kind, "missing")
        own = pairs.select("l", "r").with_columns(rank=ranks[name]).with_row_index("at")
        open_ = own.filter((pl.col("rank") > floor) & (pl.col("rank") < missing))
        first = {"l": coded.left, "r": coded.right}
        best = [
            open_.join(further.rename({"row": side}), on=side, how="inner").select(
                "at",
                a=pl.col("c") if side == "l" else pl.lit(first["l"]).gather(pl.col("l")),
                b=pl.col("c") if side == "r" else pl.lit(first["r"]).gather(pl.col("r")),
            )
            for side, further in (("l", coded.also_left), ("r", coded.also_right))
            if further is not None
        ]
        tried = pl.concat(best)
        scores = tried.select(
            "at", also=_ranks(coded, tried["a"], tried["b"]).clip(lower_bound=floor)
        )
        better = scores.group_by("at").agg(pl.col("also").min())
        found[name] = (
            own.join(better, on="at", how="left", maintain_order="left")
            .select(pl.min_horizontal("rank", "also").alias(name))
            .to_series()
        )
    return found


def _swapped(
    registers: Registers,
    codes: dict[str, tuple[pl.Series, pl.Series]],
    ranks: dict[str, pl.Series],
) -> dict[str, pl.Series]:
    """Both fields of a swapping pair take the level `swapped` where the values changed places.

    One of the two may be missing on one side; a better agreement as written stands.
    """
    found = {}
    for name, coded in registers.fields.items():
        other = coded.field.swaps_with
        if other is None or other not in codes or name > other:
            continue
        (al, ar), (bl, br) = codes[name], codes[other]
        one, two = al == br, bl == ar
        crossed = (one | two) & one.fill_null(value=True) & two.fill_null(value=True)
        crossed = crossed.fill_null(value=False)
        for field in (name, other):
            kind = registers.fields[field].field.kind
            level = level_rank(kind, "swapped")
            found[field] = pl.select(
                pl.when(pl.lit(crossed) & (pl.lit(ranks[field]) > level))
                .then(pl.lit(level, pl.UInt8))
                .otherwise(pl.lit(ranks[field]))
                .alias(field)
            ).to_series()
    return found


def _implied(registers: Registers, ranks: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """Agreement that only repeats what an equal identity number already says is not counted."""
    found = {}
    for name, coded in registers.fields.items():
        source = coded.field.implied_by
        if source is None or source not in ranks:
            continue
        levels = KINDS[coded.field.kind]
        told = level_rank(registers.fields[source].field.kind, "near")
        found[name] = pl.select(
            pl.when(
                (pl.lit(ranks[source]) <= told) & (pl.lit(ranks[name]) < levels.index("different"))
            )
            .then(pl.lit(levels.index("missing"), pl.UInt8))
            .otherwise(pl.lit(ranks[name]))
            .alias(name)
        ).to_series()
    return found
