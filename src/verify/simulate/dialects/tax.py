"""The tax office: pinyin abbreviations, yuan as text, months as YYYYMM, item codes, pages.

The codes are this simulator's own.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import FOUND_NOTHING, day, json_bytes, wan_yuan, yuan
from verify.simulate.registers import TaxIncome, TaxRole
from verify.simulate.state import Asked, Holdings

MAX_PAGE_SIZE = 50
ITEMS = {
    "wage": "0101",
    "labour": "0400",
    "business": "0200",
    "interest_dividend": "0600",
    "rent": "0800",
}
ROLES = {"legal_representative": "01", "shareholder": "02", "supervisor": "03", "finance": "04"}
STATUS = {"active": "1", "cancelled": "2"}


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    return Asked(
        name=q["nsr"]["xm"],
        id=q["nsr"]["zjhm"],
        former_names=tuple(q["nsr"]["cym"]),
        as_of=day(q["jzrq"], "%Y%m%d"),
        window_start=day(q["skssq"]["q"], "%Y%m"),
        letter=q["sqsbh"],
        purpose=q["cxsy"],
        requester=q["cxjg"],
        request_id=q["lsh"],
        page=int(q["pageNo"]),
        page_size=max(1, min(int(q["pageSize"]), MAX_PAGE_SIZE)),
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """One page of the answer; incomes first, then roles."""
    first = asked.window_start or data_day
    incomes = [
        _income(i)
        for i in holdings.find("tax_incomes", shown, TaxIncome)
        if _in_window(i, first, data_day)
    ]
    roles = [_role(r) for r in holdings.find("tax_roles", shown, TaxRole) if r.since <= data_day]
    rows = [("srxx", i) for i in incomes] + [("rzxx", r) for r in roles]
    start = (asked.page - 1) * asked.page_size
    page = rows[start : start + asked.page_size]
    return json_bytes(
        {
            "fhm": "0000" if rows else "1001",
            "fhxx": "查询成功" if rows else FOUND_NOTHING,
            "lsh": asked.request_id,
            "sjrq": f"{data_day:%Y%m%d}",
            "nsr": {"xm": shown.name, "zjhm": shown.id},
            "pageNo": asked.page,
            "pageSize": asked.page_size,
            "total": len(rows),
            "pages": max(1, -(-len(rows) // asked.page_size)),
            "srxx": [row for section, row in page if section == "srxx"],
            "rzxx": [row for section, row in page if section == "rzxx"],
        }
    )


def _in_window(income: TaxIncome, first: dt.date, last: dt.date) -> bool:
    if income.month:
        return f"{first:%Y-%m}" <= income.month <= f"{last:%Y-%m}"
    return str(first.year) <= (income.year or "") <= str(last.year)


def _income(i: TaxIncome) -> dict[str, Any]:
    first = i.month.replace("-", "") if i.month else f"{i.year}01"
    last = i.month.replace("-", "") if i.month else f"{i.year}12"
    return {
        "xm": i.name,
        "zjhm": i.id,
        "lxdh": i.phone,
        "dz": i.address,
        "srxmdm": ITEMS[i.item],
        "kjywr": i.payer,
        "srje": yuan(i.amount),
        "skssqq": first,
        "skssqz": last,
        "jsfs": "1" if i.month else "2",
    }


def _role(r: TaxRole) -> dict[str, Any]:
    return {
        "xm": r.name,
        "zjhm": r.id,
        "lxdh": r.phone,
        "dz": r.address,
        "qymc": r.company,
        "tyshxydm": r.credit_code,
        "rzlx": ROLES[r.role],
        "rjcze": wan_yuan(r.capital),
        "zt": STATUS[r.status],
        "rzrq": f"{r.since:%Y%m%d}",
    }
