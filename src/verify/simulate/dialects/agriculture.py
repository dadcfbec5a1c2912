"""Subsidies and machines of farmers: an XLSX sheet whose first row says what it is, one list for
both, everything as text."""

from __future__ import annotations

import datetime as dt
import io
import json

from verify.simulate.dialects.common import day, yuan
from verify.simulate.registers import FarmMachine, FarmSubsidy
from verify.simulate.state import Asked, Holdings

HEADER = (
    "类别", "农户姓名", "身份证号", "编号", "项目", "年度", "金额(元)", "购置日期",
)  # fmt: skip
TYPES = {"tractor": "拖拉机", "harvester": "联合收割机", "planter": "插秧机"}


def read(body: bytes) -> Asked:
    """Understand a request file."""
    q = json.loads(body)
    return Asked(
        name=q["farmer"]["name"],
        id=q["farmer"]["id"],
        as_of=day(q["asOf"], "%Y/%m/%d"),
        window_start=day(q["from"], "%Y/%m/%d"),
        letter=q["letter"],
        purpose=q["purpose"],
        requester=q["requester"],
        request_id=q["request"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The sheet."""
    first = (asked.window_start or data_day).year
    rows = [
        ["补贴", s.name, s.id, f"{s.item}-{s.year}", s.item, s.year, yuan(s.amount), ""]
        for s in holdings.find("farm_subsidies", shown, FarmSubsidy, by_name=False)
        if first <= int(s.year) <= data_day.year
    ] + [
        ["农机", m.name, m.id, m.number, TYPES[m.type], "", yuan(m.price),
         f"{m.bought_on:%Y/%m/%d}"]
        for m in holdings.find("farm_machines", shown, FarmMachine, by_name=False)
        if m.bought_on <= data_day
    ]  # fmt: skip
    head = ["查到" if rows else "未查到", f"{data_day:%Y/%m/%d}", shown.name, shown.id,
            str(len(rows))]  # fmt: skip
    return sheet([head, list(HEADER), *rows])


def sheet(lines: list[list[str]]) -> bytes:
    """A workbook with one sheet of texts."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    page = book.create_sheet("答复")
    for line in lines:
        page.append(line)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
