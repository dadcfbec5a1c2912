"""The newcomer's one command, from start to end."""

from __future__ import annotations

import json

import pytest

from support.commandline import Cli
from verify.cli.demo import children


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """One whole demo; nothing stays up after it."""
    cli = Cli(tmp_path_factory.mktemp("demo"))
    done = cli("demo", "--keep", "0", "--json", timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
    return cli, json.loads(done.stdout), done.stderr


def step(document, words):
    (found,) = [s for s in document["steps"] if words in s["done"]]
    return found


def test_each_step_is_numbered_and_told(told):
    _, document, narrated = told
    assert [s["step"] for s in document["steps"]] == list(range(1, len(document["steps"]) + 1))
    for s in document["steps"]:
        assert s["done"].split(":")[0] in narrated
    assert "\x1b[" not in narrated


def test_the_family_is_eligible_and_every_question_was_answered(told):
    _, document, narrated = told
    first = step(document, "judged and sealed")
    assert first["outcome"] == "eligible"
    assert first["final"] is True
    assert "ELIGIBLE" in narrated
    for word in ("below", "in force", "sources:", "no doubt"):
        assert word in narrated


def test_the_outage_is_named_provisional_and_then_final(told):
    _, document, narrated = told
    away = step(document, "provisional")
    back = step(document, "second verdict follows")
    assert (away["outcome"], away["final"]) == ("undetermined", False)
    assert (back["outcome"], back["final"]) == ("eligible", True)
    assert back["sequence"] >= 2
    assert "tax: ✘ source unavailable" in narrated


def test_the_namesake_is_scored_with_reasons_and_never_counted(told):
    _, document, narrated = told
    assert step(document, "namesake")["outcome"] == "eligible"
    assert "never counts against anyone" in " ".join(narrated.split())
    assert "name: exact" in narrated


def test_the_replay_was_byte_identical_in_another_process(told):
    _, document, _ = told
    replayed = step(document, "byte-identical")["replay"]
    assert replayed["identical"] is True
    assert replayed["verification"] == document["verification"]


def test_nothing_is_left_running_and_the_store_can_be_read_afterwards(told):
    cli, document, _ = told
    home = cli.home / "var" / "demo"
    assert not [c for c in children.load(home) if c.running]
    again = cli.json("replay", document["verification"], "--home", str(home))
    assert again["identical"] is True
    assert cli.json("db", "check", "--home", str(home))["intact"] is True


def test_a_folder_with_other_files_is_refused_and_left_alone(cli):
    folder = cli.home / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("keep me")
    done = cli("demo", "--home", str(folder))
    assert done.returncode == 2
    assert (folder / "letter.txt").read_text() == "keep me"


def test_stop_without_a_demo_says_so(cli):
    assert cli.json("demo", "--stop") == {"stopped": []}


def test_a_demo_left_running_is_stopped_by_its_record(cli):
    home = cli.home / "var" / "demo"
    home.mkdir(parents=True)
    child = children.start(
        "sources",
        ["simulate", "--ports", "free", "--for", "120"],
        cli.environment(),
        home / "sources.log",
    )
    children.save(home, [child])
    assert cli.json("demo", "--stop") == {"stopped": ["sources"]}
    assert not child.running
