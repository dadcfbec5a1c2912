"""What an answer looks like from a distance: rows, filled fields, amounts. Pure.

Decoding judges one answer; this counts what only many answers together can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from verify.connectors.declaration import Declaration
from verify.connectors.decoding import read_tree
from verify.connectors.places import Mismatch, get, get_text
from verify.connectors.values import integer_amount
from verify.connectors.wire import Malformed


@dataclass
class Observation:
    """Counts of one answer.

    `filled` and `asked` count rows by place (`srxx.zjhm`); `amounts` holds fen by place.
    """

    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, list[int]] = field(default_factory=dict)


def observe(declaration: Declaration, bodies: Sequence[bytes]) -> Observation:
    """Count what the declaration has expectations about. Never raises for the bodies' content."""
    seen = Observation()
    for body in bodies:
        try:
            tree = read_tree(declaration, body)
        except (Malformed, Mismatch):
            continue
        for section in declaration.answer.sections:
            try:
                rows = get(tree, section.rows)
            except Mismatch:
                continue
            if isinstance(rows, list):
                _count(declaration, section.rows, [r for r in rows if isinstance(r, dict)], seen)
    return seen


def _count(declaration: Declaration, place: str, rows: list[Any], seen: Observation) -> None:
    expected = declaration.expectations
    seen.rows += len(rows)
    for fill in expected.fill:
        if fill.rows == place:
            name = f"{place}.{fill.field}"
            seen.asked[name] = seen.asked.get(name, 0) + len(rows)
            full = sum(1 for r in rows if r.get(fill.field) not in (None, "", []))
            seen.filled[name] = seen.filled.get(name, 0) + full
    for size in expected.magnitude:
        if size.rows == place:
            read = integer_amount(size.unit)
            amounts = seen.amounts.setdefault(f"{place}.{size.field}", [])
            for row in rows:
                try:
                    if size.where is None or _holds(size.where, row):
                        amounts.append(read(get_text(row, size.field)))
                except (Mismatch, ValueError):
                    continue


def _holds(condition: Any, row: Any) -> bool:
    text = get_text(row, condition.field)
    if condition.is_in is not None:
        return text in condition.is_in
    return text not in condition.not_in
