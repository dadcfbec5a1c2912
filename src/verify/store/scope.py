"""Region scope as SQL: what a caller may see is decided where the rows are selected."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, false, func, or_, true

from verify.domain.access import Caller, region_prefix
from verify.domain.errors import NotFound
from verify.store.tables import verifications

_REGION = re.compile(r"[0-9]{6}", re.ASCII)


def covers(caller: Caller, region: str) -> bool:
    """Whether the caller's regions cover `region`."""
    return "*" in caller.regions or any(region.startswith(p) for p in _prefixes(caller))


def in_scope(caller: Caller) -> ColumnElement[bool]:
    """Condition on `verifications` that holds for what the caller may see."""
    if "*" in caller.regions:
        return true()
    return or_(false(), *(has_prefix(p) for p in _prefixes(caller)))


def has_prefix(prefix: str) -> ColumnElement[bool]:
    """The verification's region lies in the subtree. No LIKE: a scope is never a pattern."""
    return func.substr(verifications.c.region, 1, len(prefix)) == prefix


def named_regions(column: ColumnElement[str], caller: Caller) -> ColumnElement[bool]:
    """Condition that some region named in a text column has part in the caller's regions.

    `column` holds region codes with spaces between, or `*`. Codes are digits here (`_prefixes`),
    so that none of them is a pattern.
    """
    padded = " " + column + " "
    within = [padded.contains(f" {prefix}") for prefix in _prefixes(caller)]
    around = [padded.contains(f" {p[:n]:0<6} ") for p in _prefixes(caller) for n in (2, 4)]
    return or_(padded.contains(" * "), *within, *around)


def _prefixes(caller: Caller) -> list[str]:
    # A malformed code covers nothing; an empty one would otherwise be a prefix of everything.
    return [region_prefix(r) for r in caller.regions if _REGION.fullmatch(r)]


def subtree(region: str) -> ColumnElement[bool]:
    """Condition for a region filter; a malformed code matches nothing."""
    return has_prefix(region_prefix(region)) if _REGION.fullmatch(region) else false()


def not_found() -> NotFound:
    """The one answer for "does not exist" and "not yours": they cannot be told apart."""
    return NotFound(
        "there is no such verification, or it is not in your regions",
        where="verification",
        remedy="check the id and the regions of your key",
    )
