"""Copies of the database: whole, checked, private, and recognised when they are old."""

from __future__ import annotations

import threading

import pytest

from support.desk import NATIONAL, Desk
from support.notary import Office
from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.store import Store
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


def test_without_postgresqls_own_tools_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "copy").write_bytes(b"x")
    for act in (
        lambda: backup("postgresql://u:canary@127.0.0.1:1/db", tmp_path / "new"),
        lambda: restore("postgresql://u:canary@127.0.0.1:1/db", tmp_path / "copy"),
    ):
        with pytest.raises(Conflict, match="not installed") as refused:
            act()
        assert "canary" not in str(refused.value)
    assert not (tmp_path / "new").exists()


def test_the_databases_password_is_on_no_command_line(tmp_path, monkeypatch):
    """Every user of the host may read the words of a running process."""
    said = tmp_path / "said"
    for tool in ("pg_dump", "pg_restore"):
        program = tmp_path / tool
        program.write_text(f'#!/bin/sh\necho "$0 $@" >> {said}\necho "$PGPASSWORD" >> {said}.env\n')
        program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    url = "postgresql+psycopg://clerk:se%40cret@127.0.0.1:5432/verify"
    backup(url, tmp_path / "copy")
    restore(url, tmp_path / "copy")
    words = said.read_text()
    assert words.count("postgresql://clerk@127.0.0.1:5432/verify") == 2
    assert "cret" not in words
    assert said.with_suffix(".env").read_text() == "se@cret\n" * 2
