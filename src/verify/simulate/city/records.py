"""Records that departments hold about people: theirs, somebody else's, rightly or wrongly spelt."""

from __future__ import annotations

import polars as pl

from verify.simulate.city.draws import MILLION, Draws, Weighted
from verify.simulate.city.homes import flat
from verify.simulate.city.mishaps import ID_MISHAPS, NAME_MISHAPS, NONE, kind, misspell
from verify.simulate.city.numbers import with_check
from verify.simulate.city.people import SLOTS, people, phone
from verify.simulate.city.rates import OTHERS, RosterRates

OWN = "own"
ELSEWHERE = 1 << 24  # first household of the people who are not on any roster
SOURCES = Weighted(
    (("bank", 300), ("tax", 250), ("social_insurance", 200), ("real_estate", 150), ("vehicle", 100))
)
# How often a source's records carry these, per million: an assumption.
_CARRIES = {
    "subject_birth": {"social_insurance": MILLION},
    "subject_phone": {
        "bank": 950_000, "tax": 700_000, "social_insurance": 600_000, "vehicle": 800_000,
    },
    "subject_address": {"tax": 600_000, "real_estate": MILLION, "vehicle": 800_000},
}  # fmt: skip
_PERSON = ("u", "name", "former_name", "id_number", "other_id", "birth", "year", "style", "phone",
           "address")  # fmt: skip


def records(
    draws: Draws, town: pl.DataFrame, first: int, count: int, rates: RosterRates
) -> pl.DataFrame:
    """Records `first` to `first + count - 1`, each about somebody in `town` or a stranger.

    `town` is a frame of `people`. Columns: `j`, `source`, the `subject_*` of the record, and the
    truth: `u` (null for a stranger), `human` (whoever it really is), `kind`, `id_mishap`,
    `name_mishap`, `birth_swapped`, `phone_stale`, `address_stale`.
    """
    j = pl.int_range(first, first + count, dtype=pl.UInt64, eager=True).alias("j")
    frame = j.to_frame().with_columns(
        source=draws.weighted("source", "j", SOURCES),
        kind=kind_of(draws, rates),
        at=draws.below("person", "j", town.height).cast(pl.UInt32),
    )
    seen = town.select(_PERSON)[frame["at"]]
    frame = pl.concat([frame.drop("at"), seen], how="horizontal").with_columns(human=pl.col("u"))
    frame = _strangers(draws, frame, rates)
    frame = frame.with_columns(
        id_mishap=kind(draws, "j", rates.group("id_")),
        name_mishap=kind(draws, "j", rates.group("name_")),
    )
    frame = _masked_namesakes(frame).with_columns(
        subject_id=pl.when(pl.col("id_mishap") == "id_second")
        .then("other_id")
        .otherwise("id_number"),
        subject_name=pl.when(pl.col("name_mishap") == "name_former")
        .then("former_name")
        .otherwise("name"),
    )
    frame = misspell(draws, frame, "subject_id", row="j", kinds="id_mishap", how=ID_MISHAPS)
    frame = misspell(draws, frame, "subject_name", row="j", kinds="name_mishap", how=NAME_MISHAPS)
    return _other_fields(draws, frame, rates).select(
        "j", "source", "subject_name",
        pl.when(pl.col("subject_id") != "").then("subject_id").alias("subject_id"),
        "subject_birth", "subject_phone", "subject_address",
        pl.when(pl.col("kind") == OWN).then("u").alias("u"),
        "human", "kind", "id_mishap", "name_mishap",
        "birth_swapped", "phone_stale", "address_stale",
    )  # fmt: skip


def kind_of(draws: Draws, rates: RosterRates) -> pl.Expr:
    """`own`, or why the record is about somebody who is not on the roster."""
    left = MILLION - sum(getattr(rates, name) for name in OTHERS)
    return draws.weighted(
        "kind", "j", Weighted([(OWN, left), *((name, getattr(rates, name)) for name in OTHERS)])
    )


