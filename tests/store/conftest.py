"""A desk at each kind of store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.desk import Desk
from support.insider import Insider
from verify.store import Store


@pytest.fixture
def desk(store: Store) -> Desk:
    """On SQLite, and on PostgreSQL."""
    made = Desk(store)
    made.keep()
    return made


@pytest.fixture
def open_sqlite(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Open the test's SQLite file; whatever was opened is closed at the end."""
    opened: list[Store] = []

    def open_(**options: Any) -> Store:
        opened.append(Store.open(f"sqlite:///{tmp_path / 'verify.db'}", **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def sqlite_desk(open_sqlite: Callable[..., Store]) -> Desk:
    """On SQLite only."""
    made = Desk(open_sqlite())
    made.keep()
    return made


@pytest.fixture
def insider(database_url: str) -> Iterator[Insider]:
    """Somebody with full access to the test's database."""
    made = Insider(database_url)
    yield made
    made.engine.dispose()
