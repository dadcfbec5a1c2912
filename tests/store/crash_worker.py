"""Carries verifications until it is killed; says what was acknowledged, after it was.

Sealed, logged and witnessed as in the service: vault, notary and a witness in a folder.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.desk import Desk, person
from verify.service.audit_notary import Notary
from verify.settings import Settings
from verify.store import Claim, LeaseLost, Store
from verify.store.vault import MasterKeys

BODY = "sha256:" + "a" * 64
MASTER = "bWFzdGVyIGtleSBvZiBzeW50aGV0aWMgdGVzdCBkYXQ="

Say = Callable[[tuple[Any, ...]], None]


def now() -> int:
    return time.time_ns() // 1_000_000


def open_store(url: str, *, read_only: bool = False) -> Store:
    return Store.open(url, read_only=read_only, masters=MasterKeys.parse(MASTER))


def notary_of(store: Store, home: Path) -> Notary:
    return Notary(store, Settings(home=home, checkpoint_seconds=0.02), now)


def work(url: str, count: int, pipe: Any, home: str) -> None:
    """Accept `count` verifications (the same ones every time) and carry all to their end."""
    carry_all(url, count, Path(home), pipe.send)


def carry_all(url: str, count: int, home: Path, say: Say) -> None:
    with open_store(url) as store:
        notary = notary_of(store, home)
        store.hold_finals(notary.may_finish)
        notary.start()
        desk = Desk(store, now())
        desk.keep()
        say(("ready",))
        for i in range(count):
            accepted = store.accept(desk.new(), person(), (f"key-{i}", BODY), now())
            say(("accepted", i, accepted.id))
        left = True
        while left:
            desk.now = now()
            # A lease of a moment: what a killed predecessor held is free again at once.
            claims = desk.claim(limit=4, lease_ms=50)
            for claim in claims:
                carry(desk, claim, say)
            left = bool(claims) or any(
                row.state == "asking" for row in store.list(person(), limit=200)[0]
            )
        notary.close()
    say(("finished",))


def carry(desk: Desk, claim: Claim, say: Say) -> None:
    done = {e.source for e in desk.store.exchanges(claim.verification) if e.status == "done"}
    try:
        for source in sorted({"bank", "tax"} - done):
            desk.answer(claim, source, (f"{claim.verification} {source}".encode(),))
            say(("answered", claim.verification, source))
        result = desk.seal(claim, outcome="eligible", final=True, state="completed", due_at=None)
        if result.status in ("sealed", "duplicate"):
            say(("sealed", claim.verification))
    except LeaseLost:
        say(("lost", claim.verification))


def naive(file: str, count: int, pipe: Any, _home: str) -> None:
    """The same work as one would write it without thinking of crashes: the negative control.

    Each step commits for itself, and what was done is looked up instead of bound together.
    """
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("CREATE TABLE IF NOT EXISTS cases (id INTEGER PRIMARY KEY, state TEXT, done INT)")
    db.execute("CREATE TABLE IF NOT EXISTS verdicts (id INTEGER)")
    db.execute("PRAGMA journal_mode=WAL")
    pipe.send(("ready",))
    for i in range(count):
        db.execute("INSERT OR IGNORE INTO cases VALUES (?, 'asking', 0)", (i,))
        pipe.send(("accepted", i, i))
    for (case,) in db.execute("SELECT id FROM cases WHERE state = 'asking'").fetchall():
        for _ in range(2):
            db.execute("UPDATE cases SET done = done + 1 WHERE id = ?", (case,))
            pipe.send(("answered", case, ""))
        db.execute("INSERT INTO verdicts VALUES (?)", (case,))
        pipe.send(("sealed", case))
        db.execute("UPDATE cases SET state = 'completed' WHERE id = ?", (case,))
    pipe.send(("finished",))


if __name__ == "__main__":  # one check, for the tests that count system calls
    carry_all(sys.argv[1], int(sys.argv[3]), Path(sys.argv[2]), lambda _line: None)
