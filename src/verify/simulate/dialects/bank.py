"""The banks' gateway: a GB18030 table in a signed JSON envelope, amounts in fen."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import hmac
import io
import json
from typing import Any

from verify.domain.canonical import canonical_bytes
from verify.simulate.dialects.common import FOUND_NOTHING, day, fen, json_bytes
from verify.simulate.registers import Account
from verify.simulate.state import Asked, Holdings

BANKS = ("ICBK", "PSBK", "RCBK")
TYPES = {"current": "01", "deposit": "02", "wealth": "03"}
HEADER = (
    "客户姓名",
    "证件号码",
    "联系电话",
    "联系地址",
    "账号",
    "账户类型",
    "开户行",
    "余额(分)",
    "联名人",
    "近12月收入(分)",
    "近12月支出(分)",
)


def read(body: bytes) -> Asked:
    """Understand a request.

    Raises:
        ValueError: also for a bank that is not behind this gateway.
    """
    q = json.loads(body)
    head, asked = q["head"], q["body"]
    if head["bankCode"] not in BANKS:
        raise ValueError("unknown bank")
    return Asked(
        name=asked["custName"],
        id=asked["certNo"],
        former_names=tuple(asked["formerNames"]),
        as_of=day(asked["asOf"], "%Y%m%d"),
        letter=head["letterNo"],
        purpose=head["purpose"],
        requester=head["requester"],
        request_id=head["serialNo"],
        part=head["bankCode"],
    )


def signature(key: str, data: bytes) -> str:
    """base64 of HMAC-SHA256."""
    return base64.b64encode(hmac.new(key.encode(), data, hashlib.sha256).digest()).decode()


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> dict[str, Any]:
    """Head and payload of the answer, to be changed by faults before it is sealed."""
    rows = [a for a in holdings.find("accounts", shown, Account) if a.bank == asked.part]
    head = {
        "bankCode": asked.part,
        "serialNo": asked.request_id,
        "code": "0000" if rows else "0001",
        "message": "成功" if rows else FOUND_NOTHING,
        "dataDate": f"{data_day:%Y%m%d}",
        "custName": shown.name,
        "certNo": shown.id,
        "count": len(rows),
    }
    return {"head": head, "payload": [dict(zip(HEADER, _cells(a), strict=True)) for a in rows]}


def _cells(a: Account) -> list[str]:
    others = ";".join(f"{o.name}|{o.id}" for o in a.joint_with)
    return [
        a.name,
        a.id,
        a.phone,
        a.address,
        a.account,
        TYPES[a.type],
        f"{a.bank} 营业部",
        str(fen(a.balance)),
        others,
        str(fen(a.credits_12m)),
        str(fen(a.debits_12m)),
    ]


def seal(envelope: dict[str, Any], key_id: str, key: str) -> bytes:
    """Write the table, encode it, sign head and payload."""
    rows = envelope["payload"]
    header = list(rows[0]) if rows else list(HEADER)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([row.get(name, "") for name in header] for row in rows)
    payload = base64.b64encode(text.getvalue().encode("gb18030")).decode()
    head = {**envelope["head"], "keyId": key_id}
    signed = canonical_bytes(head) + b"\n" + payload.encode()
    return json_bytes({"head": head, "payload": payload, "signature": signature(key, signed)})
