"""Linking held against a roster with truth: the figures are those of a count by hand."""

from __future__ import annotations

import polars as pl
import pytest

from verify.content import ContentSet
from verify.domain.errors import InputError
from verify.identity import Model
from verify.scoring.linking import link_settings
from verify.service.matching.rosters import (
    Roster,
    evaluate_roster,
    judged_records,
    link_roster,
    move_cutoffs,
)
from verify.simulate.city.roster import generate_roster

FAMILIES = link_settings(ContentSet.load("scoring"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("roster")
    generate_roster(3_000, 3_000, 5, out)
    return out


@pytest.fixture(scope="module")
def linked(folder):
    roster = Roster.load(folder)
    return roster, link_roster(roster, FAMILIES, None)


def test_every_record_is_judged_once_and_right_means_the_truth(linked):
    roster, found = linked
    records = judged_records(roster, found)
    assert records["record"].equals(roster.truth["record"])
    truth = dict(roster.truth.select("record", "person").iter_rows())
    for record, person, right in records.select("record", "found", "right").iter_rows():
        assert right == (person is not None and person == truth[record])


def test_the_figures_are_the_counts(linked):
    roster, found = linked
    document = evaluate_roster(roster, found)
    truth = set(roster.truth.drop_nulls("person").select("record", "person").iter_rows())
    positive = set(
        found.pairs.filter(pl.col("judgement") == "positive")
        .select("unique_id_l", "unique_id_r")
        .iter_rows()
    )
    assert document["true_pairs"] == len(truth)
    assert document["positive"] == len(positive)
    assert document["right"] == len(positive & truth)
    assert document["recall"] == round(len(positive & truth) / len(truth) * 1_000_000)
    assert document["precision"] > 990_000
    assert document["recall_with_unsure"] > 980_000
    for lines in document["damage"].values():
        judged = sum(line[j] for line in lines for j in ("positive", "unsure", "negative"))
        assert judged == roster.records.height
    chosen = [p for p in document["curve"] if p["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["cutoff"] >= found.model.positive
    assert document["curve"][-1]["recall"] <= 1_000_000


def test_weights_held_fixed_give_the_same_figures_again(linked, tmp_path):
    roster, found = linked
    found.model.save(tmp_path / "model.json")
    again = link_roster(roster, FAMILIES, Model.load(tmp_path / "model.json"))
    assert evaluate_roster(roster, again) == evaluate_roster(roster, found)


def test_a_higher_cut_off_moves_records_from_sure_to_doubtful_only(linked):
    roster, found = linked
    document = move_cutoffs(roster, FAMILIES, found.model, positive=35_000, unsure=None)
    moves = {(m["judgement"], m["draft"]) for m in document["moves"]}
    assert moves == {("positive", "unsure")}
    assert document["flipped"] == sum(m["records"] for m in document["moves"]) > 0
    assert document["after"]["recall"] < document["before"]["recall"]
    assert document["after"]["recall_with_unsure"] == document["before"]["recall_with_unsure"]
    same = move_cutoffs(roster, FAMILIES, found.model, positive=12_000, unsure=None)
    assert (same["flipped"], same["moves"], same["examples"]) == (0, [], [])


def test_a_folder_that_is_no_roster_is_refused_with_what_to_do(folder, tmp_path):
    with pytest.raises(InputError, match="not a roster"):
        Roster.load(tmp_path)
    for name in ("people", "records"):
        (tmp_path / f"{name}.parquet").write_bytes((folder / f"{name}.parquet").read_bytes())
    pl.DataFrame({"record": ["R1"]}).write_parquet(tmp_path / "truth.parquet")
    with pytest.raises(InputError, match="lacks the column person"):
        Roster.load(tmp_path)
    with pytest.raises(InputError, match="below the unsure"):
        move_cutoffs(Roster.load(folder), FAMILIES, None, positive=1_000, unsure=None)
