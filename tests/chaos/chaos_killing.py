"""Kill the processes of a house at random, have clients go on, and look at what is left."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import chaos_house
import psycopg
from chaos_house import APPLICATIONS, BODIES, HOUSEHOLDS, Plan

from verify.bootstrap import System
from verify.domain.access import LOCAL
from verify.domain.errors import IntegrityError, VerifyError
from verify.service.audit_cosigner import Cosigner
from verify.service.clock import now_ms
from verify.service.master_key import open_store
from verify.store import VerificationRow

PATIENCE = 60
"""Seconds without any progress after which whatever has not ended is stuck."""


AT_WORK = 0.6
"""This share of the kills waits until the process has started; the others hit it at any age."""


def listening() -> socket.socket:
    """A port that stays while the process behind it is killed and another one takes its place."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.bind(("127.0.0.1", 0))
    made.listen(64)
    return made


class House:
    """The running processes, by name; whichever ends is started again."""

    def __init__(self, plan: Plan, forks: Any, database: Any = None) -> None:
        self.plan = plan
        self._forks = forks
        self._database = database
        self._sockets = {"api": listening(), "witness": listening()}
        self._running: dict[str, Any] = {}
        self._since: dict[str, float] = {}
        self.killed: Counter[str] = Counter()
        self.started: Counter[str] = Counter()
        self.starting = 0.0
        """Seconds that it takes until a process does its work, on this machine as it is now."""
        self._port = self._sockets["api"].getsockname()[1]
        self._start: dict[str, Callable[[], tuple[Any, tuple[Any, ...]]]] = {}

    @property
    def port(self) -> int:
        """Of the API."""
        return self._port

    def prepare(self) -> str:
        """Make the database, the keys and a caller's key; returns the latter."""
        from verify.domain.access import RoleName
        from verify.service.access import create_key

        cosigner = Cosigner.open(self.plan.home / "far")
        address = f"http://127.0.0.1:{self._sockets['witness'].getsockname()[1]}"
        near = f"file:{self.plan.home / 'near'}"
        with chaos_house.system(self._with(witnesses=near), worker=True) as made:
            log_key = made.notary.keys[0].text
            made.notary.once()
            key = create_key(
                made.store,
                label="a client",
                roles=[RoleName.CALLER],
                regions=["310000"],
                now=now_ms(),
            )
        self.plan = self._with(witnesses=f"{near} {address}#{cosigner.key.text}")
        alone = self.plan.url.startswith("sqlite")
        serve = (chaos_house.serve, (self.plan, self._sockets["api"], alone))
        self._start = {"api": lambda: serve}
        if not alone:
            for name in ("worker 1", "worker 2"):
                self._start[name] = lambda: (chaos_house.work, (self.plan,))
        far = (chaos_house.witness, (self.plan.home / "far", log_key, self._sockets["witness"]))
        self._start["witness"] = lambda: far
        return key

    def _with(self, **changes: Any) -> Plan:
        import dataclasses

        return dataclasses.replace(self.plan, **changes)

    def tend(self) -> None:
        """Start whatever does not run, as a supervisor does."""
        for name, start in self._start.items():
            process = self._running.get(name)
            if process is not None and process.is_alive():
                continue
            if process is not None:
                process.join()
                process.close()
            target, words = start()
            self._running[name] = self._forks.Process(target=target, args=words, daemon=True)
            self._running[name].start()
            self._since[name] = time.monotonic()
            self.started[name] += 1

    def wait_until_it_answers(self, seconds: float = 60) -> None:
        """Until the API answers; so long every process takes to start."""
        while time.monotonic() < self._since["api"] + seconds:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
            with (
                contextlib.suppress(OSError, http.client.HTTPException),
                contextlib.closing(connection),
            ):
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                break
        self.starting = time.monotonic() - self._since["api"]

    def kill(self, chance: random.Random, victims: Sequence[str] = ()) -> None:
        """kill -9 one of them, or one of `victims`."""
        name = chance.choice(victims or [*self._start, "api"])
        if not victims and self._database is not None and chance.random() < 0.1:
            name = "server" if chance.random() < 0.15 else "backend"
        if name in ("server", "backend"):
            self._database.kill(name, self.plan.url, chance)
        else:
            if chance.random() < AT_WORK:
                # Else a busy machine would have nobody killed but who is still starting.
                time.sleep(max(0.0, self._since[name] + self.starting - time.monotonic()))
                time.sleep(min(chance.expovariate(1 / 0.1), 1))
            self._kill(name)
        self.killed[name.partition(" ")[0]] += 1

    def _kill(self, name: str) -> None:
        process = self._running[name]
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.join()

    def close(self) -> None:
        """Stop all."""
        for name in list(self._running):
            self._kill(name)
            self._running.pop(name).close()
        for one in self._sockets.values():
            one.close()


