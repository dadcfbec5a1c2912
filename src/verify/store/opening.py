"""Open a database for writing or reading: engines, writer and lock that belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from verify.store import engines, migrations
from verify.store.writer import GroupWriter, PooledWriter, ReadOnly, Writer, unavailable


@dataclass(frozen=True)
class Opened:
    """An open database. `release` gives back the right to write."""

    readers: Engine
    writer: Writer
    engines: Sequence[Engine]
    release: Callable[[], None] = lambda: None


def open_database(url: str, *, read_only: bool) -> Opened:
    """Open a database, upgrading it unless `read_only`; raises as `Store.open`."""
    parsed = engines.parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            file = engines.sqlite_file(parsed)
            return _read_sqlite(file) if read_only else _write_sqlite(file)
        return _postgres(engines.postgres(parsed), read_only)
    except SQLAlchemyError:
        raise unavailable() from None


def _read_sqlite(file: Path) -> Opened:
    readers = engines.sqlite_reader(file)
    try:
        with readers.connect() as connection:
            migrations.require_head(connection)
    except BaseException:
        readers.dispose()
        raise
    return Opened(readers, ReadOnly(), [readers])


def _write_sqlite(file: Path) -> Opened:
    engines.create_file(file)
    lock = engines.WriterLock(file)
    writing = None
    try:
        writing = engines.sqlite_writer(file)
        with writing.begin() as connection:
            migrations.upgrade(connection)
    except BaseException:
        if writing is not None:
            writing.dispose()
        lock.release()
        raise
    readers = engines.sqlite_reader(file)
    # Readers close first: the last connection to close checkpoints, and must be the writer.
    return Opened(readers, GroupWriter(writing), [readers, writing], lock.release)


def _postgres(engine: Engine, read_only: bool) -> Opened:
    try:
        with engine.begin() as connection:
            if read_only:
                migrations.require_head(connection)
            else:
                migrations.upgrade(connection)
    except BaseException:
        engine.dispose()
        raise
    # One snapshot per read, so that a check never sees half of a concurrent commit.
    readers = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Opened(readers, ReadOnly() if read_only else PooledWriter(engine), [engine])
