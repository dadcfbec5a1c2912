"""Carries verifications until it is killed; says what was acknowledged, after it was.

Run by test_store_crash.py: python crash_worker.py URL COUNT. Every line is one acknowledged step.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.desk import Desk, person
from verify.store import LeaseLost, Store

BODY = "sha256:" + "a" * 64


def say(*words: object) -> None:
    print(*words, flush=True)


def now() -> int:
    return time.time_ns() // 1_000_000


def main(url: str, count: int) -> None:
    with Store.open(url) as store:
        desk = Desk(store, now())
        desk.keep()
        say("ready")
        for i in range(count):
            accepted = store.accept(desk.new(), person(), (f"key-{i}", BODY), now())
            say("accepted", i, accepted.id)
        left = True
        while left:
            desk.now = now()
            # A lease of a moment: what a killed predecessor held is free again at once.
            claims = desk.claim(limit=4, lease_ms=50)
            for claim in claims:
                carry(desk, claim)
            left = bool(claims) or any(
                r.state == "asking" for r in store.list(person(), limit=200)[0]
            )
        say("finished")


def carry(desk: Desk, claim) -> None:
    done = {e.source for e in desk.store.exchanges(claim.verification) if e.status == "done"}
    try:
        for source in sorted({"bank", "tax"} - done):
            desk.answer(claim, source, (f"{claim.verification} {source}".encode(),))
            say("answered", claim.verification, source)
        desk.seal(claim, outcome="eligible", final=True, state="completed", due_at=None)
        say("sealed", claim.verification)
    except LeaseLost:
        say("lost", claim.verification)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
