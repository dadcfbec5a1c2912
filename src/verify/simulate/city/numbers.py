"""Identity numbers for whole columns, none given out twice, block by block.

A block is a fixed run of households; it owns every 4096th slot (area, day, serial) of each place,
year and sex, so blocks need not know of each other.
"""

from __future__ import annotations

import polars as pl

from verify.domain.errors import InputError
from verify.simulate.city.draws import Draws
from verify.simulate.people import AREAS, SHANGHAI

BLOCK = 8192  # households
BLOCKS = 4096
_SERIALS, _DAYS, _STEP = 250, 365, 1_000_003
TWIN = 500  # added to a number's serial: the upper half of the serials is kept for twins
_PLACES = {name: i for i, name in enumerate(AREAS)}
_CODES = pl.Series([int(code) for codes in AREAS.values() for code in codes], dtype=pl.UInt64)
_COUNTS = pl.Series([len(codes) for codes in AREAS.values()], dtype=pl.UInt64)
_STARTS = _COUNTS.cum_sum() - _COUNTS
_OTHER_AREA = 310102  # 南市区, merged away in 2000; nobody else here has it
_CHECKS = pl.Series(list("10X98765432"))


def place(style: pl.Expr, local: pl.Expr, year: pl.Expr) -> pl.Expr:
    """The index in `AREAS` of where someone was first registered."""
    shanghai = (
        pl.when(year < 1990).then(_PLACES["shanghai_before_1990"]).otherwise(_PLACES["shanghai"])
    )
    here = pl.when(local).then(shanghai).otherwise(_PLACES["elsewhere"])
    for name in ("uyghur", "tibetan", "yi"):
        here = pl.when(style == name).then(_PLACES[name]).otherwise(here)
    return here.cast(pl.UInt32)


def first17(draws: Draws, people: pl.DataFrame) -> pl.DataFrame:
    """Add `first17`, the number without its check digit, to people with place, year and sex.

    Raises:
        InputError: a block has more people of one place, year and sex than it has numbers.
    """
    block = pl.col("h") // BLOCK
    group = (block, "place", "year", "sex")
    areas = pl.lit(_COUNTS).gather(pl.col("place"))
    slots = areas * _DAYS * _SERIALS
    index = pl.int_range(pl.len(), dtype=pl.UInt64).over(*group) * BLOCKS + block
    frame = people.with_columns(index=index, slots=slots)
    if frame.select((pl.col("index") >= pl.col("slots")).any()).item():
        raise InputError(
            "the identity numbers of a year are used up",
            where="--households",
            remedy=f"generate at most {BLOCK * BLOCKS:,} households",
        )
    turn = draws.salt("number") % 1_000_000_007
    slot = (pl.col("index") * _STEP + turn + pl.col("year").cast(pl.UInt64) * 104_729) % slots
    return (
        frame.with_columns(number_slot=slot)
        .with_columns(rest=pl.col("number_slot") // areas, area=pl.col("number_slot") % areas)
        .with_columns(
            area=pl.lit(_CODES).gather(pl.lit(_STARTS).gather(pl.col("place")) + pl.col("area")),
            birth=pl.date(pl.col("year"), 1, 1)
            + pl.duration(days=(pl.col("rest") % _DAYS).cast(pl.Int64)),
            serial=(pl.col("rest") // _DAYS) * 2 + (pl.col("sex") == "m").cast(pl.UInt64),
        )
        .with_columns(first17=pl.col("area") * 10**11 + _ymd() * 1000 + pl.col("serial"))
        .drop("index", "slots", "number_slot", "rest", "area", "serial")
    )


def _ymd() -> pl.Expr:
    birth = pl.col("birth").dt
    return (
        birth.year().cast(pl.UInt64) * 10_000
        + birth.month().cast(pl.UInt64) * 100
        + birth.day().cast(pl.UInt64)
    )


def other_first17(number: pl.Expr) -> pl.Expr:
    """The second number of someone who was registered twice: another area and serial."""
    return number % 10**11 + _OTHER_AREA * 10**11 + TWIN


def with_check(number: pl.Expr) -> pl.Expr:
    """The text of a number with its check digit (GB 11643: weights are powers of 2 modulo 11)."""
    total = pl.lit(0, pl.UInt64)
    for place_ in range(1, 18):
        digit = number // 10 ** (place_ - 1) % 10
        total = total + digit * (pow(2, place_, 11))
    return number.cast(pl.String) + pl.lit(_CHECKS).gather(total % 11)


assert str(_OTHER_AREA) not in SHANGHAI  # noqa: S101 - a constant against a constant
