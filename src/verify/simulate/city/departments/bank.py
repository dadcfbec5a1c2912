"""Banks: accounts with their balances on two days a year apart; a joint account has two rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city.draws import Draws, Weighted
from verify.simulate.city.timeline import SNAPSHOTS
from verify.simulate.city.written import person_columns

_BANKS = ("ICBK", "RCBK", "PSBK")
_COUNT = Weighted(((0, 8), (1, 42), (2, 30), (3, 15), (4, 5)), pl.UInt8())
# Upper ends of balances in yuan; the mean comes near the published deposits per person.
_BAND = Weighted(
    ((1_000, 220), (10_000, 270), (100_000, 290), (500_000, 152), (2_000_000, 50), (8_000_000, 18)),
    pl.Int64(),
)  # fmt: skip
_MOST = 4
JOINT = 8  # `n` of the second holder's rows starts here


def tables(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`accounts`: one row per account, holder and day of the balance (fen)."""
    return {"accounts": accounts(draws, town)}


def accounts(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """Accounts with `balance` (of the whole account), `share_den` and the holders' columns."""
    own = _opened(draws, town)
    spouse = town.filter(pl.col("role") == "spouse").select("h", *person_columns())
    joint = own.filter("joint").drop(*person_columns()).join(spouse, on="h")
    joint = joint.with_columns(n=pl.col("n") + JOINT).select(own.columns)
    both = pl.concat([own, joint])
    bought = pl.coalesce("car_bought_on", "flat_bought_on")
    rows = [_on(draws, both, place, bought) for place in range(len(SNAPSHOTS))]
    return pl.concat(rows)


def _opened(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    grown = pl.when(pl.col("age") >= 18).then(draws.weighted("accounts", "u", _COUNT)).otherwise(
        draws.chance("saves", "u", 200_000).cast(pl.UInt8)
    )  # fmt: skip
    held = town.with_columns(n=pl.int_ranges(grown.cast(pl.Int64), dtype=pl.UInt8)).explode("n")
    held = held.filter(pl.col("n").is_not_null()).with_columns(
        a=pl.col("u") * _MOST + pl.col("n").cast(pl.UInt64)
    )
    bank = draws.below("bank", "a", len(_BANKS))
    return held.with_columns(
        bank=pl.lit(pl.Series(_BANKS)).gather(bank),
        account=pl.format("62{}{}", bank + 1, pl.col("a").cast(pl.String).str.zfill(15)),
        type=pl.when(draws.chance("wealth", "a", 120_000)).then(pl.lit("wealth"))
        .when(draws.chance("deposit", "a", 350_000)).then(pl.lit("deposit"))
        .otherwise(pl.lit("current")),
        joint=(pl.col("role") == "head") & (pl.col("n") == 0) & pl.col("has_spouse")
        & draws.chance("joint", "u", 150_000),
        band=draws.weighted("band", "a", _BAND),
    )  # fmt: skip


def _on(draws: Draws, held: pl.DataFrame, place: int, bought: pl.Expr) -> pl.DataFrame:
    """The balances of one day. A purchase of the holder takes four fifths of what was there."""
    day = SNAPSHOTS[place]
    # Even numbers of fen, so that half of a joint account is whole.
    first = draws.below("balance", "a", pl.col("band").cast(pl.UInt64) * 50).cast(pl.Int64) * 2
    later = first * draws.between("drift", "a", 85, 125) // 200 * 2
    spent = bought.is_not_null() & (bought <= day)
    balance = first if place == 0 else later
    return held.select(
        *person_columns(),
        n=pl.col("n") + 16 * place,
        bank="bank", account="account", type="type",
        balance=pl.when(spent).then(balance // 10 * 2).otherwise(balance),
        share_num=pl.lit(1, pl.Int64),
        share_den=pl.when("joint").then(2).otherwise(1).cast(pl.Int64),
        as_of=pl.lit(day),
        known_on=pl.lit(day),
        until=pl.lit(SNAPSHOTS[place + 1] if place + 1 < len(SNAPSHOTS) else None, pl.Date),
    )  # fmt: skip
