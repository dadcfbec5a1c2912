"""The market register (市场主体登记): JSON, paged by offset, amounts in 万元 with six decimals,
roles of cancelled entities still there."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from verify.simulate.dialects.common import FOUND_NOTHING, day, json_bytes
from verify.simulate.registers import Enterprise
from verify.simulate.state import Asked, Holdings

PATH = "/scjg/v3/persons/positions"
ROLES = {
    "legal_representative": "FDDBR",
    "shareholder": "GD",
    "supervisor": "JS",
    "self_employed": "GTJYZ",
}
STATUS = {"active": "存续", "cancelled": "注销", "revoked": "吊销"}


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    return Asked(
        name=q["person"]["name"],
        id=q["person"]["idNo"],
        former_names=tuple(q["person"]["formerNames"]),
        as_of=day(q["asOf"], "%Y-%m-%d"),
        letter=q["letter"],
        purpose=q["purpose"],
        requester=q["requester"],
        request_id=q["traceId"],
        page=1 + q["offset"] // q["limit"],
        page_size=q["limit"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """One page of the answer."""
    rows = [e for e in holdings.find("enterprises", shown, Enterprise) if e.since <= data_day]
    offset = (asked.page - 1) * asked.page_size
    return json_bytes(
        {
            "status": 0 if rows else 4004,
            "msg": "ok" if rows else FOUND_NOTHING,
            "traceId": asked.request_id,
            "dataDate": f"{data_day:%Y-%m-%d}",
            "person": {"name": shown.name, "idNo": shown.id},
            "total": len(rows),
            "offset": offset,
            "positions": [_position(e) for e in rows[offset : offset + asked.page_size]],
        }
    )


def _position(e: Enterprise) -> dict[str, Any]:
    return {
        "name": e.name,
        "idNo": e.id,
        "entName": e.company,
        "uniscId": e.credit_code,
        "position": ROLES[e.role],
        "subConAm": f"{(e.subscribed / 10_000).quantize(Decimal('0.000001'))}",
        "regState": STATUS[e.status],
        "startDate": f"{e.since:%Y-%m-%d}",
    }
