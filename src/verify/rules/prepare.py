"""Lay out a batch of households of one rulebook for evaluation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import polars as pl

from verify.domain.errors import InputError, Problem
from verify.domain.household import Role
from verify.rules.contributions import Contributions, contributions
from verify.rules.evaluate import Batch
from verify.rules.interval import constant
from verify.rules.keys import FEW, counting, positions
from verify.rules.kinds import MAX_MEMBERS
from verify.rules.parts import condensed
from verify.rules.rulebook import Regime, Rulebook

Days = tuple[dt.date, dt.date, dt.date | None]
"""A household's day, what was known on which day, and when it applied."""


@dataclass(frozen=True)
class Prepared:
    """Households and members by number, their contributions, and the regimes they fall under."""

    book: Rulebook
    households: pl.DataFrame  # numbered by position: household, region, residence, regime ...
    people: pl.DataFrame  # h, p, household, person, relation, age, supporter, left_out
    contributions: Contributions
    regimes: tuple[Regime, ...]
    table: pl.DataFrame  # what is in force, one row per regime; see `Batch`

    def open_batch(self) -> Batch:
        """Ready to evaluate as it stands, with nothing examined."""
        return self._of(self.contributions)

    @cached_property
    def members(self) -> pl.DataFrame:
        """The people who live together, without statutory supporters."""
        supporter = self.people["supporter"]
        return self.people.filter(~supporter) if supporter.any() else self.people

    def batch(self, parts: pl.DataFrame) -> Batch:
        """Ready to evaluate, with contributions whose doubts have been given a place."""
        return self._of(condensed(self.book.plan, parts))

    def _of(self, parts: pl.DataFrame | Contributions) -> Batch:
        return Batch(self.book.plan, self.households, self.table, self.people, parts)


def prepare(
    book: Rulebook,
    households: pl.DataFrame,
    persons: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
) -> Prepared:
    """Number the households and members of one rulebook and map their facts.

    `persons` has `left_out` besides the columns of PERSONS (see `verify.rules.choice`). People are
    numbered members first, then statutory supporters.

    Raises:
        LawNotInForce: no rule for a household's day.
        InputError: a household without members, or with more than the engine counts exactly.
    """
    if households.height > 1:
        households = households.sort("household")
    days, regime = _days(households)
    regimes, table = _in_force(book, days)
    h = counting(households.height).cast(pl.Int64).alias("h")
    households = households.hstack([h, regime])
    if book.plan.model.areas:
        households = households.hstack([_areas(book, households["region"])])
    if not book.plan.looks_at_supporters:
        inside = persons["role"] == Role.MEMBER.value
        persons = persons if inside.all() else persons.filter(inside)
    people = _people(households, persons)
    found = contributions(book.plan, households, table, people, facts, doubts)
    prepared = Prepared(book, households, people, found, regimes, table)
    _check_sizes(households, prepared.members)
    return prepared


def _days(households: pl.DataFrame) -> tuple[tuple[Days, ...], pl.Series]:
    """The days that occur, and the number of each household's."""
    keys = households["as_of", "known_at", "accepted_on"]
    each = keys.rows() if keys.height <= FEW else keys.unique().rows()
    days = tuple(sorted(set(each), key=lambda k: (k[0], k[1], k[2] or k[0], k[2] is None)))
    if len(days) == 1:
        return days, constant(0, keys.height).lo.alias("regime")
    if keys.height <= FEW:
        number = {day: i for i, day in enumerate(days)}
        return days, pl.Series("regime", [number[k] for k in each], dtype=pl.Int64)
    table = pl.DataFrame(list(days), schema=keys.schema, orient="row").with_row_index("regime")
    found = keys.join(table, on=keys.columns, how="left", nulls_equal=True, maintain_order="left")
    return days, found["regime"].cast(pl.Int64)


@lru_cache(maxsize=256)
def _in_force(book: Rulebook, days: tuple[Days, ...]) -> tuple[tuple[Regime, ...], pl.DataFrame]:
    """The regimes of some days, and the same as a table."""
    regimes = tuple(book.regime(as_of, known, accepted or as_of) for as_of, known, accepted in days)
    rows = [_columns(book, regime) for regime in regimes]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return regimes, pl.DataFrame(columns, schema={name: _kind(name) for name in columns})


