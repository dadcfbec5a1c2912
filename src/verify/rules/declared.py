"""What a family declared, as facts beside what was found: a rulebook may compare the two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from verify.domain.period import Granularity, add_months
from verify.rules.plan import DECLARED

MONTHS = 12
"""Months for which a declared monthly amount is taken to hold, that of the application included."""


def declared_facts(
    as_of: dt.date, declared: Iterable[tuple[str, int, bool]]
) -> Iterator[dict[str, Any]]:
    """Facts from (kind, amount, whether per month), under the quantity `declared:<kind>`.

    Yields rows with quantity, lo, hi, granularity and period; amounts in minor units or numbers
    of things.
    """
    for kind, amount, monthly in declared:
        row = {"quantity": DECLARED + kind, "lo": amount, "hi": amount}
        if not monthly:
            yield {**row, "granularity": Granularity.INSTANT.value}
            continue
        for n in range(-MONTHS, 1):
            month = add_months(as_of, n)
            yield {
                **row,
                "granularity": Granularity.MONTH.value,
                "period_start": month,
                "period_end": add_months(month, 1) - dt.timedelta(days=1),
            }
