"""A whole installation for tests: simulated departments, engine and API on real sockets."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from verify.api.app import create_app
from verify.bootstrap import System, build
from verify.domain.access import LOCAL, RoleName
from verify.service.access import create_key
from verify.service.clock import Clock, now_ms
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.simulate.households import HouseholdFixture, load_all, merge_registers
from verify.simulate.server import SimulatedSources

ROOT = Path(__file__).parents[2]
HOUSEHOLDS = ROOT / "fixtures" / "households"


@dataclass
class Live:
    """A running installation and its keys."""

    url: str
    home: Path
    system: System
    sources: SimulatedSources
    caseworker_key: str
    auditor_key: str
    elsewhere_key: str

    def client(self, key: str | None = None, purpose: str | None = None) -> httpx.Client:
        """A caller with a key; an auditor comes to audit unless it is said otherwise."""
        if purpose is None:
            purpose = "audit" if key == self.auditor_key else ""
        said = {"X-Purpose": purpose} if purpose else {}
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key or self.caseworker_key}", **said},
            timeout=60,
            trust_env=False,
        )

    def check(self, application: dict[str, Any], *, seconds: float = 60) -> str:
        """Submit and wait for the first verdict; returns the verification's id."""
        accepted = self.system.verifications.submit(
            ApplicationIn.model_validate(application), LOCAL
        )
        self.system.verifications.wait(accepted.id, LOCAL, seconds)
        return accepted.id

    def verdict(self, verification: str) -> dict[str, Any]:
        return self.system.verifications.documents(verification, LOCAL).verdict


def households() -> list[HouseholdFixture]:
    """All hand-written households."""
    return load_all(HOUSEHOLDS)


def changed_content(folder: Path, path: str, changes: dict[str, str]) -> Path:
    """A copy of the content folders (for `VERIFY_CONTENT`) with one file changed."""
    for kind in ("connectors", "rules", "scoring"):
        shutil.copytree(ROOT / kind, folder / kind)
    text = (folder / path).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / path).write_text(text, encoding="utf-8")
    return folder


def household(number: str) -> HouseholdFixture:
    """One hand-written household by the start of its file name."""
    return next(h for h in households() if h.path.name.startswith(number))


def serve(system: System) -> contextlib.AbstractContextManager[str]:
    """The API of a system on a free loopback port."""
    return serve_app(create_app(system))


@contextlib.contextmanager
def serve_app(app: Any) -> Iterator[str]:
    """Any application on a free loopback port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the service did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@contextlib.contextmanager
def installation(
    home: Path, database_url: str = "", *, clock: Clock = now_ms, **settings: Any
) -> Iterator[Live]:
    """Departments, engine, API. Late sources are asked again within a second."""
    registers = merge_registers(h.registers for h in households())
    with SimulatedSources(registers) as sources:
        for source in sources.urls:
            sources.set_profile(source, latency_seconds=0, delay_seconds=0.2)
        chosen = Settings(
            home=home,
            database_url=database_url,
            **{"retry_seconds": 1, "answer_deadline_seconds": 20, **settings},
        )
        with build(chosen, environment=sources.environment(), clock=clock) as system:
            system.start()
            keys = [
                create_key(system.store, label=label, roles=roles, regions=regions, now=now_ms())
                for label, roles, regions in (
                    ("test caseworker", [RoleName.CALLER, RoleName.CASEWORKER], ["310000"]),
                    ("test auditor", [RoleName.AUDITOR], ["*"]),
                    ("elsewhere", [RoleName.CALLER, RoleName.CASEWORKER], ["440000"]),
                )
            ]
            with serve(system) as url:
                yield Live(url, home, system, sources, *keys)
