"""Copies of the database: whole, checked, private, and recognised when they are old."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from support.desk import NATIONAL, Desk
from support.notary import Office
from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.store import Store, postgres_tools
from verify.store.backup import backup, restore

FINAL = {"outcome": "eligible", "final": True, "state": "completed", "due_at": None}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'verify.db'}"


def test_a_copy_made_while_the_service_writes_is_whole(url, tmp_path):
    with Store.open(url) as store:
        desk = Desk(store)
        desk.keep()
        first = desk.finished()
        stop = threading.Event()

        def write():
            while not stop.is_set():
                desk.accept()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(3):
                backup(url, tmp_path / f"copy{number}.db")
        finally:
            stop.set()
            writer.join()
    for number in range(3):
        copy = tmp_path / f"copy{number}.db"
        assert copy.stat().st_mode & 0o077 == 0
        with Store.open(f"sqlite:///{copy}", read_only=True) as store:
            rows, _ = store.list(NATIONAL, limit=200)
            assert first in {row.id for row in rows} or len(rows) == 200
            assert all(store.check_integrity(row.id, NATIONAL) == () for row in rows[:20])
            assert store.check_integrity(first, NATIONAL) == ()


def test_a_restored_copy_is_the_database_it_was_taken_from(url, tmp_path):
    with Store.open(url) as store:
        office = Office(store, tmp_path / "home")
        kept = office.finished(1)
    backup(url, tmp_path / "copy.db")
    (tmp_path / "verify.db").unlink()
    restore(url, tmp_path / "copy.db")
    with Store.open(url) as store:
        office = Office(store, tmp_path / "home")
        assert office.notary.once().refused == ""
        assert office.faults == set()
        assert len(store.verdicts(kept, NATIONAL)) == 2
    assert (tmp_path / "verify.db").stat().st_mode & 0o077 == 0


def test_a_copy_older_than_what_was_witnessed_makes_nothing_final(url, tmp_path):
    with Store.open(url) as store:
        Office(store, tmp_path / "home").finished(1)
    backup(url, tmp_path / "old.db")
    with Store.open(url) as store:
        office = Office(store, tmp_path / "home")
        office.desk.now += 10**8
        office.finished(2)
    backup(url, tmp_path / "new.db")
    restore(url, tmp_path / "old.db")
    with Store.open(url) as store:
        office = Office(store, tmp_path / "home")
        office.desk.accept()
        (claim, *_) = office.desk.claim()
        assert office.desk.seal(claim, **FINAL).status == "held"
        assert ("log", "log") in office.faults
    restore(url, tmp_path / "new.db")
    with Store.open(url) as store:
        assert Office(store, tmp_path / "home").faults == set()


def test_nothing_is_overwritten_and_nothing_damaged_is_restored(url, tmp_path):
    with Store.open(url) as store:
        Desk(store).keep()
        with pytest.raises(Conflict, match="another process"):
            restore(url, tmp_path / "verify.db")
    copy = tmp_path / "copy.db"
    backup(url, copy)
    with pytest.raises(Conflict, match="stays"):
        backup(url, copy)
    raw = copy.read_bytes()
    # The head of a page; whatever only changes a value is found by the check of the seals.
    copy.write_bytes(raw[:4096] + b"\xff" * 100 + raw[4196:])
    with pytest.raises(IntegrityError):
        restore(url, copy)
    copy.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(IntegrityError):
        restore(url, copy)
    with pytest.raises(NotFound):
        restore(url, tmp_path / "none.db")
    with pytest.raises(NotFound):
        backup(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "x.db")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    with Store.open(url, read_only=True) as store:
        store.ping()


def test_a_copy_is_private_whatever_had_the_name_of_its_draft(url, tmp_path):
    with Store.open(url) as store:
        Desk(store).keep()
    others = tmp_path / "of-somebody-else"
    others.write_bytes(b"theirs")
    open_to_all = tmp_path / ".first.db.new"
    open_to_all.touch()
    open_to_all.chmod(0o666)
    (tmp_path / ".second.db.new").symlink_to(others)
    for name in ("first.db", "second.db"):
        backup(url, tmp_path / name)
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert others.read_bytes() == b"theirs"


def test_a_restoration_that_fails_at_the_end_leaves_the_old_database_whole(
    url, tmp_path, monkeypatch
):
    with Store.open(url) as store:
        Desk(store).keep()
    backup(url, tmp_path / "copy.db")
    database = tmp_path / "verify.db"
    killed = sqlite3.connect(database)
    killed.execute("PRAGMA wal_autocheckpoint=0")
    killed.execute("CREATE TABLE only_in_the_log (x)")
    killed.commit()
    parts = {p: p.read_bytes() for p in tmp_path.glob("verify.db*") if p.suffix != ".db-shm"}
    killed.close()
    for part, data in parts.items():  # as it lies there after a crash
        part.write_bytes(data)
    assert b"only_in_the_log" not in database.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            restore(url, tmp_path / "copy.db")
    with closing(sqlite3.connect(database)) as left:
        assert left.execute("SELECT count(*) FROM only_in_the_log").fetchone() == (0,)


def test_without_postgresqls_own_tools_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_tools, "VERSIONED", ())
    (tmp_path / "copy").write_bytes(b"x")
    for act in (
        lambda: backup("postgresql://u:canary@127.0.0.1:1/db", tmp_path / "new"),
        lambda: restore("postgresql://u:canary@127.0.0.1:1/db", tmp_path / "copy"),
    ):
        with pytest.raises(Conflict, match="not installed") as refused:
            act()
        assert "canary" not in str(refused.value)
        assert "VERIFY_POSTGRES_BIN" in refused.value.remedy
    assert not (tmp_path / "new").exists()


def tool(folder, name, major, then="exit 0"):
    """A program that says its version, and otherwise does as it is told."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    said = f"echo '{name} (PostgreSQL) {major}.1'"
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then {said}; exit; fi\n{then}\n')
    program.chmod(0o700)
    return program


