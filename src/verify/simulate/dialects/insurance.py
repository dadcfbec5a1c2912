"""Commercial insurers behind one gateway: a UTF-8 table with semicolons in an envelope signed
with SM3, one question per insurer."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import json
from typing import Any

from verify.domain.canonical import canonical_bytes
from verify.simulate.dialects.common import day, json_bytes, yuan
from verify.simulate.dialects.sealing import mac
from verify.simulate.registers import Policy
from verify.simulate.state import Asked, Holdings

PATH = "/ins-gateway/policies"
INSURERS = ("CLIC", "PAIC", "CPIC")
HEADER = (
    "holder", "holderId", "policyNo", "product", "cashValue", "premium", "since", "state",
)  # fmt: skip
STATUS = {"in_force": "1", "lapsed": "0"}


def read(body: bytes) -> Asked:
    """Understand a request.

    Raises:
        ValueError: also for an insurer that is not behind this gateway.
    """
    q = json.loads(body)
    if q["insurer"] not in INSURERS:
        raise ValueError("unknown insurer")
    return Asked(
        name=q["holder"]["name"],
        id=q["holder"]["id"],
        as_of=day(q["asOf"], "%Y-%m-%d"),
        letter=q["letter"],
        purpose=q["purpose"],
        requester=q["requester"],
        request_id=q["serial"],
        part=q["insurer"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> dict[str, Any]:
    """Head and payload of the answer, to be changed by faults before it is sealed."""
    rows = [
        p
        for p in holdings.find("policies", shown, Policy, by_name=False)
        if p.insurer == asked.part and p.since <= data_day
    ]
    head = {
        "insurer": asked.part,
        "serial": asked.request_id,
        "result": "OK" if rows else "NIL",
        "dataDate": f"{data_day:%Y-%m-%d}",
        "holder": shown.name,
        "holderId": shown.id,
        "count": len(rows),
    }
    return {"head": head, "payload": [dict(zip(HEADER, _cells(p), strict=True)) for p in rows]}


def _cells(p: Policy) -> list[str]:
    return [
        p.name,
        p.id,
        p.policy_no,
        p.product,
        yuan(p.cash_value),
        yuan(p.yearly_premium),
        f"{p.since:%Y-%m-%d}",
        STATUS[p.status],
    ]


def seal(envelope: dict[str, Any], key_id: str, key: str) -> bytes:
    """Write the table, encode it, sign head and payload."""
    rows = envelope["payload"]
    header = list(rows[0]) if rows else list(HEADER)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([row.get(name, "") for name in header] for row in rows)
    payload = base64.b64encode(text.getvalue().encode("utf-8")).decode()
    head = {**envelope["head"], "keyId": key_id}
    signed = canonical_bytes(head) + b"\n" + payload.encode()
    return json_bytes({"head": head, "payload": payload, "signature": mac("sm3", key, signed)})
