"""Rows that belong to nothing, and keys that stand twice.

Every table that names a verification is held to the verifications there are: a row of none is read
by nobody today, and by whoever makes that verification tomorrow. Where a key could stand twice, one
row would hide another; the database itself forbids that, so its unique keys must still be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, UniqueConstraint, exists, func, inspect, select

from verify.store import tables
from verify.store.rows import Fault
from verify.store.tables import verifications

BOUND_BY_THEIR_LEAF = frozenset({"accesses"})
"""Tables whose rows name a verification, or none, and stand in the log themselves."""

Key = frozenset[str]


def check(connection: Connection) -> Iterator[Fault]:
    """Every row of no verification, and every unique key that was taken away."""
    yield from _key_faults(connection)
    for table in of_verifications():
        column = table.c.verification
        there = exists(select(verifications.c.id).where(verifications.c.id == column))
        query = select(column).where(~there).distinct().order_by(column)
        for name in connection.execute(query).scalars():
            yield Fault(f"{table.name} of {name}", "there is no such verification")


def of_verifications() -> list[Table]:
    """The tables whose rows belong to a verification."""
    every = tables.metadata.sorted_tables
    return [t for t in every if "verification" in t.c and t.name not in BOUND_BY_THEIR_LEAF]


def _key_faults(connection: Connection) -> Iterator[Fault]:
    present = _present(connection)
    for table in tables.metadata.sorted_tables:
        for key in wanted(table):
            if any(there <= key for there in present.get(table.name, ())):
                continue
            columns = [c for c in table.columns if c.name in key]
            name = ", ".join(column.name for column in columns)
            yield Fault(f"table {table.name}", f"its unique key ({name}) was taken away")
            twice = select(*columns).group_by(*columns).having(func.count() > 1)
            for row in connection.execute(twice.order_by(*columns)):
                which = ", ".join(str(value) for value in row)
                yield Fault(f"{table.name} {which}", "it stands there more than once")


def wanted(table: Table) -> list[Key]:
    """The sets of columns in which no two rows of a table are equal."""
    uniques = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
    return [
        frozenset(column.name for column in constraint.columns)
        for constraint in (table.primary_key, *uniques)
    ]


def _present(connection: Connection) -> dict[str, list[Key]]:
    """The unique keys that the database keeps, by table."""
    look = inspect(connection)
    found: dict[str, list[Key]] = {}
    for (_, table), key in look.get_multi_pk_constraint().items():
        _note(found, table, key["constrained_columns"] if key else ())
    for (_, table), constraints in look.get_multi_unique_constraints().items():
        for constraint in constraints:
            _note(found, table, constraint["column_names"])
    for (_, table), indexes in look.get_multi_indexes().items():
        for index in indexes:
            if index["unique"] and not _partial(index):
                _note(found, table, index["column_names"])
    return found


def _note(found: dict[str, list[Key]], table: str, columns: Sequence[str | None]) -> None:
    names = frozenset(name for name in columns if name)
    if names and len(names) == len(columns):  # of an expression nothing follows for the columns
        found.setdefault(table, []).append(names)


def _partial(index: Any) -> bool:
    return any(name.endswith("_where") for name in index.get("dialect_options", ()))
