"""Who is calling, what they may do, and for which regions."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class RoleName(enum.StrEnum):
    """Roles are exclusive by design of duties: nobody should hold two of the last four."""

    CALLER = "caller"  # a civil-affairs system: submits and reads its own region's checks
    CASEWORKER = "caseworker"  # settles doubts, prints reports
    AUDITOR = "auditor"  # reads and replays, changes nothing
    ADMINISTRATOR = "administrator"  # tunes sources; reads no personal data
    POLICY = "policy"  # proposes and approves rules; reads no personal data


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. `regions` are GB/T 2260 codes; a code covers its subtree.

    `("*",)` covers every region (the national auditor, the embedded command line).
    """

    subject: str
    roles: frozenset[RoleName]
    regions: tuple[str, ...]

    def may(self, *roles: RoleName) -> bool:
        """Whether the caller holds one of `roles`."""
        return bool(self.roles.intersection(roles))


def region_prefix(code: str) -> str:
    """The prefix that a GB/T 2260 code's subtree shares: `310000` -> `31`, `310100` -> `3101`."""
    if code.endswith("0000"):
        return code[:2]
    return code[:4] if code.endswith("00") else code


LOCAL = Caller("local", frozenset(RoleName), ("*",))
"""The person at the command line of an embedded installation, who holds its files anyway."""
