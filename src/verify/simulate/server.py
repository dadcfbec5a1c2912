"""The simulated departments: over real HTTP on the loopback interface, in folders, in a database.

Nothing in the engine knows that they are simulated: it is given addresses and secrets like those
of any source. All listeners run in one thread with one event loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import gzip
import secrets as random
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette

from verify.content import parse_yaml
from verify.simulate.apps import APPS, Department
from verify.simulate.control import control_app
from verify.simulate.more_apps import MORE_APPS
from verify.simulate.offline import DatabaseDepartment, FolderDepartment, folder_departments
from verify.simulate.registers import Registers
from verify.simulate.state import (
    DATABASES,
    FOLDERS,
    PRESETS,
    SOURCES,
    Holdings,
    LoggedRequest,
    Profile,
    SourceState,
    subject_hash,
)

HOST = "127.0.0.1"
CONTROL = "control"
DEFAULT_PORTS = {
    "tax": 8471,
    "vehicle": 8472,
    "real_estate": 8473,
    "bank": 8474,
    "social_insurance": 8475,
    "household_register": 8480,
    "marriage": 8481,
    "market": 8482,
    "provident_fund": 8483,
    "securities": 8484,
    "insurance": 8485,
    "internet_finance": 8486,
    "disability": 8487,
    "medical": 8488,
    "utilities": 8489,
    CONTROL: 8479,
}
CONTROL_TOKEN = "VERIFY_SIMULATE_CONTROL_TOKEN"  # noqa: S105 -- the name of a variable
CONTROL_URL = "VERIFY_SIMULATE_CONTROL_URL"
SECRET_NAMES = (
    "VERIFY_SOURCE_BANK_KEY",
    "VERIFY_SOURCE_BANK_KEY_ID",
    "VERIFY_SOURCE_DISABILITY_API_KEY",
    "VERIFY_SOURCE_FUNERAL_SIGN_KEY",
    "VERIFY_SOURCE_HOUSEHOLD_REGISTER_KEY",
    "VERIFY_SOURCE_HOUSEHOLD_REGISTER_KEY_ID",
    "VERIFY_SOURCE_INSURANCE_KEY",
    "VERIFY_SOURCE_INSURANCE_KEY_ID",
    "VERIFY_SOURCE_INTERNET_FINANCE_KEY",
    "VERIFY_SOURCE_INTERNET_FINANCE_KEY_ID",
    "VERIFY_SOURCE_MARKET_API_KEY",
    "VERIFY_SOURCE_MARRIAGE_PASSWORD",
    "VERIFY_SOURCE_MARRIAGE_USER",
    "VERIFY_SOURCE_MEDICAL_API_KEY",
    "VERIFY_SOURCE_PROVIDENT_FUND_PASSWORD",
    "VERIFY_SOURCE_PROVIDENT_FUND_USER",
    "VERIFY_SOURCE_REAL_ESTATE_PASSWORD",
    "VERIFY_SOURCE_REAL_ESTATE_USER",
    "VERIFY_SOURCE_SECURITIES_API_KEY",
    "VERIFY_SOURCE_SOCIAL_INSURANCE_API_KEY",
    "VERIFY_SOURCE_TAX_CLIENT_ID",
    "VERIFY_SOURCE_TAX_CLIENT_SECRET",
    "VERIFY_SOURCE_UTILITIES_API_KEY",
    "VERIFY_SOURCE_VEHICLE_API_KEY",
    CONTROL_TOKEN,
)
CIPHER_KEY = "VERIFY_SOURCE_FUNERAL_CIPHER_KEY"
HTTP_SOURCES = tuple(s for s in SOURCES if s not in (*FOLDERS, *DATABASES))

T = TypeVar("T")


class _Listener:
    """One port with one application; can be closed and opened again on the same port."""

    def __init__(self, name: str, make: Callable[[], Starlette], port: int) -> None:
        self.name = name
        self._make = make
        self.port = port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_on(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        if self._server is not None:
            return
        # asyncio turns Nagle's algorithm off only on sockets that say they are TCP: without the
        # protocol number every second request on a connection waits 40 ms for an acknowledgement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, self.port))
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._make(),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=2,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.ensure_future(self._server._serve([listener]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        server, task = self._server, self._task
        self._server = self._task = None
        if server is None or task is None:
            return
        # The port must refuse from now on, not after the requests under way have ended.
        for listening in server.servers:
            listening.close()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task


class SimulatedSources:
    """The simulated departments; a context manager.

    `ports` gives fixed ports by source (and `control`), any other is free. `profiles` says how
    each source behaves at first; `secrets` fixes secrets by their environment names, any other
    is made anew at every start. `day` is the day of the data in the database (default: today);
    all others answer for the day they are asked about.
    """

    def __init__(
        self,
        registers: Registers,
        *,
        ports: Mapping[str, int] | None = None,
        profiles: Mapping[str, Profile] | None = None,
        secrets: Mapping[str, str] | None = None,
        day: dt.date | None = None,
    ) -> None:
        self._salt = random.token_bytes(16)
        self.secrets = {n: (secrets or {}).get(n) or random.token_urlsafe(24) for n in SECRET_NAMES}
        cipher_key = base64.b64encode(random.token_bytes(16)).decode()
        self.secrets[CIPHER_KEY] = (secrets or {}).get(CIPHER_KEY) or cipher_key
        given = {**PRESETS["instant"], **(profiles or {})}
        self._states = {s: SourceState(s, given[s], self._salt) for s in SOURCES}
        self._departments: dict[str, Department] = {}
        self._holdings = Holdings(registers)
        self._folders = folder_departments(self._states, self._holdings, self.secrets)
        today = day or dt.datetime.now(dt.UTC).date()
        self._database = DatabaseDepartment(self._states["education"], registers, today)
        self._offline: dict[str, FolderDepartment | DatabaseDepartment] = {
            **self._folders,
            "education": self._database,
        }
        chosen = ports or {}
        self._listeners = {
            name: _Listener(name, self._maker(name), chosen.get(name, 0))
            for name in (*HTTP_SOURCES, CONTROL)
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="simulated-sources", daemon=True)

    def _maker(self, name: str) -> Callable[[], Starlette]:
        if name == CONTROL:
            return lambda: control_app(self, SOURCES, self.secrets[CONTROL_TOKEN])

        def make() -> Starlette:
            department = Department(self._states[name], self._holdings, self.secrets)
            self._departments[name] = department
            return {**APPS, **MORE_APPS}[name](department)

        return make

    # -- life ---------------------------------------------------------------------------

    def start(self) -> None:
        """Open all listeners.

        Raises:
            OSError: a port is taken.
        """
        self._thread.start()
        for folder in self._folders.values():
            folder.start()
        try:
            for name in self._listeners:
                self._wait(self._listeners[name].open())
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Close everything; requests under way are cut off."""
        for department in self._offline.values():
            department.stop()
        if self._thread.is_alive():
            self._wait(self._close_all())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=10)

    def __enter__(self) -> SimulatedSources:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    async def _close_all(self) -> None:
        await asyncio.gather(*(self._shut(name) for name in self._listeners))

    async def _shut(self, name: str) -> None:
        if department := self._departments.get(name):
            department.stopping.set()
        await self._listeners[name].close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    # -- what tests, the demo and the control endpoint use -----------------------------------

    @property
    def urls(self) -> dict[str, str]:
        """Base address of each source."""
        listening = {s: f"http://{HOST}:{self._listeners[s].port}" for s in HTTP_SOURCES}
        return {**listening, **{s: d.url for s, d in self._offline.items()}}

    @property
    def control_url(self) -> str:
        """Base address of the control endpoint."""
        return f"http://{HOST}:{self._listeners[CONTROL].port}"

    def environment(self) -> dict[str, str]:
        """Addresses and secrets by the names that connectors/*.yaml use, and the control's."""
        urls = {f"VERIFY_SOURCE_{s.upper()}_URL": url for s, url in self.urls.items()}
        return {**urls, **self.secrets, CONTROL_URL: self.control_url}

    def profile(self, source: str) -> Profile:
        """How a source behaves now."""
        return self._states[source].profile

    def set_profile(self, source: str, **changes: Any) -> None:
        """Change how a source behaves, from its next request on (fields of `Profile`)."""
        self._states[source].change(**changes)
        if source in DATABASES:
            self._database.refresh()

    def is_on(self, source: str) -> bool:
        """Whether the source accepts connections."""
        offline = self._offline.get(source)
        return offline.is_on if offline else self._listeners[source].is_on

    def switch_off(self, source: str) -> None:
        """Close the source's listener: connections are refused."""
        self._wait(self.switch(source, on=False))

    def switch_on(self, source: str) -> None:
        """Open it again, on the same port."""
        self._wait(self.switch(source, on=True))

    async def switch(self, source: str, *, on: bool) -> None:
        """The same from inside the event loop, for the control endpoint."""
        if offline := self._offline.get(source):
            offline.switch(on=on)
            return
        await (self._listeners[source].open() if on else self._shut(source))

    @contextlib.contextmanager
    def extra(self, registers: Registers) -> Iterator[None]:
        """While it lasts, the departments hold these rows as well."""
        self._holdings.more = Holdings(registers)
        self._database.more(registers.enrolments)
        try:
            yield
        finally:
            self._holdings.more = None
            self._database.more(())

    def requests(self, source: str) -> list[LoggedRequest]:
        """The source's own log of who asked what, oldest first."""
        return self._states[source].requests()

    def subject(self, id_number: str) -> str:
        """How an identity number appears in the logs of this run."""
        return subject_hash(self._salt, id_number)


