"""What is not there is never reported as checked: verdicts, cases and the master key."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from support.desk import Desk
from verify.service.clock import now_ms
from verify.service.master_key import key_file, open_protected
from verify.settings import Settings
from verify.store.vault import MasterKeys


@pytest.fixture
def settings(cli):
    return Settings(home=cli.home / "var")


@pytest.fixture
def cases(settings):
    """Two ended cases."""
    settings.home.mkdir()
    with open_protected(settings, read_only=False) as store:
        desk = Desk(store, now_ms())
        desk.keep()
        return [desk.finished((f"key-{n}", "sha256:" + "b" * 64)) for n in (1, 2)]


def changed(settings, *statements, **values):
    """Change the database past every door."""
    with closing(sqlite3.connect(settings.home / "verify.db")) as db, db:
        for statement in statements:
            assert db.execute(statement, values).rowcount, statement


def test_where_there_is_no_verdict_nothing_is_said_to_be_identical(cli, settings):
    settings.home.mkdir()
    open_protected(settings, read_only=False).close()
    for words in (("--all",), ("--sample", "3")):
        assert cli.json("replay", *words) == {
            "replayed": 0,
            "identical": 0,
            "divergent": [],
            "erased": [],
        }
        said = cli("replay", *words).stdout
        assert "nothing was replayed" in said
        assert "✔" not in said
    assert "✔" not in cli("db", "check").stdout


@pytest.mark.parametrize(
    "damage",
    [
        ["DELETE FROM verdicts WHERE verification = :v"],
        ["UPDATE verifications SET verdict_count = 0 WHERE id = :v"],
        [
            "DELETE FROM verdicts WHERE verification = :v",
            "UPDATE verifications SET verdict_count = 0 WHERE id = :v",
        ],
        ["DELETE FROM verifications WHERE id = :v"],
    ],
)
def test_a_case_whose_verdicts_are_gone_is_not_passed_over(cli, settings, cases, damage):
    changed(settings, *damage, v=cases[0])
    found = cli.json("replay", "--all", code=7)
    assert {one["verification"] for one in found["divergent"]} >= {cases[0]}
    wrong = [one for one in found["divergent"] if one["verification"] == cases[0]]
    assert all(one["faults"] for one in wrong)
    assert "all byte-identical" not in cli("replay", "--all").stdout


def test_without_the_master_key_or_with_another_ones_nothing_is_called_altered(
    cli, settings, cases
):
    key_file(settings).unlink()
    for words in (("db", "check"), ("replay", "--all"), ("replay", cases[0]), ("audit", "check")):
        error = cli.json(*words, code=4)["error"]
        assert "master key" in json.dumps(error)
        assert error["remedy"]
    key_file(settings).write_text(MasterKeys.new_text() + "\n")
    key_file(settings).chmod(0o600)
    for words in (("db", "check"), ("replay", cases[0])):
        assert "master key" in json.dumps(cli.json(*words, code=4)["error"])


@pytest.mark.parametrize(
    "words",
    [
        ("v_" + "0" * 26, "--bundle", "x.zip"),
        ("--bundle", "x.zip", "--sequence", "1"),
        ("--bundle", "x.zip", "--without", "bank/p1"),
        ("--all", "--sample", "1"),
        ("--all", "--sequence", "9"),
        ("--sample", "2", "--as-of", "2025-10-01"),
    ],
)
def test_options_that_contradict_one_another_are_refused(cli, words):
    done = cli("replay", *words)
    assert done.returncode == 2
    assert "give one verification's id" in done.stderr
