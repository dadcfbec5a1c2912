"""The people of a run of households: names, births, numbers, telephones."""

from __future__ import annotations

import polars as pl

from verify.simulate.city import marginals, numbers
from verify.simulate.city.draws import Draws
from verify.simulate.city.homes import households, role, second_child
from verify.simulate.city.names import HAN, SURNAME_TABLE, han_given, with_dot

YEAR = 2025  # of the applications, as in verify.simulate.families
SLOTS = 8  # person number = household number x 8 + place in the household
_PHONES, _STEP = 100_000_000, 61_803_399
_MOBILE_SINCE = 2010  # younger people have no telephone of their own


def people(draws: Draws, first: int, count: int) -> pl.DataFrame:
    """Everybody in households `first` to `first + count - 1`, in that order.

    Columns: `u` (person number), `h`, `slot`, `size`, `role`, `sex`, `age`, `year`, `birth`,
    `style`, `surname`, `name`, `former_name`, `first17`, `id_number`, `other_id`, `twin`,
    `shared_id`, `phone`, `address`, `district`, `rural`.
    """
    homes = households(draws, first, count)
    slot = pl.int_ranges(pl.col("size").cast(pl.Int64), dtype=pl.UInt32).alias("slot")
    frame = homes.with_columns(slot).explode("slot").with_columns(
        u=pl.col("h") * SLOTS + pl.col("slot"), role=role(pl.col("slot"))
    )  # fmt: skip
    frame = _age_and_sex(draws, frame)
    frame = _numbers(draws, frame)
    frame = _names(draws, frame)
    return _contacts(draws, frame).drop(
        "composition", "clan_word", "head_man", "head_age", "other_surname", "migrant", "place"
    )


def _age_and_sex(draws: Draws, frame: pl.DataFrame) -> pl.DataFrame:
    is_, head_age = pl.col("role"), pl.col("head_age")
    child = head_age - draws.between("child_gap", "u", 22, 38)
    toddler = draws.below("toddler", "u", (head_age - 19).cast(pl.UInt64)).cast(pl.Int64)
    parent = head_age + draws.between("parent_gap", "u", 22, 34)
    age = (
        pl.when(is_ == "head").then(head_age)
        .when(is_ == "spouse").then(
            pl.max_horizontal(head_age + draws.between("spouse_gap", "u", -4, 4), pl.lit(20)))
        .when(is_ == "child").then(pl.when(child >= 0).then(child).otherwise(toddler))
        .otherwise(pl.min_horizontal(parent, pl.lit(103)))
    )  # fmt: skip
    boy = draws.chance("boy", "u", marginals.MEN_PER_MILLION)
    # The first of two parents is the father; one alone is mostly the mother.
    alone = (pl.col("role").shift(1).over("h") != "parent").fill_null(value=True) & (
        pl.col("role").shift(-1).over("h") != "parent"
    ).fill_null(value=True)
    first_parent = (pl.col("role").shift(1).over("h") != "parent").fill_null(value=True)
    man = (
        pl.when(is_ == "head").then("head_man")
        .when(is_ == "spouse").then(~pl.col("head_man"))
        .when(is_ == "child").then(boy)
        .when(alone).then(draws.chance("widower", "u", 300_000))
        .otherwise(first_parent)
    )  # fmt: skip
    twin = second_child(pl.col("slot")) & draws.chance("twin", "h", marginals.TWINS_PER_MILLION)
    frame = frame.with_columns(
        age=age, sex=pl.when(man).then(pl.lit("m")).otherwise(pl.lit("f")), twin=twin
    )
    like_before = [
        pl.when("twin").then(pl.col(c).shift(1)).otherwise(pl.col(c)).alias(c)
        for c in ("age", "sex")
    ]
    return frame.with_columns(like_before).with_columns(year=(YEAR - 1) - pl.col("age"))


