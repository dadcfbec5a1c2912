"""The departments that say how people live: roles in business, insurance, balances of platforms,
disability, school, medical bills, farming, the use of water and power.

How many people they know is an assumption, except where a constant names its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.draws import Draws, Weighted
from verify.simulate.city.timeline import SNAPSHOTS, START, WINDOW, month
from verify.simulate.city.written import person_columns

# Assumptions, per million of those whom it can concern.
_INSURED, _PLATFORM, _ILL, _CLAIMS = 180_000, 550_000, 90_000, 500_000
_MACHINE, _HIGH_USE, _BUSINESS = 60_000, 30_000, 40_000
_UNKNOWN = pl.lit(None, pl.Date)
_STARTED = pl.lit(START)
_YUAN = Weighted(((200, 300), (2_000, 400), (15_000, 240), (90_000, 60)), pl.Int64())
_ADULT = pl.col("age") >= 18
_Town = pl.DataFrame
_Tables = Mapping[str, pl.DataFrame]


def _rows(some: pl.DataFrame, n: int = 0, **columns: Any) -> pl.DataFrame:
    """One row a person, known since before the first day."""
    since = {"known_on": _STARTED, "until": _UNKNOWN}
    return some.select(*person_columns(), n=pl.lit(n, pl.UInt8), **{**since, **columns})


def _amount(draws: Draws, name: str) -> pl.Expr:
    """An amount in fen, most of them small."""
    most = draws.weighted(f"{name}_band", "u", _YUAN) * 100
    return draws.below(name, "u", most.cast(pl.UInt64)).cast(pl.Int64)


def market(draws: Draws, town: _Town) -> _Tables:
    """`market`: shops of one's own and roles in companies, with the capital subscribed (fen)."""
    some = town.filter(_ADULT & draws.chance("business", "u", _BUSINESS))
    roles = ("self_employed", "legal_representative", "shareholder", "supervisor")
    return {
        "market": _rows(
            some,
            company=pl.format("示例经营部{}", pl.col("u")),
            role=draws.one_of("role", "u", roles),
            subscribed=draws.between("subscribed", "u", 1, 50) * 1_000_000,
        )
    }


def insurance(draws: Draws, town: _Town) -> _Tables:
    """`insurance`: one policy with a cash value (fen) and a premium a year."""
    some = town.filter(_ADULT & draws.chance("insured", "u", _INSURED))
    return {
        "insurance": _rows(
            some,
            policy_no=pl.format("BX{}", pl.col("u")),
            insurer=draws.one_of("insurer", "u", ("CLIC", "CPIC", "PAIC")),
            cash_value=_amount(draws, "cash_value"),
            yearly_premium=draws.between("premium", "u", 3, 80) * 10_000,
        )
    }


def internet_finance(draws: Draws, town: _Town) -> _Tables:
    """`internet_finance`: balances (fen) on platforms on the two days of the balances."""
    some = town.filter(pl.col("age").is_between(16, 75) & draws.chance("platform", "u", _PLATFORM))
    ends = [*SNAPSHOTS[1:], None]
    rows = [
        _rows(
            some,
            n,
            account=pl.format("HL{}", pl.col("u")),
            product=draws.one_of("product", "u", ("balance", "money_fund", "loan_claim")),
            amount=_amount(draws, f"amount{n}"),
            as_of=pl.lit(day),
            known_on=pl.lit(day),
            until=pl.lit(ends[n], pl.Date),
        )
        for n, day in enumerate(SNAPSHOTS)
    ]
    return {"internet_finance": pl.concat(rows)}


def disability(draws: Draws, town: _Town) -> _Tables:
    """`disability`: certificates with category and grade."""
    some = town.filter(draws.chance("disabled", "u", marginals.CERTIFIED_DISABLED_PER_MILLION))
    kinds = ("肢体", "视力", "听力", "言语", "智力", "精神", "多重")
    return {
        "disability": _rows(
            some,
            category=draws.one_of("category", "u", kinds),
            grade=draws.between("grade", "u", 1, 4),
        )
    }


def education(draws: Draws, town: _Town) -> _Tables:
    """`education`: whoever is at school, with its fee a year (fen)."""
    some = town.filter(pl.col("age").is_between(6, 22) & (pl.col("work") != "worker"))
    age = pl.col("age")
    stage = (
        pl.when(age < 12).then(pl.lit("primary")).when(age < 15).then(pl.lit("junior"))
        .when(age < 18).then(pl.lit("senior")).otherwise(pl.lit("undergraduate"))
    )  # fmt: skip
    fee = pl.when(age < 15).then(0).when(age < 18).then(200_000).otherwise(520_000)
    return {
        "education": _rows(
            some, student_no=pl.format("XJ{}", pl.col("u")), stage=stage, yearly_fee=fee
        )
    }


def medical(draws: Draws, town: _Town) -> _Tables:
    """`medical`: a settlement in one month of the first year, total and self-paid (fen)."""
    old = pl.when(pl.col("age") >= 60).then(_CLAIMS).otherwise(_ILL)
    some = town.filter(draws.chance("ill", "u", old)).with_columns(
        total=_amount(draws, "bill") + 5_000,
        at=draws.below("bill_month", "u", WINDOW).cast(pl.Int32),
    )
    share = draws.between("self_paid", "u", 10, 60)
    return {
        "medical": _rows(
            some,
            settlement_no=pl.format("YB{}", pl.col("u")),
            month=month(pl.col("at")),
            total="total",
            self_paid=pl.col("total") * share // 100,
            known_on=month(pl.col("at") + 1),
        )
    }


def agriculture(draws: Draws, town: _Town) -> _Tables:
    """`farm_subsidies`: one a year (fen) for who farms, and `farm_machines`."""
    some = town.filter((pl.col("role") == "head") & pl.col("rural"))
    machines = some.filter(draws.chance("machine", "u", _MACHINE))
    return {
        "farm_subsidies": _rows(
            some,
            item=pl.lit("耕地地力保护补贴"),
            amount=draws.between("subsidy", "u", 5, 90) * 1_000,
        ),
        "farm_machines": _rows(
            machines,
            number=pl.format("沪农{}", pl.col("u")),
            type=draws.one_of("machine_type", "u", ("tractor", "harvester", "transplanter")),
            price=draws.between("machine_price", "u", 8, 120) * 100_000,
        ),
    }


def utilities(draws: Draws, town: _Town) -> _Tables:
    """`utilities`: customers, and whose use is out of proportion; no amounts."""
    some = town.filter(pl.col("role") == "head")
    return {"utilities": _rows(some, out_of_proportion=draws.chance("high_use", "u", _HIGH_USE))}
