from __future__ import annotations

import sqlite3
from xml.etree import ElementTree

import pytest

from support.live import household, installation
from verify.cli.matching import read_cutoffs
from verify.domain.errors import InputError
from verify.simulate.city.roster import generate_roster


def test_without_a_database_the_labelled_pairs_are_measured_and_drawn(cli):
    found = cli.json("match", "evaluate", "--svg", "plots")
    assert found["precision"] == found["recall"] == 1_000_000
    for name in ("precision-recall", "calibration"):
        root = ElementTree.fromstring((cli.home / f"plots/{name}.svg").read_text("utf-8"))
        assert root.tag.endswith("svg")


def test_a_moved_cut_off_names_what_flips(cli):
    shown = cli("match", "threshold", "--to", "positive=29").stdout
    assert "positive → unsure" in shown
    assert "precision 100.00 %" in shown


@pytest.mark.parametrize("to", ["positive", "positive=x", "negative=3", "positive=1.2345"])
def test_a_cut_off_that_cannot_be_read_is_bad_input(to):
    with pytest.raises(InputError) as error:
        read_cutoffs([to])
    assert error.value.where == "--to"


def test_bits_are_read_exactly():
    assert read_cutoffs(["positive=12.5", "unsure=-0.25"]) == {"positive": 12_500, "unsure": -250}


def test_nothing_to_learn_from_is_said_with_what_to_do(cli):
    done = cli("match", "train")
    assert done.returncode == 2
    assert "match decide" in done.stderr


def test_a_decision_is_learnt_from_and_can_be_taken_back(cli):
    with installation(cli.home) as live:
        case = live.check(household("09").application)
        match = next(m for m in live.verdict(case)["matches"] if m["judgement"] == "unsure")
    pair = (case, match["record"], match["person"])
    here = ("--home", str(cli.home))

    kept = cli.json("match", "decide", *pair, "positive", *here)
    assert kept["levels"] == {"name": "exact", "id": "masked"}
    made = cli.json("match", "train", "--strength", "10", "--out", "draft",
                    "--verdicts", "5", "--svg", "odds", *here)  # fmt: skip
    assert made["files"] == ["cn.yaml"]
    assert [band["same"] for band in made["odds"]["claimed"]] == [1]
    for name in ("claimed", "calibrated"):
        assert ElementTree.parse(cli.home / f"odds/{name}.svg").getroot().tag.endswith("svg")
    assert made["trial"]["verdicts"]["examined"] == 1
    assert {c["level"] for c in made["changes"] if c["seen"]} == {"exact", "masked"}

    trial = cli.json("match", "threshold", "--to", "positive=60", *here)
    assert [f["verification"] for f in trial["verdicts"]["flipped"]] == [case]

    cli.json("match", "revoke", kept["id"], *here)
    (row,) = cli.json("match", "labels", *here)["labels"]
    assert row["revoked_at"]

    with sqlite3.connect(cli.home / "verify.db") as database:
        database.execute("UPDATE label_events SET at = 1 WHERE position = 1")
    faults = cli.json("db", "check", *here, code=7)["faults"]
    assert [f["thing"] for f in faults] == ["clerical decisions"]


def test_weights_learnt_on_one_roster_are_measured_on_another(cli):
    for name, seed in (("one", 1), ("two", 2)):
        generate_roster(1_500, 1_500, seed, cli.home / name)
    learnt = cli.json("match", "train", "--roster", "one", "--out", "weights")
    measured = cli.json("match", "evaluate", "--roster", "two", "--model", "weights/model.json",
                        "--svg", "plots")  # fmt: skip
    assert measured["model"] == learnt["model"]
    assert measured["precision"] > 990_000
    assert (cli.home / "plots/calibration.svg").exists()
    shown = cli("match", "threshold", "--to", "positive=40", "--roster", "two",
                "--model", "weights/model.json").stdout  # fmt: skip
    assert "positive → unsure" in shown
