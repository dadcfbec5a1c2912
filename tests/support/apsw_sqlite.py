"""`sqlite3.connect` on another SQLite: the one in `apsw`, whose files can be watched and broken.

Just as much of the DB-API as the store uses. Put in the place of `sqlite3` in
`verify.store.engines`; everything above it is the product's own code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw


@contextmanager
def translated() -> Iterator[None]:
    """apsw's errors as the ones SQLAlchemy knows."""
    try:
        yield
    except apsw.ConstraintError as error:
        raise sqlite3.IntegrityError(str(error)) from None
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise sqlite3.DatabaseError(str(error)) from None
    except apsw.Error as error:
        raise sqlite3.OperationalError(str(error)) from None


class Cursor:
    """Runs one statement and holds its rows."""

    arraysize = 1

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._cursor = db.cursor()
        self._cursor.exec_trace = self._seen
        self._rows: list[Any] = []
        self.description: tuple[Any, ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def _seen(self, cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
        names = cursor.get_description()
        self.description = tuple((n[0], *[None] * 6) for n in names) or None
        return True

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        return self._run(lambda: self._cursor.execute(sql, parameters))

    def executemany(self, sql: str, many: Sequence[Any]) -> Cursor:
        return self._run(lambda: self._cursor.executemany(sql, many))

    def _run(self, statement: Any) -> Cursor:
        before = self._db.total_changes()
        self.description, self._rows = None, []
        with translated():
            self._rows = list(statement())
        self._rows.reverse()
        self.rowcount = self._db.total_changes() - before if self.description is None else -1
        self.lastrowid = self._db.last_insert_rowid()
        return self

    def fetchone(self) -> Any:
        return self._rows.pop() if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        return [self._rows.pop() for _ in range(min(size, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        return self.fetchmany(len(self._rows))

    def __iter__(self) -> Iterator[Any]:
        while self._rows:
            yield self._rows.pop()

    def close(self) -> None:
        self._rows = []


class Connection:
    """A connection as `sqlite3` gives it with `isolation_level=None`."""

    def __init__(self, uri: str, vfs: str, seconds: float, synchronous: str) -> None:
        flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        with translated():
            self._db = apsw.Connection(uri, flags=flags, vfs=vfs)
        self._db.set_busy_timeout(int(seconds * 1000))
        self._synchronous = synchronous
        self.isolation_level = None
        self.text_factory: Any = str

    @property
    def in_transaction(self) -> bool:
        return bool(self._db.in_transaction)

    def cursor(self, *_: Any) -> Cursor:
        return Cursor(self._db)

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        # How much a commit waits for: the tests' control is weaker than what the store asks for.
        sql = sql.replace("synchronous=FULL", f"synchronous={self._synchronous}")
        return self.cursor().execute(sql, parameters)

    def commit(self) -> None:
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def create_function(self, *_: Any, **__: Any) -> None:
        """The dialect offers REGEXP; the store does not use it."""

    def close(self) -> None:
        with translated():
            self._db.close()


class Driver:
    """Stands for the module `sqlite3`; connections go through the file system `vfs`."""

    Connection = Connection

    def __init__(self, vfs: str, synchronous: str) -> None:
        self._vfs = vfs
        self._synchronous = synchronous

    def connect(self, address: str, *, timeout: float, **_: Any) -> Connection:
        return Connection(address, self._vfs, timeout, self._synchronous)
