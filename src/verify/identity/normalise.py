"""Registers made comparable: normal forms beside the originals, coded over both sides.

A normal value has one code on both sides (and in both columns of fields that swap), so that an
exact agreement is an equality of integers and each distinct pair of values is compared once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl

from verify.domain.errors import InputError
from verify.identity.columns import ID, Field, household_column, id_column
from verify.identity.spellings import LONGEST_TEXT, PLAIN, SPELLINGS, citizen_id_birth, is_whole_id
from verify.scoring.linking import LinkSettings

_RAW_SUFFIX = "_given"
_ALSO = "_also"
HOUSEHOLD = "household_key"


@dataclass(frozen=True)
class Coded:
    """A field coded: `values[code]` is the normal form; a null code means not given.

    `also_left`, `also_right`: `row` and code `c` of further values (former names), if any.
    """

    field: Field
    values: pl.Series
    left: pl.Series
    right: pl.Series
    also_left: pl.DataFrame | None = None
    also_right: pl.DataFrame | None = None

    @cached_property
    def whole(self) -> pl.Series:
        """Of identity numbers: whether each value is a valid 18-digit number."""
        return is_whole_id(self.values)


@dataclass(frozen=True)
class Registers:
    """Two coded registers (or one, held against itself: `dedupe`).

    `left`, `right`: `unique_id` of the rows, sorted, and `household_key` where there is one. All
    else is in the coded fields.
    """

    left: pl.DataFrame
    right: pl.DataFrame
    fields: dict[str, Coded]
    dedupe: bool


def normalise(
    frame: pl.DataFrame, fields: Sequence[Field], settings: LinkSettings, *, side: str = "left"
) -> pl.DataFrame:
    """One register: `unique_id`, and for each field its value as given and its normal form.

    Columns: `<field>_given` (text, as written) and `<field>` (normal form, null if not given).
    Rows sorted by `unique_id`; repeated rows once.

    `household_key` where a column groups rows. Further values are lists: `<field>_also_given` and
    `<field>_also`.

    Raises:
        InputError: two different rows share their id.
    """
    given = frame.select(
        _ids(frame, settings),
        *_household(frame, settings),
        *(_as_text(frame, getattr(f, side)).alias(f.name + _RAW_SUFFIX) for f in fields),
        *(
            _as_texts(frame, column).alias(f.name + _ALSO + _RAW_SUFFIX)
            for f in fields
            if (column := getattr(f, f"also_{side}"))
        ),
    )
    given = _once(given)
    blank = [b.casefold() for b in settings.declared.blank]
    normal = {f.name: _normal(given[f.name + _RAW_SUFFIX], f.kind, blank) for f in fields}
    normal |= _implied(fields, normal)
    for field in fields:
        if getattr(field, f"also_{side}"):
            name = field.name + _ALSO
            normal[name] = _normal_lists(given[name + _RAW_SUFFIX], field.kind, blank)
    return given.with_columns(**normal)


def _ids(frame: pl.DataFrame, settings: LinkSettings) -> pl.Expr:
    """The declared id column as text; the number of the row where there is none."""
    column = id_column(frame, settings)
    if column is None:
        return pl.int_range(pl.len()).cast(pl.String).alias(ID)
    return pl.col(column).cast(pl.String).alias(ID)


def _household(frame: pl.DataFrame, settings: LinkSettings) -> list[pl.Expr]:
    """What groups rows (a household, a jointly held object), if a column says so."""
    column = household_column(frame, settings)
    return [pl.col(column).cast(pl.String).alias(HOUSEHOLD)] if column else []


def _as_texts(frame: pl.DataFrame, column: str) -> pl.Expr:
    """A column of further values as lists of texts."""
    if isinstance(frame.schema[column], pl.List):
        return pl.col(column).cast(pl.List(pl.String))
    return pl.concat_list(pl.col(column).cast(pl.String))


def _normal_lists(raw: pl.Series, kind: str, blank: list[str]) -> pl.Series:
    long = pl.DataFrame({"raw": raw}).with_row_index("at").explode("raw")
    long = long.drop_nulls()
    normal = long.with_columns(_normal(long["raw"], kind, blank).alias("n")).drop_nulls()
    lists = normal.group_by("at", maintain_order=True).agg("n")
    rows = pl.DataFrame({"at": pl.int_range(len(raw), dtype=pl.UInt32, eager=True)})
    return rows.join(lists, on="at", how="left", maintain_order="left")["n"]


def _as_text(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Expr:
    texts = [
        pl.col(c).dt.to_string("%Y%m%d")
        if frame.schema[c].is_temporal()
        else pl.col(c).cast(pl.String)
        for c in columns
    ]
    if len(texts) == 1:
        return texts[0]
    return pl.concat_str(texts, separator=" ", ignore_nulls=True)


def _once(given: pl.DataFrame) -> pl.DataFrame:
    if not given[ID].is_sorted():
        given = given.sort(ID)
    if given[ID].null_count():
        raise InputError(f"{ID} is empty in {given[ID].null_count()} rows")
    if not (given[ID] == given[ID].shift()).any():
        return given
    rows = given.unique(maintain_order=True)
    if rows[ID].is_duplicated().any():
        raise InputError(
            f"two different rows share their {ID}",
            remedy="give each row its own; identical repeats are taken once",
        )
    return rows


def _normal(raw: pl.Series, kind: str, blank: list[str]) -> pl.Series:
    """The normal form of every value; what is not plain is normalised once each."""
    if kind not in PLAIN:
        return _one_by_one(raw, kind, blank)
    forms, plain = PLAIN[kind](raw)
    rest = (raw.is_not_null() & ~(plain & ~forms.is_in(blank)).fill_null(value=False)).arg_true()
    if not len(rest):
        return forms
    return forms.scatter(rest, _one_by_one(raw.gather(rest), kind, blank))


def _one_by_one(raw: pl.Series, kind: str, blank: list[str]) -> pl.Series:
    """Normalise each distinct value once; values that are their own normal form stay in place."""
    distinct = raw.unique().drop_nulls()
    short = distinct.str.slice(0, LONGEST_TEXT).str.strip_chars().str.to_lowercase()
    usable = distinct.filter(~short.is_in([*blank, ""]))
    forms = SPELLINGS[kind](usable)
    table = pl.DataFrame({"raw": usable, "form": pl.select(_nonempty(forms)).to_series()})
    unusable = pl.DataFrame({"raw": distinct.filter(short.is_in([*blank, ""]))}).with_columns(
        form=pl.lit(None, pl.String)
    )
    changed = pl.concat(
        [table.filter(pl.col("raw").ne_missing(pl.col("form"))), unusable]
    ).with_columns(hit=pl.lit(value=True))
    if not changed.height:
        return raw.rename("normal")
    return (
        pl.DataFrame({"raw": raw})
        .join(changed, on="raw", how="left", maintain_order="left")
        .select(pl.when("hit").then("form").otherwise("raw").alias("normal"))
        .to_series()
    )


def _nonempty(forms: pl.Series) -> pl.Expr:
    return pl.when(pl.lit(forms).str.len_bytes() > 0).then(pl.lit(forms))


def _implied(fields: Sequence[Field], normal: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """A date that is not given but stands in the identity number is taken from there."""
    found = {}
    for field in fields:
        source = field.implied_by
        if field.kind == "date" and source in normal:
            found[field.name] = pl.select(
                pl.coalesce(pl.lit(normal[field.name]), pl.lit(citizen_id_birth(normal[source])))
            ).to_series()
    return found


def code(left: pl.DataFrame, right: pl.DataFrame, fields: Sequence[Field]) -> dict[str, Coded]:
    """Code every field of two normalised registers; swapping fields share their codes."""
    coded: dict[str, Coded] = {}
    for field in fields:
        if field.name in coded:
            continue
        group = [field, *(f for f in fields if f.name == field.swaps_with and f.swaps_with)]
        columns = [side[f.name] for f in group for side in (left, right)]
        columns += [
            side[f.name + _ALSO].explode()
            for f in group
            for side in (left, right)
            if f.name + _ALSO in side.columns
        ]
        values, codes = _codes(columns)
        for at, member in enumerate(group):
            coded[member.name] = Coded(
                member,
                values,
                codes[2 * at],
                codes[2 * at + 1],
                _further(left, member, values),
                _further(right, member, values),
            )
    return {f.name: coded[f.name] for f in fields}


def _codes(columns: Sequence[pl.Series]) -> tuple[pl.Series, list[pl.Series]]:
    """The distinct texts of some columns, and each one's codes. Nothing rests on their order.

    Ranked by hash, which is several times faster than by text, and then checked: should two texts
    ever share a hash, they are ranked by text.
    """
    texts = pl.concat([c.alias("v") for c in columns])
    given = texts.is_not_null()
    rows = given.arg_true().to_numpy()
    for key in (texts.hash(), texts):
        ranks = pl.DataFrame({"k": key, "given": given}).select(
            pl.when("given").then("k").rank("dense").alias("c") - 1
        )
        codes = ranks["c"].cast(pl.UInt32)
        of_rows = codes.drop_nulls().to_numpy()
        firsts = np.zeros(int(of_rows.max()) + 1 if len(rows) else 0, dtype=np.int64)
        firsts[of_rows[::-1]] = rows[::-1]
        values = texts.gather(pl.Series(firsts, dtype=pl.UInt32))
        if (values.gather(codes) == texts).all():
            break
    ends = [0]
    for column in columns:
        ends.append(ends[-1] + len(column))
    return values, [codes.slice(start, end - start) for start, end in pairwise(ends)]


def _further(side: pl.DataFrame, field: Field, values: pl.Series) -> pl.DataFrame | None:
    """`row` and code `c` of further values of a side."""
    name = field.name + _ALSO
    if name not in side.columns:
        return None
    long = side.select(v=pl.col(name)).with_row_index("row").explode("v").drop_nulls()
    table = pl.DataFrame({"v": values}).with_row_index("c")
    return long.join(table, on="v", how="inner").select("row", "c").sort("row", "c")


def prepare(
    left: pl.DataFrame,
    right: pl.DataFrame | None,
    fields: Sequence[Field],
    settings: LinkSettings,
) -> Registers:
    """Normalise and code both sides; without `right` the register is held against itself."""
    a = normalise(left, fields, settings)
    b = a if right is None else normalise(right, fields, settings, side="right")
    return Registers(_keys(a), _keys(b), code(a, b, fields), right is None)


def _keys(side: pl.DataFrame) -> pl.DataFrame:
    return side.select(c for c in (ID, HOUSEHOLD) if c in side.columns)
