"""Medical insurance settlements (医保结算): JSON, paged by cursor, total and self-paid part side
by side, months in Chinese."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import day, json_bytes, yuan
from verify.simulate.registers import MedicalBill
from verify.simulate.state import Asked, Holdings

PATH = "/ybjs/query"


def read(body: bytes) -> Asked:
    """Understand a request."""
    q = json.loads(body)
    return Asked(
        name=q["参保人"]["姓名"],
        id=q["参保人"]["证件号码"],
        as_of=day(q["截止日期"], "%Y年%m月%d日"),
        window_start=day(q["起始日期"], "%Y年%m月%d日"),
        letter=q["授权书"],
        purpose=q["用途"],
        requester=q["查询机构"],
        request_id=q["流水号"],
        page=int(q["游标"] or 1),
        page_size=q["每页"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """One page of the answer."""
    first, last = f"{asked.window_start or data_day:%Y-%m}", f"{data_day:%Y-%m}"
    rows = [
        b
        for b in holdings.find("medical_bills", shown, MedicalBill, by_name=False)
        if first <= b.month <= last
    ]
    start = (asked.page - 1) * asked.page_size
    more = start + asked.page_size < len(rows)
    return json_bytes(
        {
            "结果": "成功" if rows else "无结算记录",
            "流水号": asked.request_id,
            "数据日期": f"{data_day.year}年{data_day.month:02d}月{data_day.day:02d}日",
            "参保人": {"姓名": shown.name, "证件号码": shown.id},
            "总数": len(rows),
            "下页": str(asked.page + 1) if more else "",
            "结算": [_bill(b) for b in rows[start : start + asked.page_size]],
        }
    )


def _bill(b: MedicalBill) -> dict[str, Any]:
    year, _, month = b.month.partition("-")
    return {
        "姓名": b.name,
        "证件号码": b.id,
        "结算单号": b.settlement_no,
        "医疗机构": b.hospital,
        "结算月份": f"{year}年{month}月",
        "总费用": yuan(b.total),
        "个人自付": yuan(b.self_paid),
    }
