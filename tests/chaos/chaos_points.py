"""Every place at which the service commits something, by name, and a day that passes all of them.

A point lies on either side of a commit: `written` (all statements are done, nothing is durable)
and `durable` (committed, and nobody has been told).
"""

from __future__ import annotations

import ast
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import chaos_house
from chaos_house import BODIES, Plan

from support.desk import CONNECTOR
from verify.bootstrap import System
from verify.domain.access import LOCAL, Caller, RoleName
from verify.service.access import create_key
from verify.service.clock import now_ms
from verify.service.worker import Worker
from verify.store import Claim, NewVerification, PlannedExchange, Store
from verify.store.labels import NewLabel
from verify.store.vault import MasterKeys, scope_of
from verify.store.writer import GroupWriter, PooledWriter

COMMITS = (
    "Accepts.accept",
    "Accepts.keep_content",
    "AccessTrail.record_access",
    "ClericalDecisions.decide",
    "ClericalDecisions.revoke_label",
    "Database.add_key",
    "Database.revoke_key",
    "Database.share",
    "Keyring._make",
    "Keyring.rotate",
    "Log.append",
    "Log.keep",
    "PublishedRules.add_rule_event",
    "Store.cancel",
    "Store.claim",
    "Store.erase",
    "Store.fail",
    "Store.heartbeat",
    "Store.release",
    "Store.save_answers",
    "Store.seal_many",
    "Store.wake",
    "Store.wake_by_token",
    "everything",  # of `verify.store.resealing`
    "hide",  # of `verify.store.callbacks`
)
"""Who hands a unit of work to the writer. A new one is named here, and the day below passes it."""

SIDES = ("written", "durable")
POINTS = tuple(f"{name}: {side}" for name in COMMITS for side in SIDES)

OLD_MASTER = "b2xkIGtleSBvZiBzeW50aGV0aWMgdGVzdCBkYXRhLi4="
MONTH_MS = 31 * 86_400_000


def commits_in(folder: Path) -> set[str]:
    """Read off the source who hands units of work to a writer."""
    found = set()
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for owner in (tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))):
            prefix = f"{owner.name}." if isinstance(owner, ast.ClassDef) else ""
            for function in (node for node in owner.body if isinstance(node, ast.FunctionDef)):
                if any(_hands_over(node) for node in ast.walk(function)):
                    found.add(f"{prefix}{function.name}")
    return found


def _hands_over(node: ast.AST) -> bool:
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return called in ("self._writer.run", "self._write", "write")


def install(reached: Callable[[str], None]) -> None:
    """Call `reached` at every point from now on, in this process."""
    for writer in (GroupWriter, PooledWriter):
        writer.run = _told(writer.run, reached)  # type: ignore[method-assign] # watched


def _told(run: Any, reached: Callable[[str], None]) -> Any:
    def told(self: Any, unit: Any) -> Any:
        name = sys._getframe(1).f_code.co_qualname

        def watched(connection: Any) -> Any:
            result = unit(connection)
            reached(f"{name}: written")
            return result

        result = run(self, watched)
        reached(f"{name}: durable")
        return result

    return told


def begin(plan: Plan) -> None:
    """An installation as an earlier version left it: its only case is stored plainly."""
    with Store.open(plan.url) as store:
        system = SimpleNamespace(store=store, contents=chaos_house.CONTENTS)
        for kind, content in chaos_house.CONTENTS.sets.items():
            store.keep_content(kind, content.digest, content.to_blob())
        store.cancel(_accepted(system, "plain", now_ms()), LOCAL, now_ms())
        store.protect(MasterKeys.parse(plan.masters))


