"""An upgrade of the tables that is killed at any statement is ended by the next start."""

from __future__ import annotations

import os
import signal

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, event, inspect, text

from support import forks
from verify.store import Store, migrations
from verify.store.engines import parse
from verify.store.tables import metadata

ALL = os.environ.get("VERIFY_POINTS", "") == "all"
BODY = b"a raw answer of before"


@pytest.fixture(scope="module")
def processes():
    return forks.server("chaos_house", "test_chaos_migrating")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'old.db'}"
    return request.getfixturevalue("postgres_empty_url")


def at_the_first_revision(url: str) -> None:
    """A database of the first version, with something in it."""
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        command.upgrade(migrations.config(connection), "0001")
        connection.execute(
            text("INSERT INTO blobs (digest, body) VALUES (:digest, :body)"),
            {"digest": "sha256:" + "a" * 64, "body": BODY},
        )
    engine.dispose()


def upgraded(url: str, kill_before: int) -> None:
    """A process that opens the database and is killed before its nth statement."""
    count = 0

    @event.listens_for(Engine, "before_cursor_execute")
    def _count(*_: object) -> None:
        nonlocal count
        count += 1
        if count == kill_before:
            os.kill(os.getpid(), signal.SIGKILL)

    Store.open(url).close()


def shape(url: str) -> tuple[str | None, set[str], bytes | None]:
    """Revision, tables, and what was in it before."""
    engine = create_engine(parse(url))
    with engine.connect() as connection:
        found = migrations.current(connection)
        tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
        body = connection.execute(text("SELECT body FROM blobs")).scalar()
    engine.dispose()
    return found, tables, bytes(body) if body is not None else None


def test_an_upgrade_killed_at_any_statement_is_begun_again_and_ends(empty_url, processes):
    at_the_first_revision(empty_url)
    before = shape(empty_url)
    assert before[0] == "0001"
    killed = 0
    for number in range(2, 400, 1 if ALL else 7):
        process = processes.Process(target=upgraded, args=(empty_url, number))
        process.start()
        process.join(60)
        code = process.exitcode
        process.close()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        revision, tables, body = shape(empty_url)
        # All of it or nothing of it, and never a table or a row less.
        assert (revision, tables) in (
            (before[0], before[1]),
            (migrations.HEAD, set(metadata.tables)),
        )
        assert body == BODY
    Store.open(empty_url).close()
    assert shape(empty_url) == (migrations.HEAD, set(metadata.tables), BODY)
    print(f"\n{killed} kills during an upgrade")
    assert killed >= 5
