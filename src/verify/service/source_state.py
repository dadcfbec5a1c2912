"""The state that processes share about sources, kept in the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from verify.connectors.shared import MemoryState, Value
from verify.service.clock import Clock
from verify.store import Store

FRESH_SECONDS = 0.25
_OWN = ("rate/",)


class StoreState:
    """`verify.connectors.SharedState` over the store.

    A value is read from the database at most four times a second; a write always meets the
    database, which refuses it if another process was faster. On SQLite one process asks, so
    rates stay in its memory.
    """

    def __init__(self, store: Store, clock: Clock, *, alone: bool) -> None:
        self._store = store
        self._clock = clock
        self._own = MemoryState() if alone else None
        self._seen: dict[str, tuple[float, int, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> tuple[int, Value]:
        """Version and value; version 0 and an empty value where there is none yet."""
        if self._own is not None and key.startswith(_OWN):
            return self._own.get(key)
        with self._lock:
            at, version, value = self._seen.get(key, (0.0, 0, {}))
        if time.monotonic() - at < FRESH_SECONDS:
            return version, value
        version, value = self._store.shared(key)
        self._remember(key, version, value)
        return version, value

    def put(self, key: str, version: int, value: Value) -> bool:
        """Write, if the version is still `version`; says whether it was."""
        if self._own is not None and key.startswith(_OWN):
            return self._own.put(key, version, value)
        if self._store.share(key, version, value, self._clock()):
            self._remember(key, version + 1, dict(value))
            return True
        with self._lock:
            self._seen.pop(key, None)
        return False

    def _remember(self, key: str, version: int, value: Mapping[str, Any]) -> None:
        with self._lock:
            self._seen[key] = (time.monotonic(), version, value)
