"""The housing provident fund (住房公积金): XML, asynchronous, amounts with thousands separators."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.ElementTree import fromstring

from verify.simulate.dialects.common import day
from verify.simulate.registers import ProvidentFund
from verify.simulate.state import Asked, Holdings

PATH = "/gjj/tasks"
STATUS = {"paying": "缴存", "sealed": "封存"}


def read(body: bytes) -> Asked:
    """Understand a request."""
    root = fromstring(body, forbid_dtd=True)

    def text(path: str) -> str:
        found = root.findtext(path)
        if found is None:
            raise KeyError(path)
        return str(found)

    return Asked(
        name=text("zgxm"),
        id=text("zjhm"),
        as_of=day(text("jzrq"), "%Y%m%d"),
        letter=text("sqsbh"),
        purpose=text("yt"),
        requester=text("cxjg"),
        request_id=text("lsh"),
        callback_url=root.findtext("hddz") or "",
    )


def _document(root: Element) -> bytes:
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def accepted(number: str, seconds: int) -> bytes:
    """The task is taken."""
    root = Element("rw")
    SubElement(root, "rwh").text = number
    return _document(root)


def working(number: str) -> bytes:
    """The answer is not ready."""
    return accepted(number, 0)


def write(number: str, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer: each account."""
    rows = holdings.find("provident_funds", shown, ProvidentFund, by_name=False)
    root = Element("jg")
    for tag, value in (
        ("rwh", number),
        ("jgdm", "1" if rows else "2"),
        ("sjrq", f"{data_day:%Y%m%d}"),
        ("zgxm", shown.name),
        ("zjhm", shown.id),
        ("zs", str(len(rows))),
    ):
        SubElement(root, tag).text = value
    accounts = SubElement(root, "zhlb")
    for f in rows:
        account = SubElement(accounts, "zh")
        for tag, value in (
            ("zgxm", f.name),
            ("zjhm", f.id),
            ("grzh", f.account),
            ("dwmc", f.employer),
            ("yjce", _grouped(f.monthly_deposit)),
            ("zhye", _grouped(f.balance)),
            ("zhzt", STATUS[f.status]),
        ):
            SubElement(account, tag).text = value
    return _document(root)


def _grouped(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.01')):,}"
