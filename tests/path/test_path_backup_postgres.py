"""Backup and restore on PostgreSQL with its own programs, through the command line.

A copy is taken while a service works, put into an empty database, and held to everything that the
first one was: seals, witnesses, replay. Whatever may go wrong says so and changes nothing.
"""

from __future__ import annotations

import functools
import itertools
import threading
import time

import psycopg
import pytest
from sqlalchemy.engine import make_url

from support.commandline import Cli
from support.live import household, installation
from verify.domain.access import LOCAL
from verify.store import Store, postgres_tools
from verify.store.postgres_tools import ask_server, installed

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder with the keys and the witness, which no copy holds."""
    return tmp_path_factory.mktemp("office") / "home"


@pytest.fixture(scope="module")
def cli(home, postgres_bin):
    """`verify` on the database that is named, with the right client programs."""

    def run(url, *words, code=0, at=home, **more):
        environment = {"VERIFY_POSTGRES_BIN": str(postgres_bin), **more}
        place = ("--home", str(at))
        one = Cli(home.parent)
        return one.json(*words, *place, code=code, VERIFY_DATABASE_URL=url, **environment)

    return run


def rows(url):
    """Every row of every table, as text."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return {
            name: sorted(str(row) for row in connection.execute(f'SELECT * FROM "{name}"'))
            for (name,) in tables
        }


def wait_until_witnessed(live, seconds=30):
    """Until nothing of the log waits for a witness."""
    deadline = time.monotonic() + seconds
    while live.system.notary.once().refused or live.system.audits.check(cases=False).faults:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_copy_taken_while_the_service_works_is_sound_in_an_empty_database(
    cli, postgres_url, new_postgres, tmp_path
):
    own = tmp_path / "home"
    cli = functools.partial(cli, at=own)
    with installation(own, postgres_url) as live:
        first = live.check(household("02").application)
        stop, done = threading.Event(), []

        def work():
            for number in itertools.cycle(("03", "04", "05", "06", "07")):
                if stop.is_set():
                    return
                done.append(live.check(household(number).application))

        worker = threading.Thread(target=work)
        worker.start()
        try:
            while not done:
                time.sleep(0.05)
            busy = len(done)
            cli(postgres_url, "db", "backup", str(tmp_path / "working"))
            at_least = len(done)
            while len(done) < at_least + 2:
                time.sleep(0.05)
        finally:
            stop.set()
            worker.join()
        wait_until_witnessed(live)
        last = cli(postgres_url, "db", "backup", str(tmp_path / "last"))
    assert (tmp_path / "last").stat().st_mode & 0o077 == 0
    assert last["bytes"] == (tmp_path / "last").stat().st_size

    restored = new_postgres()
    cli(restored, "db", "restore", str(tmp_path / "last"))
    taken, there = rows(restored), rows(postgres_url)
    # How sources fared lately is counted up once more when a process stops.
    del taken["shared_state"], there["shared_state"]
    assert taken == there
    checked = cli(restored, "db", "check")
    assert (checked["checked"], checked["faults"]) == (len(done) + 1, [])
    audited = cli(restored, "audit", "check")
    assert audited["intact"] is True
    assert audited["witnessed"] == audited["leaves"] > 0
    replayed = cli(restored, "replay", "--all")
    assert replayed["divergent"] == []
    assert replayed["identical"] == replayed["replayed"] > len(done)

    # The one taken in the middle of the work is as sound, and known to be older.
    middle = new_postgres()
    cli(middle, "db", "restore", str(tmp_path / "working"))
    assert {first, *done[:busy]} <= {v["id"] for v in cli(middle, "list")["verifications"]}
    assert cli(middle, "db", "check")["faults"] == []
    replayed = cli(middle, "replay", "--all")
    assert replayed["divergent"] == []
    assert replayed["identical"] == replayed["replayed"] >= busy + 1
    older = cli(middle, "audit", "check", code=7)
    assert {fault["subject"] for fault in older["faults"]} == {"log"}

    # A service goes on with it: what was accepted and not yet judged is judged there.
    with installation(own, restored) as live:
        found = live.check(household("01").application)
        assert live.verdict(found)["outcome"] == "eligible"
        assert live.system.replays.replay(found, LOCAL).identical