def serve_forever(
    registers: Registers,
    *,
    ports: Mapping[str, int] | None = None,
    profiles: Mapping[str, Profile] | None = None,
    secrets: Mapping[str, str] | None = None,
    ready: Callable[[SimulatedSources], None] = lambda sources: None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or `stop`; `ready` is called once all ports are open.

    `ports` default to `DEFAULT_PORTS`, which connectors/*.yaml use when no address is set.

    Raises:
        OSError: a port is taken.
    """
    done = stop or threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        done.set()

    in_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGTERM, signal.SIGINT) if in_main else ()
    before = {number: signal.signal(number, ask_to_stop) for number in signals}
    try:
        chosen = DEFAULT_PORTS if ports is None else ports
        with SimulatedSources(
            registers, ports=chosen, profiles=profiles, secrets=secrets
        ) as sources:
            ready(sources)
            done.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def load_registers(
    household_files: tuple[Path, ...] = (), population: Path | None = None
) -> Registers:
    """All rows of hand-written households (key `registers`) and of a population folder.

    Raises:
        ContentError: a file is not of that form, with `file:line`.
        OSError: a file is not there.
    """
    merged: dict[str, list[Any]] = {table: [] for table in Registers.model_fields}

    def add(registers: Registers) -> None:
        for table, rows in merged.items():
            rows.extend(getattr(registers, table))

    for path in household_files:
        document = parse_yaml(path.as_posix(), path.read_text(encoding="utf-8"))
        add(Registers.model_validate(document.value.get("registers", {})))
    if population is not None:
        with gzip.open(population / "registers.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                add(Registers.model_validate_json(line))
    return Registers.model_validate(merged)
