"""Somebody with full access to the database and no regard for foreign keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    and_,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.pool import StaticPool

from verify.store.engines import parse

Row = Mapping[str, Any]


class Insider:
    """Changes, removes and adds rows behind the store's back."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(parse(url), poolclass=StaticPool)
        if self.engine.dialect.name == "postgresql":
            event.listen(self.engine, "connect", _ignore_foreign_keys)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            yield connection

    def rows(self, table: Table) -> list[Row]:
        with self.connection() as connection:
            return [dict(r) for r in connection.execute(select(table)).mappings()]

    def change(self, table: Table, row: Row, changed: Row) -> None:
        with self.connection() as connection:
            done = connection.execute(update(table).where(_key(table, row)).values(**changed))
            assert done.rowcount == 1

    def remove(self, table: Table, row: Row) -> None:
        with self.connection() as connection:
            assert connection.execute(delete(table).where(_key(table, row))).rowcount == 1

    def add(self, table: Table, row: Row) -> None:
        with self.connection() as connection:
            connection.execute(insert(table), dict(row))


def _ignore_foreign_keys(connection: Any, _record: Any) -> None:
    connection.execute("SET session_replication_role = replica")
    connection.commit()


def _key(table: Table, row: Row) -> Any:
    return and_(*(column == row[column.name] for column in table.primary_key.columns))


def altered(value: Any, column: Any) -> Any:
    """The smallest change: one character, one bit, a number a little off."""
    if value is None:
        return "x" if column.type.python_type is str else 1
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1000
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if not value:
        return "x"
    return value[:-1] + ("0" if value[-1] != "0" else "1")
