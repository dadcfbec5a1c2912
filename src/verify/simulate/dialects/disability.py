"""The disability register (残联) as a DCI registry: an envelope with header and message, records
two lists deep, the grade as a word."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import day, fen, json_bytes
from verify.simulate.registers import DisabilityRecord
from verify.simulate.state import Asked, Holdings

PATH = "/registry/sync/search"
GRADES = {1: "FIRST", 2: "SECOND", 3: "THIRD", 4: "FOURTH"}
CATEGORIES = {
    "肢体": "PHYSICAL", "视力": "VISUAL", "听力": "HEARING", "言语": "SPEECH",
    "智力": "INTELLECTUAL", "精神": "MENTAL", "多重": "MULTIPLE",
}  # fmt: skip


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    meta = q["header"]["meta"]
    criteria = q["message"]["search_request"][0]["search_criteria"]
    return Asked(
        name=meta["name"],
        id=criteria["query"]["value"],
        as_of=day(meta["as_of"], "%Y-%m-%d"),
        letter=meta["letter"],
        purpose=criteria["purpose"]["code"],
        requester=meta["requester"],
        request_id=q["message"]["transaction_id"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer to the one search."""
    rows = holdings.find("disabilities", shown, DisabilityRecord, by_name=False)
    found = {
        "reference_id": asked.request_id[:16],
        "status": "succ",
        "status_reason_code": "found" if rows else "not_found",
        "data": {
            "version": "1.0.0",
            "as_of": f"{data_day:%Y-%m-%d}",
            "subject": {"name": shown.name, "national_id": shown.id},
            "reg_records": [_record(r) for r in rows],
        },
        "pagination": {"page_size": 200, "page_number": 1, "total_count": len(rows)},
    }
    return json_bytes(
        {
            "header": {"version": "1.0.0", "action": "search", "status": "succ"},
            "message": {"transaction_id": asked.request_id, "search_response": [found]},
        }
    )


def _record(r: DisabilityRecord) -> dict[str, Any]:
    return {
        "person": {"name": r.name, "national_id": r.id, "phone": r.phone},
        "certificate": {
            "number": r.certificate_no,
            "category": CATEGORIES[r.category],
            "grade": GRADES[r.grade],
            "valid_until": f"{r.valid_until:%Y-%m-%d}",
        },
        "monthly_allowance_fen": fen(r.allowance),
    }
