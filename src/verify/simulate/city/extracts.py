"""What the departments of a city would have handed over on some day: for checks and re-checks."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl

from verify.domain.errors import InputError
from verify.simulate.city.files import write_part
from verify.simulate.city.timeline import DAYS, START


def as_known_on(rows: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """The rows of a source table that the department knew and still held on `day`.

    Of a stretch of months only those before the month of `day` have been reported: it is cut
    there, so that the future does not show. A day of death after `day` cannot occur, because the
    row itself is not known before it.
    """
    held = rows.filter(
        (pl.col("known_on") <= day) & (pl.col("until").is_null() | (pl.col("until") > day))
    )
    gone = {"until", "ended_as"} & set(held.columns)  # what has not happened yet
    held = held.drop(gone)
    if "last_month" not in held.columns:
        return held
    reported = (day.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    held = held.filter(pl.col("first_month") <= reported)
    return held.with_columns(
        last_month=pl.min_horizontal(pl.col("last_month").fill_null(reported), pl.lit(reported))
    )


def extract(city: Path, day: dt.date, out: Path) -> dict[str, int]:
    """Write every source table as known on `day` to `out`, part by part; rows per table.

    Raises:
        InputError: `city` is no city of tables, or the day is outside its two years.
    """
    parts = sorted((city / "sources").glob("*/*/part-*.parquet"))
    if not parts:
        raise InputError(
            "this folder holds no city of tables",
            where=str(city),
            remedy="write one with: verify simulate population --form tables",
        )
    last = START + dt.timedelta(days=DAYS - 1)
    if not START <= day <= last:
        raise InputError(
            f"nothing is known about {day.isoformat()}",
            where="--on",
            remedy=f"name a day from {START.isoformat()} to {last.isoformat()}",
        )
    rows: dict[str, int] = {}
    for part in parts:
        table = str(part.parent.relative_to(city / "sources"))
        frame = as_known_on(pl.read_parquet(part), day)
        write_part(out / table / part.name, frame)
        rows[table] = rows.get(table, 0) + frame.height
    text = json.dumps({"synthetic": True, "on": day.isoformat(), "rows": rows}, indent=2)
    (out / "README.json").write_text(text + "\n", encoding="utf-8")
    return rows
