"""Tuning over REST: administrators see what would change, never whose records they are."""

from __future__ import annotations

import json

import pytest

from support.live import household
from verify.api import models_matching as models
from verify.domain.access import RoleName

RECORD_LEVELS = {"name": "exact", "id": "masked"}


@pytest.fixture(scope="module")
def administrator(live, key_for):
    with live.client(key_for(RoleName.ADMINISTRATOR)) as client:
        yield client


@pytest.fixture(scope="module")
def masked(live):
    """A verification with a doubtful match, and that match."""
    case = live.check(household("09").application)
    match = next(m for m in live.verdict(case)["matches"] if m["judgement"] == "unsure")
    return {"verification": case, "record": match["record"], "person": match["person"]}


def test_the_evaluation_is_what_the_description_says(administrator):
    answer = administrator.get("/v1/matching/evaluation")
    assert answer.status_code == 200
    found = models.MatchingEvaluation.model_validate(answer.json())
    assert found.pairs > 20
    assert any(point.chosen for point in found.curve)


@pytest.mark.parametrize("plot", ["precision-recall", "calibration"])
def test_the_drawings_stand_alone_and_hold_no_script(administrator, plot):
    answer = administrator.get(f"/v1/matching/evaluation/{plot}.svg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg ")
    assert "<script" not in answer.text
    assert "href" not in answer.text


def test_a_moved_cut_off_shows_the_past_verdicts_that_flip_and_changes_none(
    administrator, live, judged
):
    before = live.verdict(judged)
    answer = administrator.post("/v1/matching/threshold", json={"positive": 60_000})
    assert answer.status_code == 200
    trial = models.ScoringTrial.model_validate(answer.json())
    flips = {f.verification: f for f in trial.verdicts.flipped}
    assert judged in flips
    moved = flips[judged].matches
    assert moved
    assert {(m.judgement.value, m.draft.value) for m in moved} == {("positive", "unsure")}
    assert all(m.score == m.draft_score for m in moved)
    assert trial.verdicts.unreadable == 0
    assert sum(trial.verdicts.outcomes.values()) == trial.verdicts.examined
    assert live.verdict(judged) == before


def test_cut_offs_that_change_nothing_flip_nothing(administrator):
    answer = administrator.post("/v1/matching/threshold", json={"positive": 12_000})
    trial = models.ScoringTrial.model_validate(answer.json())
    assert trial.labelled == []
    assert trial.verdicts.flipped == []
    assert trial.verdicts.examined > 0


def test_a_trial_shows_no_name_and_no_number(administrator, masked):
    text = json.dumps(
        administrator.post("/v1/matching/threshold", json={"positive": 60_000}).json()["verdicts"],
        ensure_ascii=False,
    )
    person = household("09").application["household"]["members"][0]
    assert person["name"] not in text
    assert person["id_number"] not in text
    assert masked["verification"] in text


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"positive": "12"}, "/positive"),
        ({"positive": 1_000}, "/positive"),
        ({"positive": 13_000, "family": "klingon"}, "/family"),
        ({"positive": 13_000, "verdicts": -1}, "/verdicts"),
        ({"positive": 13_000, "colour": "red"}, "/colour"),
    ],
)
def test_a_wrong_trial_is_refused_with_the_place(administrator, refusal, body, pointer):
    problem = refusal(administrator.post("/v1/matching/threshold", json=body), 422)
    assert pointer in {e["pointer"] for e in problem["errors"]}


def test_a_caseworker_decides_an_administrator_reads_levels_and_nobody_erases(
    administrator, caseworker, auditor, masked, refusal
):
    body = {**masked, "judgement": "positive"}
    refusal(administrator.post("/v1/matching/labels", json=body), 403)
    refusal(auditor.post("/v1/matching/labels", json=body), 403)

    kept = caseworker.post("/v1/matching/labels", json=body)
    assert kept.status_code == 201
    label = models.ClericalDecision.model_validate(kept.json())
    assert label.levels == RECORD_LEVELS
    refusal(caseworker.post("/v1/matching/labels", json=body), 409)

    listed = administrator.get("/v1/matching/labels").json()["labels"]
    assert [row["id"] for row in listed] == [label.id]
    assert household("09").application["household"]["members"][0]["name"] not in json.dumps(
        listed, ensure_ascii=False
    )

    counted = administrator.get("/v1/matching/evaluation").json()
    assert label.id in {w["key"] for w in counted["wrong"]}  # judged unsure, found to be theirs

    suggested = administrator.post("/v1/matching/calibration", json={"strength": 10})
    made = models.Calibration.model_validate(suggested.json())
    assert (made.decisions, made.same) == (1, 1)
    # One decision says little: ten pseudo-decisions of the claims stand against it.
    assert made.odds.error.calibrated is None
    assert sum(band.pairs for band in made.odds.calibrated) == 1
    seen = {(c.field, c.level): c for c in made.changes if c.seen}
    assert set(seen) == {("name", "exact"), ("id", "masked")}
    assert all(float(c.draft) > float(c.m) for c in seen.values())

    revoked = caseworker.post(f"/v1/matching/labels/{label.id}/revoke")
    assert revoked.status_code == 200
    assert revoked.json()["revoked_by"]
    refusal(caseworker.post(f"/v1/matching/labels/{label.id}/revoke"), 409)
    assert len(administrator.get("/v1/matching/labels").json()["labels"]) == 1
    after = administrator.get("/v1/matching/evaluation").json()
    assert label.id not in {w["key"] for w in after["wrong"]}
    refusal(administrator.post("/v1/matching/calibration", json={}), 422)


def test_a_match_that_the_verdict_does_not_list_cannot_be_decided(caseworker, masked, refusal):
    body = {**masked, "record": "bank/p1/999", "judgement": "negative"}
    refusal(caseworker.post("/v1/matching/labels", json=body), 404)


def test_nobody_decides_on_other_regions(elsewhere, masked, refusal):
    body = {**masked, "judgement": "negative"}
    refusal(elsewhere.post("/v1/matching/labels", json=body), 404)
    assert elsewhere.get("/v1/matching/labels").json() == {"labels": []}


def test_callers_tune_nothing(live, key_for, refusal):
    with live.client(key_for(RoleName.CALLER)) as caller:
        refusal(caller.get("/v1/matching/evaluation"), 403)
        refusal(caller.get("/v1/matching/labels"), 403)
        refusal(caller.post("/v1/matching/threshold", json={"positive": 13_000}), 403)
        refusal(caller.post("/v1/matching/calibration", json={}), 403)
