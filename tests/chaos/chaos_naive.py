"""The service as one would write it without thinking of crashes: the tests' negative control.

Every statement commits for itself, so a verdict, its ledger entry and the new state are three
commits instead of one, and no lock outlives a statement. Without kills it works: what refers to
a row that comes a statement later is not checked.
"""

from __future__ import annotations

import contextlib
from typing import Any

from sqlalchemy import Engine, event

from verify.store import engines, leasing, sealing, writer


def install() -> None:
    """Make the store of this process naive."""
    writer._savepoint = lambda _connection: contextlib.nullcontext()  # type: ignore[assignment]
    engines.check_sqlite = lambda _connection: None  # it would refuse such a database
    leasing.holds = sealing.holds = lambda _row, _claim: True  # no fencing

    @event.listens_for(Engine, "before_cursor_execute")
    def _unchecked(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            cursor.execute("PRAGMA foreign_keys=OFF")

    @event.listens_for(Engine, "after_cursor_execute")
    def _commit(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip()[:6].upper() not in ("INSERT", "UPDATE", "DELETE"):
            return
        driver = connection.connection.driver_connection
        driver.commit()
        if connection.dialect.name == "sqlite":
            driver.execute("BEGIN IMMEDIATE")
