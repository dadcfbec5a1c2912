"""Units and dates that several dialects share."""

from __future__ import annotations

import datetime as dt
import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

FOUND_NOTHING = "查无记录"


def yuan(amount: Decimal) -> str:
    """Yuan with two decimals."""
    return str(amount.quantize(Decimal("0.01"), ROUND_HALF_UP))


def fen(amount: Decimal) -> int:
    """Whole fen."""
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


def wan_yuan(amount: Decimal) -> str:
    """Ten thousand yuan with four decimals, as vehicle and company registers state prices."""
    return str((amount / 10_000).quantize(Decimal("0.0001"), ROUND_HALF_UP))


def day(text: str, form: str) -> dt.date:
    """Read a date of a `strptime` form."""
    return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC).date()


def month_day(month: str) -> dt.date:
    """`2024-05` as its first day."""
    return dt.date.fromisoformat(f"{month}-01")


def json_bytes(value: Any) -> bytes:
    """JSON as departments send it: Chinese characters as themselves."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
