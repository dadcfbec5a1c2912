"""What all processes that ask a source know together: breaker, quarantine, rate.

Every value is a small mapping under a key, changed by compare-and-set only: of two processes
that read the same version, one writes and the other looks again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

Value = Mapping[str, Any]


class SharedState(Protocol):
    """Versioned values by key."""

    def get(self, key: str) -> tuple[int, Value]:
        """Version and value; version 0 and an empty value where there is none yet."""

    def put(self, key: str, version: int, value: Value) -> bool:
        """Write, if the version is still `version`; says whether it was."""


class MemoryState:
    """The same for one process."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[int, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> tuple[int, Value]:
        """See `SharedState.get`."""
        with self._lock:
            return self._values.get(key, (0, {}))

    def put(self, key: str, version: int, value: Value) -> bool:
        """See `SharedState.put`."""
        with self._lock:
            if self._values.get(key, (0, {}))[0] != version:
                return False
            self._values[key] = (version + 1, dict(value))
            return True

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()


def change(state: SharedState, key: str, make: Callable[[Value], Value | None]) -> Value:
    """Change a value, looking again as often as another process was faster.

    `make` gets the present value and returns the new one, or None to leave it. Returns what
    stands at the end.
    """
    while True:
        version, value = state.get(key)
        made = make(value)
        if made is None or made == value:
            return value
        if state.put(key, version, made):
            return made
