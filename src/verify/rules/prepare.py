"""Lay out a batch of households of one rulebook for evaluation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from verify.domain.errors import InputError, Problem
from verify.domain.household import Role
from verify.rules.contributions import Contributions, contributions
from verify.rules.evaluate import Batch
from verify.rules.kinds import MAX_MEMBERS
from verify.rules.parts import PART, condensed
from verify.rules.rulebook import Regime, Rulebook


@dataclass(frozen=True)
class Prepared:
    """Households and members by number, their contributions, and the regimes they fall under."""

    book: Rulebook
    households: pl.DataFrame  # numbered by position: household, region, residence, regime ...
    members: pl.DataFrame  # h, p, household, person, relation, age
    contributions: Contributions
    regimes: tuple[Regime, ...]
    table: pl.DataFrame  # what is in force, one row per regime; see `Batch`

    def open_batch(self) -> Batch:
        """Ready to evaluate as it stands, with nothing examined."""
        frame = self.contributions.frame
        nowhere = pl.Series("place", [0], dtype=pl.Int64).new_from_index(0, frame.height)
        parts = frame.hstack([nowhere])
        return self._of(parts[PART])

    def batch(self, parts: pl.DataFrame) -> Batch:
        """Ready to evaluate, with contributions whose doubts have been given a place."""
        return self._of(condensed(parts))

    def _of(self, parts: pl.DataFrame) -> Batch:
        plan, households = self.book.plan, self.households
        return Batch(
            plan, households["residence"], households["regime"], self.table, self.members, parts
        )


def prepare(
    book: Rulebook,
    households: pl.DataFrame,
    persons: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
) -> Prepared:
    """Number the households and members of one rulebook and map their facts.

    Raises:
        LawNotInForce: no rule for a household's day.
        InputError: a household without members, or with more than the engine counts exactly.
    """
    households = households.sort("household")
    keys = list(households["as_of", "known_at"].iter_rows())
    days = tuple(sorted(set(keys)))
    regimes, table = _in_force(book, days)
    number = {day: i for i, day in enumerate(days)}
    regime = pl.Series("regime", [number[k] for k in keys], dtype=pl.Int64)
    h = pl.Series("h", range(len(keys)), dtype=pl.Int64)
    households = households.hstack([h, regime])
    members = _members(households, persons)
    _check_sizes(households, members)
    found = contributions(book.plan, households, table, members, facts, doubts)
    return Prepared(book, households, members, found, regimes, table)


@lru_cache(maxsize=256)
def _in_force(
    book: Rulebook, days: tuple[tuple[dt.date, dt.date], ...]
) -> tuple[tuple[Regime, ...], pl.DataFrame]:
    """The regimes of some days, and the same as a table."""
    regimes = tuple(book.regime(as_of, known_at) for as_of, known_at in days)
    rows = [_columns(book, regime) for regime in regimes]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return regimes, pl.DataFrame(columns, schema={name: _kind(name) for name in columns})


def _kind(name: str) -> pl.DataType:
    if name.endswith((".start", ".end")):
        return pl.Date()
    return pl.String() if name.endswith(".doubt") else pl.Int64()


def _columns(book: Rulebook, regime: Regime) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, entry in regime.entries.items():
        columns[f"{name}.lo"], columns[f"{name}.hi"] = entry.lo, entry.hi
        columns[f"{name}.doubt"] = entry.unknown.doubt if entry.unknown else None
    for test in book.plan.tests:
        chosen = regime.operators[test.name]
        index = test.operators.index(chosen.operator) if chosen else 0
        columns[f"{test.name}#operator"] = index
    for code, holds in regime.clauses.items():
        columns[f"{code}#in_force"] = int(holds)
    for name, window in regime.windows.items():
        columns[f"{name}.start"], columns[f"{name}.end"] = window.start, window.end
    return columns


def _members(households: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    age = _completed_years("as_of", "birth")
    members = (
        persons.filter(pl.col("role") == Role.MEMBER.value)
        .join(households["h", "household", "as_of"], on="household")
        .select("h", "household", "person", "relation", age.alias("age"))
        .sort("h", "person")
    )
    return members.hstack([pl.Series("p", range(members.height), dtype=pl.Int64)])


def _completed_years(day: str, birth: str) -> pl.Expr:
    """Completed years: the difference of yyyymmdd as numbers (parts of dates are 8 bits wide)."""

    def digits(name: str) -> pl.Expr:
        date = pl.col(name).dt
        wide = [part.cast(pl.Int64) for part in (date.year(), date.month(), date.day())]
        return wide[0] * 10_000 + wide[1] * 100 + wide[2]

    return (digits(day) - digits(birth)) // 10_000


def _check_sizes(households: pl.DataFrame, members: pl.DataFrame) -> None:
    sizes = members["h"].value_counts()
    if sizes.height < households.height:
        raise InputError(
            "a household has no members",
            remedy="name at least the applicant",
            problems=(
                Problem("/members", "no-members", "nobody is a member.", "Name the applicant."),
            ),
        )
    if (largest := sizes["count"].max()) is not None and int(str(largest)) > MAX_MEMBERS:
        raise InputError(
            f"a household has over {MAX_MEMBERS} members",
            remedy="check the list: one application is one household",
            problems=(
                Problem("/members", "too-many-members", "there are too many.", "Check the list."),
            ),
        )
