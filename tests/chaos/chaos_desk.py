"""A day at a desk, carried as far as it goes, and the questions asked of what is left of it.

Sealed, logged and witnessed as in the service; one thread, so that every operation on the disk
has its place. Every step may have been taken before: the day can be begun again at any moment.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from support.desk import HOUR, NATIONAL, T0, Desk, person
from verify.domain.errors import VerifyError
from verify.service.audit import Audits
from verify.service.audit_notary import Notary
from verify.settings import Settings
from verify.store import Claim, Store
from verify.store.vault import MasterKeys

BODY = "sha256:" + "a" * 64
MASTER = "bWFzdGVyIGtleSBvZiBzeW50aGV0aWMgdGVzdCBkYXQ="
SOURCES = ("bank", "tax")

Line = tuple[Any, ...]
Say = Callable[[Line], None]


def open_store(url: str, *, read_only: bool = False) -> Store:
    return Store.open(url, read_only=read_only, masters=MasterKeys.parse(MASTER))


def notary_of(store: Store, home: Path, clock: Callable[[], int]) -> Notary:
    return Notary(store, Settings(home=home), clock)


def day(url: str, home: Path, count: int, say: Say, start: int = T0) -> None:
    """Accept `count` verifications (the same ones every time) and carry all to their end."""
    with open_store(url) as store:
        desk = Desk(store, start)
        notary = notary_of(store, home, lambda: desk.now)
        store.hold_finals(notary.may_finish)
        notary.once()
        desk.keep()
        for i in range(count):
            found = store.accept(desk.new(), person(), (f"key-{i}", BODY), desk.now)
            say(("accepted", i, found.id))
        notary.once()
        while claims := desk.claim(limit=2, lease_ms=50):
            for claim in claims:
                carry(desk, claim, say)
            notary.once()
            # The lease of whoever ended in the middle is over by now.
            desk.now += 1000
        notary.once()


def carry(desk: Desk, claim: Claim, say: Say) -> None:
    """First a verdict on half of the answers, then, an hour later, the final one."""
    done = {e.source for e in desk.store.exchanges(claim.verification) if e.status == "done"}
    for source in sorted(set(SOURCES) - done)[:1]:
        desk.answer(claim, source, (body_of(claim.verification, source),))
        say(("answered", claim.verification, source))
        done.add(source)
    whole = len(done) == len(SOURCES)
    evidence = "e2" if whole else "e1"
    result = desk.seal(
        claim,
        evidence,
        outcome="eligible" if whole else "undetermined",
        final=whole,
        state="completed" if whole else "waiting",
        due_at=None if whole else desk.now,
    )
    if result.status != "held":
        say(("sealed", claim.verification, result.sequence))
    else:
        desk.store.release(claim, desk.now)


def body_of(verification: str, source: str) -> bytes:
    return f"{verification} {source} ".encode() + b"synthetic " * 40


def finish(url: str, home: Path, count: int) -> None:
    """Begin the day again and end it; raise if that does not work."""
    day(url, home, count, lambda _line: None, T0 + HOUR)


def faults(url: str, home: Path, said: Iterable[Line], *, ended: int | None = None) -> list[str]:
    """What is wrong with what is left, given what was acknowledged; `ended`: all have to be."""
    wrong: list[str] = []
    with open_store(url, read_only=True) as store:
        rows = {row.id: row for row in store.list(NATIONAL, limit=200)[0]}
        wrong += _unkept(store, set(rows), said)
        for row in rows.values():
            wrong += [
                f"{row.id} {f.thing}: {f.reason}" for f in store.check_integrity(row.id, NATIONAL)
            ]
            wrong += _doubled(store, row.id)
            if ended is not None and row.state != "completed":
                wrong.append(f"stuck: {row.id} is {row.state}")
        if ended is not None:
            if len(rows) != ended:
                wrong.append(f"doubled or lost: {len(rows)} verifications of {ended}")
            wrong += _unwitnessed(store, home)
    return wrong


def _unkept(store: Store, known: set[str], said: Iterable[Line]) -> list[str]:
    wrong: list[str] = []
    by_key: dict[int, str] = {}
    for line in said:
        verification = line[2] if line[0] == "accepted" else line[1]
        if verification not in known:
            wrong.append(f"lost: {line}")
        elif line[0] == "accepted" and by_key.setdefault(line[1], verification) != verification:
            wrong.append(f"doubled: {line}")
        elif line[0] == "answered":
            wrong += _unread(store, verification, line[2])
        elif line[0] == "sealed" and len(store.verdicts(verification, NATIONAL)) < line[2]:
            wrong.append(f"lost: {line}")
    return wrong


def _unread(store: Store, verification: str, source: str) -> list[str]:
    (row,) = (e for e in store.exchanges(verification) if e.source == source)
    try:
        if store.document(verification, row.bodies[0], NATIONAL) == body_of(verification, source):
            return []
    except (VerifyError, IndexError):
        pass
    return [f"lost: the answer {verification} {source}"]


def _doubled(store: Store, verification: str) -> list[str]:
    verdicts = store.verdicts(verification, NATIONAL)
    kinds = Counter(e.kind for e in store.ledger(verification, NATIONAL))
    wrong = []
    if len({v.evidence_digest for v in verdicts}) != len(verdicts):
        wrong.append(f"doubled: verdicts of {verification}")
    if sum(v.final for v in verdicts) > 1 or [v.sequence for v in verdicts] != list(
        range(1, len(verdicts) + 1)
    ):
        wrong.append(f"doubled: final verdicts of {verification}")
    if kinds["accepted"] != 1 or kinds["verdict"] != len(verdicts) or kinds["answered"] > 2:
        wrong.append(f"wrong: the ledger of {verification} has {dict(kinds)}")
    return wrong


def _unwitnessed(store: Store, home: Path) -> list[str]:
    found = Audits(store, notary_of(store, home, lambda: T0)).check()
    wrong = [f"log: {f.thing} {f.reason}" for f in found.faults]
    if not found.witnessed == found.leaves > 0:
        wrong.append(f"log: {found.witnessed} of {found.leaves} leaves witnessed")
    return wrong


if __name__ == "__main__":  # a day, for the test that counts system calls
    day(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), lambda _line: None)
