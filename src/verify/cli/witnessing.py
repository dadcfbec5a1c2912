"""Serve a witness in this process until a signal stops it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import structlog
import uvicorn

from verify.api import logs
from verify.api.witness import create_witness
from verify.cli.environment import write_private
from verify.cli.output import note
from verify.cli.serving import address_of, listen, stopping_on_signals
from verify.service.audit_cosigner import Cosigner

log = structlog.get_logger("verify.witness")


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_witness(cosigner: Cosigner, host: str, port: int, address_file: Path | None) -> None:
    """Serve until stopped.

    Raises:
        Conflict: the port is taken.
    """
    logs.configure()
    stop = threading.Event()
    with stopping_on_signals(stop), contextlib.closing(listen(host, port)) as listener:
        address = address_of(host, listener.getsockname()[1])
        config = uvicorn.Config(
            create_witness(cosigner),
            access_log=False,
            log_config=None,
            server_header=False,
            lifespan="off",
        )
        web = _Server(config)
        thread = threading.Thread(target=web.run, args=([listener],), name="web")
        thread.start()
        while not web.started and thread.is_alive():
            thread.join(0.02)
        log.info("witness.listening", address=address, key=cosigner.key.text)
        note(f'VERIFY_WITNESSES="{address}#{cosigner.key.text}"', whole=True)
        if address_file is not None and web.started:
            write_private(address_file, address + "\n")
        while not stop.wait(0.1) and thread.is_alive():
            pass
        web.should_exit = True
        thread.join()
    log.info("witness.stopped")
