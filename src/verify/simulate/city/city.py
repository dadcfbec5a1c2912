"""`verify simulate population`, in tables: a city of any size as Parquet, source by source.

One part (65,536 households, about 170,000 people) is made and written at a time, so memory does
not grow with the city. Every value depends on the seed and its row alone, so a smaller city is
the beginning of a larger one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from verify.domain.errors import InputError, Problem
from verify.simulate.city import truth
from verify.simulate.city.departments import DEPARTMENTS
from verify.simulate.city.draws import Draws
from verify.simulate.city.events import events
from verify.simulate.city.files import write_part
from verify.simulate.city.lives import with_lives
from verify.simulate.city.measured import Measured
from verify.simulate.city.newborn import newborn
from verify.simulate.city.numbers import BLOCK, BLOCKS
from verify.simulate.city.people import people
from verify.simulate.city.rates import RosterRates
from verify.simulate.city.timeline import DAYS, START
from verify.simulate.city.written import write_down
from verify.simulate.earnings import AS_OF

SCHEMA = "verify.city/1"
PART = 8 * BLOCK
Progress = Callable[[int, int], None]


@dataclass
class CitySummary:
    """What was generated. `digests` are SHA-256 over the digests of a table's files, in order."""

    households: int
    seed: int
    rates: RosterRates
    persons: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    marginals: list[dict[str, Any]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The contents of `README.json`."""
        return {
            "schema": SCHEMA,
            "synthetic": True,
            "as_of": AS_OF.isoformat(),
            "first_day": START.isoformat(),
            "days": DAYS,
            "tables": _TABLES,
            **{f.name: getattr(self, f.name) for f in fields(self) if f.name != "rates"},
            "rates_per_million": asdict(self.rates),
            "made_with": {"polars": pl.__version__},
        }


_TABLES = {
    "people": "everybody at the first day, and children born later: person, household, role, sex, "
    "birth, name, former_name, id_number, other_id, phone, address, district, rural, work, died_on",
    "applications": "one row per household: case_number, programme, region, residence, as_of",
    "declared": "what the application says: person, quantity, fen (a month for incomes)",
    "events": "births, deaths, jobs, purchases, moves by day: person, household, kind, on, detail",
    "truth/income": "true income of the twelve months before as_of: person, quantity, fen",
    "truth/assets": "true assets at as_of: person, quantity, fen (or how many)",
    "truth/rows/...": "whose each row of a source is: row, person, id_mishap, name_mishap",
    "sources/...": "what a department holds: row, subject_*, known_on, until and its own columns; "
    "amounts in fen; a stretch of months is first_month to last_month (null: beyond the two years)",
}


def generate_city(
    households: int,
    seed: int,
    out: Path,
    *,
    rates: RosterRates | None = None,
    progress: Progress = lambda done, of: None,
) -> CitySummary:
    """Write a city of that many households to `out`.

    The same size and seed give the same bytes with the same Polars version. `progress` is told
    how many households are done.

    Raises:
        InputError: the size is impossible.
    """
    _check(households, out)
    summary = CitySummary(households, seed, rates or RosterRates())
    measured, files = Measured(), _Files(out)
    for first in range(0, households, PART):
        count = min(PART, households - first)
        for table, frame in _part(seed, first, count, summary, measured):
            files.write(table, frame)
            summary.rows[table] += frame.height
        progress(first + count, households)
    summary.marginals = measured.against_published()
    summary.digests = files.digests()
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary.plain(), ensure_ascii=False, sort_keys=True, indent=2)
    (out / "README.json").write_text(text + "\n", encoding="utf-8")
    return summary


def _check(households: int, out: Path) -> None:
    problems = []
    if not 1 <= households <= BLOCK * BLOCKS // 2:
        problems.append(
            Problem(
                "/households",
                "out-of-range",
                "there are no identity numbers for so many.",
                f"Give 1 to {BLOCK * BLOCKS // 2:,}.",
            )
        )
    if out.exists() and any(out.iterdir()):
        problems.append(
            Problem("/out", "not-empty", "the folder holds files.", "Name a new folder.")
        )
    if problems:
        raise InputError("the population cannot be generated", problems=tuple(problems))


def _part(
    seed: int, first: int, count: int, summary: CitySummary, measured: Measured
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The tables of one part of the city."""
    draws = Draws("city", seed)
    town = with_lives(draws, people(draws, first, count))
    born = newborn(draws, town)
    happened = events(draws, town, born)
    income, assets = truth.earned(draws, town), truth.owned(draws, town)
    measured.add(town, born, income, assets)
    summary.persons += town.height
    summary.events.update(dict(happened["kind"].value_counts().iter_rows()))
    yield "people", _register(town, born)
    yield "applications", truth.applications(seed, town)
    yield "declared", truth.declared(draws, income, assets)
    yield "events", happened
    yield "truth/income", income
    yield "truth/assets", assets
    for department in DEPARTMENTS:
        for table, rows in department.tables(draws, town).items():
            written, told = write_down(
                draws, table, rows, summary.rates, by_number=department.by_number
            )
            if table == "disability":
                measured.add_certificates(written.height)
            for mishap in ("id_mishap", "name_mishap"):
                summary.mishaps.update(dict(told[mishap].value_counts().iter_rows()))
            yield f"sources/{department.name}/{table}", written
            yield f"truth/rows/{table}", told


def _register(town: pl.DataFrame, born: pl.DataFrame) -> pl.DataFrame:
    later = born.select(
        "u", "h", "sex", "birth", "name", "id_number", "address",
        role=pl.lit("newborn"), work=pl.lit("child"),
    )  # fmt: skip
    return (
        pl.concat([town, later], how="diagonal")
        .sort("u")
        .select(
            pl.col("u").alias("person"), pl.col("h").alias("household"), "role", "sex", "birth",
            "name", "former_name", "id_number", "other_id", "phone", "address",
            pl.col("district").forward_fill(), pl.col("rural").forward_fill(), "work", "died_on",
        )
    )  # fmt: skip


class _Files:
    """One file per part and table: `<table>/part-00000.parquet`."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._parts: dict[str, list[str]] = {}

    def write(self, table: str, frame: pl.DataFrame) -> None:
        digests = self._parts.setdefault(table, [])
        digests.append(write_part(self._out / table / f"part-{len(digests):05d}.parquet", frame))

    def digests(self) -> dict[str, str]:
        """One digest per table, and one of all of them."""
        tables = {
            table: sha256("".join(digests).encode()).hexdigest()
            for table, digests in sorted(self._parts.items())
        }
        whole = sha256("".join(f"{t} {d}\n" for t, d in tables.items()).encode()).hexdigest()
        return {**tables, "all": whole}
