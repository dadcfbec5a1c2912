"""Securities (证券登记): JSON, paged by cursor, amounts in fen as text, one list for stocks,
funds and the cash of an account."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import day, fen, json_bytes
from verify.simulate.registers import Security
from verify.simulate.state import Asked, Holdings

PATH = "/csdc/holdings/search"
PRODUCTS = {"stock": "STK", "fund": "FND", "cash": "CSH"}


def read(body: bytes) -> Asked:
    """Understand a request; the cursor is the number of the page, disguised."""
    q = json.loads(body)
    cursor = q["cursor"]
    return Asked(
        name=q["investor"]["name"],
        id=q["investor"]["certificate"],
        as_of=day(q["asOf"], "%Y%m%d"),
        letter=q["letter"],
        purpose=q["purpose"],
        requester=q["requester"],
        request_id=q["requestId"],
        page=int(cursor.removeprefix("c"), 36) if cursor else 1,
        page_size=q["size"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """One page of the answer."""
    rows = holdings.find("securities", shown, Security, by_name=False)
    start = (asked.page - 1) * asked.page_size
    more = start + asked.page_size < len(rows)
    return json_bytes(
        {
            "rc": "S" if rows else "N",
            "requestId": asked.request_id,
            "dataDate": f"{data_day:%Y%m%d}",
            "investor": {"name": shown.name, "certificate": shown.id},
            "total": len(rows),
            "nextCursor": f"c{asked.page + 1}" if more else "",
            "holdings": [_holding(h) for h in rows[start : start + asked.page_size]],
        }
    )


def _holding(h: Security) -> dict[str, Any]:
    return {
        "name": h.name,
        "certificate": h.id,
        "account": h.account,
        "broker": h.broker,
        "type": PRODUCTS[h.product],
        "code": h.code,
        "worthFen": str(fen(h.worth)),
    }
