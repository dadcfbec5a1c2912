"""Which column of a register holds which field, and which script family reads it.

A column is known by its name (declared in `scoring/linking/`, case and punctuation aside). A
column nobody declares is still used: as a category if it has few values, else as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from verify.domain.errors import InputError
from verify.domain.verdict import Text
from verify.scoring.linking import LinkSettings

ID = "unique_id"
_SCRIPTS = {
    "han": "[\u3400-\u9fff\U00020000-\U0003ffff]",
    "cyrillic": "[\u0400-\u052f]",
    "other": "[a-zA-Z\u00c0-\u03ff\u0530-\u2fff\u3040-\u30ff\uac00-\ud7a3]",
}
_LOOKED_AT = 2000  # rows that decide the script
_NAMES = ("name_part", "full_name", "han_name")
_FEW = 60  # distinct values of a category


@dataclass(frozen=True)
class Field:
    """A field that both registers have: its columns, kind and words."""

    name: str
    kind: str
    title: Text
    left: tuple[str, ...]
    right: tuple[str, ...]
    frequency: bool
    swaps_with: str | None = None
    implied_by: str | None = None
    also_left: str | None = None
    also_right: str | None = None


def choose_family(
    left: pl.DataFrame, right: pl.DataFrame | None, families: Mapping[str, LinkSettings]
) -> LinkSettings:
    """The family whose script most letters of the text columns are written in.

    Counted over up to 2,000 rows at even distances, in columns that any family reads as a name,
    else in all text columns; of equals, the first by name.
    """
    counts = dict.fromkeys(_SCRIPTS, 0)
    for frame in (left, right):
        if frame is None or not frame.height:
            continue
        seen = frame.gather_every(max(1, frame.height // _LOOKED_AT))
        for column in _name_columns(seen, families) or seen.columns:
            if seen[column].dtype != pl.String:
                continue
            text = seen[column].fill_null("").str.slice(0, 200)
            for script, pattern in _SCRIPTS.items():
                counts[script] += int(text.str.count_matches(pattern).sum() or 0)
    # One ideograph says as much as several letters: a name has two or three of them.
    counts["han"] *= 3
    script = max(sorted(counts), key=lambda s: (counts[s], s == "other"))
    fitting = [f for f in sorted(families) if families[f].declared.script == script]
    fitting += [f for f in sorted(families) if families[f].declared.script == "other"]
    if not fitting:
        raise InputError("no script family is declared for these registers")
    return families[fitting[0]]


def _name_columns(frame: pl.DataFrame, families: Mapping[str, LinkSettings]) -> list[str]:
    known = {
        plain(c)
        for settings in families.values()
        for f in settings.declared.fields
        if f.kind in _NAMES
        for c in f.columns
    }
    return [c for c in frame.columns if plain(c) in known]


def plain(column: str) -> str:
    """A column name without case and punctuation."""
    return re.sub(r"[\W_]+", "", column.casefold())


def map_columns(
    left: pl.DataFrame, right: pl.DataFrame | None, settings: LinkSettings
) -> tuple[Field, ...]:
    """The fields both sides can be compared by, in declared order.

    Raises:
        InputError: no column of the registers is a field they share.
    """
    other = left if right is None else right
    fields: list[Field] = []
    used = {ID}
    for declared in settings.declared.fields:
        columns = [_find(frame, declared.columns) for frame in (left, other)]
        if all(columns):
            fields.append(
                Field(
                    declared.field,
                    declared.kind,
                    Text(declared.title.zh, declared.title.en),
                    columns[0],
                    columns[1],
                    declared.frequency,
                    declared.swaps_with,
                    declared.implied_by,
                    *_further(left, other, declared.also),
                )
            )
        used |= {*columns[0], *columns[1], *filter(None, _further(left, other, declared.also))}
    known = settings.declared
    ignored = {plain(c) for c in (*known.ignored, *known.ids, *known.households)}
    for column in left.columns:
        if column in used or plain(column) in ignored or column not in other.columns:
            continue
        if (kind := _guess(left[column], other[column])) is not None:
            fields.append(Field(column, kind, Text(column, column), (column,), (column,), True))
    if not fields:
        raise InputError(
            "the registers share no column to compare by",
            remedy="name the columns as scoring/linking/ declares them, or add their names there",
        )
    return tuple(fields)


def _find(frame: pl.DataFrame, names: list[str]) -> tuple[str, ...]:
    """The first declared column; `a+b` joins two columns where both exist."""
    by_plain = {plain(c): c for c in reversed(frame.columns)}
    for name in names:
        parts = [by_plain.get(plain(p)) for p in name.split("+")]
        if all(parts):
            return tuple(p for p in parts if p)
    return ()


def _further(
    left: pl.DataFrame, right: pl.DataFrame, names: list[str]
) -> tuple[str | None, str | None]:
    a, b = (next(iter(_find(frame, names)), None) for frame in (left, right))
    return a, b


def id_column(frame: pl.DataFrame, settings: LinkSettings) -> str | None:
    """The column that names the rows; None if there is none."""
    return next(iter(_find(frame, settings.declared.ids)), None)


def household_column(frame: pl.DataFrame, settings: LinkSettings) -> str | None:
    """The column that groups rows of one household or jointly held object."""
    return next(iter(_find(frame, settings.declared.households)), None)


def _guess(a: pl.Series, b: pl.Series) -> str | None:
    """The kind of an undeclared column; None where it cannot tell persons apart."""
    values = pl.concat([a.cast(pl.String), b.cast(pl.String)]).drop_nulls()
    distinct = values.n_unique()
    if distinct < 2:
        return None
    return "category" if distinct <= _FEW else "text"
