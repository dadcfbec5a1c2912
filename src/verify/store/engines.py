"""Open the database so that an acknowledged commit survives kill -9 and power loss.

SQLite (the embedded default) is written by exactly one thread of one process: the stdlib may
carry a version inside the WAL-reset corruption range (3.7.0 to 3.51.2), which needs two
connections that write or checkpoint. An operating-system lock beside the file keeps a second
process out; readers open the file read-only and cannot checkpoint.

`synchronous` below FULL loses acknowledged commits on power loss, as does PostgreSQL with
`synchronous_commit` or `fsync` off; both are refused, not repaired, because whoever set them
should know.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool, StaticPool

from verify.domain.errors import Conflict, IntegrityError, NotFound

BUSY_SECONDS = 10
POOL = 8
OVERFLOW = 56  # a reader costs a file handle; waiting for one would cost a request


def parse(url: str) -> URL:
    """Read a database URL; PostgreSQL always means psycopg 3.

    Raises:
        Conflict: not a URL, another database, or SQLite without a file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text may hold a password: it is not echoed.
        raise Conflict(
            "the database address is not a URL",
            where="VERIFY_DATABASE_URL",
            remedy="use sqlite:////path/verify.db or postgresql://user:password@host/name",
        ) from None
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        raise Conflict(
            f"{parsed.drivername} is not supported",
            where="VERIFY_DATABASE_URL",
            remedy="use SQLite or PostgreSQL",
        )
    if not parsed.database or parsed.database == ":memory:":
        raise Conflict(
            "a database in memory would lose what was acknowledged",
            where="VERIFY_DATABASE_URL",
            remedy="name a file: sqlite:////path/verify.db",
        )
    return parsed


class WriterLock:
    """The right to write a SQLite file, held until `release` or the end of the process."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise Conflict(
                "another process writes this SQLite database; two writers could corrupt it",
                where=str(database),
                remedy="stop the other process, open the store read-only, or use PostgreSQL",
            ) from None

    def release(self) -> None:
        """Let another process write. The file stays: removing it would race with a waiter."""
        os.close(self._handle)


def sqlite_file(url: URL) -> Path:
    """The database file of a SQLite URL."""
    return Path(str(url.database)).absolute()


def create_file(database: Path) -> None:
    """Make the folder and the file, readable by their owner only: it holds personal data."""
    database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def sqlite_writer(database: Path) -> Engine:
    """The one writing connection."""
    engine = _sqlite(database, "rw", "BEGIN IMMEDIATE", poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            check_sqlite(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def sqlite_reader(database: Path) -> Engine:
    """Connections that only read.

    Raises:
        NotFound: there is no such file.
    """
    if not database.is_file():
        raise NotFound(
            "there is no database file here",
            where=str(database),
            remedy="check VERIFY_HOME or VERIFY_DATABASE_URL; a server or `verify demo` makes it",
        )
    return _sqlite(
        database, "ro", "BEGIN", poolclass=QueuePool, pool_size=POOL, max_overflow=OVERFLOW
    )


def _sqlite(database: Path, mode: str, begin: str, **pool: Any) -> Engine:
    uri = f"file:{quote(str(database))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: transactions begin where we say, so that SAVEPOINT works.
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys=ON")
        if mode == "ro":
            connection.execute("PRAGMA query_only=ON")
        else:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")  # an erased key leaves no copy behind
            connection.execute("PRAGMA fullfsync=ON")  # macOS: reach the platter, not its cache
        return connection

    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, **pool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def check_sqlite(connection: Connection) -> None:
    """Refuse a writing connection that could lose an acknowledged commit.

    Raises:
        IntegrityError: `synchronous` is not FULL or EXTRA, WAL could not be set, or foreign
            keys are not enforced.
    """
    required = {"synchronous": (2, 3), "journal_mode": ("wal",), "foreign_keys": (1,)}
    for pragma, allowed in required.items():
        value = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
        if value not in allowed:
            raise IntegrityError(
                f"SQLite runs with {pragma}={value}; an acknowledged commit could be lost",
                where="database",
                remedy="put the file on a local disk, and use an unmodified SQLite",
            )


def postgres(url: URL) -> Engine:
    """Pooled connections, each checked for durable commits when it is made."""
    engine = create_engine(
        url, hide_parameters=True, pool_pre_ping=True, pool_size=POOL, max_overflow=OVERFLOW
    )

    @event.listens_for(engine, "connect")
    def _check(dbapi_connection: Any, _record: Any) -> None:
        try:
            settings = {
                name: dbapi_connection.execute(f"SHOW {name}").fetchone()[0]
                for name in ("synchronous_commit", "fsync", "full_page_writes")
            }
            dbapi_connection.rollback()
            check_postgres(settings)
        except BaseException:
            dbapi_connection.close()
            raise

    return engine


def check_postgres(settings: dict[str, str]) -> None:
    """Refuse a server that acknowledges commits before they are on disk.

    Raises:
        IntegrityError: names the setting.
    """
    required = {
        "synchronous_commit": ("on", "remote_apply"),
        "fsync": ("on",),
        "full_page_writes": ("on",),
    }
    for name, allowed in required.items():
        if settings[name] not in allowed:
            raise IntegrityError(
                f"PostgreSQL runs with {name}={settings[name]}; an acknowledged commit could be "
                "lost",
                where="database",
                remedy=f"set {name}=on for this database and role",
            )


def ping(engine: Engine) -> None:
    """Raise unless the database answers."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
