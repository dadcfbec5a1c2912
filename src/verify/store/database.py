"""An open database: reading, writing, closing; API keys and whatever is of no verification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from verify.store import keys, migrations, shared, vitals
from verify.store.opening import Opened
from verify.store.rows import ApiKeyRow
from verify.store.vitals import Queue
from verify.store.writer import closed, unavailable

T = TypeVar("T")


class Database:
    """What every part of the store stands on. A context manager that closes itself."""

    def __init__(self, opened: Opened) -> None:
        self._readers = opened.readers
        self._writer = opened.writer
        self._release = opened.release
        self._engines = opened.engines
        self._closed = False

    def close(self) -> None:
        """Finish what is queued and let go of the database; a second time is no error."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        for engine in self._engines:
            engine.dispose()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, query: Callable[[Connection], T]) -> T:
        if self._closed:
            raise closed()
        try:
            with self._readers.connect() as connection:
                return query(connection)
        except SQLAlchemyError:
            raise unavailable() from None

    def ping(self) -> None:
        """Raise `Overloaded` unless the database answers."""
        self._read(lambda c: c.execute(select(1)).scalar())

    def at_head(self) -> bool:
        """Whether the database has the tables that this version works with."""
        return self._read(migrations.current) == migrations.HEAD

    def queue(self, now_ms: int) -> Queue:
        """How the queue stands (see `verify.store.vitals`)."""
        return self._read(lambda c: vitals.queue(c, now_ms))

    def oldest_due(self, now_ms: int) -> int | None:
        """How long the longest waiting check has been due (see `verify.store.vitals`)."""
        return self._read(lambda c: vitals.oldest_due(c, now_ms))

    # -- API keys -------------------------------------------------------------------------

    def add_key(self, key: ApiKeyRow) -> None:
        """Store an API key (of its secret, only the hash)."""
        self._writer.run(lambda c: keys.add(c, key))

    def key(self, key_id: str) -> ApiKeyRow | None:
        """An API key, revoked or not; `None` if there is none of that id, or it was altered."""
        return self._read(lambda c: keys.find(c, key_id))

    def keys(self) -> tuple[ApiKeyRow, ...]:
        """All API keys, oldest first."""
        return self._read(keys.every)

    def revoke_key(self, key_id: str, now_ms: int) -> None:
        """End an API key at once; raises `NotFound`."""
        self._writer.run(lambda c: keys.revoke(c, key_id, now_ms))

    # -- what processes that ask sources know together ---------------------------------------

    def shared(self, key: str) -> tuple[int, dict[str, Any]]:
        """Version and value of a shared key; version 0 where there is none."""
        return self._read(lambda c: shared.get(c, key))

    def shared_under(self, prefix: str) -> dict[str, dict[str, Any]]:
        """All shared values whose key begins so, by key."""
        return self._read(lambda c: shared.with_prefix(c, prefix))

    def share(self, key: str, version: int, value: Mapping[str, Any], now_ms: int) -> bool:
        """Change a shared value if its version is still `version`; says whether it was."""
        return self._writer.run(lambda c: shared.put(c, key, version, value, now_ms))
