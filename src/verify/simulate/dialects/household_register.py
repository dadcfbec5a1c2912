"""The police's household register (户籍) behind an X-Road-style security server.

JSON with English names in capitals, dates with dots, status in words; the server repeats the
message id. 15-digit numbers of old entries are still there.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import FOUND_NOTHING, day, json_bytes
from verify.simulate.registers import Residence
from verify.simulate.state import Asked, Holdings

PATH = "/r1/{service:path}/residents"
RELATIONS = {"head": "01", "spouse": "10", "child": "20", "parent": "50", "other": "97"}
STATUS = {"registered": "在册", "moved_out": "迁出", "cancelled": "注销"}


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    return Asked(
        name=q["PERSON"]["NAME"],
        id=q["PERSON"]["CITIZEN_ID"],
        former_names=tuple(q["PERSON"]["FORMER_NAMES"]),
        as_of=day(q["AS_OF"], "%Y.%m.%d"),
        letter=q["AUTHORISATION"],
        purpose=q["PURPOSE"],
        requester=q["REQUESTER"],
        request_id=q["REQUEST_ID"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer: every entry ever, with how it stands."""
    rows = [
        r
        for r in holdings.find("residences", shown, Residence, by_name=False)
        if r.since <= data_day
    ]
    return json_bytes(
        {
            "RESULT": "FOUND" if rows else "NONE",
            "MESSAGE": "" if rows else FOUND_NOTHING,
            "REQUEST_ID": asked.request_id,
            "DATA_DATE": f"{data_day:%Y.%m.%d}",
            "PERSON": {"NAME": shown.name, "CITIZEN_ID": shown.id},
            "COUNT": len(rows),
            "RESIDENTS": [_entry(r) for r in rows],
        }
    )


def _entry(r: Residence) -> dict[str, Any]:
    return {
        "NAME": r.name,
        "CITIZEN_ID": r.id,
        "ADDRESS": r.address,
        "HOUSEHOLD_NO": r.household_no,
        "RELATION": RELATIONS[r.relation],
        "SINCE": f"{r.since:%Y.%m.%d}",
        "STATUS": STATUS[r.status],
    }
