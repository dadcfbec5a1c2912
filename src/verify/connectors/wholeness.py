"""Whether the bodies of an answer are all of it, agree, and are fresh. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from verify.connectors.declaration import Declaration
from verify.connectors.protocols import Gateway
from verify.domain.evidence import EvidenceState

Record = dict[str, Any]


@dataclass
class Body:
    """One body, read."""

    as_of: dt.date
    empty: bool
    count: int = 0
    total: int | None = None
    page: int = 1
    pages: int = 1
    part: str = ""
    offset: int = 0
    next: str = ""
    disclosed: bool | None = None
    counts_agree: bool = True
    records: list[Record] = field(default_factory=list)
    identities: list[Any] = field(default_factory=list)


def state_of(
    declaration: Declaration, read: list[Body], day: dt.date, as_of: dt.date
) -> tuple[EvidenceState, str]:
    """The state of readable bodies, worst first; `day` is the day in question."""
    if declaration.answer.indicator is None and _silent(declaration, read):
        return EvidenceState.SCHEMA_MISMATCH, "unconfirmed_empty"
    detail = "indicator_only" if any(b.disclosed for b in read) else ""
    if detail := detail or _incomplete(declaration, read):
        return EvidenceState.PARTIAL, detail
    if not _consistent(read):
        return EvidenceState.CONFLICTING, "same_object_differs"
    if as_of < day - dt.timedelta(days=declaration.max_age_days):
        return EvidenceState.STALE, "data_too_old"
    if all(b.empty or b.disclosed is False for b in read):
        return EvidenceState.CONFIRMED_EMPTY, ""
    return EvidenceState.OK, ""


def _consistent(read: list[Body]) -> bool:
    """Whether no object is stated twice, differently."""
    seen: dict[Any, Any] = {}
    stated = (i for b in read for i in b.identities)
    return all(seen.setdefault(key, agree) == agree for key, agree in stated)


def _silent(declaration: Declaration, read: list[Body]) -> bool:
    """Whether an answer without rows fails to say that there are none.

    All pages of one answer stand together; any other body stands for itself.
    """
    if declaration.protocol.bodies == "pages":
        return not any(b.empty or b.count for b in read)
    return any(not b.empty and not b.count for b in read)


def _incomplete(declaration: Declaration, read: list[Body]) -> str:
    protocol = declaration.protocol
    if isinstance(protocol, Gateway):
        if sorted(b.part for b in read) != sorted(protocol.parts):
            return "parts_missing"
    elif protocol.bodies == "pages":
        if len({b.total for b in read}) != 1 or not _whole_list(declaration, read):
            return "pages_missing"
    elif len(read) != 1:
        return "bodies_differ"
    if not all(b.counts_agree for b in read):
        return "count_differs"
    counted = [(read[0].total, sum(b.count for b in read))]
    if protocol.bodies != "pages":
        counted = [(b.total, b.count) for b in read]
    return "count_differs" if any(t is not None and t != c for t, c in counted) else ""


def _whole_list(declaration: Declaration, read: list[Body]) -> bool:
    """Whether the pages are all of one list, whatever their order."""
    paging = declaration.answer.paging
    if paging is None:
        return False
    if paging.offset:
        places = sorted((b.offset, b.count) for b in read)
        return all(at == sum(n for _, n in places[:i]) for i, (at, _) in enumerate(places))
    if paging.next:
        # Each page but the last names another one: so many names, so many pages, one end.
        named = [b.next for b in read if b.next]
        return len(read) == len(named) + 1 and len(set(named)) == len(named)
    pages = max(b.pages for b in read)
    return len({b.pages for b in read}) == 1 and sorted(b.page for b in read) == list(
        range(1, pages + 1)
    )
