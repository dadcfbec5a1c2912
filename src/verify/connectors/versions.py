"""The versions of each source that are in use side by side.

A new version of a declaration counts for what is accepted from its instant on; what was accepted
before goes on being asked with the version it is pinned to. So two versions of one source are
open for a while. They share breaker, rate and quarantine (`verify.connectors.shared`), which
belong to the source, and keep connections and tokens of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from verify.connectors.declaration import Declaration
from verify.connectors.egress import Egress
from verify.connectors.opening import OpenSource, open_source
from verify.connectors.shared import SharedState

IDLE_SECONDS = 600.0
"""How long a version nobody asks with stays open once there is a newer one."""


@dataclass
class Version:
    """One version of a source, ready to be asked; `second` is its second address, if any."""

    first: OpenSource
    second: OpenSource | None
    users: int = 0
    used: float = 0.0

    def close(self) -> None:
        """Close all connections."""
        self.first.close()
        if self.second is not None:
            self.second.close()


class OpenVersions:
    """Opens a version when it is first needed; closes those that nobody uses any more."""

    def __init__(self, environment: Mapping[str, str], egress: Egress, state: SharedState) -> None:
        self._environment = environment
        self._egress = egress
        self._state = state
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Version] = {}

    def open(self, declaration: Declaration) -> None:
        """Open a version; nothing is sent.

        Raises:
            ContentError: its address is not one that may be used.
        """
        with self._lock:
            self._version(declaration)

    @contextmanager
    def using(self, declaration: Declaration) -> Iterator[Version]:
        """The version, kept open until the block ends; raises as `open`."""
        with self._lock:
            version = self._version(declaration)
            version.users += 1
        try:
            yield version
        finally:
            with self._lock:
                version.users -= 1
                version.used = time.monotonic()

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for version in self._open.values():
                version.close()

    def _version(self, declaration: Declaration) -> Version:
        key = (declaration.id, declaration.digest)
        if key not in self._open:
            opened = self._opened(declaration)
            self._retire(declaration.id)
            self._open[key] = opened
        return self._open[key]

    def _opened(self, declaration: Declaration) -> Version:
        first = open_source(declaration, self._environment, self._egress, self._state)
        second = declaration.second
        if second is None or not self._environment.get(second.env):
            return Version(first, None, used=time.monotonic())
        other = open_source(declaration, self._environment, self._egress, self._state, second.env)
        return Version(first, other, used=time.monotonic())

    def _retire(self, source: str) -> None:
        """Close what nobody has asked with for a while: one publishes rarely, so this is rare."""
        past = time.monotonic() - IDLE_SECONDS
        for key, version in list(self._open.items()):
            if key[0] == source and not version.users and version.used < past:
                self._open.pop(key).close()
