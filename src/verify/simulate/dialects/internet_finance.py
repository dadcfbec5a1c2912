"""Internet platforms: JSON with nested objects, moments with a time zone, numbers as numbers."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import day, fen, json_bytes
from verify.simulate.registers import InternetAsset
from verify.simulate.state import Asked, Holdings

PATH = "/open/assets/query"
PRODUCTS = {"balance": "WALLET", "money_fund": "MMF", "loan_claim": "P2P"}


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    return Asked(
        name=q["user"]["realName"],
        id=q["user"]["idCard"],
        as_of=day(q["asOf"], "%Y-%m-%d"),
        letter=q["auth"]["letter"],
        purpose=q["auth"]["purpose"],
        requester=q["auth"]["requester"],
        request_id=q["requestId"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer."""
    rows = holdings.find("internet_assets", shown, InternetAsset, by_name=False)
    return json_bytes(
        {
            "code": "SUCCESS" if rows else "NO_ACCOUNT",
            "requestId": asked.request_id,
            "snapshotAt": f"{data_day:%Y-%m-%d}T23:59:59+08:00",
            "user": {"realName": shown.name, "idCard": shown.id},
            "size": len(rows),
            "assets": [_asset(a) for a in rows],
        }
    )


def _asset(a: InternetAsset) -> dict[str, Any]:
    return {
        "owner": {"realName": a.name, "idCard": a.id, "mobile": a.phone},
        "platform": a.platform,
        "accountId": a.account,
        "product": PRODUCTS[a.product],
        "money": {"cent": fen(a.amount), "currency": "CNY"},
    }
