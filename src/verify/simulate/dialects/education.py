"""The school register as a database with views: what the view holds, and the day it was filled."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from verify.simulate.dialects.common import yuan
from verify.simulate.registers import Enrolment

COLUMNS = (
    "student_name", "id_card", "student_no", "school", "stage", "full_time", "fee_year_yuan",
    "enrolled_on", "leaves_on",
)  # fmt: skip
STAGES = {"secondary": "ZX", "vocational": "ZZ", "undergraduate": "BK", "postgraduate": "YJS"}


def fill(path: Path, rows: Iterable[Enrolment], data_day: dt.date, *, drift: str = "") -> None:
    """Write the database anew: a table, the view over it, and the day of the data.

    `drift` leaves out a column of the view, as a careless migration would.
    """
    # Names of columns are ours; values are bound.
    view = f"SELECT {', '.join(c for c in COLUMNS if c != drift)} FROM students"  # noqa: S608
    with sqlite3.connect(path) as db:
        for name in ("v_students", "data_day"):
            db.execute(f"DROP VIEW IF EXISTS {name}")
        for name, columns in (("students", ", ".join(COLUMNS)), ("days", "data_day")):
            db.execute(f"DROP TABLE IF EXISTS {name}")
            db.execute(f"CREATE TABLE {name} ({columns})")
        db.execute(f"CREATE VIEW v_students AS {view}")
        db.execute("CREATE VIEW data_day AS SELECT data_day FROM days")
        db.execute("INSERT INTO days VALUES (?)", [data_day.isoformat()])
        db.executemany(
            f"INSERT INTO students VALUES ({', '.join('?' * len(COLUMNS))})",  # noqa: S608
            [_cells(r) for r in rows],
        )
    db.close()


def _cells(r: Enrolment) -> list[str]:
    return [
        r.name,
        r.id,
        r.student_no,
        r.school,
        STAGES[r.stage],
        "Y" if r.full_time else "N",
        yuan(r.yearly_fee),
        r.since.isoformat(),
        r.until.isoformat(),
    ]
