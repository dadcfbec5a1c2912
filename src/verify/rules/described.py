"""A rulebook as plain data: what the columns of a trace mean, for readers without the engine.

Which quantity is made of which, in what unit and over what denominator; limits with every value
they ever had; tests; the composition. Written beside the frames, see `verify.service.columnar`.
"""

from __future__ import annotations

from typing import Any

from verify.domain.canonical import plain
from verify.rules.dated import Entry
from verify.rules.plan import Quantity, Test
from verify.rules.rulebook import Rulebook

Plain = dict[str, Any]


def described(book: Rulebook) -> Plain:
    """Everything about a rulebook that is the same for every household."""
    model = book.plan.model
    return {
        "schema": "verify.plan/1",
        "rulebook": book.id,
        "region": book.region,
        "programme": book.programme,
        "title": plain(book.title),
        "citations": {k: plain(c.citation) for k, c in sorted(model.citations.items())},
        "composition": [
            {
                "code": c.code,
                "counts": c.counts,
                "when": c.when,
                "effective_from": plain(c.effective_from),
                "effective_to": plain(c.effective_to),
                "cite": list(c.cite),
            }
            for c in model.composition
        ],
        "quantities": {name: _quantity(book, q) for name, q in book.plan.quantities.items()},
        "limits": {
            name: {
                "unit": book.plan.unit_name(limit.unit),
                "title": plain(limit.model.title.text),
                "entries": [_entry(e) for e in limit.entries],
            }
            for name, limit in book.plan.limits.items()
        },
        "tests": [_test(t) for t in book.plan.tests],
        "benefit": model.benefit.monthly if model.benefit else None,
    }


def _quantity(book: Rulebook, quantity: Quantity) -> Plain:
    direct, added = quantity.made_of
    return {
        "level": quantity.level,
        "unit": book.plan.unit_name(quantity.kind.unit),
        "denominator": quantity.kind.den,
        "per_member": quantity.kind.quotient,
        "title": plain(quantity.title),
        "made_of": list(direct),
        "added_up_from": list(added),
        "cite": list(quantity.cite),
        "note": plain(quantity.note),
    }


def _entry(entry: Entry) -> Plain:
    model = entry.model
    return {
        "lo": entry.lo,
        "hi": entry.hi,
        "effective_from": plain(model.effective_from),
        "effective_to": plain(model.effective_to),
        "published_at": plain(model.published_at),
        "unknown": entry.unknown.doubt if entry.unknown else None,
        "cite": list(model.cite),
    }


def _test(test: Test) -> Plain:
    model = test.model
    operators = [
        {
            "operator": o.operator,
            "effective_from": plain(o.effective_from),
            "effective_to": plain(o.effective_to),
        }
        for o in ([] if isinstance(model.operator, str) else model.operator)
    ]
    return {
        "test": test.name,
        "title": plain(model.title.text),
        "value": model.value,
        "operator": model.operator if isinstance(model.operator, str) else operators,
        "limit": model.limit,
        "effect": model.effect,
        "limit_sources": list(test.limit_sources),
        "cite": list(model.cite),
    }
