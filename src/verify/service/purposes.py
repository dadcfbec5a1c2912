"""What a read is for: stated by who reads, or plain from the role where that is honest.

A caseworker who opens a report does the check that the household asked for: the role says it. A
raw answer holds all that a source knows of somebody, an archive a whole case; a search is for a
person, not for a case; and an auditor comes for a complaint, a wrong record or the audit itself.
There nobody else can say what for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from verify.domain.access import Caller, Purpose, RoleName
from verify.domain.errors import PurposeNeeded

CASEWORK = frozenset(
    {
        "events",
        "evidence",
        "explanation",
        "list",
        "proof",
        "receipt",
        "replay",
        "report",
        "state",
        "trace",
        "verdict",
        "what if",
    }
)
"""What the check itself makes its callers and caseworkers read."""

AUDITING = frozenset(
    {
        "asked",
        "caseless",
        "events",
        "impact",
        "proof",
        "replay",
        "shadow",
        "trail",
        "trial",
        "unread",
    }
)
"""What an auditor reads but to see whether everything goes, or would go, as it must."""

MAINTAINING = frozenset({"trial"})
"""What is read to see whether a change of the installation would do any harm."""

_ROUTINE: Mapping[RoleName, tuple[frozenset[str], Purpose]] = MappingProxyType(
    {
        RoleName.AUDITOR: (AUDITING, Purpose.AUDIT),
        RoleName.ADMINISTRATOR: (MAINTAINING, Purpose.MAINTENANCE),
        RoleName.CALLER: (CASEWORK, Purpose.CHECK),
        RoleName.CASEWORKER: (CASEWORK, Purpose.CHECK),
    }
)


def purpose_of(caller: Caller, what: str) -> tuple[Purpose, bool]:
    """The purpose of a read, and whether the reader stated it.

    Raises:
        PurposeNeeded: it does not follow from the role, and nobody stated it.
    """
    if caller.purpose is not None:
        return caller.purpose, True
    for role, (routine, purpose) in _ROUTINE.items():
        if role in caller.roles and what in routine:
            return purpose, False
    raise PurposeNeeded(what, caller.purposes)
