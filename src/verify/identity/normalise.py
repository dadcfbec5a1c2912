"""Registers made comparable: normal forms beside the originals."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from verify.domain.errors import InputError
from verify.identity.columns import ID, Field, household_column, id_column
from verify.identity.spellings import LONGEST_TEXT, PLAIN, SPELLINGS, citizen_id_birth
from verify.scoring.linking import LinkSettings

GIVEN = "_given"
ALSO = "_also"
HOUSEHOLD = "household_key"


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
    given = given_values(frame, fields, settings, side=side)
    blank = [b.casefold() for b in settings.declared.blank]
    normal = {f.name: normal_forms(given[f.name + GIVEN], f.kind, blank) for f in fields}
    normal |= _implied(fields, normal)
    for field in fields:
        if getattr(field, f"also_{side}"):
            name = field.name + ALSO
            normal[name] = _normal_lists(given[name + GIVEN], field.kind, blank)
    return given.with_columns(**normal)


def given_values(
    frame: pl.DataFrame, fields: Sequence[Field], settings: LinkSettings, *, side: str = "left"
) -> pl.DataFrame:
    """One register as written: `unique_id`, `<field>_given` and what else `normalise` keeps.

    Raises:
        InputError: two different rows share their id.
    """
    given = frame.select(
        _ids(frame, settings),
        *_household(frame, settings),
        *(_as_text(frame, getattr(f, side)).alias(f.name + GIVEN) for f in fields),
        *(
            _as_texts(frame, column).alias(f.name + ALSO + GIVEN)
            for f in fields
            if (column := getattr(f, f"also_{side}"))
        ),
    )
    return _once(given)


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
    normal = long.with_columns(normal_forms(long["raw"], kind, blank).alias("n")).drop_nulls()
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


def normal_forms(raw: pl.Series, kind: str, blank: list[str]) -> pl.Series:
    """The normal form of every value; what is not plain is normalised once each."""
    if kind not in PLAIN:
        return _one_by_one(raw, kind, blank)
    forms, plain = PLAIN[kind](raw)
    right = (plain & ~_among(forms, blank)).fill_null(value=False)
    rest = (raw.is_not_null() & ~right).arg_true()
    if not len(rest):
        return forms
    return forms.scatter(rest, _one_by_one(raw.gather(rest), kind, blank))


def _among(texts: pl.Series, words: list[str]) -> pl.Series:
    """Which texts are one of a few short words; only short ones are looked up."""
    longest = max((len(word.encode()) for word in words), default=0)
    short = (texts.str.len_bytes() <= longest).fill_null(value=False)
    found = short.clone()
    at = short.arg_true()
    return found.scatter(at, texts.gather(at).is_in(words)) if len(at) else found


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
