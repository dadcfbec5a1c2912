"""Run the service in this process until a signal, or a time limit, stops it."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from verify.api import logs, traces
from verify.api.app import create_app
from verify.api.server import server
from verify.bootstrap import build
from verify.cli.environment import source_environment, write_private
from verify.cli.output import note
from verify.domain.errors import Conflict
from verify.settings import Settings

log = structlog.get_logger("verify.serve")


@dataclass(frozen=True)
class ServeOptions:
    """What `verify serve` was asked to do."""

    settings: Settings
    host: str
    port: int
    worker: bool
    api: bool
    seconds: float | None
    address_file: Path | None
    env_file: Path | None


def run_service(options: ServeOptions) -> None:
    """Serve until stopped; what is under way ends, the rest stays in the queue.

    Raises:
        Conflict: the port is taken, or another process writes this embedded database.
    """
    logs.configure()
    traces.configure(options.settings.traces)
    stop = threading.Event()
    try:
        with stopping_on_signals(stop), _limited(stop, options.seconds):
            if options.api:
                _serve_api(options, stop)
            else:
                _work(options, stop)
    finally:
        traces.close()


def _serve_api(options: ServeOptions, stop: threading.Event) -> None:
    listener = listen(options.host, options.port)
    with contextlib.closing(listener):
        address = address_of(options.host, listener.getsockname()[1])
        settings = options.settings
        if "public_url" not in settings.model_fields_set:
            settings = settings.model_copy(update={"public_url": address})
        environment = source_environment(settings.home, options.env_file)
        with build(settings, environment=environment, worker=options.worker) as system:
            system.contents.law.load()  # a fault in any rulebook stops the start, not a request
            system.start()
            web = _Server(server(create_app(system), options.host, options.port).config, stop)
            thread = threading.Thread(target=web.run, args=([listener],), name="web")
            thread.start()
            _announce(web, thread, address, options.address_file)
            while not stop.wait(0.1) and thread.is_alive():
                pass
            web.should_exit = True
            thread.join()
    log.info("serve.stopped")


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: ours also stop the worker and close the store."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._stop.set()


def _announce(
    web: uvicorn.Server, thread: threading.Thread, address: str, address_file: Path | None
) -> None:
    while not web.started and thread.is_alive():
        thread.join(0.02)
    log.info("serve.listening", address=address)
    note(f"API {address}/v1   console {address}/console/   Ctrl-C stops it")
    if address_file is not None and web.started:
        write_private(address_file, address + "\n")


def _work(options: ServeOptions, stop: threading.Event) -> None:
    settings = options.settings
    environment = source_environment(settings.home, options.env_file)
    with build(settings, environment=environment) as system:
        system.contents.law.load()
        system.start()
        log.info("serve.working")
        stop.wait()
    log.info("serve.stopped")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `Conflict` where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Conflict(
            f"cannot listen there ({error.strerror})",
            where=f"{host}:{port}",
            remedy="stop the other program, or choose another port with --port",
        ) from None
    return listener


def address_of(host: str, port: int) -> str:
    """The address under which a listener on this host and port is reached."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"http://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}"


@contextlib.contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """Within the block SIGTERM and Ctrl-C set `stop` instead of ending the process."""

    def handler(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {s: signal.signal(s, handler) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def _limited(stop: threading.Event, seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
