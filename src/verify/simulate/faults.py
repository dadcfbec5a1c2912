"""How simulated sources go wrong: wrong bytes, wrong people, wrong shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.ElementTree import fromstring

from verify.simulate.dialects.common import json_bytes
from verify.simulate.state import Fault

# Met before the source looks anything up.
TRANSPORT_FAULTS: frozenset[Fault] = frozenset(
    {"http_500", "timeout", "throttled", "refused", "redirect"}
)
ERROR_PAGE = (
    "<!DOCTYPE html><html><head><title>系统维护</title></head>"
    "<body><h1>系统维护中,请稍后再试</h1></body></html>"
).encode()

# The field that each department loses when its schema drifts.
LOST_FIELDS = (
    "srje", "rzlx", "VehicleType", "用途", "余额(分)", "amountFen", "baseYuan", "SINCE", "RegNo",
    "subConAm", "zhye", "worthFen", "cashValue", "money", "certificate", "个人自付",
    "outOfProportion",
)  # fmt: skip


def drift_json(body: bytes, fault: Fault) -> bytes:
    """Add a field nobody declared to the rows of a JSON answer, or lose a declared one."""
    return json_bytes(drift_tree(json.loads(body), fault))


def drift_tree(tree: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """The same on a tree: in its rows, or at the top where it has none."""
    change = _extra if fault == "extra_field" else _lost
    rows = list(_rows(tree))
    for row in rows:
        change(row)
    if not rows:
        change(tree)
    return tree


def _rows(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The mappings that stand in a list, also those inside of others."""
    for value in tree.values():
        if isinstance(value, dict):
            yield from _rows(value)
        elif isinstance(value, list):
            for item in (i for i in value if isinstance(i, dict)):
                yield item
                yield from _rows(item)


def _extra(row: dict[str, Any]) -> None:
    row["xinzeng"] = "1"


def _lost(row: dict[str, Any]) -> None:
    for name in LOST_FIELDS:
        row.pop(name, None)


def drift_xml(body: bytes, fault: Fault) -> bytes:
    """The same for an XML answer."""
    root = fromstring(body)
    rows = [e for e in root.iter() if len(e) and not any(len(c) for c in e) and _is_row(root, e)]
    for row in rows or [root]:
        space = str(row.tag).rpartition("}")[0]
        if fault == "extra_field":
            SubElement(row, f"{space}}}Xinzeng" if space else "Xinzeng").text = "1"
        else:
            for lost in [c for c in row if str(c.tag).rpartition("}")[2] in LOST_FIELDS]:
                row.remove(lost)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _is_row(root: Element, row: Element) -> bool:
    """Rows hang in a list that holds nothing else: not head, not subject."""
    names = ("Head", "Subject")
    return row is not root and str(row.tag).rpartition("}")[2] not in names


def drift(body: bytes, fault: Fault, by: Callable[[bytes, Fault], bytes]) -> bytes:
    """The body with the fault applied, where it is one of wrong bytes or wrong shape."""
    if fault in ("extra_field", "missing_field"):
        return by(body, fault)
    return body[: len(body) * 2 // 3] if fault == "truncated" else body
