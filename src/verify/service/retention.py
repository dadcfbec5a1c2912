"""How long evidence is kept, by region and programme, and what is due to be erased.

`VERIFY_RETENTION` holds terms separated by spaces, `REGION/PROGRAMME=MONTHS`, with `*` for any:

    VERIFY_RETENTION="*/*=120 310000/dibao=60"

The most specific term counts: the smaller region first, then the named programme. Without a term
nothing is ever erased: how long is for the authority to say, not for this program.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from verify.domain.access import region_prefix
from verify.domain.errors import Conflict
from verify.service.clock import day_of
from verify.store import Store

_TERM = re.compile(r"(\*|[0-9]{6})/(\*|[a-z0-9_]+)=([1-9][0-9]{0,3})", re.ASCII)


@dataclass(frozen=True)
class Term:
    """Months that evidence of a region's subtree and a programme is kept."""

    region: str
    programme: str
    months: int

    def covers(self, region: str, programme: str) -> bool:
        """Whether the term is about this region and programme."""
        here = self.region == "*" or region.startswith(region_prefix(self.region))
        return here and self.programme in ("*", programme)

    @property
    def weight(self) -> tuple[int, bool]:
        """How specific it is."""
        return len(region_prefix(self.region)) if self.region != "*" else 0, self.programme != "*"


def terms(text: str) -> tuple[Term, ...]:
    """Read `VERIFY_RETENTION`.

    Raises:
        Conflict: a term that is not one.
    """
    found = []
    for part in text.split():
        match = _TERM.fullmatch(part)
        if match is None:
            raise Conflict(
                f"{part!r} is not a retention term",
                where="VERIFY_RETENTION",
                remedy="write REGION/PROGRAMME=MONTHS, with * for any region or programme",
            )
        found.append(Term(match[1], match[2], int(match[3])))
    return tuple(found)


@dataclass(frozen=True)
class Due:
    """A scope whose time is over, and the term that says so."""

    scope: str
    term: Term

    @property
    def ground(self) -> str:
        """The term as text, for the ledger."""
        return f"{self.term.region}/{self.term.programme}={self.term.months}"


@dataclass(frozen=True)
class CarriedOut:
    """What became of a scope that was due: so many verifications erased, or why it was `kept`."""

    due: Due
    verifications: int | None
    kept: str = ""


def carry_out(store: Store, text: str, now_ms: int) -> tuple[CarriedOut, ...]:
    """Erase every scope that is due. One that cannot be erased yet keeps none of the others."""
    found = []
    for item in due(store, text, day_of(now_ms)):
        try:
            found.append(CarriedOut(item, store.erase(item.scope, item.ground, now_ms)))
        except Conflict as error:
            found.append(CarriedOut(item, None, error.reason))
    return tuple(found)


def due(store: Store, text: str, today: dt.date) -> tuple[Due, ...]:
    """Scopes of which every verification was accepted longer ago than its term."""
    known = terms(text)
    found = []
    for row in store.data_keys():
        if row.scope.count("/") != 2 or row.erased_at is not None:
            continue
        region, programme, month = row.scope.split("/")
        fitting = [term for term in known if term.covers(region, programme)]
        if not fitting:
            continue
        term = max(fitting, key=lambda t: t.weight)
        year, number = (int(part) for part in month.split("-"))
        # The last day of the month plus the term must lie in the past.
        last = (year * 12 + number - 1) + 1 + term.months
        if last <= today.year * 12 + today.month - 1:
            found.append(Due(row.scope, term))
    return tuple(found)
