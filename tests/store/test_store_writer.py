"""Group commit: many share one commit, one failure is one caller's, nothing early, nothing late."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, insert, text

from support.desk import HOUR, Desk
from verify.domain.errors import Conflict, Overloaded, VerifyError
from verify.store import EntryKind, engines
from verify.store import writer as writing
from verify.store.ledger import Head, entry
from verify.store.tables import ledger
from verify.store.vault import MasterKeys
from verify.store.writer import GroupWriter


@pytest.fixture
def engine(tmp_path):
    file = tmp_path / "group.db"
    engines.create_file(file)
    made = engines.sqlite_writer(file)
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY, pad BLOB)"))
    yield made
    made.dispose()


@pytest.fixture
def writer(engine):
    made = GroupWriter(engine)
    yield made
    made.close()


def put(n: int, pad: bytes = b""):
    def unit(connection):
        connection.execute(text("INSERT INTO t VALUES (:n, :pad)"), {"n": n, "pad": pad})
        return n

    return unit


def stored(writer) -> list[int]:
    return writer.run(lambda c: list(c.execute(text("SELECT n FROM t ORDER BY n")).scalars()))


class Gate:
    """A unit that holds the writer up, so that the next ones have to wait together."""

    def __init__(self, writer) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=lambda: writer.run(self._unit))
        self.thread.start()
        assert self.entered.wait(10)

    def _unit(self, _connection) -> None:
        self.entered.set()
        assert self.opened.wait(10)

    def open(self) -> None:
        self.opened.set()
        self.thread.join(10)


def together(writer, units):
    """Submit all while the writer is held up; results or errors in order."""
    gate = Gate(writer)

    def attempt(unit):
        try:
            return writer.run(unit)
        except Exception as error:  # noqa: BLE001 - told apart by the caller
            return error

    with ThreadPoolExecutor(len(units)) as pool:
        futures = []
        for n, unit in enumerate(units, 1):
            futures.append(pool.submit(attempt, unit))
            wait_for_size(writer, n)
        gate.open()
        return [f.result() for f in futures]


def wait_for_size(writer, size: int) -> None:
    for _ in range(10_000):
        if writer._queue.qsize() >= size:
            return
        threading.Event().wait(0.001)
    raise AssertionError("the unit was not queued")


def test_units_that_wait_together_share_one_commit(writer, engine):
    commits = []
    event.listen(engine, "commit", lambda _c: commits.append(1))
    results = together(writer, [put(n) for n in range(20)])
    assert results == list(range(20))
    assert len(commits) == 2  # the gate's, and one for all twenty


def test_a_failing_unit_loses_only_its_own_writes(writer):
    def half_done(connection):
        put(100)(connection)
        raise Conflict("no")

    def broken(connection):
        put(101)(connection)
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    def buggy(connection):
        put(102)(connection)
        raise KeyError("x")

    results = together(writer, [put(1), half_done, put(2), broken, buggy, put(1), put(3)])
    assert [type(r).__name__ for r in results] == [
        "int", "Conflict", "int", "Overloaded", "KeyError", "VerifyError", "int",
    ]  # fmt: skip
    assert stored(writer) == [1, 2, 3]


def test_nobody_is_told_before_the_commit(writer, engine):
    told_at_commit = []
    answered = threading.Event()
    event.listen(engine, "commit", lambda _c: told_at_commit.append(answered.is_set()))
    writer.run(put(1))
    answered.set()
    assert told_at_commit == [False]


def test_a_commit_that_fails_is_nobodys_success(writer, engine):
    failing = [True]

    @event.listens_for(engine, "commit")
    def fail(_connection) -> None:
        if failing:
            failing.clear()
            raise OSError("no space left on device")

    with pytest.raises(Overloaded):
        writer.run(put(1))
    assert stored(writer) == []
    writer.run(put(2))
    assert stored(writer) == [2]


def test_a_full_disk_refuses_and_the_store_lives_on(writer, engine):
    writer.run(put(0))
    pages = writer.run(lambda c: c.execute(text("PRAGMA page_count")).scalar())
    writer.run(lambda c: c.execute(text(f"PRAGMA max_page_count={pages + 2}")).scalar())
    with pytest.raises(Overloaded):
        writer.run(put(1, b"x" * 1_000_000))
    writer.run(lambda c: c.execute(text("PRAGMA max_page_count=1000000")).scalar())
    writer.run(put(2, b"x" * 1_000_000))
    assert stored(writer) == [0, 2]


def test_what_was_queued_before_closing_is_finished(writer):
    gate = Gate(writer)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(writer.run, put(n)) for n in range(3)]
        wait_for_size(writer, 3)
        closing = threading.Thread(target=writer.close)
        closing.start()
        gate.open()
        assert [f.result(10) for f in futures] == [0, 1, 2]
        closing.join(10)
    with pytest.raises(Overloaded):
        writer.run(put(9))


def test_database_errors_never_quote_values(desk):
    with pytest.raises(VerifyError) as refused:
        desk.store._writer.run(lambda c: insert_orphan(c, "canary-张三"))
    said = f"{refused.value}{refused.value!r}{refused.value.__cause__}"
    assert "canary" not in said
    assert "nothing of it was stored" in said


def insert_orphan(connection, verification: str) -> None:
    """A ledger entry of a verification that does not exist: foreign keys refuse it."""
    row = entry(verification, Head(), EntryKind.ACCEPTED, 0, {})
    connection.execute(insert(ledger), row)


# -- what was overwritten ---------------------------------------------------------------------

SECRET = b"what was overwritten" * 4


def on_disk(folder, what: bytes) -> list[str]:
    return [path.name for path in folder.glob("*.db*") if what in path.read_bytes()]


def overwritten(writer) -> None:
    for n, pad in ((1, b""), (2, SECRET)):
        writer.run(put(n, pad))
    writer.run(lambda c: c.execute(text("UPDATE t SET pad = x'' WHERE n = 2")))


def test_what_was_overwritten_is_nowhere_on_the_disk_once_it_was_shed(writer, tmp_path):
    overwritten(writer)
    assert on_disk(tmp_path, SECRET) == ["group.db-wal"]
    writer.shed()
    assert on_disk(tmp_path, SECRET) == []
    assert stored(writer) == [1, 2]


def test_a_reader_in_the_way_delays_it_until_a_later_commit(writer, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SHED_MS", 1)
    monkeypatch.setattr(writing, "SHED_AGAIN_SECONDS", 0.0)
    overwritten(writer)
    reader = sqlite3.connect(tmp_path / "group.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (2,)
    writer.shed()
    writer.run(put(3))
    assert on_disk(tmp_path, SECRET) == ["group.db-wal"]
    reader.close()
    writer.run(put(4))
    assert stored(writer) == [1, 2, 3, 4]  # a commit later, so that the one before is over
    assert on_disk(tmp_path, SECRET) == []


def test_an_erased_key_and_what_it_sealed_are_nowhere_on_the_disk(open_sqlite, tmp_path):
    store = open_sqlite(masters=MasterKeys.parse(MasterKeys.new_text()))
    desk = Desk(store)
    desk.keep()
    desk.finished()
    (key,) = (row for row in store.data_keys() if row.scope.count("/") == 2)
    assert on_disk(tmp_path, key.wrapped)
    store.erase(key.scope, "*/*=12", desk.now + HOUR)
    assert on_disk(tmp_path, key.wrapped) == []
