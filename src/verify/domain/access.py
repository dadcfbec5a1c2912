"""Who is calling, what they may do, and for which regions."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from verify.domain.errors import NotPermitted


class RoleName(enum.StrEnum):
    """Roles are exclusive by design of duties: nobody should hold two of the last four."""

    CALLER = "caller"  # a civil-affairs system: submits and reads its own region's checks
    CASEWORKER = "caseworker"  # settles doubts, prints reports
    AUDITOR = "auditor"  # reads and replays, changes nothing
    ADMINISTRATOR = "administrator"  # tunes sources; reads no personal data
    POLICY = "policy"  # proposes and approves rules; reads no personal data


class Purpose(enum.StrEnum):
    """What somebody reads personal data for. Closed: a free text would say nothing."""

    CHECK = "check"  # 核对: the check that the household asked for
    REVIEW = "review"  # 复核: a result is looked at again, or a recipient is
    COMPLAINT = "complaint"  # 投诉: somebody objects to a result or reports one
    CORRECTION = "correction"  # 更正: a record is said to be wrong
    AUDIT = "audit"  # 审计: whether everything went as it must
    MAINTENANCE = "maintenance"  # 运维: the installation itself is looked after


_CASEWORK = frozenset({Purpose.CHECK, Purpose.REVIEW, Purpose.COMPLAINT, Purpose.CORRECTION})
PURPOSES: Mapping[RoleName, frozenset[Purpose]] = MappingProxyType(
    {
        RoleName.CALLER: _CASEWORK,
        RoleName.CASEWORKER: _CASEWORK,
        RoleName.AUDITOR: frozenset({Purpose.AUDIT, Purpose.COMPLAINT, Purpose.CORRECTION}),
        RoleName.ADMINISTRATOR: frozenset({Purpose.MAINTENANCE}),
        RoleName.POLICY: frozenset(),
    }
)
"""What each role may say it reads for: nobody audits their own casework."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. `regions` are GB/T 2260 codes; a code covers its subtree.

    `("*",)` covers every region (the national auditor, the embedded command line). `purpose` is
    what they said they read for, if they said it.
    """

    subject: str
    roles: frozenset[RoleName]
    regions: tuple[str, ...]
    purpose: Purpose | None = None

    def may(self, *roles: RoleName) -> bool:
        """Whether the caller holds one of `roles`."""
        return bool(self.roles.intersection(roles))

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What they may say they read for."""
        mine = {purpose for role in self.roles for purpose in PURPOSES[role]}
        return tuple(purpose for purpose in Purpose if purpose in mine)

    def reading_for(self, purpose: Purpose) -> Caller:
        """The same caller, who says what they read for.

        Raises:
            NotPermitted: nobody in their role reads for that.
        """
        if purpose not in self.purposes:
            raise NotPermitted(
                f"nobody in your role reads for the purpose `{purpose}`",
                where="purpose",
                remedy=f"state one of yours: {', '.join(self.purposes) or 'there is none'}",
            )
        return replace(self, purpose=purpose)


def region_prefix(code: str) -> str:
    """The prefix that a GB/T 2260 code's subtree shares: `310000` -> `31`, `310100` -> `3101`."""
    if code.endswith("0000"):
        return code[:2]
    return code[:4] if code.endswith("00") else code


LOCAL = Caller("local", frozenset(RoleName), ("*",))
"""The person at the command line of an embedded installation, who holds its files anyway."""
