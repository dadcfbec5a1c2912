"""A case whose evidence was erased when its retention ended, through every door.

It is told from an altered one everywhere: what is gone is named, what the ledger proves still is.
"""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace

import pytest

from support.commandline import Cli
from support.live import household, installation
from verify.domain.canonical import canonical_bytes, plain
from verify.service.clock import now_ms
from verify.store import Fault


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
        # Precisely what the API names, and when, why and by which entry.
        erased = _replayed(live, gone).erased
        shown = page.text[page.text.index('class="replay erased"') :].split("</section>")[0]
        assert re.findall(r"<li>(.*?)</li>", shown) == list(erased.gone)
        for value in (erased.at, erased.ground, erased.scope, f"#{erased.entry}"):
            assert value in shown, value
        # The case's own page says so too, and leads there.
        page = console.get(f"/console/verifications/{gone}")
        assert page.status_code == 409
        assert "erased" in page.text
        assert f'action="/console/verifications/{gone}/replay"' in page.text


def test_the_console_shows_what_was_altered_of_an_erased_case_as_an_alarm(office, monkeypatch):
    live, gone, _, _ = office
    found = _replayed(live, gone)
    altered = replace(found, faults=(Fault("verdict 1", "its outcome is not what was sealed"),))
    monkeypatch.setattr(live.system.replays, "replay", lambda *_: altered)
    with live.client(live.auditor_key) as console:
        console.headers.pop("Authorization")
        console.headers["Origin"] = live.url
        console.post("/console/login", data={"key": live.auditor_key, "purpose": "audit"})
        page = console.post(f"/console/verifications/{gone}/replay").text
    assert 'class="replay differs"' in page
    assert "its outcome is not what was sealed" in page
    assert "verdict 1 trace" in page


def test_an_archive_of_an_erased_case_says_what_is_gone_and_proves_what_is_there(
    office, cli, tmp_path
):
    live, gone, kept, _ = office
    archive = tmp_path / "gone.zip"
    cli("audit", "export", gone, "--out", str(archive), "--purpose", "audit")
    found = cli("replay", "--bundle", str(archive), code=4)
    assert (found["replayed"], found["identical"], found["divergent"]) == (1, 0, [])
    (result,) = found["erased"]
    assert result["erased"] == plain(_replayed(live, gone).erased)
    told = Cli(tmp_path)("replay", "--bundle", str(archive)).stdout
    assert "verdict 1 sealed input" in told
    assert "identical" not in told
    whole = tmp_path / "kept.zip"
    cli("audit", "export", kept, "--out", str(whole), "--purpose", "audit")
    assert cli("replay", "--bundle", str(whole))["erased"] == []


@pytest.mark.parametrize("change", ["outcome", "ledger", "content", "no erasure"])
def test_an_archive_that_was_altered_is_not_excused_by_an_erasure(office, cli, tmp_path, change):
    _, gone, _, _ = office
    archive = tmp_path / "gone.zip"
    cli("audit", "export", gone, "--out", str(archive), "--purpose", "audit")
    with zipfile.ZipFile(archive) as there:
        files = {name: there.read(name) for name in there.namelist()}
    rows = json.loads(files["case.json"])
    if change == "outcome":
        rows["verdicts"][0]["outcome"] = "ineligible"
    elif change == "ledger":
        rows["entries"][1]["at"] += 1
    elif change == "no erasure":
        rows["entries"] = [e for e in rows["entries"] if e["kind"] != "erased"]
    else:
        name = next(n for n in files if n.startswith("content/"))
        files[name] += b" "
    files["case.json"] = canonical_bytes(rows)
    with zipfile.ZipFile(archive, "w") as there:
        for name, body in files.items():
            there.writestr(name, body)
    if change == "no erasure":
        # Nothing says why it is not there: then it is missing.
        error = cli("replay", "--bundle", str(archive), code=2)["error"]
        assert "audit export" in error["remedy"]
        return
    found = cli("replay", "--bundle", str(archive), code=7)
    assert found["divergent"][0]["faults"]


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


def _replayed(live, verification):
    return live.system.replays.replay(verification, _national())


def _national():
    from verify.domain.access import LOCAL

    return LOCAL
