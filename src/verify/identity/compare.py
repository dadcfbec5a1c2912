"""Compare records with the persons of their household: one rank of agreement per field.

Every text is normalised once and every *distinct* pair of values compared once; ranks are then
carried back to all pairs that share these values. Pairs are row numbers into the two sorted
sides until the last moment. One household and a hundred thousand take the same path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from verify.frames import PERSONS, RECORDS, Shape
from verify.identity.contacts import (
    address_form,
    address_level,
    birth_level,
    phone_form,
    phone_level,
)
from verify.identity.names import PersonNames, name_form, name_level
from verify.identity.numbers import id_form, id_level
from verify.scoring import Family
from verify.scoring.levels import ADDRESS, BIRTH, ID, NAME, PHONE

# The streaming engine's start-up doubles the time of one household (19 ms against 9 ms).
ENGINE: Final = "in-memory"


def _same(value: Any) -> Any:
    return value


def _person_names(names: tuple[str, ...]) -> PersonNames:
    current, *former = map(name_form, names)
    return PersonNames(current, tuple(former))


@dataclass(frozen=True)
class _Field:
    """How one field is read on both sides and compared."""

    record: str
    person: str
    record_form: Callable[[Any], Any]
    person_form: Callable[[Any], Any]
    level: Callable[[Any, Any], int]


_FIELDS = {
    NAME: _Field("subject_name", "name", name_form, _person_names, name_level),
    ID: _Field("subject_id", "id_number", id_form, id_form, id_level),
    BIRTH: _Field("subject_birth", "birth", _same, _same, birth_level),
    PHONE: _Field("subject_phone", "phone", phone_form, phone_form, phone_level),
    ADDRESS: _Field("subject_address", "address", address_form, address_form, address_level),
}
_RECORD_COLUMNS = (*RECORDS.key, "asked_person", *(f.record for f in _FIELDS.values()))
_PERSON_COLUMNS = (*PERSONS.key, "former_names", *(f.person for f in _FIELDS.values()))


@dataclass(frozen=True)
class Compared:
    """Both sides sorted by key, and their pairs.

    `pairs` has `r` and `p` (row numbers in `records` and `persons`), `asked` (the source was
    asked about this person), one rank column per field (`scoring.levels`, 0 strongest),
    `name_detail` and `id_detail` (codes of what had to be levelled or is wrong) and
    `name_weight` (milli-bits of full agreement on this person's name).
    """

    records: pl.DataFrame
    persons: pl.DataFrame
    pairs: pl.DataFrame


def compare(persons: pl.DataFrame, records: pl.DataFrame, family: Family) -> Compared:
    """Every record x person pair of each household, with its agreement.

    Raises:
        ValueError: two different rows of a side share their key.
    """
    records = _sorted(records, RECORDS, _RECORD_COLUMNS)
    persons = _sorted(persons, PERSONS, _PERSON_COLUMNS)
    left = {name: _coded(records[f.record].to_list(), f.record_form) for name, f in _FIELDS.items()}
    right = {
        name: _coded(
            _all_names(persons) if name == NAME else persons[f.person].to_list(), f.person_form
        )
        for name, f in _FIELDS.items()
    }
    pairs = _pair_up(records, persons, left, right)
    ranks = _ranks(pairs, left, right)
    weights = pl.Series(
        [family.name_weight(p.name.text) for p in right[NAME].forms], dtype=pl.Int64
    )
    return Compared(
        records,
        persons,
        pairs.select(
            "r",
            "p",
            "asked",
            *ranks,
            _lookup([n.steps for n in left[NAME].forms], "name_l").alias("name_detail"),
            _lookup([n.fault for n in left[ID].forms], "id_l").alias("id_detail"),
            pl.lit(weights).gather(pl.col("name_r")).alias("name_weight"),
        ),
    )


def _sorted(frame: pl.DataFrame, shape: Shape, columns: Sequence[str]) -> pl.DataFrame:
    """Rows once each, by key: a repeated row says nothing more than the first."""
    repeats = pl.all_horizontal(pl.col(k) == pl.col(k).shift() for k in shape.key)
    rows = (
        frame.lazy()
        .select(columns)
        .sort(shape.key)
        .with_columns(repeats=repeats)
        .collect(engine=ENGINE)
    )
    if rows["repeats"].any():
        rows = rows.drop("repeats").unique().sort(shape.key).with_columns(repeats=repeats)
        if rows["repeats"].any():
            raise ValueError(f"two different rows share a key ({', '.join(shape.key)})")
    return rows


def _all_names(persons: pl.DataFrame) -> list[tuple[str, ...]]:
    names, former = persons["name"].to_list(), persons["former_names"].to_list()
    return [(name, *others) for name, others in zip(names, former, strict=True)]


@dataclass(frozen=True)
class _Coded:
    """A column as codes into its distinct normal forms."""

    codes: pl.Series
    forms: tuple[Any, ...]


def _coded(values: Sequence[Any], form: Callable[[Any], Any]) -> _Coded:
    """Normalise each distinct value once; equal forms share a code."""
    forms: dict[Any, int] = {}
    codes = {v: forms.setdefault(form(v), len(forms)) for v in dict.fromkeys(values)}
    return _Coded(pl.Series([codes[v] for v in values], dtype=pl.UInt32), tuple(forms))


def _pair_up(
    records: pl.DataFrame,
    persons: pl.DataFrame,
    left: dict[str, _Coded],
    right: dict[str, _Coded],
) -> pl.DataFrame:
    """Row numbers and codes of every pair within a household, and a key per pair of codes."""
    households = _coded(persons["household"].to_list(), _same)
    known = {h: i for i, h in enumerate(households.forms)}
    a = pl.DataFrame(
        {
            "h": pl.Series([known.get(h) for h in records["household"].to_list()], dtype=pl.UInt32),
            "asked_person": records["asked_person"],
            **{f"{name}_l": side.codes for name, side in left.items()},
        }
    ).lazy()
    b = pl.DataFrame(
        {
            "h": households.codes,
            "person": persons["person"],
            **{f"{name}_r": side.codes for name, side in right.items()},
        }
    ).lazy()
    keys = {
        name: pl.col(f"{name}_l").cast(pl.UInt64) * len(side.forms) + pl.col(f"{name}_r")
        for name, side in right.items()
    }
    joined = a.with_row_index("r").join(b.with_row_index("p"), on="h", how="inner")
    asked = pl.col("asked_person") == pl.col("person")
    return joined.select("r", "p", "name_l", "name_r", "id_l", asked=asked, **keys).collect(
        engine=ENGINE
    )


def _ranks(pairs: pl.DataFrame, left: dict[str, _Coded], right: dict[str, _Coded]) -> list[pl.Expr]:
    """Compare each distinct pair of forms once; expressions carry the ranks back to all pairs."""
    distinct = pairs.select(pl.col(name).unique().implode() for name in _FIELDS)
    found = []
    for name, field in _FIELDS.items():
        keys = distinct[name][0]
        a, b, width = left[name].forms, right[name].forms, len(right[name].forms)
        ranks = [field.level(a[k // width], b[k % width]) for k in keys.to_list()]
        found.append(
            pl.col(name).replace_strict(keys, pl.Series(ranks, dtype=pl.Int8), return_dtype=pl.Int8)
        )
    return found


def _lookup(texts: Sequence[str], code: str) -> pl.Expr:
    return pl.lit(pl.Series(texts, dtype=pl.String)).gather(pl.col(code))
