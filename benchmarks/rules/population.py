"""A synthetic city for `benchmarks/rules`: the frames that the rules layer takes, of any size.

Nothing here is about anybody: every value is arithmetic on the number of the household. About
2.8 members and 10 facts each; incomes and savings lie around the limits, so that all outcomes
occur. The same city is given to every peer.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from verify import frames

AS_OF = dt.date(2025, 5, 20)
FIRST, LAST = dt.date(2024, 5, 1), dt.date(2025, 4, 30)
"""The twelve whole months before the month of application."""
REGION, PROGRAMME = "310104", "dibao"


@dataclass(frozen=True)
class City:
    """The four frames of `assess`."""

    households: pl.DataFrame
    persons: pl.DataFrame
    facts: pl.DataFrame
    doubts: pl.DataFrame


def city(households: int, *, doubtful: int = 0) -> City:
    """A city; of a hundred households, `doubtful` have an account that may not be theirs."""
    h = pl.LazyFrame({"n": pl.Series(range(households), dtype=pl.Int64)}).with_columns(
        household="h" + pl.col("n").cast(pl.String).str.zfill(8)
    )
    people = _persons(h).collect()
    facts = _facts(people.lazy(), doubtful).collect()
    return City(
        frames.HOUSEHOLDS.filled(_households(h).collect()),
        frames.PERSONS.check(_with_words(people)),
        frames.FACTS.filled(facts.drop("n")),
        _doubts(facts),
    )


def _draw(salt: int, sides: int) -> pl.Expr:
    """A number below `sides`, the same for the same row whatever the size of the city."""
    mixed = (pl.col("n") * 1_103_515_245 + salt * 97_531 + 12_345) % 2_147_483_648
    again = (mixed // 1_024 * 69_069 + mixed + salt) % 2_147_483_648
    return again // 1_024 % sides


def _households(h: pl.LazyFrame) -> pl.LazyFrame:
    return h.select(
        "household",
        programme=pl.lit(PROGRAMME),
        region=pl.lit(REGION),
        residence=pl.when(_draw(1, 5) == 0).then(pl.lit("rural")).otherwise(pl.lit("urban")),
        as_of=pl.lit(AS_OF),
        known_at=pl.lit(AS_OF),
    )


def _persons(h: pl.LazyFrame) -> pl.LazyFrame:
    """The applicant always; a spouse, children and a parent in many households."""

    def one(person: str, relation: str, there: pl.Expr, age: pl.Expr) -> pl.LazyFrame:
        return h.filter(there).select(
            "n",
            "household",
            person=pl.lit(person),
            relation=pl.lit(relation),
            birth=pl.date(2025 - age, _draw(17, 12) + 1, _draw(18, 28) + 1),
        )

    always = pl.lit(True)
    return pl.concat(
        [
            one("p1", "self", always, 25 + _draw(2, 50)),
            one("p2", "spouse", _draw(3, 10) < 6, 25 + _draw(4, 50)),
            one("p3", "child", _draw(5, 10) < 6, 1 + _draw(6, 24)),
            one("p4", "child", _draw(7, 10) < 3, 1 + _draw(8, 16)),
            one("p5", "parent", _draw(9, 10) < 3, 55 + _draw(10, 35)),
        ]
    ).sort("n", "person")


def _with_words(people: pl.DataFrame) -> pl.DataFrame:
    words = [pl.lit("").alias(c) for c in ("name", "id_number", "phone", "address")]
    none = pl.lit([], dtype=pl.List(pl.String)).alias("former_names")
    return people.with_columns(*words, none, role=pl.lit("member"))


def _facts(people: pl.LazyFrame, doubtful: int) -> pl.LazyFrame:
    first, second = people.filter(person="p1"), people.filter(person="p2")
    children, parents = people.filter(relation="child"), people.filter(relation="parent")
    paid = first.filter(_draw(20, 10) < 3)  # by the month; the others draw a pension or nothing
    months = pl.date_range(FIRST, LAST, "1mo", eager=True)
    monthly = paid.join(pl.LazyFrame({"month": months}), how="cross")
    whole_year = (pl.lit(FIRST), pl.lit(LAST))
    mine = pl.when(_draw(41, 100) < doubtful).then(pl.lit("match:bank/p1/2"))
    parts = [
        _flow(
            monthly,
            "wage",
            80_000 + _draw(21, 40) * 10_000,
            (pl.col("month"), pl.col("month").dt.month_end()),
        ),
        _signal(paid, "wage_at_least_minimum", (_draw(22, 10) < 8).cast(pl.Int64)),
        _flow(
            first.filter(_draw(20, 10) >= 3),
            "pension",
            (50_000 + _draw(23, 30) * 10_000) * 12,
            whole_year,
        ),
        _flow(
            second.filter(_draw(24, 10) < 5), "business_income", _draw(25, 30) * 120_000, whole_year
        ),
        _stock(people, "1", _draw(26, 60) * 60_011, pl.lit(None, dtype=pl.String)),
        _stock(first, "2", _draw(27, 40) * 180_007, mine),
        _item(first.filter(_draw(28, 100) < 6), "vehicle", pl.lit("car"), None),
        _item(first.filter(_draw(29, 100) < 2), "vehicle", pl.lit("disability_vehicle"), None),
        _item(
            first.filter(_draw(30, 10) < 8),
            "dwelling",
            pl.lit("title"),
            4_000 + _draw(31, 60) * 100,
        ),
        _item(
            second.filter(_draw(32, 100) < 3),
            "dwelling",
            pl.lit("title"),
            5_000 + _draw(33, 60) * 100,
        ),
        _item(second.filter(_draw(34, 100) < 1), "non_residential", pl.lit("title"), None),
        _signal(children.filter(_draw(35, 10) < 4), "secondary_student", pl.lit(1, dtype=pl.Int64)),
        _signal(
            parents.filter(_draw(36, 10) < 7), "long_term_co_resident", pl.lit(1, dtype=pl.Int64)
        ),
        _signal(people.filter(_draw(37, 100) < 8), "disability", pl.lit(1, dtype=pl.Int64)),
    ]
    every = pl.concat(parts).sort("n", "person", "quantity", "period_start", "object_key")
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    return every.with_columns(
        fact="f" + number.cast(pl.String).str.zfill(9),
        evidence=pl.concat_list(pl.col("source") + "/" + pl.col("person")),
        records=pl.lit([], dtype=pl.List(pl.String)),
        note=pl.lit(None, dtype=pl.String),
    )


_NO_DAY, _NO_TEXT = pl.lit(None, dtype=pl.Date), pl.lit(None, dtype=pl.String)
_NO_NUMBER = pl.lit(None, dtype=pl.Int64)


def _fact(
    people: pl.LazyFrame, quantity: str, source: str, amount: pl.Expr, **more: pl.Expr
) -> pl.LazyFrame:
    columns = {
        "quantity": pl.lit(quantity),
        "granularity": pl.lit("instant"),
        "period_start": _NO_DAY,
        "period_end": _NO_DAY,
        "as_of": pl.lit(AS_OF),
        "lo": amount.cast(pl.Int64),
        "hi": amount.cast(pl.Int64),
        "category": _NO_TEXT,
        "grade": _NO_NUMBER,
        "area_dm2": _NO_NUMBER,
        "object_key": _NO_TEXT,
        "doubt": _NO_TEXT,
        "source": pl.lit(source),
    }
    return people.select("n", "household", "person", **(columns | more))


def _flow(
    people: pl.LazyFrame, quantity: str, amount: pl.Expr, period: tuple[pl.Expr, pl.Expr]
) -> pl.LazyFrame:
    start, end = period
    return _fact(
        people,
        quantity,
        "tax",
        amount,
        granularity=pl.lit("month"),
        period_start=start,
        period_end=end,
    )


def _stock(people: pl.LazyFrame, account: str, amount: pl.Expr, doubt: pl.Expr) -> pl.LazyFrame:
    key = pl.col("person") + "/" + account
    return _fact(people, "bank_balance", "bank", amount, object_key=key, doubt=doubt)


def _item(
    people: pl.LazyFrame, quantity: str, category: pl.Expr, area: pl.Expr | None
) -> pl.LazyFrame:
    return _fact(
        people,
        quantity,
        "register",
        pl.lit(1),
        category=category,
        area_dm2=_NO_NUMBER if area is None else area,
        object_key=pl.col("person") + "/" + quantity,
    )


def _signal(people: pl.LazyFrame, quantity: str, holds: pl.Expr) -> pl.LazyFrame:
    return _fact(people, quantity, "papers", holds)


def _doubts(facts: pl.DataFrame) -> pl.DataFrame:
    rows = facts.filter(pl.col("doubt").is_not_null())
    return frames.DOUBTS.check(
        rows.select(
            "household",
            "doubt",
            kind=pl.lit("match"),
            weighs=pl.lit(True),
            person="person",
            source=pl.lit("bank"),
            record=pl.lit("bank/p1/2"),
            evidence=pl.lit("bank/p1"),
            quantities=pl.lit(["bank_balance"]),
            code=pl.lit("given"),
            params=pl.lit([], dtype=pl.List(pl.Struct({"key": pl.String, "value": pl.String}))),
        )
    )
