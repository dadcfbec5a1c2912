"""Rows of a read-only view, chosen by identity number.

The rows become one canonical JSON body, which is the evidence: what the database said, in a form
that can be read again years later.
"""

from __future__ import annotations

import contextlib
import contextvars
import datetime as dt
import functools
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete
from verify.connectors.http import Failure
from verify.connectors.protocols import SqlView
from verify.domain.canonical import canonical_bytes
from verify.domain.evidence import EvidenceState


def run(channel: Channel, protocol: SqlView, ticket: str) -> Outcome:
    """Select once, in a read-only transaction that ends with the deadline."""
    from sqlalchemy import column, select, table
    from sqlalchemy.exc import SQLAlchemyError

    limit = channel.declaration.limits.max_rows + 1
    names: list[Any] = [column(c) for c in protocol.columns]
    view = table(protocol.view, *names, column(protocol.id_column))
    asked = str(channel.values["id_number"])
    question = select(*names).where(view.c[protocol.id_column] == asked).limit(limit)
    day: Any = select(column(protocol.data_day)).select_from(table(protocol.data_day))
    with channel.throttle.slot(channel.until):
        channel.gate.pass_through()
        patience = max(_LEAST_PATIENCE, int(channel.declaration.deadline_seconds))
        try:
            with (
                _hung_up_after(channel.left),
                _engine(channel.address, patience).connect() as connection,
            ):
                _bound(connection, channel.left)
                rows = connection.execute(question).mappings().all()
                data_day = connection.execute(day).scalar_one()
        except SQLAlchemyError as error:
            if channel.left <= 0 or _cancelled(error):
                raise Failure(EvidenceState.TIMEOUT, "no_answer_in_time") from None
            raise Failure(EvidenceState.UNAVAILABLE, "database") from None
    if len(rows) >= limit:
        raise Failure(EvidenceState.MALFORMED, "too_many_rows")
    if channel.left <= 0:
        raise Failure(EvidenceState.TIMEOUT, "no_answer_in_time")
    return complete([_body(channel, rows, data_day)])


def _body(channel: Channel, rows: Any, data_day: Any) -> bytes:
    return canonical_bytes(
        {
            "outcome": "found" if rows else "nothing",
            "data_day": _plain(data_day),
            "subject": {"name": channel.values["name"], "id": channel.values["id_number"]},
            "total": len(rows),
            "rows": [{k: _plain(v) for k, v in row.items()} for row in rows],
        }
    )


def _plain(value: Any) -> Any:
    """A value as text or integer; a binary fraction holds no exact money and is refused."""
    if isinstance(value, float | bytes | bool):
        raise Failure(EvidenceState.SCHEMA_MISMATCH, "column_type")
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value


def _bound(connection: Any, seconds: float) -> None:
    """Read only, and no longer than the asking has time for."""
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":
        milliseconds = max(1, int(seconds * 1000))
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    elif connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA query_only = ON"))


_LEAST_PATIENCE = 2  # seconds to connect; PostgreSQL's library knows no less
_QUERY_CANCELED = "57014"


def _cancelled(error: Any) -> bool:
    return getattr(getattr(error, "orig", None), "sqlstate", "") == _QUERY_CANCELED


class _HangUp:
    """Ends the connections that it holds, when its time has come: for good, whatever waits.

    The statement's own time-out is kept by the database; one that has frozen keeps none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[Any] = []
        self._over = False

    def hold(self, raw: Any) -> None:
        with self._lock:
            self._held.append(raw)
            over = self._over
        if over:
            self.now()

    def now(self) -> None:
        with self._lock:
            self._over = True
            held = list(self._held)
        for raw in held:
            _cut(raw)


_HANG_UP: contextvars.ContextVar[_HangUp] = contextvars.ContextVar("hang_up")


@contextlib.contextmanager
def _hung_up_after(seconds: float) -> Iterator[None]:
    """Within, whatever is still going on with a database after so many seconds fails."""
    end = _HangUp()
    timer = threading.Timer(max(0.0, seconds), end.now)
    timer.daemon = True
    token = _HANG_UP.set(end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _HANG_UP.reset(token)


def _cut(raw: Any) -> None:
    """End what a connection is doing, under the feet of the thread that waits for it."""
    if isinstance(raw, sqlite3.Connection):
        with contextlib.suppress(sqlite3.Error):  # it has ended by itself
            raw.interrupt()
        return
    from psycopg import Error

    with contextlib.suppress(OSError, Error), socket.socket(fileno=os.dup(raw.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)


@functools.lru_cache(maxsize=32)
def _engine(url: str, patience: int) -> Any:
    from sqlalchemy import NullPool, create_engine, event

    # A connection for each question: a kept one might have died, and to ask it whether it has
    # is to wait for an answer again.
    option = "timeout" if url.startswith("sqlite") else "connect_timeout"
    engine = create_engine(url, poolclass=NullPool, connect_args={option: patience})
    # First of all listeners: SQLAlchemy's own asks a new database for its version.
    event.listen(engine, "connect", lambda raw, _: _HANG_UP.get().hold(raw), insert=True)
    return engine
