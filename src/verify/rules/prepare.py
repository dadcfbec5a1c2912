"""Lay out a batch of households of one rulebook for evaluation."""

from __future__ import annotations

from dataclasses import dataclass
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
    households: pl.DataFrame  # h, household, region, regime and the regime's columns
    members: pl.DataFrame  # h, p, household, person, relation, age
    contributions: Contributions
    regimes: tuple[Regime, ...]

    def open_batch(self) -> Batch:
        """Ready to evaluate as it stands, with nothing examined."""
        parts = self.contributions.frame.with_columns(place=pl.lit(0, dtype=pl.Int64))
        return Batch(self.book.plan, self.households, self.members, parts[PART])

    def batch(self, parts: pl.DataFrame) -> Batch:
        """Ready to evaluate, with contributions whose doubts have been given a place."""
        return Batch(self.book.plan, self.households, self.members, condensed(parts))


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
    households, regimes = _with_regimes(book, households)
    members = _members(households, persons)
    _check_sizes(households, members)
    windows = [f"{w}.{end}" for w in book.plan.model.windows for end in ("start", "end")]
    found = contributions(
        book.plan,
        households.select("h", "household", *windows),
        members,
        facts,
        doubts,
    )
    return Prepared(book, households, members, found, regimes)


def _with_regimes(
    book: Rulebook, households: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[Regime, ...]]:
    distinct = households["as_of", "known_at"].unique().sort("as_of", "known_at")
    regimes = tuple(book.regime(as_of, known_at) for as_of, known_at in distinct.iter_rows())
    rows = [{"regime": i, **_columns(book, regime)} for i, regime in enumerate(regimes)]
    kinds: dict[str, pl.DataType] = {name: _kind(name) for name in rows[0]}
    table = pl.DataFrame([tuple(r.values()) for r in rows], schema=kinds, orient="row")
    numbered = (
        households.sort("household")
        .with_row_index("h")
        .with_columns(pl.col("h").cast(pl.Int64))
        .join(distinct.hstack(table), on=["as_of", "known_at"], maintain_order="left")
    )
    return numbered, regimes


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
    return (
        persons.filter(pl.col("role") == Role.MEMBER.value)
        .join(households["h", "household", "as_of"], on="household")
        .select("h", "household", "person", "relation", age.alias("age"))
        .sort("h", "person")
        .with_row_index("p")
        .with_columns(pl.col("p").cast(pl.Int64))
    )


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