def _strangers(draws: Draws, frame: pl.DataFrame, rates: RosterRates) -> pl.DataFrame:
    """Replace the person by a stranger, who keeps of them what makes the two look alike."""
    theirs = frame.filter(pl.col("kind") != OWN)
    if theirs.is_empty():
        return frame
    first = int(frame["j"][0])
    # A household holds 2.6 people: these are more than enough for one person each.
    crowd = people(draws, ELSEWHERE + first, theirs.height).head(theirs.height)
    alike = pl.col("kind").str.starts_with("namesake")
    taken = theirs.select("j", "source", "kind", "name", "birth", "id_number").rename(
        {"name": "their_name", "birth": "their_birth", "id_number": "their_id"}
    )
    made = pl.concat([taken, crowd.select(_PERSON)], how="horizontal").with_columns(
        name=pl.when(alike).then("their_name").otherwise("name"),
        style=pl.when(alike & pl.col("their_name").str.contains("·", literal=True))
        .then(pl.lit("uyghur"))
        .when(alike)
        .then(pl.lit("han"))
        .otherwise("style"),
        birth=pl.when(pl.col("kind") == "namesake_born_alike")
        .then("their_birth")
        .otherwise("birth"),
        id_number=pl.when(pl.col("kind") == "same_id_stranger")
        .then("their_id")
        .otherwise("id_number"),
        former_name=pl.lit(None, pl.String),
        other_id=pl.lit(None, pl.String),
        human=pl.col("u"),
    )
    made = _born_alike(made)
    return pl.concat([frame.filter(pl.col("kind") == OWN), made.select(frame.columns)]).sort("j")


def _born_alike(made: pl.DataFrame) -> pl.DataFrame:
    """A namesake born on the same day has a number that says so: their own area and serial."""
    digits = pl.col("id_number").str.head(17).cast(pl.UInt64)
    day = pl.col("birth").dt.strftime("%Y%m%d").cast(pl.UInt64)
    number = digits // 10**11 * 10**11 + day * 1000 + digits % 1000
    return made.with_columns(
        id_number=pl.when(pl.col("kind") == "namesake_born_alike")
        .then(with_check(number))
        .otherwise("id_number")
    )


def _masked_namesakes(frame: pl.DataFrame) -> pl.DataFrame:
    """Two kinds of namesakes come with a masked number or with none."""
    return frame.with_columns(
        id_mishap=pl.when(pl.col("kind") == "namesake_masked")
        .then(pl.lit("id_masked"))
        .when(pl.col("kind") == "namesake_no_id")
        .then(pl.lit("id_missing"))
        .when(pl.col("kind") == "same_id_stranger")
        .then(pl.lit(NONE))
        .otherwise("id_mishap")
    )


def _other_fields(draws: Draws, frame: pl.DataFrame, rates: RosterRates) -> pl.DataFrame:
    def given(column: str) -> pl.Expr:
        rate = pl.col("source").replace_strict(_CARRIES[column], default=0, return_dtype=pl.UInt64)
        return draws.chance(f"given/{column}", "j", rate)

    birth = pl.col("birth")
    can_swap = (birth.dt.day() <= 12) & (birth.dt.day() != birth.dt.month())
    swapped = pl.date(
        birth.dt.year(),
        pl.when(can_swap).then(birth.dt.day()).otherwise(birth.dt.month()),
        pl.when(can_swap).then(birth.dt.month()).otherwise(birth.dt.day()),
    )
    stale = Draws(draws.salt("stale"))
    frame = frame.with_columns(h=pl.col("j") + (pl.col("human") // SLOTS)).with_columns(
        birth_swapped=can_swap & given("subject_birth")
        & draws.chance("birth_swapped", "j", rates.birth_swapped),
        phone_stale=pl.col("phone").is_not_null() & given("subject_phone")
        & draws.chance("phone_stale", "j", rates.phone_stale),
        address_stale=given("subject_address")
        & draws.chance("address_stale", "j", rates.address_stale),
        old_address=flat(stale),
    )  # fmt: skip
    address = pl.when("address_stale").then("old_address").otherwise("address")
    spelt = pl.when(draws.chance("address_spelt", "j", rates.address_spelt)).then(
        pl.when(draws.chance("address_city", "j", 400_000))
        .then(pl.lit("上海市") + address.str.replace_all(" ", ""))
        .otherwise(address.str.replace_all(" ", ""))
    )
    return frame.with_columns(
        subject_birth=pl.when(given("subject_birth")).then(
            pl.when("birth_swapped").then(swapped).otherwise(birth)
        ),
        subject_phone=pl.when(given("subject_phone")).then(
            pl.when("phone_stale").then(phone(stale, "j")).otherwise("phone")
        ),
        subject_address=pl.when(given("subject_address")).then(pl.coalesce(spelt, address)),
    )
