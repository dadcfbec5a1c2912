"""What content is in use now, for listings: rulebooks and connected sources. Nothing secret."""

from __future__ import annotations

import datetime as dt
from typing import Any

from verify.connectors import Connectors
from verify.rules import Law

Plain = dict[str, Any]


def rules_in_use(law: Law) -> Plain:
    """Every rulebook, the ranges of days its law is known for, and the days on which it changes."""
    return {
        "digest": law.digest,
        "rulebooks": [
            {
                "id": book.id,
                "region": book.region,
                "region_title": _titles(law.region_title(book.region)),
                "programme": book.programme,
                "title": _titles(book.title),
                "sources": list(book.mandatory_sources),
                "auxiliary_sources": list(book.auxiliary_sources),
                "known": [[_day(start), _day(end)] for start, end in book.ranges],
                "changes": [day.isoformat() for day in book.dates()],
            }
            for _, book in sorted(law.books.items())
        ],
    }


def connectors_in_use(connectors: Connectors) -> Plain:
    """Every connected source: what it is asked for, on what ground, how fresh it must be."""
    declarations = [connectors.declaration(source) for source in connectors.sources]
    return {
        "digest": connectors.digest,
        "connectors": [
            {
                "id": d.id,
                "title": _titles(d.title),
                "digest": d.digest,
                "yields": sorted(kind.value for kind in d.yields),
                "purposes": sorted(p.purpose for p in d.purposes),
                "max_age_days": d.max_age_days,
                "lookback_months": d.lookback_months,
            }
            for d in declarations
        ],
    }


def _titles(text: Any) -> Plain:
    return {"zh": text.zh, "en": text.en}


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
