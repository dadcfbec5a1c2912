"""`verify db erase` and `rotate`, as an administrator uses them."""

from __future__ import annotations

import datetime as dt

import pytest

from support.desk import NATIONAL, Desk
from verify.service.clock import now_ms
from verify.service.master_key import key_file, open_protected, open_store
from verify.settings import Settings
from verify.store.keyring import Erased
from verify.store.vault import MasterKeys

YEARS_AGO = int(dt.datetime(2023, 3, 15, tzinfo=dt.UTC).timestamp() * 1000)
TERMS = {"VERIFY_RETENTION": "*/*=24"}
SCOPE = "310101/dibao/2023-03"


@pytest.fixture
def settings(cli):
    return Settings(home=cli.home / "var")


@pytest.fixture
def cases(settings):
    """An ended case of years ago and one of today; their ids and the answers' digests."""
    settings.home.mkdir()
    with open_protected(settings, read_only=False) as store:
        found = []
        for number, now in enumerate((YEARS_AGO, now_ms())):
            desk = Desk(store, now)
            desk.keep()
            verification = desk.finished((f"key-{number}", "sha256:" + "b" * 64))
            (bank,) = (e for e in store.exchanges(verification) if e.source == "bank")
            found.append((verification, bank.bodies[0]))
    return found


def body(settings, case):
    verification, digest = case
    with open_store(settings, read_only=True) as store:
        return store.document(verification, digest, NATIONAL)


def test_without_a_term_nothing_is_ever_due(cli, cases):
    assert cli.json("db", "erase")["scopes"] == []
    assert cli.json("db", "erase", "--yes")["scopes"] == []


def test_what_is_due_is_only_named_until_somebody_says_yes(cli, cases, settings):
    old, new = cases
    said = cli.json("db", "erase", **TERMS)
    assert said == {
        "erased": False,
        "scopes": [{"scope": SCOPE, "term": "*/*=24", "verifications": None}],
    }
    assert body(settings, old) == b"page 1"

    done = cli.json("db", "erase", "--yes", **TERMS)
    assert done["erased"] is True
    assert [(s["scope"], s["verifications"]) for s in done["scopes"]] == [(SCOPE, 1)]
    with pytest.raises(Erased):
        body(settings, old)
    assert body(settings, new) == b"page 1"
    # The ledger says that it was erased, so nothing counts as altered; and it is due no more.
    assert cli.json("db", "check") == {"checked": 2, "intact": True, "faults": []}
    assert cli.json("db", "erase", "--yes", **TERMS)["scopes"] == []


def test_a_case_that_is_still_worked_on_keeps_its_month_and_no_other(cli, settings):
    settings.home.mkdir()
    with open_protected(settings, read_only=False) as store:
        desk = Desk(store, YEARS_AGO)
        desk.keep()
        desk.accept(region="310101")
        ended = Desk(store, YEARS_AGO)
        store.cancel(ended.accept(region="310104"), NATIONAL, YEARS_AGO)
    said = cli.json("db", "erase", "--yes", code=4, **TERMS)
    kept, erased = said["scopes"]
    assert (kept["scope"], kept["verifications"]) == (SCOPE, None)
    assert "still being worked on" in kept["kept"]
    assert (erased["scope"], erased["verifications"]) == ("310104/dibao/2023-03", 1)
    told = cli("db", "erase", "--yes", **TERMS).stdout
    assert SCOPE in told
    assert "cancel them" in told
    assert "310104" not in told


def test_a_term_that_is_none_erases_nothing(cli, cases, settings):
    done = cli("db", "erase", "--yes", VERIFY_RETENTION="forever")
    assert done.returncode == 4
    assert "VERIFY_RETENTION" in done.stderr
    assert body(settings, cases[0]) == b"page 1"


def test_the_master_key_is_changed_and_the_old_one_thrown_away(cli, cases, settings):
    file = key_file(settings)
    old = file.read_text()
    new = MasterKeys.new_text() + "\n"
    file.write_text(new + old)
    with open_store(settings, read_only=True) as store:
        keys = len(store.data_keys())
    assert cli.json("db", "rotate") == {"rewrapped": keys}
    assert cli.json("db", "rotate") == {"rewrapped": 0}

    file.write_text(new)
    assert body(settings, cases[0]) == b"page 1"
    assert cli.json("db", "check")["intact"] is True
    # The old key opens nothing any more, and says so instead of guessing.
    file.write_text(old)
    refused = cli("db", "rotate")
    assert refused.returncode == 4
    assert old.strip() not in refused.stdout + refused.stderr


def test_rotating_where_there_is_no_key_says_where_it_ought_to_be(cli):
    problem = cli.json("db", "rotate", code=3)
    assert problem["error"]["where"].endswith("master.key"), problem
