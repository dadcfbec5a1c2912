"""How simulated sources go wrong: wrong bytes, wrong people, wrong shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import SubElement, tostring

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
LOST_FIELDS = ("srje", "rzlx", "VehicleType", "用途", "余额(分)", "amountFen", "baseYuan")


def drift_json(body: bytes, fault: Fault) -> bytes:
    """Add a field nobody declared to the rows of a JSON answer, or lose a declared one."""
    return json_bytes(drift_tree(json.loads(body), fault))


def drift_tree(tree: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """The same on a tree: in its rows, or at the top where it has none."""
    change = _extra if fault == "extra_field" else _lost
    rows = [r for v in tree.values() if isinstance(v, list) for r in v if isinstance(r, dict)]
    for row in rows:
        change(row)
    if not rows:
        change(tree)
    return tree


def _extra(row: dict[str, Any]) -> None:
    row["xinzeng"] = "1"


def _lost(row: dict[str, Any]) -> None:
    for name in LOST_FIELDS:
        row.pop(name, None)


def drift_xml(body: bytes, fault: Fault) -> bytes:
    """The same for an XML answer."""
    root = fromstring(body)
    rows = root.findall("Vehicles/Vehicle") or [root]
    for row in rows:
        if fault == "extra_field":
            SubElement(row, "Xinzeng").text = "1"
        else:
            for lost in [c for c in row if c.tag in LOST_FIELDS]:
                row.remove(lost)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def drift(body: bytes, fault: Fault, by: Callable[[bytes, Fault], bytes]) -> bytes:
    """The body with the fault applied, where it is one of wrong bytes or wrong shape."""
    if fault in ("extra_field", "missing_field"):
        return by(body, fault)
    return body[: len(body) * 2 // 3] if fault == "truncated" else body
