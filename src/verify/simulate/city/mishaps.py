"""What goes wrong between a person and a record about them, one field at a time.

Which rows are struck is decided for whole columns; the struck rows, a few in a hundred, are then
misspelt one by one with the attested mishaps of `verify.simulate.spelling`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from verify.simulate import spelling
from verify.simulate.city.draws import Draws, RowDice
from verify.simulate.city.names import HAN
from verify.simulate.dice import Dice
from verify.simulate.names import RARE

NONE = "none"
Misspell = Callable[[str, Dice], str]


def any_digit(number: str, dice: Dice) -> str:
    """One of the first seventeen digits mistyped; the first stays above 0."""
    at = dice.between(1, 16)
    digit = str((int(number[at]) + dice.between(1, 9)) % 10)
    return number[:at] + digit + number[at + 1 :]


def any_swap(number: str, dice: Dice) -> str:
    """Two unequal neighbours swapped, anywhere but at the first digit."""
    places = [i for i in range(1, 17) if number[i] != number[i + 1]]
    if not places:
        return number
    at = dice.one_of(places)
    return number[:at] + number[at + 1] + number[at] + number[at + 2 :]


def grouped(number: str, dice: Dice) -> str:
    """Written in groups, as on a form."""
    return dice.one_of((" ", "-")).join((number[:6], number[6:14], number[14:]))


def reordered(name: str, dice: Dice) -> str:
    """The parts of a dotted name the other way round."""
    del dice
    return "·".join(reversed(name.split("·")))


def cut(name: str, dice: Dice) -> str:
    """A dotted name cut off by a form's width."""
    return name[: dice.between(3, max(3, len(name) - 1))].rstrip("·")


def spaced(name: str, dice: Dice) -> str:
    """`王伟` -> `王 伟`, or with an ideographic space."""
    return name[0] + dice.one_of((" ", "\u3000")) + name[1:]


ID_MISHAPS: Mapping[str, Misspell] = {
    "id_15": lambda n, d: spelling.fifteen_digits(n),
    "id_masked": lambda n, d: spelling.masked(n),
    "id_digit": any_digit,
    "id_swap": any_swap,
    "id_letters": lambda n, d: spelling.letters(n),
    "id_full_width": lambda n, d: spelling.full_width(n),
    "id_lower_x": lambda n, d: spelling.lower_x(n),
    "id_grouped": grouped,
    "id_missing": lambda n, d: "",
}
NAME_MISHAPS: Mapping[str, Misspell] = {
    "name_separator": spelling.separator,
    "name_order": reordered,
    "name_cut": cut,
    "name_pinyin": lambda n, d: spelling.pinyin_for_rare(n),
    "name_variant": lambda n, d: spelling.variant(n),
    "name_traditional": lambda n, d: spelling.traditional(n),
    "name_homophone": spelling.homophone,
    "name_space": spaced,
}
_DOTTED = pl.col("style") != HAN
CAN_HAPPEN: Mapping[str, pl.Expr] = {
    "id_second": pl.col("other_id").is_not_null(),
    "id_15": pl.col("year") < 2000,
    "id_lower_x": pl.col("id_number").str.ends_with("X"),
    "name_former": pl.col("former_name").is_not_null(),
    "name_separator": _DOTTED,
    "name_order": _DOTTED,
    "name_cut": _DOTTED,
    "name_pinyin": pl.col("name").str.contains_any(list(RARE)),
    "name_homophone": ~_DOTTED,
    "name_space": ~_DOTTED & (pl.col("name").str.len_chars() == 2),
}
"""Whom a mishap can strike, where not everybody: it is then drawn among these alone."""


def kind(draws: Draws, row: str, rates: Mapping[str, int]) -> pl.Expr:
    """Which mishap strikes a row: the first of `rates` (per million) that comes up, or `none`."""
    drawn = pl.lit(NONE)
    for name, rate in reversed(list(rates.items())):
        struck = draws.chance(f"mishap/{name}", row, rate)
        if name in CAN_HAPPEN:
            struck = struck & CAN_HAPPEN[name]
        drawn = pl.when(struck).then(pl.lit(name)).otherwise(drawn)
    return drawn


def misspell(
    draws: Draws,
    frame: pl.DataFrame,
    column: str,
    *,
    row: str,
    kinds: str,
    how: Mapping[str, Misspell],
) -> pl.DataFrame:
    """Misspell `column` where the column `kinds` names one of `how`.

    A mishap that changes nothing (no variant character in the name) did not happen: its kind
    becomes `none`. `row` numbers the rows.
    """
    place = f"__{column}"
    frame = frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias(place))
    struck = frame.filter(pl.col(kinds).is_in(list(how))).select(
        place, column, kinds, word=draws.word(f"misspell/{column}", row)
    )
    texts, names = struck[column].to_list(), struck[kinds].to_list()
    words = struck["word"].to_list()
    made = [how[k](text, RowDice(word)) for text, k, word in zip(texts, names, words, strict=True)]
    spoilt = struck.select(place).with_columns(
        written=pl.Series(made, dtype=pl.String),
        happened=pl.Series([m != t for m, t in zip(made, texts, strict=True)], dtype=pl.Boolean),
    )
    return (
        frame.join(spoilt, on=place, how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("written", column).alias(column),
            pl.when(pl.col("happened").fill_null(value=True))
            .then(kinds)
            .otherwise(pl.lit(NONE))
            .alias(kinds),
        )
        .drop(place, "written", "happened")
    )
