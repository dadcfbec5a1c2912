"""Opening: durable or not at all, one writer, readers beside it, schema in step with the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from support.desk import NATIONAL, Desk, person
from verify.domain.errors import Conflict, IntegrityError, NotFound, Overloaded
from verify.store import Store, migrations
from verify.store.engines import check_postgres, check_sqlite, parse
from verify.store.tables import metadata

DURABLE = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}


def in_another_process(code: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_second_writing_process_is_refused_and_told_what_to_do(open_sqlite, tmp_path):
    open_sqlite()
    code = (
        "import sys\n"
        "from verify.domain.errors import Conflict\n"
        "from verify.store import Store\n"
        "try: Store.open(sys.argv[1])\n"
        "except Conflict as error: print(error)\n"
    )
    done = in_another_process(code, f"sqlite:///{tmp_path / 'verify.db'}")
    assert "another process writes this SQLite database" in done.stdout, done.stderr
    assert "What to do" in done.stdout
    with pytest.raises(Conflict):
        open_sqlite()


def test_the_right_to_write_is_free_again_after_closing(open_sqlite):
    open_sqlite().close()
    open_sqlite().close()


def test_a_fresh_process_reads_while_the_server_writes(sqlite_desk, tmp_path):
    verification = sqlite_desk.finished()
    code = (
        "import sys\n"
        "from verify.domain.access import LOCAL\n"
        "from verify.store import Store\n"
        "with Store.open(sys.argv[1], read_only=True) as store:\n"
        "    (row,) = store.list(LOCAL)[0]\n"
        "    print(row.id, store.check_integrity(row.id, LOCAL))\n"
    )
    done = in_another_process(code, f"sqlite:///{tmp_path / 'verify.db'}")
    assert done.stdout.split() == [verification, "()"], done.stderr
    sqlite_desk.accept()


def test_a_reader_sees_what_is_written_after_it_opened(desk, open_store):
    reader = open_store(read_only=True)
    verification = desk.accept()
    assert reader.verification(verification, NATIONAL).state == "asking"


def test_a_store_opened_for_reading_refuses_every_write(desk, open_store):
    verification = desk.finished()
    reading = Desk(open_store(read_only=True))
    for write in (
        reading.keep,
        reading.accept,
        reading.claim,
        lambda: reading.store.cancel(verification, person(), 0),
        lambda: reading.store.wake(verification, 0),
    ):
        with pytest.raises(Conflict):
            write()
    assert len(reading.store.verdicts(verification, person())) == 2


def test_the_readers_connection_itself_cannot_write(desk, open_store):
    reader = open_store(read_only=True)
    with pytest.raises(Overloaded):
        reader._read(lambda c: c.execute(text("DELETE FROM api_keys")))


def test_reading_where_there_is_nothing_is_not_found_and_makes_no_file(tmp_path):
    with pytest.raises(NotFound):
        Store.open(f"sqlite:///{tmp_path / 'none.db'}", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_the_database_file_is_readable_by_its_owner_only(open_sqlite, tmp_path):
    open_sqlite()
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "not a url"])
def test_a_database_that_cannot_serve_is_refused(url):
    with pytest.raises(Conflict):
        Store.open(url)


def test_an_unusable_address_is_refused_without_quoting_its_password():
    with pytest.raises(Conflict) as refused:
        Store.open("postgresql//user:canary-secret@host/db")
    assert "canary" not in str(refused.value)


def test_a_postgresql_that_does_not_answer_is_reported_as_such():
    with pytest.raises(Overloaded) as refused:
        Store.open("postgresql://user:canary-secret@127.0.0.1:1/db")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_sqlite_that_could_lose_an_acknowledged_commit_is_refused(tmp_path, synchronous):
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("PRAGMA synchronous=FULL")
        check_sqlite(connection)
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        with pytest.raises(IntegrityError):
            check_sqlite(connection)
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synchronous_commit", "off"),
        ("synchronous_commit", "local"),
        ("synchronous_commit", "remote_write"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
    ],
)
def test_postgresql_that_could_lose_an_acknowledged_commit_is_refused(name, value):
    check_postgres(DURABLE)
    with pytest.raises(IntegrityError) as refused:
        check_postgres({**DURABLE, name: value})
    assert name in str(refused.value)


@pytest.mark.postgres
def test_a_real_postgresql_set_to_lose_commits_is_refused(postgres_empty_url):
    url = make_url(postgres_empty_url)
    with psycopg.connect(postgres_empty_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{url.database}" SET synchronous_commit = off')
    with pytest.raises(IntegrityError):
        Store.open(postgres_empty_url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return request.getfixturevalue("postgres_empty_url")


def test_an_empty_database_gets_exactly_the_tables_that_the_code_knows(empty_url):
    Store.open(empty_url).close()
    engine = create_engine(parse(empty_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_revision_the_code_asks_for_is_the_newest_migration():
    script = ScriptDirectory.from_config(migrations.config())
    assert script.get_heads() == [migrations.HEAD]


def test_opening_again_migrates_nothing_and_keeps_everything(desk, open_store, database_url):
    verification = desk.finished()
    desk.store.close()
    again = open_store()
    assert again.check_integrity(verification, NATIONAL) == ()


def test_a_database_of_a_newer_version_is_left_alone(empty_url):
    Store.open(empty_url).close()
    engine = create_engine(parse(empty_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for read_only in (False, True):
        with pytest.raises(Conflict) as refused:
            Store.open(empty_url, read_only=read_only)
        assert "9999" in str(refused.value)


@pytest.mark.postgres
def test_two_processes_that_open_an_empty_postgresql_at_once_both_succeed(postgres_empty_url):
    code = "import sys\nfrom verify.store import Store\nStore.open(sys.argv[1]).close()\n"
    started = [subprocess.Popen([sys.executable, "-c", code, postgres_empty_url]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in started] == [0, 0]


def test_a_reader_of_a_database_without_tables_is_told_to_upgrade(tmp_path):
    file = tmp_path / "bare.db"
    Path(file).touch()
    with pytest.raises(Conflict) as refused:
        Store.open(f"sqlite:///{file}", read_only=True)
    assert "open it once for writing" in str(refused.value)


def test_a_closed_store_takes_no_more_work(desk):
    desk.store.close()
    desk.store.close()
    for work in (desk.accept, desk.claim, lambda: desk.store.list(NATIONAL), desk.store.ping):
        with pytest.raises(Overloaded):
            work()
