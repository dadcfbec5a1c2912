"""Labelled pairs as frames: agreement by field, and what a person said of the pair.

Two kinds: the invented pairs of `scoring/cases/` and clerical decisions on real doubts. Of the
latter only levels of agreement are kept, and how rare the name is, never the name or the number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from verify import frames
from verify.domain.identifiers import parse_citizen_id
from verify.domain.match import Judgement
from verify.identity.compare import compare
from verify.identity.judge import judge
from verify.identity.resolve import score
from verify.scoring import Family
from verify.scoring.declared import PairDeclared, Side
from verify.scoring.levels import LEVELS, MISSING, rank

CASE, CLERICAL = "case", "clerical"
_PAIR = ("r", "p", "asked", *LEVELS, "name_weight", "name_detail", "id_detail")
COLUMNS = (*_PAIR, "key", "origin", "title_zh", "title_en", "label")
"""Pairs ready to be scored (`identity.compare.Compared.pairs`), with a stable `key`, where they
come from, words, and `label`, the judgement that a person gave."""


@dataclass(frozen=True)
class Decision:
    """A clerical decision: levels of agreement by field, rarity of the name in milli-bits."""

    key: str
    levels: Mapping[str, str]
    rarity: int
    label: Judgement


def from_cases(pairs: Sequence[PairDeclared], family: Family) -> pl.DataFrame:
    """The labelled pairs of the content, compared."""
    persons = [_person(f"{i:06d}", pair.person) for i, pair in enumerate(pairs)]
    records = [_record(f"{i:06d}", pair.record) for i, pair in enumerate(pairs)]
    compared = compare(frames.PERSONS.frame(persons), frames.RECORDS.frame(records), family)
    said = pl.DataFrame(
        {
            "r": pl.Series(range(len(pairs)), dtype=pl.UInt32),
            "key": [f"case:{pair.title.en}" for pair in pairs],
            "title_zh": [pair.title.zh for pair in pairs],
            "title_en": [pair.title.en for pair in pairs],
            "label": [pair.judgement.value for pair in pairs],
        },
        schema_overrides=dict.fromkeys(("key", "title_zh", "title_en", "label"), pl.String),
    )
    # Rows are numbered in the order of their households, and each household is one pair.
    found = compared.pairs.with_columns(pl.col("r").cast(pl.UInt32))
    return (
        found.join(said, on="r", how="left", maintain_order="left")
        .with_columns(origin=pl.lit(CASE))
        .select(COLUMNS)
    )


def from_decisions(decisions: Sequence[Decision], family: Family) -> pl.DataFrame:
    """Clerical decisions in the same shape; row numbers follow their order."""
    rows = [
        {
            "r": i,
            "p": i,
            "asked": True,
            **{name: rank(name, d.levels.get(name, MISSING)) for name in LEVELS},
            "name_weight": family.exact_name + min(d.rarity, family.names.cap),
            "name_detail": "",
            "id_detail": "",
            "key": d.key,
            "origin": CLERICAL,
            "title_zh": "人工核定",
            "title_en": "a clerical decision",
            "label": d.label.value,
        }
        for i, d in enumerate(decisions)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA: dict[str, pl.DataType] = {
    "r": pl.UInt32(),
    "p": pl.UInt32(),
    "asked": pl.Boolean(),
    **{name: pl.Int8() for name in LEVELS},
    "name_weight": pl.Int64(),
    **{
        name: pl.String()
        for name in ("name_detail", "id_detail", "key", "origin", "title_zh", "title_en", "label")
    },
}


def together(*parts: pl.DataFrame) -> pl.DataFrame:
    """Several sets of pairs as one: rows numbered anew, each pair a record of its own."""
    every = pl.concat([part.cast(_SCHEMA) for part in parts])  # type: ignore[arg-type]  # names to types
    number = pl.int_range(pl.len(), dtype=pl.UInt32)
    return every.with_columns(r=number, p=number)


def judged(pairs: pl.DataFrame, family: Family) -> pl.DataFrame:
    """Score and judge labelled pairs: adds `score`, `judgement`, `rule`, `weighs`."""
    scored = score(pairs.lazy(), family)
    return judge(scored, family.positive, family.unsure).sort("r").collect()


def _person(household: str, side: Side) -> dict[str, object]:
    return {
        "household": household,
        "person": "p1",
        "role": "member",
        "relation": "self",
        "name": side.name,
        "former_names": list(side.former_names),
        "id_number": side.id,
        "birth": _day(side.birth) or _birth_of(side.id),
        "phone": side.phone,
        "address": side.address,
    }


def _birth_of(number: str) -> dt.date:
    """An application always states a birth date; a number that is no number says none."""
    try:
        return parse_citizen_id(number).birth
    except ValueError:
        return dt.date(1900, 1, 1)


def _record(household: str, side: Side) -> dict[str, object]:
    return {
        "household": household,
        "record": "r1",
        "evidence": "case",
        "source": "case",
        "asked_person": "p1",
        "subject_name": side.name or None,
        "subject_id": side.id or None,
        "subject_birth": _day(side.birth),
        "subject_phone": side.phone or None,
        "subject_address": side.address or None,
        "kind": "case",
        "granularity": "none",
        "share_num": 1,
        "share_den": 1,
        "detail": "{}",
    }


def _day(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