class Clients(threading.Thread):
    """Submit applications until each is acknowledged, and repeat what was; as callers do."""

    def __init__(self, house: House, key: str, count: int, pause: float) -> None:
        super().__init__(daemon=True)
        self._house, self._key, self._count, self._pause = house, key, count, pause
        self.acknowledged: dict[int, set[str]] = {}
        self.wrong: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        for number in range(self._count):
            self._submit(number)
            if number % 3 == 2:
                self._submit(number - 2)  # a client that is not sure repeats itself
            if self.stopped.wait(self._pause):
                return

    def _submit(self, number: int) -> None:
        body = json.dumps(APPLICATIONS[HOUSEHOLDS[number % len(HOUSEHOLDS)]], default=str)
        while not self.stopped.is_set():
            try:
                status, answer = self._post(f"key-{number}", body)
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
                continue
            if status in (200, 202):
                self.acknowledged.setdefault(number, set()).add(json.loads(answer)["id"])
                return
            if status not in (500, 503):
                self.wrong.append(f"refused: {status} {answer.decode()}")
                return
            time.sleep(0.05)

    def _post(self, key: str, body: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._house.port, timeout=10)
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        try:
            connection.request("POST", "/v1/verifications", body.encode(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class Observer:
    """Somebody who looks at the verdicts now and then, and remembers what was there."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.seen: dict[str, list[str]] = {}

    def look(self) -> tuple[VerificationRow, ...] | None:
        """All verifications now; `None` while the database is away."""
        try:
            with open_store(self._plan.settings, read_only=True) as store:
                rows = store.list(LOCAL, limit=200)[0]
                for row in rows:
                    if row.verdict_count:
                        found = store.verdicts(row.id, LOCAL)
                        self.seen[row.id] = [v.verdict_digest for v in found]
                return rows
        except VerifyError:
            return None


def killing(
    house: House,
    kills: int,
    submissions: int,
    chance: random.Random,
    *,
    patience: float = PATIENCE,
    victims: Sequence[str] = (),
) -> tuple[int, list[str]]:
    """One round: kills while there is work; how many there were, and all that is wrong after.

    Where only `victims` are killed, everybody else has started his work before.
    """
    key = house.prepare()
    house.tend()
    house.wait_until_it_answers()
    clients = Clients(house, key, submissions, 0.3 if victims else 0.02)
    clients.start()
    observer = Observer(house.plan)
    done = 0
    while victims and len(observer.seen) < 2:
        time.sleep(0.1)
        observer.look()
    while done < kills:
        time.sleep(min(chance.expovariate(1 / 0.07), 0.6))
        house.kill(chance, victims)
        done += 1
        house.tend()
        rows = observer.look() if done % 8 == 0 else None
        if rows and len(rows) == submissions and all(r.state == "completed" for r in rows):
            break
    try:
        wrong = _ended(house, clients, observer, submissions, patience)
        return done, wrong + faults(house.plan, clients, observer)
    finally:
        house.close()


def _ended(
    house: House, clients: Clients, observer: Observer, count: int, patience: float
) -> list[str]:
    """Wait for the end of all work, with nobody killed any more."""
    deadline = time.monotonic() + patience
    rows: tuple[VerificationRow, ...] = ()
    before: object = None
    while time.monotonic() < deadline and not clients.wrong:
        house.tend()
        rows = observer.look() or ()
        if (now := sorted((r.id, r.state, r.verdict_count) for r in rows)) != before:
            before, deadline = now, time.monotonic() + patience
        ended = len(rows) >= count and all(r.state == "completed" for r in rows)
        if ended and not clients.is_alive():
            break
        time.sleep(0.1)
    told = not clients.is_alive()
    clients.stopped.set()
    clients.join(20)
    wrong = [f"stuck: {r.id} is {r.state}" for r in rows if r.state != "completed"]
    # All of it, or the kills met nobody at work: what never came in cannot be lost.
    if not told or len(rows) < count:
        wrong.append(f"stuck: {len(rows)} of {count} came in, {len(clients.acknowledged)} told so")
    return wrong


def faults(plan: Plan, clients: Clients, observer: Observer) -> list[str]:
    """Everything that is lost, doubled, altered, unwitnessed or replays to something else."""
    with chaos_house.system(plan, worker=False, read_only=True) as system:
        store = system.store
        rows = {r.id: r for r in store.list(LOCAL, limit=200)[0]}
        wrong = list(clients.wrong)
        for number, ids in clients.acknowledged.items():
            if len(ids) != 1:
                wrong.append(f"doubled: key-{number} gave {sorted(ids)}")
            wrong += [f"lost: {v}, acknowledged" for v in ids if v not in rows]
        if len(rows) != len(clients.acknowledged):
            wrong.append(f"doubled: {len(rows)} verifications, {len(clients.acknowledged)} keys")
        replayed: dict[str, int] = {}
        for result in system.replays.replay_many(LOCAL):
            replayed[result.verification] = replayed.get(result.verification, 0) + 1
            if not result.identical:
                reasons = [*(f"{f.thing} {f.reason}" for f in result.faults), *result.differences]
                wrong.append(f"replay: {result.verification} {reasons[:2]}")
        for row in rows.values():
            if replayed.get(row.id, 0) != row.verdict_count:
                wrong.append(f"replay: {row.id} {replayed.get(row.id)} of {row.verdict_count}")
            wrong += _chained(store, row, observer.seen.get(row.id, []))
        try:
            return wrong + _witnessed(system, plan)
        except IntegrityError as error:
            return [*wrong, f"log: {error.reason}"]


def _chained(store: Any, row: VerificationRow, seen: list[str]) -> list[str]:
    verdicts = store.verdicts(row.id, LOCAL)
    digests = [v.verdict_digest for v in verdicts]
    kinds = Counter(e.kind for e in store.ledger(row.id, LOCAL))
    wrong = [f"{row.id} {f.thing}: {f.reason}" for f in store.check_integrity(row.id, LOCAL)]
    if digests[: len(seen)] != seen:
        wrong.append(f"lost: a verdict of {row.id} that was seen")
    if len({(v.evidence_digest, v.rules_digest) for v in verdicts}) != len(verdicts):
        wrong.append(f"doubled: verdicts of {row.id}")
    if [v.final for v in verdicts].count(True) != 1 or not verdicts[-1].final:
        wrong.append(f"wrong: finals of {row.id}: {[v.final for v in verdicts]}")
    if kinds["accepted"] != 1 or kinds["verdict"] != len(verdicts):
        wrong.append(f"wrong: the ledger of {row.id} has {dict(kinds)}")
    return wrong


def _witnessed(system: System, plan: Plan) -> list[str]:
    """The log and its witnesses, one of which was killed too: all there, nothing contradicted."""
    found = system.audits.check()
    wrong = [f"log: {f.thing} {f.reason}" for f in found.faults]
    head = system.store.log.head()
    far = Cosigner.open(plan.home / "far").latest(system.notary.keys[0].name)
    if found.leaves == 0 or far is None or far.checkpoint.size > head.size:
        wrong.append("log: the witness knows more than the log")
    elif system.store.log.root(far.checkpoint.size) != far.checkpoint.root:
        wrong.append("log: the witness saw another history")
    return wrong


class Server:
    """A PostgreSQL of one's own, to be killed."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def kill(self, what: str, url: str, chance: random.Random) -> None:
        """kill -9 a backend, which makes the server recover, or the whole server."""
        if what == "server":
            self._kill_all()
            return
        with contextlib.suppress(psycopg.Error, ProcessLookupError):
            with psycopg.connect(url, autocommit=True) as connection:
                found = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                ).fetchall()
            if found:
                os.kill(chance.choice(found)[0], signal.SIGKILL)

    def _kill_all(self) -> None:
        import psutil

        process = psutil.Process(self._server.get_pid())
        children = process.children(recursive=True)
        process.kill()
        process.wait(10)
        # Its children notice by themselves; a new server waits until they are gone.
        _, left = psutil.wait_procs(children, timeout=10)
        for child in left:
            child.kill()
        deadline = time.monotonic() + 30
        while True:
            try:
                self._server.ensure_postgres_running()
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


def record_answers(path: Path) -> None:
    """Ask the simulated departments once about everybody, and keep their answers."""
    import pickle

    from support.live import household
    from verify.connectors import Asker, Question
    from verify.service.clock import day_of
    from verify.simulate.households import merge_registers
    from verify.simulate.server import SimulatedSources

    fixtures = [household(n) for n in HOUSEHOLDS]
    answers: dict[tuple[str, str], Any] = {}
    with SimulatedSources(merge_registers(h.registers for h in fixtures)) as sources:
        for source in sources.urls:
            sources.set_profile(source, latency_seconds=0, delay_seconds=0)
        connectors = chaos_house.CONTENTS.connectors
        asker = Asker(connectors, sources.environment(), today=lambda: day_of(now_ms()))
        try:
            for body in BODIES.values():
                _ask_about(asker, body, answers, Question)
        finally:
            asker.close()
    path.write_bytes(pickle.dumps(answers))


def _ask_about(asker: Any, body: Any, answers: dict[tuple[str, str], Any], question: Any) -> None:
    from verify.service.clock import day_of
    from verify.service.intake import read_application

    application = read_application(body, day_of(now_ms()))
    book = chaos_house.CONTENTS.law.rulebook(
        application.region, application.programme, application.as_of, application.known_at
    )
    for source in sorted({*book.mandatory_sources, *book.auxiliary_sources}):
        for person in application.persons:
            ticket = ""
            while True:
                answer = asker.ask(
                    question(
                        source=source, person=person.person, name=person.name,
                        id_number=person.id_number, former_names=person.former_names,
                        as_of=application.as_of, purpose=application.purpose,
                        request_id=f"{source}-{person.id_number}", ticket=ticket,
                        case_number=application.case_number, callback_url="",
                    ),
                    application.authorisations,
                )  # fmt: skip
                if not answer.pending:
                    break
                ticket = answer.ticket
                time.sleep(0.05)
            answers[source, person.id_number] = answer
