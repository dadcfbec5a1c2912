"""Households: who lives together, where, and under which family name."""

from __future__ import annotations

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.draws import MILLION, Draws, Weighted
from verify.simulate.city.names import HAN, SURNAME_TABLE

_KINDS = tuple(
    (roles, weight * share)
    for size, weight in marginals.HOUSEHOLD_SIZES
    for roles, share in marginals.COMPOSITIONS[size]
)
_COMPOSITION = Weighted([(i, weight) for i, (_, weight) in enumerate(_KINDS)], pl.UInt32())
_SIZES = pl.Series([len(roles) for roles, _ in _KINDS], dtype=pl.UInt8)
_ROLES = pl.Series(
    [r for roles, _ in _KINDS for r in (*roles, *[""] * (marginals.MOST - len(roles)))]
)


def _second_child(roles: tuple[str, ...]) -> list[bool]:
    places = [i for i, role in enumerate(roles) if role == "child"]
    return [i == (places[1] if len(places) > 1 else -1) for i in range(marginals.MOST)]


_SECOND_CHILD = pl.Series([flag for roles, _ in _KINDS for flag in _second_child(roles)])


def _age_kind(roles: tuple[str, ...]) -> int:
    kind = "parents" if "parent" in roles else "children" if "child" in roles else ""
    return list(marginals.HEAD_AGES).index(kind or ("couple" if len(roles) > 1 else "alone"))


_AGE_KIND = pl.Series([_age_kind(roles) for roles, _ in _KINDS], dtype=pl.UInt32)
_HEAD_AGE = [
    Weighted([(20 + 5 * i, weight) for i, weight in enumerate(bands)], pl.Int64())
    for bands in marginals.HEAD_AGES.values()
]
_DISTRICT = Weighted(marginals.DISTRICTS)
_STYLE = Weighted([*marginals.ETHNIC, (HAN, MILLION - sum(share for _, share in marginals.ETHNIC))])
_ROADS = ("示例路", "示例东路", "示例西路", "示例南路", "示例北路", "虚构路", "样张路", "假想路")
_TOWNS = ("示例镇", "虚构镇", "样张镇", "假想镇", "设例镇", "拟名镇", "试作镇", "空白镇")
_FLATS, _FARMS = len(_ROADS) * 999 * 60 * 18 * 6, len(_TOWNS) * 99 * 24 * 99
_STEP = 1_000_003  # prime: multiplied by it, no two households share an address below _FLATS


def households(draws: Draws, first: int, count: int) -> pl.DataFrame:
    """Households `first` to `first + count - 1`, one row each, in that order."""
    h = pl.int_range(first, first + count, dtype=pl.UInt64, eager=True).alias("h")
    frame = h.to_frame().lazy()
    kind = pl.lit(_AGE_KIND).gather(pl.col("composition"))
    ages = [draws.weighted(f"head_age/{i}", "h", table) for i, table in enumerate(_HEAD_AGE)]
    age = pl.when(kind == 0).then(ages[0])
    for i in range(1, len(ages)):
        age = age.when(kind == i).then(ages[i])  # type: ignore[assignment]
    return (
        frame.with_columns(
            composition=draws.weighted("composition", "h", _COMPOSITION),
            district=draws.weighted("district", "h", _DISTRICT),
            rural=draws.chance("rural", "h", marginals.RURAL_PER_MILLION),
            migrant=draws.chance("migrant", "h", marginals.ELSEWHERE_PER_MILLION),
            style=draws.weighted("style", "h", _STYLE),
            surname=draws.weighted("surname", "h", SURNAME_TABLE),
            other_surname=draws.weighted("other_surname", "h", SURNAME_TABLE),
            clan_word=draws.word("clan", "h"),
            head_man=draws.chance("head_sex", "h", 560_000),
        )
        .with_columns(
            size=pl.lit(_SIZES).gather(pl.col("composition")),
            head_age=age + draws.between("head_age", "h", 0, 4),
            address=pl.when("rural").then(_farm(draws)).otherwise(flat(draws)),
        )
        .collect()
    )


def _spread(draws: Draws, column: str, room: int) -> pl.Expr:
    return (pl.col("h") * _STEP + draws.salt(column) % room) % room


def _text(place: pl.Expr, size: int, *, first: int = 1) -> pl.Expr:
    return (place % size + first).cast(pl.String)


def flat(draws: Draws) -> pl.Expr:
    """The address of a flat that does not exist, by column `h`."""
    n = _spread(draws, "address", _FLATS)
    road, n = pl.lit(pl.Series(_ROADS)).gather(n % len(_ROADS)), n // len(_ROADS)
    lane, n = _text(n, 999), n // 999
    house, n = _text(n, 60), n // 60
    floor, room = _text(n, 18), _text(n // 18, 6)
    return pl.format("{} {} 弄 {} 号 {}0{} 室", road, lane, house, floor, room)


def _farm(draws: Draws) -> pl.Expr:
    n = _spread(draws, "farm", _FARMS)
    town, n = pl.lit(pl.Series(_TOWNS)).gather(n % len(_TOWNS)), n // len(_TOWNS)
    village, n = _text(n, 99), n // 99
    return pl.format("{} 虚构{}村 {} 组 {} 号", town, village, _text(n, 24), _text(n // 24, 99))


def role(slot: pl.Expr) -> pl.Expr:
    """head, spouse, child or parent: the place `slot` of a household of this composition."""
    return pl.lit(_ROLES).gather(pl.col("composition") * marginals.MOST + slot)


def second_child(slot: pl.Expr) -> pl.Expr:
    """Whether the place is that of the second child, who may be a twin of the one before."""
    return pl.lit(_SECOND_CHILD).gather(pl.col("composition") * marginals.MOST + slot)
