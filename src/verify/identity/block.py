"""Which pairs of rows are compared at all: declared blocking rules, with limits and a report.

A rule joins the rows that share all its keys. Blocks that are too large are left out, and said
so; a rule that would still give too many pairs loses its largest blocks. How many true pairs no
rule brings together is estimated from how often the rules agree (`missed`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl

from verify.identity.closing import Open, everyone, still_open
from verify.identity.coding import Coded, Registers
from verify.identity.joins import block_sizes, joined
from verify.identity.keys import key_table
from verify.identity.settle import How
from verify.scoring.linking import BlockingDeclared, RuleDeclared

REPORT = {
    "rule": pl.String,
    "blocks": pl.Int64,
    "largest": pl.Int64,  # pairs in the largest block that was kept
    "pairs": pl.Int64,
    "blocks_left_out": pl.Int64,
    "pairs_left_out": pl.Int64,
    "largest_left_out": pl.Int64,
}


@dataclass(frozen=True)
class Blocked:
    """`pairs`: `l`, `r` (row numbers), `rules` (bit k: rule k brought it); and the report.

    Against itself a register gives each pair once, with `l < r`.
    """

    pairs: pl.DataFrame
    report: pl.DataFrame
    rules: tuple[str, ...]


def block(registers: Registers, declared: BlockingDeclared, how: How | None = None) -> Blocked:
    """Pairs that share all keys of at least one rule; rules over absent fields are skipped.

    `how` the sides relate decides which rows a rule may settle; by default told from the pairs.
    """
    usable = [
        rule
        for rule in declared.rules
        if all(key.partition(".")[0] in registers.fields for key in rule.keys)
    ]
    if (everything := _everything(registers, declared.whole)) is not None:
        return everything
    budget = declared.per_row * (registers.left.height + registers.right.height)
    rows = everyone(registers)
    found, report = [], []
    for bit, rule in enumerate(usable):
        pairs, line = _apply(registers, rule, rows, (declared.block, budget))
        report.append({"rule": rule.rule, **line})
        found.append(pairs.with_columns(rules=pl.lit(1 << bit, pl.Int64)))
        rows = still_open(registers, pairs, rule, rows, how)
    return Blocked(
        _together(found),
        pl.DataFrame(report, schema=REPORT),
        tuple(rule.rule for rule in usable),
    )


WHOLE = "every_pair"


def _everything(registers: Registers, most: int) -> Blocked | None:
    """All pairs of small registers; None for larger ones."""
    height, width = registers.left.height, registers.right.height
    if height * width // (2 if registers.dedupe else 1) > most:
        return None
    rows = [pl.int_range(n, dtype=pl.UInt32, eager=True) for n in (height, width)]
    pairs = pl.DataFrame({"l": rows[0]}).join(pl.DataFrame({"r": rows[1]}), how="cross")
    if registers.dedupe:
        pairs = pairs.filter(pl.col("l") < pl.col("r"))
    line = {"rule": WHOLE, "blocks": 1, "largest": pairs.height, "pairs": pairs.height}
    nothing = dict.fromkeys(("blocks_left_out", "pairs_left_out", "largest_left_out"), 0)
    return Blocked(
        pairs.with_columns(rules=pl.lit(1, pl.Int64)),
        pl.DataFrame([line | nothing], schema=REPORT),
        (WHOLE,),
    )


def _together(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Each pair once, with the bits of all rules that brought it."""
    if not found:
        return pl.DataFrame(schema={"l": pl.UInt32, "r": pl.UInt32, "rules": pl.Int64})
    key = (pl.col("l").cast(pl.UInt64) * (1 << 32) + pl.col("r").cast(pl.UInt64)).alias("k")
    first, rest = found[0], pl.concat(found[1:]) if found[1:] else found[0].clear()
    # Rows that one rule settled meet no other rule: their pairs stand once already.
    again = np.zeros(int(first["l"].max() or 0) + 1, dtype=np.bool_)  # type: ignore[arg-type]
    again[rest["l"].filter(rest["l"] < len(again)).to_numpy()] = True
    several = pl.Series(again[first["l"].to_numpy()])
    alone = first.filter(~several).select(key, "rules").sort("k")
    merged = (
        pl.concat([first.filter(several), rest])
        .select(key, "rules")
        .group_by("k")
        .agg(pl.col("rules").sum())
        .sort("k")
    )
    return alone.merge_sorted(merged, key="k").select(
        (pl.col("k") // (1 << 32)).cast(pl.UInt32).alias("l"),
        (pl.col("k") % (1 << 32)).cast(pl.UInt32).alias("r"),
        "rules",
    )


def _apply(
    registers: Registers, rule: RuleDeclared, rows: Open, limits: tuple[int, int]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The pairs of one rule, and its line of the report."""
    turns = [True, False] if any(k.endswith(".mask") for k in rule.keys) else [True]
    parts = [_one_way(registers, rule, rows, limits, way) for way in turns]
    pairs = pl.concat([p for p, _ in parts])
    # Whole values meet once in a rule; words, repairs and further values may meet again.
    fields = [registers.fields[key.partition(".")[0]] for key in rule.keys]
    several = any(key.endswith((".near", ".words", ".mask")) for key in rule.keys)
    if several or any(f.also_left is not None or f.also_right is not None for f in fields):
        pairs = pairs.unique()
    lines = [line for _, line in parts]
    line = {
        name: max(x[name] for x in lines)
        if name.startswith("largest")
        else sum(x[name] for x in lines)
        for name in lines[0]
    }
    return pairs, line | {"pairs": pairs.height}


def _one_way(
    registers: Registers,
    rule: RuleDeclared,
    rows: Open,
    limits: tuple[int, int],
    meets_whole: bool,
) -> tuple[pl.DataFrame, dict[str, int]]:
    left, right = _sides(registers, rule, rows, meets_whole)
    names = list(rule.keys)
    sizes = block_sizes(left, right, names, dedupe=registers.dedupe)
    kept, lost = _within(sizes, *limits)
    if lost.height:
        left = left.join(kept.select(names), on=names, how="semi")
    return joined(left, right, names, dedupe=registers.dedupe), {
        "blocks": kept.height,
        "largest": int(kept["pairs"].max() or 0),  # type: ignore[arg-type]  # an integer column
        "pairs": 0,
        "blocks_left_out": lost.height,
        "pairs_left_out": int(lost["pairs"].sum()),
        "largest_left_out": int(lost["pairs"].max() or 0),  # type: ignore[arg-type]
    }


def _within(sizes: pl.DataFrame, most: int, budget: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Blocks kept and left out: none above `most` pairs, and no more than `budget` together.

    Sizes alone decide: blocks of one size stay or go together.
    """
    if int(sizes["pairs"].max() or 0) <= most and int(sizes["pairs"].sum()) <= budget:  # type: ignore[arg-type]
        return sizes, sizes.clear()
    ranked = sizes.sort("pairs").with_columns(total=pl.col("pairs").cum_sum())
    over = ranked.filter((pl.col("pairs") > most) | (pl.col("total") > budget))
    smallest_lost = over["pairs"].min()
    return (
        ranked.filter(pl.col("pairs") < smallest_lost),
        ranked.filter(pl.col("pairs") >= smallest_lost),
    )


def _sides(
    registers: Registers, rule: RuleDeclared, rows: Open, meets_whole: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of both sides with a code for each key, without rows that meet nobody.

    Keys that cost nothing (whole values) go first, so that the others are made for the few rows
    that are still in question only.
    """
    left, right = (pl.DataFrame({"row": side}) for side in rows)
    for place, key in enumerate(sorted(rule.keys, key=lambda k: ("." in k, rule.keys.index(k)))):
        name, _, part = key.partition(".")
        coded = registers.fields[name]
        a = _values(left, coded.left, coded.also_left)
        b = _values(right, coded.right, coded.also_right)
        if part in ("", "whole"):
            a, b = a.rename({"c": "k"}), b.rename({"c": "k"})
        else:
            a, b = _keyed(coded, part, a, b, meets_whole)
        if a.height < b.height:
            b = b.join(a.select("k").unique(), on="k", how="semi")
        if len(rule.keys) > 1:
            a = a.join(b.select("k").unique(), on="k", how="semi")
        a, b = a.rename({"k": key}), b.rename({"k": key})
        left = a if place == 0 else left.join(a, on="row", how="inner")
        right = b if place == 0 else right.join(b, on="row", how="inner")
    return left, right


def _values(rows: pl.DataFrame, codes: pl.Series, further: pl.DataFrame | None) -> pl.DataFrame:
    """`row` and `c` of each of these rows' values."""
    distinct = rows["row"].unique() if rows.width > 1 else rows["row"]
    every = len(distinct) == len(codes) and rows.width == 1
    own = pl.DataFrame(
        {"row": distinct, "c": codes if every else codes.gather(distinct)}
    ).drop_nulls()
    if further is None or not further.height:
        return own
    some = further.join(pl.DataFrame({"row": distinct}), on="row", how="semi")
    return pl.concat([own, some])


def _keyed(
    coded: Coded, part: str, a: pl.DataFrame, b: pl.DataFrame, meets_whole: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`row` and `k`, the code of each key of a part of the value."""
    sought = key_table(coded, part, a["c"].unique(), meets_whole=meets_whole)
    if part == "near" and coded.field.kind == "cn_id":
        b = b.filter(_may_meet(coded, sought["key"]).gather(b["c"]))
    tables = [sought, key_table(coded, part, b["c"].unique(), meets_whole=not meets_whole)]
    if tables[0].schema["key"] == pl.String:
        shared = tables[0].select("key").unique()
        codes = shared.with_row_index("k")
        tables = [t.join(codes, on="key", how="inner").select("c", "k") for t in tables]
    else:
        tables = [t.select("c", k="key") for t in tables]
    keyed = [
        s.join(t, on="c", how="inner").select("row", "k")
        for s, t in zip((a, b), tables, strict=True)
    ]
    return keyed[0], keyed[1]


def _may_meet(coded: Coded, keys: pl.Series) -> pl.Series:
    """Of identity numbers: which are among these, or broken and so may stand for one of them."""
    listed = np.zeros(len(coded.values), dtype=np.bool_)
    listed[keys.to_numpy()] = True
    return pl.Series(listed) | ~coded.whole


@dataclass(frozen=True)
class Missed:
    """Estimate of true pairs that no rule brought together.

    `once`, `twice`: true pairs brought by exactly one, exactly two rules. `lower_bound` is Chao's
    estimator once^2 / (2 twice) (Chao, 1987): rules that find the same pairs miss few.
    """

    found: int
    once: int
    twice: int

    @property
    def lower_bound(self) -> Fraction:
        """Expected number of true pairs missed, at least."""
        if not self.twice:
            return Fraction(self.once * (self.once - 1), 2)
        return Fraction(self.once * self.once, 2 * self.twice)


def missed(positive: pl.DataFrame, rules: tuple[str, ...], settled_by: int = 0) -> Missed:
    """Estimate from the pairs judged positive; column `rules` and names as `block` gives them.

    `settled_by`: bits of rules that settle. Pairs these brought were looked for no further, so
    that how many other rules would have brought them is unknown: they are left out.
    """
    if rules == (WHOLE,):
        return Missed(positive.height, 0, positive.height)
    bits = positive.filter((pl.col("rules") & settled_by) == 0)["rules"].bitwise_count_ones()
    return Missed(len(bits), int((bits == 1).sum()), int((bits == 2).sum()))
