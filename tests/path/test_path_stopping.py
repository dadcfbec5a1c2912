"""SIGTERM in the middle of the work of real processes: nothing is lost, nothing done twice."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.commandline import Cli
from support.live import household, households, installation
from support.waiting import until
from verify.cli.demo.story import as_body
from verify.cli.environment import write_env_file
from verify.domain.access import LOCAL, RoleName
from verify.service.access import create_key
from verify.service.clock import now_ms
from verify.service.intake import ApplicationIn
from verify.service.master_key import open_protected
from verify.settings import Settings
from verify.simulate.households import merge_registers
from verify.simulate.server import SimulatedSources

ENOUGH = 6
GRACE = 30  # seconds that a process manager gives; compose.yaml says more


@pytest.fixture
def sources() -> Iterator[SimulatedSources]:
    with SimulatedSources(merge_registers(h.registers for h in households())) as running:
        for source in running.urls:
            running.set_profile(source, latency_seconds=0.3, delay_seconds=0.3)
        yield running


@pytest.fixture
def settings(cli: Cli, database_url: str) -> Settings:
    url = "" if database_url.startswith("sqlite") else database_url
    return Settings(home=cli.home / "var", database_url=url)


@pytest.fixture
def cli(tmp_path: Path, sources: SimulatedSources) -> Cli:
    made = Cli(tmp_path)
    write_env_file(made.home / "var" / "sources.env", sources.environment())
    return made


@contextlib.contextmanager
def process(cli: Cli, settings: Settings, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`verify serve` as a process of its own, until the block ends."""
    environment = cli.environment(
        VERIFY_DATABASE_URL=settings.database_url, VERIFY_RETRY_SECONDS="1"
    )
    command = [sys.executable, "-m", "verify.cli.main", "serve", "--for", "180",
               "--env-file", str(cli.home / "var" / "sources.env"), *words]  # fmt: skip
    running = subprocess.Popen(
        command, cwd=cli.home, env=environment, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


class Caller(threading.Thread):
    """Submits one application after the other until nobody answers; remembers what was accepted."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(url)
        self._key = key
        self.accepted: list[str] = []
        self.refused: list[int] = []

    def run(self) -> None:
        bodies = [json.dumps(as_body(household(n))) for n in ("03", "05")]
        while True:
            try:
                self._submit(bodies[len(self.accepted) % 2])
            except (OSError, http.client.HTTPException):
                return
            time.sleep(0.05)

    def _submit(self, body: str) -> None:
        connection = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=20
        )
        with contextlib.closing(connection):
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/verifications", body, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            if answer.status == http.HTTPStatus.ACCEPTED:
                self.accepted.append(said["id"])
            else:
                self.refused.append(answer.status)


def stopped(running: subprocess.Popen[str]) -> str:
    """Ask it to stop, as a process manager does; what it said meanwhile."""
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=GRACE)
    assert running.returncode == 0, said
    assert "serve.stopped" in said
    return said


def test_a_stop_in_the_middle_of_the_work_loses_nothing_and_does_nothing_twice(
    cli: Cli, settings: Settings, sources: SimulatedSources
) -> None:
    with open_protected(settings, read_only=False) as store:
        key = create_key(store, "caller", [RoleName.CALLER], ["310000"], now_ms())
    address = cli.home / "address"
    words = ("--port", "0", "--address-file", str(address))
    with contextlib.ExitStack() as stack:
        front = stack.enter_context(process(cli, settings, *words))
        processes = [front]
        if settings.database_url:  # on PostgreSQL a second one works on the queue alone
            processes.append(stack.enter_context(process(cli, settings, "--worker-only")))
        until(lambda: address.exists() or front.poll() is not None)
        caller = Caller(address.read_text().strip(), key)
        caller.start()
        until(
            lambda: caller.refused or (len(caller.accepted) >= ENOUGH and sources.requests("bank"))
        )
        assert caller.refused == []
        for one in reversed(processes):
            said = stopped(one)
            assert "_failed" not in said
            assert "Traceback" not in said
        caller.join(timeout=30)
    asked = {s: len(sources.requests(s)) for s in sources.urls}
    with open_protected(settings, read_only=False) as store:
        rows = {row.id: row for row in every(store)}
        assert set(caller.accepted) <= set(rows), "an accepted check is gone"
        open_ = [row for row in rows.values() if row.state in ("asking", "waiting")]
        assert open_, "it was stopped in the middle of the work"
        queue = store.queue(now_ms() + 1000)
        assert queue.leases == 0, "a check was kept, not given back"
        assert queue.due == len(open_)
    time.sleep(0.5)
    assert asked == {s: len(sources.requests(s)) for s in sources.urls}, "asked by nobody"

    address.unlink()
    with process(cli, settings, *words) as again, open_protected(settings, read_only=True) as store:
        until(lambda: address.exists() or again.poll() is not None)
        until(lambda: all(row.state == "completed" for row in every(store)))
        stopped(again)
    with open_protected(settings, read_only=True) as store:
        assert set(rows) == {row.id for row in every(store)}
        for name in rows:
            verdicts = store.verdicts(name, LOCAL)
            assert sum(v.final for v in verdicts) == 1
            assert len({v.evidence_digest for v in verdicts}) == len(verdicts)
            assert store.check_integrity(name, LOCAL) == ()


def test_a_stop_closes_no_check_whose_questions_it_dropped(tmp_path: Path) -> None:
    """Also of one whose time is over: it is asked once more by whoever starts next."""
    over = {"retry_days": 0, "answer_deadline_seconds": 0, "auxiliary_grace_seconds": 0}
    with installation(tmp_path, **over) as live:
        for source in live.sources.urls:
            live.sources.set_profile(source, delay_seconds=0)
        live.sources.set_profile("bank", latency_seconds=4)
        store, body = live.system.store, ApplicationIn.model_validate(household("01").application)
        names = [live.system.verifications.submit(body, LOCAL).id for _ in range(20)]

        def only_the_bank_is_left() -> bool:
            rows = [r for name in names for r in store.exchanges(name)]
            return all(r.status == "done" for r in rows if r.source != "bank")

        until(only_the_bank_is_left)
        live.system.worker.close()
        unasked = [n for n in names if any(r.attempts == 0 for r in store.exchanges(n))]
        assert len(unasked) > 1, "some questions had not begun"
        assert {store.verdicts(name, LOCAL) for name in unasked} == {()}
        queue = store.queue(now_ms() + 1000)
        assert queue.due >= len(unasked)
        assert queue.leases == 0


def every(store):
    rows, cursor = [], None
    while True:
        page, cursor = store.list(LOCAL, cursor=cursor, limit=200)
        rows += page
        if cursor is None:
            return rows
