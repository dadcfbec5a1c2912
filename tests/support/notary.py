"""A desk whose log is kept witnessed, with everything outside the database in reach of a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.desk import Desk
from verify.service.audit import Audits
from verify.service.audit_notary import Notary
from verify.service.audit_trust import Trust, retired_witnesses
from verify.settings import Settings
from verify.store import Store
from verify.store.note import PublicKey


@dataclass
class Office:
    """Desk, notary and audits over one store."""

    store: Store
    home: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(self.store)
        self.desk.keep()
        self.reopen()

    def reopen(self) -> None:
        """As after a restart of the service."""
        settings = Settings(home=self.home, **self.settings)
        self.notary = Notary(self.store, settings, lambda: self.desk.now)
        self.store.hold_finals(self.notary.may_finish)
        self.audits = Audits(self.store, self.notary, retired=retired_witnesses(settings))

    def finished(self, number: int = 0) -> str:
        """A verification with two verdicts, witnessed."""
        verification = self.desk.finished((f"key-{number}", "sha256:" + "b" * 64))
        self.notary.once()
        return verification

    @property
    def keys(self) -> list[PublicKey]:
        return list(self.trust().keys)

    def trust(self, quorum: int | None = None) -> Trust:
        """What a file of the printed keys comes to."""
        return Trust.read("\n".join(self.audits.public_keys()), quorum)

    @property
    def faults(self) -> set[tuple[str, str]]:
        """Subject and thing of everything that a full check finds."""
        return {(f.subject, f.thing) for f in self.audits.check().faults}

    @property
    def faults_of_log(self) -> set[tuple[str, str]]:
        """The same without every verification's own rows."""
        return {(f.subject, f.thing) for f in self.audits.check(cases=False).faults}

    @property
    def checkpoint_file(self) -> Path:
        (path,) = self.home.glob("witness/*/checkpoint")
        return path

    @property
    def leaves_file(self) -> Path:
        (path,) = self.home.glob("witness/*/leaves")
        return path
