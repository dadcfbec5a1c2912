"""The social insurance agency: camel-case English, months as YYYY-MM, searches by number only.

Bases are in yuan as text and payouts in whole fen: a quirk that real systems have, because two
teams built the two halves.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import day, fen, json_bytes, yuan
from verify.simulate.registers import Contribution, Payout, Row, Status
from verify.simulate.state import Asked, Holdings

BENEFITS = {
    "employee_pension": "PEN_EMP",
    "resident_pension": "PEN_RES",
    "unemployment": "UNEMP",
    "preferential": "PREF",
}


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    return Asked(
        name=q["subject"]["name"],
        id=q["subject"]["idNumber"],
        as_of=dt.date.fromisoformat(q["asOf"]),
        window_start=day(q["fromMonth"], "%Y-%m"),
        letter=q["authorizationNo"],
        purpose=q["purpose"],
        requester=q["requester"],
        request_id=q["requestId"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer in its three sections."""
    first = f"{asked.window_start or data_day:%Y-%m}"
    last = f"{data_day:%Y-%m}"
    contributions = [
        c
        for c in holdings.find("contributions", shown, Contribution, by_name=False)
        if first <= c.month <= last
    ]
    payouts = [
        p
        for p in holdings.find("payouts", shown, Payout, by_name=False)
        if first <= p.month <= last
    ]
    statuses = holdings.find("statuses", shown, Status, by_name=False)
    found = bool(contributions or payouts or statuses)
    return json_bytes(
        {
            "code": 200 if found else 404,
            "message": "ok" if found else "not insured",
            "requestId": asked.request_id,
            "dataAsOf": data_day.isoformat(),
            "subject": {"name": shown.name, "idNumber": shown.id},
            "insuredStatus": [_status(s, data_day) for s in statuses],
            "contributionCount": len(contributions),
            "contributions": [_contribution(c) for c in contributions],
            "payoutCount": len(payouts),
            "payouts": [_payout(p) for p in payouts],
        }
    )


def _person(row: Row) -> dict[str, Any]:
    return {"name": row.name, "idNumber": row.id, "mobile": row.phone, "address": row.address}


def _status(s: Status, data_day: dt.date) -> dict[str, Any]:
    dead = s.deceased_on is not None and s.deceased_on <= data_day
    return {
        **_person(s),
        "status": "DECEASED" if dead else "ACTIVE",
        "deathDate": s.deceased_on.isoformat() if dead and s.deceased_on else None,
    }


def _contribution(c: Contribution) -> dict[str, Any]:
    return {**_person(c), "month": c.month, "baseYuan": yuan(c.base), "employerName": c.employer}


def _payout(p: Payout) -> dict[str, Any]:
    return {
        **_person(p),
        "month": p.month,
        "benefitType": BENEFITS[p.item],
        "amountFen": fen(p.amount),
        "centralBasicFen": fen(p.central_basic),
    }