def killed_at(plan: Plan, point: str, time: int) -> None:
    """A process that lives its day until it reaches a point for the `time`th time."""
    left = time

    def reached(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    chaos_house._quiet()
    install(reached)
    day(plan, now_ms())


# -- the day ----------------------------------------------------------------------------------


def day(plan: Plan, now: int) -> None:
    """Do everything a service ever does, as far as it was not done before."""
    with chaos_house.system(plan, worker=True, clock=lambda: now) as system:
        _keys(system, now)
        _an_erased_month(system, now - 3 * MONTH_MS, now)
        _by_hand(system, now)
        for number in ("03", "05"):
            system.verifications.submit(BODIES[number], LOCAL, f"key-{number}")
        assert system.worker is not None
        work(system.worker)
        system.notary.once()
        _staff(system, now)
        system.notary.once()


def work(worker: Worker) -> None:
    """What a worker's threads do, in this one."""
    while worker._dispatch() or worker._under_way:
        if batch := worker._next_batch():
            worker._judge_batch(batch)


def _keys(system: System, now: int) -> None:
    """A caller's key made and revoked; the vault's keys wrapped under a new master key."""
    store = system.store
    create_key(store, "a key of the day", [RoleName.CALLER], ["310000"], now)
    for key in tuple(store.keys()):
        if key.label == "a key of the day" and key.revoked_at is None:
            store.revoke_key(key.key_id, now)
    assert store.keyring is not None
    store.keyring.rotate()


def _new(system: Any, case: str) -> NewVerification:
    digests = system.contents.digests
    body = BODIES["03"]
    return NewVerification(
        region=body.region,
        programme=body.programme,
        case_number=case,
        application=b'{"synthetic":"application"}',
        rules_digest=digests.rules,
        scoring_digest=digests.scoring,
        connectors_digest=digests.connectors,
        engine=digests.engine,
        as_of="2025-10-01",
        known_at="2025-10-09",
        answer_by=0,
        give_up_at=0,
        exchanges=(PlannedExchange("bank", "p1", CONNECTOR),),
    )


def _accepted(system: Any, case: str, now: int) -> str:
    return system.store.accept(_new(system, case), LOCAL, (case, "sha256:" + "b" * 64), now).id


def _an_erased_month(system: System, then: int, now: int) -> None:
    """A case of three months ago, cancelled, whose evidence is erased by now."""
    body = BODIES["03"]
    scope = scope_of(body.region, body.programme, then)
    if any(k.scope == scope and k.erased_at is not None for k in system.store.data_keys()):
        return
    system.store.cancel(_accepted(system, "old", then), LOCAL, now)
    system.store.erase(scope, "test: one month", now)


def _by_hand(system: System, now: int) -> None:
    """A case that is woken, held, given back, and fails."""
    store = system.store
    case = _accepted(system, "failing", now)
    if store.verification(case, LOCAL).state == "failed":
        return
    store.wake(case, now)
    store.wake_by_token(store.callback_token(case, "bank", "p1"), now)
    _held(system, case, now, lambda claim: store.release(claim, now))
    _held(system, case, now, lambda claim: store.fail(claim, "test", now))


def _held(system: System, case: str, now: int, use: Callable[[Claim], None]) -> None:
    for claim in system.store.claim(now, 10, 1000):
        system.store.heartbeat(claim, now, 2000)
        if claim.verification == case:
            use(claim)
        else:
            system.store.release(claim, now)


def _staff(system: System, now: int) -> None:
    """A decision on a match, taken back; a proposal of rules; a read; a breaker's state."""
    store = system.store
    case = store.accept(_new(system, "failing"), LOCAL, ("failing", "sha256:" + "b" * 64), now).id
    clerk = Caller("a clerk", frozenset({RoleName.CASEWORKER}), ("*",))
    new = NewLabel(case, "bank/p1/0", "p1", "han", {"name": "same"}, 1000, "positive")
    for label in store.labels(clerk) or (store.decide(new, clerk, now),):
        if label.revoked_at is None:
            store.revoke_label(label.id, clerk, now)
    if store.rule_event_count() == 0:
        digest = system.contents.digests.rules
        payload = {
            "digest": digest,
            "base": digest,
            "starts": "2099-01-01",
            "note": "",
            "checks": {},
        }
        store.add_rule_event(0, "p_test", "proposed", "policy", payload, now)
    system.trail.note(LOCAL, case, "report")
    version, _ = store.shared("test/breaker")
    store.share("test/breaker", version, {"open": False}, now)


def _later(plan: Plan, now: int) -> None:
    """What was to be asked again in the meantime: after an hour, not before a quarter of one."""
    with chaos_house.system(plan, worker=True, clock=lambda: now) as system:
        assert system.worker is not None
        work(system.worker)
        system.notary.once()


def after(plan: Plan) -> list[str]:
    """End the day on what is left, an hour later; what is wrong then."""
    day(replace(plan, away_until=0), now_ms() + 3_600_000)
    _later(plan, now_ms() + 2 * 3_600_000)
    wrong: list[str] = []
    with chaos_house.system(plan, worker=False, read_only=True) as system:
        store = system.store
        rows = store.list(LOCAL, limit=200)[0]
        states = sorted(row.state for row in rows)
        if states != ["cancelled", "cancelled", "completed", "completed", "failed"]:
            wrong.append(f"lost, doubled or stuck: {states}")
        for row in rows:
            verdicts = store.verdicts(row.id, LOCAL)
            if sum(v.final for v in verdicts) != (row.state == "completed"):
                wrong.append(f"doubled or lost: verdicts of {row.id}")
            if len({v.evidence_digest for v in verdicts}) != len(verdicts):
                wrong.append(f"doubled: verdicts of {row.id}")
        wrong += [f"replay: {r.verification}" for r in system.replays.replay_many(LOCAL)
                  if not r.identical]  # fmt: skip
        wrong += list(store.check_labels())
        labels = store.labels(LOCAL)
        if len(labels) != 1 or labels[0].revoked_at is None or len(store.rule_events()) != 1:
            wrong.append("doubled or lost: what the staff did")
        found = system.audits.check()  # of every case too
        wrong += [f"log: {f.thing} {f.reason}" for f in found.faults]
        if not found.witnessed == found.leaves > 0:
            wrong.append(f"log: {found.witnessed} of {found.leaves} leaves witnessed")
    return wrong
