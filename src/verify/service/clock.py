"""Time for the parts that may look at a clock (never the judging path).

Instants are epoch milliseconds. Legal days are days in China Standard Time, UTC+8 without
daylight saving since 1991, wherever the process runs.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

Clock = Callable[[], int]

CHINA = dt.timezone(dt.timedelta(hours=8), "CST")


def now_ms() -> int:
    """The present instant in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def day_of(instant_ms: int) -> dt.date:
    """The legal day of an instant."""
    return dt.datetime.fromtimestamp(instant_ms // 1000, CHINA).date()


def midnight(day: dt.date) -> int:
    """The first instant of a legal day, in epoch milliseconds."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp()) * 1000


def iso(instant_ms: int) -> str:
    """ISO 8601 text in UTC with milliseconds."""
    moment = dt.datetime.fromtimestamp(instant_ms // 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant_ms % 1000:03d}Z"