@pytest.mark.postgres
def test_the_databases_password_is_on_no_command_line(tmp_path, postgres_tcp_url):
    """Every user of the host may read the words of a running process."""
    said = tmp_path / "said"
    then = (
        f'echo "$0 $@" >> {said}; echo "$PGPASSWORD" >> {said}.env; '
        'echo "1; 1 1 TABLE public verifications u"'
    )
    major = postgres_tools.ask_server(make_url(postgres_tcp_url)).major
    for name in ("pg_dump", "pg_restore"):
        tool(tmp_path / "bin", name, major, then)
    url = make_url(postgres_tcp_url).set(password="se@cret")  # the server asks for none
    there = url.render_as_string(hide_password=False)
    backup(there, tmp_path / "copy", tmp_path / "bin")
    restore(there, tmp_path / "copy", tmp_path / "bin")
    words = said.read_text()
    plain = url.set(drivername="postgresql")._replace(password=None).render_as_string()
    assert words.count(f"--dbname={plain}") == 2
    assert "cret" not in words
    secrets = said.with_suffix(".env").read_text().split("\n")
    assert secrets.count("se@cret") == 2


def test_of_all_versions_installed_the_servers_own_is_taken_and_no_other(tmp_path, monkeypatch):
    for major in (15, 17, 18, 19):
        tool(tmp_path / f"lib/{major}/bin", "pg_dump", major)
    first = tool(tmp_path / "path", "pg_dump", 18)
    tool(tmp_path / "lib/broken/bin", "pg_dump", "eleven")
    monkeypatch.setenv("PATH", str(tmp_path / "path"), prepend=":")
    monkeypatch.setattr(postgres_tools, "VERSIONED", (str(tmp_path / "lib/*/bin"),))
    found = postgres_tools.installed("pg_dump", None)
    assert sorted(program.major for program in found) == [15, 17, 18, 18, 19]

    def taken(server):
        return postgres_tools.fitting(found, postgres_tools.Server(server, 0)).path

    assert taken(17) == tmp_path / "lib/17/bin/pg_dump"
    assert taken(18) == first  # of one version, the one on PATH
    for other in (16, 20):  # what a newer one writes may not go back into an older server
        with pytest.raises(Conflict, match=f"PostgreSQL {other}") as refused:
            taken(other)
        assert f"postgresql-client-{other}" in refused.value.remedy
        assert f"15 ({tmp_path / 'lib/15/bin/pg_dump'})" in str(refused.value)
    only = postgres_tools.installed("pg_dump", tmp_path / "lib/15/bin")
    assert [program.major for program in only] == [15]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("complaint", "error", "reason", "remedy"),
    [
        ("pg_restore: error: unsupported version (1.16) in file header", Conflict, "newer", "new"),
        ("pg_restore: error: could not uncompress data", IntegrityError, "damaged", "another copy"),
    ],
)
def test_what_a_program_complains_about_is_said_in_our_own_words(
    tmp_path, postgres_empty_url, complaint, error, reason, remedy
):
    server = postgres_tools.ask_server(make_url(postgres_empty_url))
    tool(tmp_path / "bin", "pg_restore", server.major, f"echo '{complaint}' >&2; exit 1")
    (tmp_path / "copy").write_bytes(b"PGDMP" + bytes(100))
    with pytest.raises(error, match=reason) as refused:
        restore(postgres_empty_url, tmp_path / "copy", tmp_path / "bin")
    assert remedy in refused.value.remedy
    assert complaint not in str(refused.value)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("complaint", "reason"),
    [
        ("pg_dump: error: query failed: permission denied for table verdicts", "may not do this"),
        ("pg_dump: error: could not write: No space left on device", "no space left"),
        ("pg_dump: error: connection to clerk:canary@host was lost", "status 1"),
    ],
)
def test_a_copy_that_stopped_half_way_leaves_nothing(
    tmp_path, postgres_empty_url, complaint, reason
):
    server = postgres_tools.ask_server(make_url(postgres_empty_url))
    half = "for w; do case $w in --file=*) echo half > ${w#--file=};; esac; done"
    tool(tmp_path / "bin", "pg_dump", server.major, f"{half}; echo '{complaint}' >&2; exit 1")
    with pytest.raises(Conflict, match=reason) as refused:
        backup(postgres_empty_url, tmp_path / "copy", tmp_path / "bin")
    assert refused.value.remedy
    assert "canary" not in str(refused.value)
    assert [p.name for p in tmp_path.iterdir()] == ["bin"]


def test_a_copy_of_one_kind_is_not_restored_into_the_other(url, tmp_path):
    with Store.open(url) as store:
        Desk(store).keep()
    backup(url, tmp_path / "copy.db")
    with pytest.raises(Conflict, match="copy of a SQLite database") as refused:
        restore("postgresql://u:canary@127.0.0.1:1/db", tmp_path / "copy.db")
    assert "VERIFY_DATABASE_URL" in refused.value.remedy
    before = (tmp_path / "verify.db").read_bytes()
    (tmp_path / "dump").write_bytes(b"PGDMP" + bytes(100))
    with pytest.raises(Conflict, match="copy of a PostgreSQL database"):
        restore(url, tmp_path / "dump")
    with sqlite3.connect(tmp_path / "another.db") as another:
        another.execute("CREATE TABLE birds (name text)")
    another.close()
    with pytest.raises(IntegrityError, match="some other database"):
        restore(url, tmp_path / "another.db")
    assert (tmp_path / "verify.db").read_bytes() == before
