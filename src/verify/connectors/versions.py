"""The versions of each source that are in use side by side.

A new version of a declaration counts for what is accepted from its instant on; what was accepted
before goes on being asked with the version it is pinned to. So two versions of one source are
open for a while. They share breaker, rate and quarantine (`verify.connectors.shared`), which
belong to the source, and keep connections and tokens of their own.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from verify.connectors.declaration import Declaration
from verify.connectors.egress import Egress
from verify.connectors.opening import OpenSource, open_source
from verify.connectors.shared import SharedState

IDLE_SECONDS = 600.0
"""How long a version nobody asks with stays open beside the one of its source last asked with."""

MOST_IDLE = 4
"""So many versions of a source that nobody asks with stay open, however fresh they are."""

SWEEP_SECONDS = 60.0


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

    def __init__(
        self,
        environment: Mapping[str, str],
        egress: Egress,
        state: SharedState,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._sweep_at = clock() + SWEEP_SECONDS
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
                version.used = self._clock()

    @property
    def count(self) -> dict[str, int]:
        """Source -> how many of its versions are open."""
        with self._lock:
            return dict(Counter(source for source, _ in self._open))

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for version in self._open.values():
                version.close()

    def _version(self, declaration: Declaration) -> Version:
        key = (declaration.id, declaration.digest)
        new = key not in self._open
        if new:
            self._open[key] = self._opened(declaration)
        version = self._open[key]
        version.used = self._clock()
        if new:
            self._retire(declaration.id)
        elif version.used >= self._sweep_at:
            self._sweep_at = version.used + SWEEP_SECONDS
            for source in {source for source, _ in self._open}:
                self._retire(source)
        return version

    def _opened(self, declaration: Declaration) -> Version:
        first = open_source(declaration, self._environment, self._egress, self._state)
        second = declaration.second
        if second is None or not self._environment.get(second.env):
            return Version(first, None)
        other = open_source(declaration, self._environment, self._egress, self._state, second.env)
        return Version(first, other)

    def _retire(self, source: str) -> None:
        """Close what nobody has asked with for a while, or what there is too much of; never one
        that is being asked with, nor the one that was last asked with."""
        idle = [k for k, v in self._open.items() if k[0] == source and not v.users]
        idle.sort(key=lambda k: self._open[k].used, reverse=True)
        last = max(self._open[k].used for k in self._open if k[0] == source)
        past = self._clock() - IDLE_SECONDS
        for place, key in enumerate(idle):
            used = self._open[key].used
            if used < last and (used < past or place >= MOST_IDLE):
                self._open.pop(key).close()