def _kind(name: str) -> pl.DataType:
    if name.endswith((".start", ".end")) or name == "as_of":
        return pl.Date()
    return pl.String() if name.endswith(".doubt") else pl.Int64()


def _columns(book: Rulebook, regime: Regime) -> dict[str, Any]:
    columns: dict[str, Any] = {"as_of": regime.as_of}
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


def _people(households: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """Members, then supporters, each in the order of households and keys, numbered."""
    h = positions(persons, households, ["household"])
    if h.null_count():
        persons, h = persons.filter(h.is_not_null()), h.drop_nulls()
    people = pl.DataFrame(
        {
            "h": h.cast(pl.Int64),
            "household": persons["household"],
            "person": persons["person"],
            "relation": persons["relation"],
            "age": _completed_years(households["as_of"], h, persons["birth"]),
            "supporter": persons["role"] != Role.MEMBER.value,
            "left_out": persons["left_out"],
        }
    )
    if not _in_order(people):
        people = people.sort("supporter", "h", "person")
    return people.hstack([counting(people.height).cast(pl.Int64).alias("p")])


def _in_order(people: pl.DataFrame) -> bool:
    if people["supporter"].any() or not people["h"].is_sorted():
        return False
    if people.height <= FEW:
        keys = list(zip(people["h"].to_list(), people["person"].to_list(), strict=True))
        return keys == sorted(keys)
    same = people["h"] == people["h"].shift(1)
    return not (same & (people["person"] < people["person"].shift(1))).any()


def _areas(book: Rulebook, regions: pl.Series) -> pl.Series:
    """The area of each region, where the figures of the place differ by area.

    Raises:
        InputError: a region that is in none of the areas.
    """
    where = {code: area for area, codes in book.plan.model.areas.items() for code in codes}
    found = [where.get(code) for code in regions.to_list()]
    if None in found:
        region = regions[found.index(None)]
        areas = ", ".join(f"{area}: {' '.join(c)}" for area, c in book.plan.model.areas.items())
        raise InputError(
            f"the figures of {book.id} differ by area, and {region} is in none of them",
            remedy="give the code of the county or district",
            problems=(
                Problem(
                    "/region",
                    "region-without-area",
                    f"{region} is in none of the areas ({areas}).",
                    "Give the code of the county or district.",
                ),
            ),
        )
    return pl.Series("area_of_region", found, dtype=pl.String)


def _completed_years(day: pl.Series, h: pl.Series, birth: pl.Series) -> pl.Series:
    """Completed years on the day of the household: the difference of yyyymmdd as numbers."""
    alike = day.head(1) if len(day) == 1 or (day == day[0]).all() else day[h]
    whose = pl.DataFrame({"birth": birth})
    today = pl.DataFrame({"day": alike}).select(_digits("day"))["day"]
    return (today - whose.select(_digits("birth"))["birth"]) // 10_000


def _digits(name: str) -> pl.Expr:
    """A date as yyyymmdd (parts of dates are 8 bits wide)."""
    date = pl.col(name).dt
    year, month, day = (p.cast(pl.Int64) for p in (date.year(), date.month(), date.day()))
    return year * 10_000 + month * 100 + day


def _check_sizes(households: pl.DataFrame, members: pl.DataFrame) -> None:
    last = members["h"] != members["h"].shift(-1)  # members lie household by household
    ends = last.fill_null(True).arg_true().cast(pl.Int64)
    sizes = ends - ends.shift(1, fill_value=-1)
    if len(sizes) < households.height:
        raise InputError(
            "a household has no members",
            remedy="name at least the applicant",
            problems=(
                Problem("/members", "no-members", "nobody is a member.", "Name the applicant."),
            ),
        )
    if (largest := sizes.max()) is not None and int(str(largest)) > MAX_MEMBERS:
        raise InputError(
            f"a household has over {MAX_MEMBERS} members",
            remedy="check the list: one application is one household",
            problems=(
                Problem("/members", "too-many-members", "there are too many.", "Check the list."),
            ),
        )
