"""Erase by itself, in the background, what the retention terms say is due.

Only where the installation says so (`VERIFY_RETENTION_RUNS`): what is erased is gone. Several
workers of one database may do it; erasing twice is erasing once.
"""

from __future__ import annotations

import threading

import structlog

from verify.domain.errors import VerifyError
from verify.service.clock import Clock
from verify.service.retention import carry_out, terms
from verify.settings import Settings
from verify.store import Store

log = structlog.get_logger("verify.retention")


class Retiring:
    """Looks for what is due at the start, and then every `retention_seconds`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._kept: frozenset[str] = frozenset()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, where the installation says so.

        Raises:
            Conflict: a retention term is none; better no service than one that keeps too much.
        """
        if not self._settings.retention_runs:
            return
        terms(self._settings.retention)
        self._thread = threading.Thread(target=self._loop, name="retention", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; a month that is being erased is erased whole."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _loop(self) -> None:
        while True:
            self.once()
            if self._stop.wait(self._settings.retention_seconds):
                return

    def once(self) -> None:
        """Erase what is due now; what goes wrong is told in the log and tried again."""
        try:
            found = carry_out(self._store, self._settings.retention, self._clock())
        except VerifyError as error:
            log.error("retention.failed", code=error.code, where=error.where)
            return
        except Exception as error:  # noqa: BLE001 - a thread that died would keep everything
            log.error("retention.failed", code=type(error).__name__)
            return
        for one in found:
            if one.verifications is not None:
                log.info(
                    "retention.erased",
                    scope=one.due.scope,
                    term=one.due.ground,
                    verifications=one.verifications,
                )
            elif one.due.scope not in self._kept:
                log.warning("retention.kept", scope=one.due.scope, term=one.due.ground)
        self._kept = frozenset(one.due.scope for one in found if one.kept)