def _numbers(draws: Draws, frame: pl.DataFrame) -> pl.DataFrame:
    grown = pl.col("age") >= 18
    young_here = (pl.col("age") < 25) & draws.chance("born_here", "u", 500_000)
    frame = frame.with_columns(
        place=numbers.place(pl.col("style"), ~pl.col("migrant") | young_here, pl.col("year"))
    )
    frame = numbers.first17(draws, frame)
    group = (pl.col("h") // numbers.BLOCK, "place", "year", "sex")
    before = pl.col("first17").shift(1).over(*group)
    shared = (
        draws.chance("shared_number", "u", marginals.SHARED_NUMBER_PER_MILLION)
        & before.is_not_null()
        & (pl.col("role") != "child")
    )
    frame = frame.with_columns(
        shared_id=shared,
        before=before,
        birth_before=pl.col("birth").shift(1).over(*group),
    )
    frame = frame.with_columns(
        first17=pl.when("shared_id").then("before").otherwise("first17"),
        birth=pl.when("shared_id").then("birth_before").otherwise("birth"),
    ).with_columns(
        first17=pl.when("twin")
        .then(pl.col("first17").shift(1) + numbers.TWIN)
        .otherwise("first17"),
        birth=pl.when("twin").then(pl.col("birth").shift(1)).otherwise("birth"),
    )
    twice = grown & draws.chance("second_number", "u", marginals.SECOND_NUMBER_PER_MILLION)
    return frame.with_columns(
        id_number=numbers.with_check(pl.col("first17")),
        other_id=pl.when(twice).then(
            numbers.with_check(numbers.other_first17(pl.col("first17")))
        ),
    ).drop("before", "birth_before")  # fmt: skip


def _names(draws: Draws, frame: pl.DataFrame) -> pl.DataFrame:
    """Children bear the name of one parent; everybody else in-law bears their own."""
    own = draws.weighted("own_surname", "u", SURNAME_TABLE)
    mothers = draws.chance("mothers_name", "h", marginals.MOTHERS_NAME_PER_MILLION)
    is_, head_man = pl.col("role"), pl.col("head_man")
    mother_of_head = (is_ == "parent") & (pl.col("sex") == "f")
    surname = (
        pl.when(is_ == "head").then("surname")
        .when(is_ == "spouse").then("other_surname")
        .when((is_ == "child") & (head_man ^ mothers)).then("surname")
        .when(is_ == "child").then("other_surname")
        .when(mother_of_head).then(own)
        .otherwise("surname")
    )  # fmt: skip
    rare = marginals.RARE_CHARACTER_PER_MILLION
    frame = frame.with_columns(surname=surname).with_columns(
        given=han_given(draws, "u", rare_per_million=rare)
    )
    former = han_given(Draws(draws.salt("former")), "u", rare_per_million=0)
    renamed = (
        (pl.col("age") >= 18)
        & (pl.col("style") == HAN)
        & draws.chance("renamed", "u", marginals.RENAMED_PER_MILLION)
        & (former != pl.col("given"))
    )
    # Twins often share a character: the elder's first, then one of their own.
    sibling = pl.col("given").shift(1).str.head(1)
    frame = frame.with_columns(
        given=pl.when(pl.col("twin"))
        .then(sibling + pl.col("given").str.tail(1))
        .otherwise("given"),
        former=pl.when(renamed).then(pl.col("surname") + former),
    )
    frame = frame.with_columns(name=pl.col("surname") + pl.col("given"), former_name="former")
    dotted = frame.filter(pl.col("style") != HAN).select("u", dotted=with_dot(draws, "u"))
    return frame.join(dotted, on="u", how="left", maintain_order="left").with_columns(
        name=pl.coalesce("dotted", "name")
    ).drop("dotted", "given", "former")  # fmt: skip


def _contacts(draws: Draws, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(own=phone(draws, "u")).with_columns(
        phone=pl.when(pl.col("year") >= _MOBILE_SINCE)
        .then(None)
        .when(draws.chance("no_phone", "u", marginals.NO_PHONE_PER_MILLION))
        .then(None)
        .when(draws.chance("family_phone", "u", marginals.FAMILY_PHONE_PER_MILLION))
        .then(pl.col("own").first().over("h"))
        .otherwise("own")
    ).drop("own")  # fmt: skip


def phone(draws: Draws, row: str) -> pl.Expr:
    """A number of a prefix (100) that no operator has; distinct for 12 million households."""
    number = (pl.col(row) * _STEP + draws.salt("phone") % _PHONES) % _PHONES
    return pl.lit("100") + number.cast(pl.String).str.zfill(8)
