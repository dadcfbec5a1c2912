"""A case whose evidence was erased when its retention ended, through every door.

It is told from an altered one everywhere: what is gone is named, what the ledger proves still is.
"""

from __future__ import annotations

import json

import pytest

from support.commandline import Cli
from support.live import household, installation
from verify.service.clock import now_ms


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """An installation with an erased case and one that is whole, of other districts."""
    with installation(tmp_path_factory.mktemp("erased")) as live:
        kept = live.check(household("02").application)
        gone = live.check(household("03").application)
        store = live.system.store
        region = household("03").application["region"]
        assert region != household("02").application["region"]
        (scope,) = (k.scope for k in store.data_keys() if k.scope.startswith(region))
        store.erase(scope, "*/*=24", now_ms())
        live.system.notary.once()
        yield live, gone, kept, scope


@pytest.fixture
def auditor(office):
    with office[0].client(office[0].auditor_key) as client:
        yield client


@pytest.fixture
def cli(office, tmp_path):
    def run(*words, **more):
        return Cli(tmp_path).json(*words, "--home", str(office[0].home), **more)

    return run


def test_a_replay_says_that_the_evidence_was_erased_and_precisely_what_is_gone(office, auditor):
    live, gone, _, scope = office
    found = auditor.post(f"/v1/verifications/{gone}/replay").json()
    assert found["identical"] is False
    assert (found["faults"], found["differences"]) == ([], [])
    erased = found["erased"]
    assert (erased["scope"], erased["ground"]) == (scope, "*/*=24")
    entry = live.system.verifications.events(gone, _national())[-1]
    assert (entry["kind"], entry["at"], entry["position"]) == (
        "erased",
        erased["at"],
        erased["entry"],
    )
    answers = {
        f"evidence {x.evidence} body {n}"
        for x in live.system.store.exchanges(gone)
        for n, _ in enumerate(x.bodies, 1)
    }
    assert answers
    assert set(erased["gone"]) == answers | {
        "application",
        "verdict 1",
        "verdict 1 trace",
        "verdict 1 sealed input",
    }


def test_the_replay_of_all_is_no_alarm_because_a_retention_ended(office, cli):
    _, gone, kept, _ = office
    found = cli("replay", "--all")
    assert (found["replayed"], found["identical"], found["divergent"]) == (2, 1, [])
    assert [result["verification"] for result in found["erased"]] == [gone]
    assert cli("replay", kept)["identical"] is True
    alone = cli("replay", gone, code=4)
    assert alone["erased"]["ground"] == "*/*=24"


def test_an_erased_case_that_was_altered_as_well_is_still_an_alarm(office, tmp_path, cli):
    live, gone, _, _ = office
    import shutil
    import sqlite3

    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("master.key", "log.key"):
        shutil.copy(live.home / name, copy / name)
    shutil.copytree(live.home / "witness", copy / "witness")
    Cli(tmp_path).json("db", "backup", str(copy / "verify.db"), "--home", str(live.home))
    with sqlite3.connect(copy / "verify.db") as database:
        database.execute(
            "UPDATE verdicts SET outcome = 'ineligible' WHERE verification = ?", (gone,)
        )
    found = Cli(tmp_path).json("replay", "--all", "--home", str(copy), code=7)
    (wrong,) = found["divergent"]
    assert (wrong["verification"], wrong["faults"][0]["thing"]) == (gone, "verdict 1")


def test_who_was_asked_is_proven_also_after_the_answers_are_gone(office, auditor, cli):
    live, gone, kept, _ = office
    found = auditor.get(f"/v1/verifications/{gone}/asked").json()
    assert (found["complete"], found["intact"], found["erased"]) == (True, True, True)
    assert {row["evidence"] for row in found["asked"]} == {
        x.evidence for x in live.system.store.exchanges(gone)
    }
    assert all(row["entry"] and row["asked_on"] for row in found["asked"])
    assert {row["records"] for row in found["asked"]} == {None}
    assert auditor.get(f"/v1/verifications/{kept}/asked").json()["erased"] is False
    assert cli("audit", "asked", gone)["complete"] is True


def test_the_console_says_that_it_was_erased_and_nothing_about_a_difference(office):
    live, gone, _, _ = office
    with live.client(live.auditor_key) as console:
        console.headers.pop("Authorization")
        console.headers["Origin"] = live.url
        console.post("/console/login", data={"key": live.auditor_key, "purpose": "audit"})
        page = console.post(f"/console/verifications/{gone}/replay")
        assert page.status_code == 409
        assert "erased" in page.text
        assert "不一致" not in page.text


def test_a_draft_is_compared_on_what_is_left_of_the_stored_cases(office, auditor):
    _, gone, kept, _ = office
    text = (_declarations() / "bank.yaml").read_text(encoding="utf-8")
    body = {"declaration": text, "limit": 10}
    answer = auditor.post("/v1/connectors/bank/shadow", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["compared"]["verdicts"] == 1
    assert json.dumps(answer.json()).find(gone) == -1
    del kept


def _declarations():
    from support.live import ROOT

    return ROOT / "connectors"


def _national():
    from verify.domain.access import LOCAL

    return LOCAL
