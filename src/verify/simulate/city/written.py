"""How departments write people down: name, number, telephone, address, rightly or wrongly."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city.draws import Draws, mixed
from verify.simulate.city.mishaps import ID_MISHAPS, NAME_MISHAPS, kind, misspell
from verify.simulate.city.rates import RosterRates

ROWS_EACH = 64  # rows of one table about one person, at most
_WHO = ("u", "name", "former_name", "id_number", "other_id", "year", "style", "phone", "address")
TRUTH = ("row", "person", "id_mishap", "name_mishap")


def person_columns() -> tuple[str, ...]:
    """The columns of a person that a row needs before it is written."""
    return _WHO


def write_down(
    draws: Draws, table: str, rows: pl.DataFrame, rates: RosterRates, *, by_number: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The table as the department holds it, and the truth about its rows.

    `rows` has the columns of `person_columns`, `n` (which row of the person this is) and the
    table's own. A department that is searched by number alone keeps the number intact. The rows
    come in an order, and under keys, that say nothing about whose they are.
    """
    draws = Draws(draws.salt(f"written/{table}"))
    key = pl.col("u") * ROWS_EACH + pl.col("n").cast(pl.UInt64)
    rows = rows.with_columns(cell=key)
    numbers: Mapping[str, int] = {} if by_number else rates.group("id_")
    rows = rows.with_columns(
        row=mixed(pl.col("cell") + pl.lit(draws.salt("row"), dtype=pl.UInt64)),
        id_mishap=kind(draws, "cell", numbers),
        name_mishap=kind(draws, "cell", rates.group("name_")),
    ).with_columns(
        subject_id=pl.when(pl.col("id_mishap") == "id_second")
        .then("other_id")
        .otherwise("id_number"),
        subject_name=pl.when(pl.col("name_mishap") == "name_former")
        .then("former_name")
        .otherwise("name"),
    )  # fmt: skip
    rows = misspell(draws, rows, "subject_id", row="cell", kinds="id_mishap", how=ID_MISHAPS)
    rows = misspell(draws, rows, "subject_name", row="cell", kinds="name_mishap", how=NAME_MISHAPS)
    rows = rows.with_columns(
        subject_id=pl.when(pl.col("subject_id") != "").then("subject_id"),
        # Written down once and never again: after a move it is stale.
        subject_address=pl.when(draws.chance("address", "cell", 500_000)).then("address"),
        subject_phone=pl.when(draws.chance("phone", "cell", 700_000)).then("phone"),
        person=pl.col("u"),
    ).sort("row")
    own = [c for c in rows.columns if c not in {*_WHO, *TRUTH, "n", "cell"}]
    return rows.select("row", *own), rows.select(TRUTH)
