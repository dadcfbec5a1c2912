"""Threads for each source, so that one that hangs holds up only the questions to itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from verify.connectors import Declaration


class Bulkheads:
    """One pool a source, as large as any of its versions in use allows, up to `most` threads.

    Used by one thread at a time. How many may ask with one version at once its own throttle
    says; the pool bounds all versions together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pools: dict[str, tuple[int, ThreadPoolExecutor]] = {}
        self._outgrown: list[ThreadPoolExecutor] = []

    def of(self, declaration: Declaration) -> ThreadPoolExecutor:
        """The pool for questions with this version."""
        source = declaration.id
        wanted = min(self._most, declaration.concurrency)
        size, pool = self._pools.get(source, (0, None))
        if pool is not None and size >= wanted:
            return pool
        if pool is not None:
            pool.shutdown(wait=False)  # what it was given is still done
            self._outgrown.append(pool)
        made = ThreadPoolExecutor(wanted, thread_name_prefix=f"ask-{source}")
        self._pools[source] = (wanted, made)
        return made

    def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        pools = [*self._outgrown, *(pool for _, pool in self._pools.values())]
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.shutdown(wait=True)
