"""From a file to a sealed verdict and back: check, list, explain, replay, tampering."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3

import pytest
from rich.cells import cell_len

from support.commandline import Cli, fixture_file


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Two households verified by one command: the demo family, and one that stays open."""
    cli = Cli(tmp_path_factory.mktemp("checked"))
    files = [str(fixture_file(n)) for n in ("01", "08")]
    return cli, cli.json("check", "--simulate", *files)["verifications"]


def test_many_files_are_checked_in_one_go_each_with_its_own_outcome(checked):
    cli, results = checked
    assert [r["report"]["outcome"]["code"] for r in results] == ["eligible", "undetermined"]
    assert cli.stored == 2
    listed = cli.json("list")["verifications"]
    assert {v["id"] for v in listed} == {r["id"] for r in results}


def test_explain_says_every_test_in_both_languages_with_its_law(checked):
    cli, results = checked
    told = cli.json("explain", results[0]["id"])["sentences"]
    assert len(told) > len(results[0]["report"]["tests"])
    for test in results[0]["report"]["tests"]:
        (sentence,) = [s for s in told if s["en"].startswith(f"{test['title']['en']}:")]
        assert test["title"]["zh"] in sentence["zh"]
        if test["state"]["code"] != "not_applicable":
            for citation in test["citations"]:
                assert citation["document"] in sentence["zh"]
                assert citation["document"] in sentence["en"]


def test_explain_shows_matches_and_trace_as_text(checked):
    cli, results = checked
    done = cli("explain", results[1]["id"], "--matches", "--trace")
    assert done.returncode == 0, done.stderr
    assert "doubtful" in done.stdout
    assert "bits" in done.stdout
    assert "└──" in done.stdout


def test_the_open_case_asks_the_question_that_settles_it(checked):
    cli, results = checked
    questions = results[1]["report"]["questions"]
    assert [q["kind"] for q in questions] == ["match"]
    done = cli("explain", results[1]["id"])
    for language in ("zh", "en"):
        asked = questions[0]["question"][language]
        assert "".join(asked.split()) in "".join(done.stdout.split())


def test_a_replay_in_a_fresh_process_gives_the_same_bytes(checked):
    cli, results = checked
    for result in results:
        replayed = cli.json("replay", result["id"])
        assert replayed["identical"] is True
        assert replayed["verdict_digest"].startswith("sha256:")
    assert cli.json("db", "check") == {"checked": 2, "intact": True, "faults": []}


def test_what_does_not_exist_is_not_found(checked):
    cli, _ = checked
    for command in ("replay", "explain"):
        document = cli.json(command, "v_" + "0" * 26, code=3)
        assert document["error"]["code"] == "not-found"


def test_the_report_on_a_pipe_is_readable_at_80_columns_and_has_no_colour_codes(checked):
    cli, results = checked
    done = cli("explain", results[0]["id"], "--report", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "\x1b[" not in done.stdout
    assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80
    for word in ("ELIGIBLE", "符合", "Tests", "law, sources, doubts", "in force"):
        assert word in done.stdout
    for digest in results[0]["report"]["digests"].values():
        assert digest in "".join(done.stdout.split())
    for member in results[0]["report"]["members"]:
        assert member["name"] in done.stdout


@pytest.mark.parametrize(
    ("change", "thing"),
    [
        ("answer", "evidence "),
        ("verdict", "verdict 1"),
        ("rules", "rules sha256:"),
        ("application", "application"),
    ],
)
def test_one_changed_byte_is_found_and_the_changed_thing_is_named(checked, tmp_path, change, thing):
    original, results = checked
    shutil.copytree(original.home / "var", tmp_path / "var")
    cli, result = Cli(tmp_path), results[0]
    with contextlib.closing(sqlite3.connect(tmp_path / "var" / "verify.db")) as connection:
        digest = _digest(connection, change, result)
        table, column = ("content", "blob") if change == "rules" else ("blobs", "body")
        (found,) = connection.execute(
            f"select {column} from {table} where digest = ?", [digest]
        ).fetchone()
        body = bytearray(found)
        body[len(body) // 2] ^= 1
        connection.execute(
            f"update {table} set {column} = ? where digest = ?", [bytes(body), digest]
        )
        connection.commit()
    replayed = cli.json("replay", result["id"], code=7)
    assert replayed["identical"] is False
    assert any(f["thing"].startswith(thing) for f in replayed["faults"]), replayed["faults"]
    checked_again = cli.json("db", "check", code=7)
    assert any(f["thing"].startswith(thing) for f in checked_again["faults"])


def _digest(connection, change, result):
    query = "select verdict_digest from verdicts where verification = ?"
    if change == "verdict":
        return connection.execute(query, [result["id"]]).fetchone()[0]
    if change == "answer":
        rows = connection.execute(
            "select bodies from exchanges where verification = ?", [result["id"]]
        )
        return next(digest for (bodies,) in rows for digest in json.loads(bodies))
    if change == "application":
        # Stored under a salted digest: the one in the report is of its canonical bytes.
        query = "select application_digest from verifications where id = ?"
        return connection.execute(query, [result["id"]]).fetchone()[0]
    return result["report"]["digests"][change]


def test_without_any_source_the_verdict_is_provisional_and_names_whom_it_waits_for(cli):
    nowhere = {
        f"VERIFY_SOURCE_{s}_URL": "http://127.0.0.1:9"
        for s in ("TAX", "BANK", "VEHICLE", "REAL_ESTATE", "SOCIAL_INSURANCE", "UTILITIES")
    }
    secrets = {
        f"VERIFY_SOURCE_{s}": "x"
        for s in (
            "BANK_KEY", "BANK_KEY_ID", "REAL_ESTATE_PASSWORD", "REAL_ESTATE_USER",
            "SOCIAL_INSURANCE_API_KEY", "TAX_CLIENT_ID", "TAX_CLIENT_SECRET", "VEHICLE_API_KEY",
            "UTILITIES_API_KEY",
        )
    }  # fmt: skip
    done = cli("check", str(fixture_file("03")), "--wait", "5", "--json", **nowhere, **secrets)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["verifications"][0]["report"]
    assert report["outcome"]["code"] == "undetermined"
    assert report["final"] is False
    assert {c["state"]["code"] for c in report["coverage"]} == {"unavailable"}


def test_one_bad_file_among_many_does_not_stop_the_others(cli):
    (cli.home / "bad.json").write_text("{", encoding="utf-8")
    document = cli.json(
        "check", "--simulate", "bad.json", str(fixture_file("03")), code=2
    )["verifications"]  # fmt: skip
    assert document[0]["error"]["code"] == "invalid-input"
    assert document[1]["report"]["outcome"]["code"] == "eligible"
