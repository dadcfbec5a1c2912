"""What each department holds about the city.

A department is a function from the people of a part of the city to its tables. To add one, write
such a function and name it in `DEPARTMENTS`; everything else (misspelling, truth, files,
digests, extracts by date) follows from the shape of the rows:

- `n`: which row of the person this is, below `written.ROWS_EACH`, for keys that never collide;
- `known_on`: the day on which the department knew the row; `until`: the day from which it no
  longer holds (null: it still does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from verify.simulate.city.departments import (
    bank,
    civil,
    real_estate,
    savings,
    signs,
    social_insurance,
    tax,
    vehicle,
)
from verify.simulate.city.draws import Draws

Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Department:
    """A source: its tables, and whether it is searched by number alone."""

    name: str
    tables: Callable[[Draws, pl.DataFrame], Tables]
    by_number: bool = False


DEPARTMENTS = (
    Department("bank", bank.tables),
    Department("real_estate", real_estate.tables),
    Department("social_insurance", social_insurance.tables, by_number=True),
    Department("tax", tax.tables),
    Department("vehicle", vehicle.tables),
    Department("household_register", civil.household_register),
    Department("marriage", civil.marriage),
    Department("funeral", civil.funeral),
    Department("provident_fund", savings.provident_fund),
    Department("securities", savings.securities),
    Department("market", signs.market),
    Department("insurance", signs.insurance),
    Department("internet_finance", signs.internet_finance),
    Department("disability", signs.disability),
    Department("education", signs.education, by_number=True),
    Department("medical", signs.medical),
    Department("agriculture", signs.agriculture),
    Department("utilities", signs.utilities, by_number=True),
)
