"""Water, power and gas: says only whether a household's use is out of proportion (no amounts)."""

from __future__ import annotations

import datetime as dt
import json

from verify.simulate.dialects.common import day, json_bytes
from verify.simulate.registers import UtilityUse
from verify.simulate.state import Asked, Holdings

PATH = "/utility/indicator"


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    return Asked(
        name=q["customer"]["name"],
        id=q["customer"]["id"],
        as_of=day(q["asOf"], "%Y-%m-%d"),
        letter=q["letter"],
        purpose=q["purpose"],
        requester=q["requester"],
        request_id=q["ref"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """One word."""
    rows = holdings.find("utilities", shown, UtilityUse, by_name=False)
    high = any(u.out_of_proportion for u in rows)
    return json_bytes(
        {
            "status": "KNOWN" if rows else "UNKNOWN",
            "ref": asked.request_id,
            "asOf": f"{data_day:%Y-%m-%d}",
            "customer": {"name": shown.name, "id": shown.id},
            "outOfProportion": "Y" if high else "N",
        }
    )