@pytest.fixture(scope="module")
def office(cli, new_postgres, home):
    """A database with one finished case, all of it witnessed, and a copy of it."""
    url, copy = new_postgres(), home.parent / "copy"
    with installation(home, url) as live:
        live.check(household("02").application)
        wait_until_witnessed(live)
    cli(url, "db", "backup", str(copy))
    return url, copy


@pytest.fixture
def copy(office):
    return office[1]


@pytest.fixture
def url(office):
    return office[0]


def refusal(answer):
    """An error with all its parts: what, where, what next."""
    error = answer["error"]
    assert error["detail"], error
    assert error["where"], error
    assert error["remedy"], error
    return error


def test_a_missing_damaged_or_wrong_file_changes_nothing(
    cli, copy, new_postgres, tmp_path, postgres_bin
):
    target = new_postgres()
    raw = copy.read_bytes()
    bad = tmp_path / "bad"
    where = {}
    for name, content in {
        "cut": raw[: len(raw) * 2 // 3],
        "no end": raw[:-1],
        "changed": raw[: len(raw) // 2] + b"\xff" * 64 + raw[len(raw) // 2 + 64 :],
        "text": b"not a copy at all\n" * 1000,
        "empty": b"",
    }.items():
        bad.write_bytes(content)
        error = refusal(cli(target, "db", "restore", str(bad), code=7))
        where[name] = error["where"]
    assert set(where.values()) == {str(bad)}
    refusal(cli(target, "db", "restore", str(tmp_path), code=3))  # a folder
    missing = refusal(cli(target, "db", "restore", str(tmp_path / "none"), code=3))
    assert "no such backup" in missing["detail"]
    # A dump of somebody else's database.
    other = new_postgres()
    plain = make_url(other).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        connection.execute("CREATE TABLE birds (name text)")
    program = installed("pg_dump", postgres_bin)[0]
    options = ["--format=custom", f"--file={bad}"]
    bad.unlink()
    assert postgres_tools.run(program, options, make_url(other)).status == 0
    wrong = refusal(cli(target, "db", "restore", str(bad), code=7))
    assert "some other database" in wrong["detail"]
    assert ask_server(make_url(target)).relations == 0
    cli(target, "db", "restore", str(copy))
    assert cli(target, "audit", "check")["intact"] is True


def test_a_database_that_is_not_empty_stays_as_it_is(cli, copy, url, new_postgres):
    before = rows(url)
    error = refusal(cli(url, "db", "restore", str(copy), code=4))
    assert "not empty" in error["detail"]
    assert "createdb" in error["remedy"]
    assert rows(url) == before
    # An installation that was only just made is not empty either: its keys would be lost.
    fresh = new_postgres()
    Store.open(fresh).close()
    refusal(cli(fresh, "db", "restore", str(copy), code=4))


@pytest.mark.parametrize("step", [-1, 1])
def test_client_programs_of_another_version_are_named_and_write_nothing(
    cli, copy, url, new_postgres, tmp_path, step
):
    major = ask_server(make_url(url)).major
    another = tmp_path / "another"
    another.mkdir()
    for name in ("pg_dump", "pg_restore"):
        program = another / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major + step}.4'\n")
        program.chmod(0o700)
    words = {"VERIFY_POSTGRES_BIN": str(another)}
    error = refusal(cli(url, "db", "backup", str(tmp_path / "new"), code=4, **words))
    assert f"the server is PostgreSQL {major}" in error["detail"]
    assert f"{major + step} ({another / 'pg_dump'})" in error["detail"]
    assert f"postgresql-client-{major}" in error["remedy"]
    target = new_postgres()
    refusal(cli(target, "db", "restore", str(copy), code=4, **words))
    assert ask_server(make_url(target)).relations == 0
    nowhere = refusal(
        cli(
            url, "db", "backup", str(tmp_path / "new"), code=4,
            VERIFY_POSTGRES_BIN=str(tmp_path),
        )
    )  # fmt: skip
    assert nowhere["where"] == "VERIFY_POSTGRES_BIN"
    assert not [p for p in tmp_path.iterdir() if "new" in p.name]


def test_a_server_that_does_not_answer_is_said_without_its_password(cli, copy, tmp_path):
    away = "postgresql://clerk:canary@127.0.0.1:1/verify"
    for words in (("backup", str(tmp_path / "new")), ("restore", str(copy))):
        answer = cli(away, "db", *words, code=6)
        refusal(answer)
        assert "canary" not in str(answer)
    assert not [p for p in tmp_path.iterdir() if "new" in p.name]
