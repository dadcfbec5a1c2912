"""Periods, and the granularity at which an amount is known.

An amount known only per year must never be read as a monthly amount (the Robodebt error), so
granularity travels with every amount.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass


class Granularity(enum.StrEnum):
    """How finely a source knows an amount in time."""

    MONTH = "month"
    YEAR = "year"
    INSTANT = "instant"  # a balance or a title on a day


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days `start` to `end`, both included."""

    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("a period ends on or after the day it starts")

    def contains(self, day: dt.date) -> bool:
        """Whether `day` lies in the period."""
        return self.start <= day <= self.end


def month_start(day: dt.date) -> dt.date:
    """First day of the month of `day`."""
    return day.replace(day=1)


def add_months(day: dt.date, months: int) -> dt.date:
    """First day of the month `months` after (or before) the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def months_before(day: dt.date, months: int) -> Period:
    """The `months` whole calendar months that precede the month of `day`."""
    first = month_start(day)
    return Period(add_months(first, -months), first - dt.timedelta(days=1))


def age_on(birth: dt.date, day: dt.date) -> int:
    """Completed years of age on `day` (born 29 February: on 1 March in other years)."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
