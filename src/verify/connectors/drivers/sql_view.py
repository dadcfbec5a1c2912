"""Rows of a read-only view, chosen by identity number.

The rows become one canonical JSON body, which is the evidence: what the database said, in a form
that can be read again years later.
"""

from __future__ import annotations

import datetime as dt
import functools
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
        try:
            with _engine(channel.address).connect() as connection:
                _bound(connection, channel.left)
                rows = connection.execute(question).mappings().all()
                data_day = connection.execute(day).scalar_one()
        except SQLAlchemyError:
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


@functools.lru_cache(maxsize=32)
def _engine(url: str) -> Any:
    from sqlalchemy import create_engine

    # Autocommit off, a small pool: a view of another department is no place to crowd.
    return create_engine(url, pool_size=2, max_overflow=2, pool_pre_ping=True)
