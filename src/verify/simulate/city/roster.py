"""A linkage roster: people, records about them in five departments, and whose each record is.

Written for measuring who finds the right person: `people.parquet` and `records.parquet` are what
a matcher may see, `truth.parquet` what it must find, `README.json` what was damaged and how often.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from verify.domain.errors import InputError, Problem
from verify.simulate.city.draws import Draws
from verify.simulate.city.files import PartWriter
from verify.simulate.city.numbers import BLOCK
from verify.simulate.city.people import people
from verify.simulate.city.rates import RosterRates
from verify.simulate.city.records import records

SCHEMA = "verify.roster/1"
PART = 8 * BLOCK  # households made at a time
_STEPS = (1_000_003, 1_000_033)  # primes: one of them shares no factor with a size below 10**12
_COUNTED = ("kind", "id_mishap", "name_mishap", "source")
_FLAGS = ("birth_swapped", "phone_stale", "address_stale")


@dataclass
class RosterSummary:
    """What was generated. `digests` are SHA-256 of the files."""

    people: int
    records: int
    seed: int
    rates: RosterRates
    households: int = 0
    twins: int = 0
    sharing_a_number: int = 0
    with_two_numbers: int = 0
    renamed: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The contents of `README.json`."""
        return {
            "schema": SCHEMA,
            "synthetic": True,
            "files": _FILES,
            **{k: v for k, v in asdict(self).items() if k != "rates"},
            "rates_per_million": asdict(self.rates),
            "made_with": {"polars": pl.__version__},
        }


_FILES = {
    "people.parquet": "one row per person on the roster: person, household, name, former_names "
    "(those that were told), id_number, birth, phone, address",
    "records.parquet": "one row per record: record, source, subject_name, subject_id, "
    "subject_birth, subject_phone, subject_address, as the department wrote them",
    "truth.parquet": "one row per record: person (null: nobody on the roster), cluster (the human "
    "being, on the roster or not), kind (own, or why a stranger's record looks alike), id_mishap, "
    "name_mishap, birth_swapped, phone_stale, address_stale",
}


def generate_roster(
    people_count: int, record_count: int, seed: int, out: Path, rates: RosterRates | None = None
) -> RosterSummary:
    """Write a roster to `out`: three Parquet files and `README.json`.

    The same sizes, seed and rates give the same bytes with the same Polars version. Memory holds
    one part (about 170,000 people) at a time.

    Raises:
        InputError: a size is impossible, or the identity numbers do not suffice.
    """
    _check(people_count, record_count)
    rates = rates or RosterRates()
    summary = RosterSummary(people_count, record_count, seed, rates)
    draws = Draws("roster", seed)
    out.mkdir(parents=True, exist_ok=True)
    tables = ("people", "records", "truth")
    writers = {name: PartWriter(out / f"{name}.parquet") for name in tables}
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*_COUNTED, "damage")}
    done = 0
    for town in _towns(draws, people_count):
        first, last = (n * record_count // people_count for n in (done, done + town.height))
        key = _keys(town, done, people_count)
        writers["people"].write(_roster(draws, key, rates))
        _count_people(summary, town)
        if last > first:
            made = _shuffled(records(draws, town, first, last - first, rates), record_count)
            made = made.join(key.select("u", "person"), on="u", how="left", maintain_order="left")
            made = made.with_columns(cluster=pl.coalesce("person", _stranger_key()))
            writers["records"].write(made.select("record", "source", "^subject_.*$"))
            writers["truth"].write(made.select("record", "person", "cluster", *_TRUTH))
            _count(counts, made)
        done += town.height
    summary.counts = {name: dict(sorted(counter.items())) for name, counter in counts.items()}
    summary.digests = {f"{name}.parquet": writers[name].finish() for name in tables}
    text = json.dumps(summary.plain(), ensure_ascii=False, sort_keys=True, indent=2)
    (out / "README.json").write_text(text + "\n", encoding="utf-8")
    return summary


_TRUTH = ("kind", "id_mishap", "name_mishap", *_FLAGS)


def _check(people_count: int, record_count: int) -> None:
    given = (("/people", people_count), ("/records", record_count))
    problems = [
        Problem(pointer, "too-few", "there are none.", "Give 1 or more.")
        for pointer, value in given
        if value < 1
    ]
    if problems:
        raise InputError("the roster cannot be generated", problems=tuple(problems))


def _towns(draws: Draws, wanted: int) -> Iterator[pl.DataFrame]:
    """People of part after part of the households, `wanted` in all."""
    first = 0
    while wanted > 0:
        # Fewer households for a small roster; a part never depends on how many follow.
        town = people(draws, first, min(PART, wanted)).head(wanted)
        first, wanted = first + PART, wanted - town.height
        yield town


def _step(size: int) -> int:
    return next(step for step in _STEPS if size % step)


def _keys(town: pl.DataFrame, done: int, size: int) -> pl.DataFrame:
    """Add keys that say nothing about who belongs together."""
    place = (pl.int_range(pl.len(), dtype=pl.UInt64) + done) * _step(size) % size
    return town.with_columns(
        person=pl.lit("P") + place.cast(pl.String).str.zfill(9),
        household=pl.lit("H") + pl.col("h").cast(pl.String).str.zfill(9),
    )


def _shuffled(made: pl.DataFrame, size: int) -> pl.DataFrame:
    key = pl.col("j") * _step(size) % size
    return made.with_columns(record=pl.lit("R") + key.cast(pl.String).str.zfill(9)).sort("record")


def _stranger_key() -> pl.Expr:
    return pl.lit("Q") + pl.col("human").cast(pl.String)


def _roster(draws: Draws, key: pl.DataFrame, rates: RosterRates) -> pl.DataFrame:
    told = draws.chance("former_name_told", "u", rates.former_name_told)
    known = pl.when(pl.col("former_name").is_not_null() & told).then(pl.concat_list("former_name"))
    empty = pl.lit([], dtype=pl.List(pl.String))
    return key.with_columns(former_names=known.fill_null(empty)).select(
        "person", "household", "name", "former_names", "id_number", "birth", "phone", "address"
    )


def _count_people(summary: RosterSummary, town: pl.DataFrame) -> None:
    summary.households += town["h"].n_unique()
    summary.twins += int(town["twin"].sum())
    summary.sharing_a_number += int(town["shared_id"].sum())
    summary.with_two_numbers += town["other_id"].len() - town["other_id"].null_count()
    summary.renamed += town["former_name"].len() - town["former_name"].null_count()


def _count(counts: dict[str, Counter[str]], made: pl.DataFrame) -> None:
    for name in _COUNTED:
        for value, count in made[name].value_counts().iter_rows():
            counts[name][value] += count
    for flag in _FLAGS:
        counts["damage"][flag] += int(made[flag].sum())
