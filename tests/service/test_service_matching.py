"""Tuning the matching: figures that can be checked by hand, drafts that stay sound."""

from __future__ import annotations

import random
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.content import ContentSet
from verify.domain.access import LOCAL, Caller, RoleName
from verify.domain.errors import ContentError, InputError, NotFound, NotPermitted
from verify.domain.match import Judgement
from verify.scoring import Scoring
from verify.scoring.levels import LEVELS, MISSING
from verify.service.contents import Contents
from verify.service.matching import Matching, calibration, draft, labelled, odds
from verify.service.matching.evaluation import (
    MILLION,
    curve,
    evaluate,
    per_million,
    thinned,
)
from verify.service.matching.evaluation import calibration as bands

CONTENT = ContentSet.load("scoring")
SCORING = Scoring.from_content(CONTENT)
FAMILY = SCORING.family("cn")
DECLARED = draft.declared(CONTENT, "cn")


def nothing_stored(digest: str) -> bytes:
    raise NotFound("nothing is stored", where=digest)


@pytest.fixture(scope="module")
def matching() -> Matching:
    return Matching(None, Contents.load(nothing_stored))


def scored(*pairs: tuple[int, bool, bool]) -> pl.DataFrame:
    columns = {"score": pl.Int64, "same": pl.Boolean, "eligible": pl.Boolean}
    return pl.DataFrame(pairs, schema=columns, orient="row")


def decision(key: str, judgement: str = "positive", **levels: str) -> labelled.Decision:
    return labelled.Decision(key, levels, 12_000, Judgement(judgement))


# ------------------------------------------------------------------------------- measuring


def test_the_shipped_scoring_judges_every_labelled_pair_as_a_person_would(matching):
    found = matching.evaluation(LOCAL)
    assert found.pairs == len(SCORING.cases["cn"]) > 20
    assert found.wrong == ()
    assert (found.precision, found.recall, found.f1) == (MILLION, MILLION, MILLION)


def test_labelled_pairs_are_judged_as_in_a_verification():
    """The same pairs through `resolve`, the path of every verdict."""
    judged = labelled.judged(labelled.from_cases(SCORING.cases["cn"], FAMILY), FAMILY)
    expected = [(p.judgement.value, p.rule, p.weighs) for p in SCORING.cases["cn"]]
    assert judged.select("judgement", "rule", "weighs").rows() == expected


def test_a_decision_scores_what_its_levels_weigh():
    pairs = labelled.from_decisions([decision("d", name="exact", id="masked")], FAMILY)
    (row,) = labelled.judged(pairs, FAMILY).to_dicts()
    ids = FAMILY.field("id")
    masked = ids.weights[ids.levels.index("masked")]
    assert row["score"] == FAMILY.prior + FAMILY.exact_name + 12_000 + masked
    assert (row["judgement"], row["rule"]) == ("unsure", "id_masked")


def test_precision_and_recall_are_the_counts_at_each_cut_off():
    points = curve(
        scored((30, True, True), (20, True, True), (20, False, True), (10, True, True),
               (40, True, False)), 20
    )  # fmt: skip
    assert [(p["cutoff"], p["found"], p["wrong"]) for p in points] == [
        (30, 1, 0), (20, 2, 1), (10, 3, 1),
    ]  # fmt: skip
    # the pair that no rule lets through is not found at any cut-off
    assert [p["recall"] for p in points] == [250_000, 500_000, 750_000]
    assert [p["precision"] for p in points] == [1_000_000, 666_667, 750_000]
    assert [p["chosen"] for p in points] == [False, True, False]


@given(st.lists(st.tuples(st.integers(-50, 50), st.booleans(), st.booleans()), max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_lower_cut_off_never_finds_less(pairs):
    points = curve(scored(*pairs), 0)
    recalls = [p["recall"] or 0 for p in points]
    assert recalls == sorted(recalls)
    assert all(p["found"] + p["wrong"] <= len(pairs) for p in points)


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_share_is_rounded_to_the_nearest_millionth(part, rest):
    whole = part + rest
    share = per_million(part, whole)
    if whole == 0:
        assert share is None
    else:
        assert abs(Fraction(share, MILLION) - Fraction(part, whole)) <= Fraction(1, 2 * MILLION)


def test_calibration_compares_what_scores_claim_with_what_was_found():
    even = pl.DataFrame({"score": [0] * 4, "same": [True, True, False, False]})
    (band,) = bands(even)
    assert (band["expected"], band["observed"]) == (500_000, 500_000)
    sure = pl.DataFrame({"score": [20_000] * 2, "same": [True, False]})
    (band,) = bands(sure)
    assert (band["expected"], band["observed"]) == (999_999, 500_000)
    assert band["from"] <= 20_000 < band["to"]


def test_a_doubt_that_a_person_shares_is_no_error():
    pairs = labelled.from_decisions(
        [decision("a", "unsure", name="exact"), decision("b", "negative", name="exact")], FAMILY
    )
    found = evaluate(labelled.judged(pairs, FAMILY), FAMILY.positive)
    assert found.table["unsure"]["unsure"] == 1
    assert [w["key"] for w in found.wrong] == ["b"]
    assert found.precision is None


def test_a_long_curve_keeps_its_ends_and_the_chosen_point():
    points = [{"at": i, "chosen": i == 457} for i in range(1000)]
    kept = [p["at"] for p in thinned(points, 100)]
    assert len(kept) <= 103
    assert {0, 457, 999} <= set(kept)


# ------------------------------------------------------------------------------- drafts


def test_moving_a_cut_off_names_the_pairs_that_flip(matching):
    high = 28_000
    trial = matching.try_cutoffs(LOCAL, positive=high, unsure=None)
    now = labelled.judged(labelled.from_cases(SCORING.cases["cn"], FAMILY), FAMILY)
    expected = now.filter((pl.col("judgement") == "positive") & (pl.col("score") < high))["key"]
    assert sorted(f["key"] for f in trial.labelled) == sorted(expected) != []
    assert {(f["judgement"], f["draft"], f["effect"]) for f in trial.labelled} == {
        ("positive", "unsure", "worse")
    }
    assert trial.after.recall < trial.before.recall
    assert trial.draft != trial.scoring == SCORING.digest


def test_a_draft_changes_the_figures_and_nothing_else():
    moved = draft.with_cutoffs(CONTENT, "cn", positive=12_500, unsure=-250)
    before, after = (c.files["cn.yaml"].splitlines() for c in (CONTENT, moved))
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [b for _, b in changed] == [
        '  positive: "12.5" # bits: 4,096 to 1', '  unsure: "-0.25" # bits: 8 to 1',
    ]  # fmt: skip
    family = Scoring.from_content(moved).family("cn")
    assert (family.positive, family.unsure) == (12_500, -250)


@pytest.mark.parametrize(("positive", "unsure"), [(2_000, None), (None, 13_000), (1, 2)])
def test_cut_offs_the_wrong_way_round_are_refused(matching, positive, unsure):
    with pytest.raises(InputError) as error:
        matching.try_cutoffs(LOCAL, positive=positive, unsure=unsure)
    assert error.value.problems[0].pointer == "/positive"


def test_an_unknown_family_is_refused_with_those_that_exist(matching):
    with pytest.raises(InputError) as error:
        matching.evaluation(LOCAL, "klingon")
    assert "cn" in error.value.problems[0].remedy


def test_a_figure_that_cannot_be_found_in_the_text_is_an_error():
    text = CONTENT.files["cn.yaml"].replace('positive: "12"', "positive: 12")
    bare = ContentSet("scoring", {**CONTENT.files, "cn.yaml": text})
    with pytest.raises(ContentError, match="cannot be replaced"):
        draft.with_cutoffs(bare, "cn", positive=13_000, unsure=None)


@pytest.mark.parametrize(
    ("milli", "text"), [(12_000, "12"), (12_500, "12.5"), (-250, "-0.25"), (1, "0.001"), (0, "0")]
)
def test_milli_bits_are_written_as_bits(milli, text):
    assert draft.bits_text(milli) == text


def test_a_draft_is_written_beside_and_never_over_other_files(tmp_path):
    moved = draft.with_cutoffs(CONTENT, "cn", positive=13_000, unsure=None)
    assert draft.write(moved, CONTENT, tmp_path) == ["cn.yaml"]
    assert ContentSet.load("scoring", tmp_path) == moved
    with pytest.raises(InputError, match="holds files"):
        draft.write(moved, CONTENT, tmp_path)


# --------------------------------------------------------------------------- calibration


def decided(*decisions: labelled.Decision) -> pl.DataFrame:
    return labelled.from_decisions(decisions, FAMILY)


def test_m_is_the_share_among_same_person_pairs_with_the_declared_share_as_a_prior():
    pairs = decided(
        *(decision(f"s{i}", phone="equal") for i in range(30)),
        *(decision(f"d{i}", phone="different") for i in range(10)),
        *(decision(f"n{i}", "negative", phone="different") for i in range(99)),
    )
    counted = calibration.count(pairs, DECLARED)
    assert counted.pairs == 40
    assert counted.levels["phone"] == {"equal": 30, "partial": 0, "different": 10}
    made = calibration.shares(DECLARED, counted, 60)["phone"]
    # declared 0.6 / 0.05 / 0.35, counted as 60 pairs: 66, 3 and 31 of 100
    expected = {"equal": Fraction(66, 100), "partial": Fraction(3, 100)}
    for level, share in expected.items():
        assert abs(made[level] - share) < Fraction(1, 10**6), level
    assert sum(made.values()) == 1
    # fields that no record gave stay as they are declared
    assert calibration.shares(DECLARED, counted, 60)["address"] == {
        level.level: level.m for f in DECLARED.fields if f.field == "address" for level in f.levels
        if level.m is not None
    }  # fmt: skip


COUNTS = st.fixed_dictionaries(
    {
        field: st.fixed_dictionaries(
            {level: st.integers(0, 2_000) for level in levels if level != MISSING}
        )
        for field, levels in LEVELS.items()
    }
)


@given(COUNTS, st.integers(1, 5_000))
@settings(max_examples=25, deadline=None)
def test_whatever_people_decide_the_draft_is_sound_content(counts, strength):
    """m sum to 1 and more agreement never weighs less, or the content would be refused."""
    made = calibration.shares(DECLARED, calibration.Counted(1, counts), strength)
    changed = draft.with_shares(CONTENT, "cn", made)
    for field in Scoring.from_content(changed).family("cn").fields:
        weights = field.weights[1:] if field.field == "name" else field.weights
        assert list(weights) == sorted(weights, reverse=True)


def test_without_a_single_decision_there_is_nothing_to_learn(matching):
    with pytest.raises(InputError, match="no clerical decision"):
        matching.calibrate(LOCAL)
    with pytest.raises(InputError, match="out of range"):
        matching.calibrate(LOCAL, strength=0)


# ------------------------------------------------------------------------------- access


@pytest.mark.parametrize("role", RoleName)
def test_only_those_who_tune_and_those_who_audit_read_the_figures(matching, role):
    caller = Caller("x", frozenset({role}), ("310000",))
    if role in (RoleName.ADMINISTRATOR, RoleName.AUDITOR):
        assert matching.evaluation(caller).pairs > 0
    else:
        with pytest.raises(NotPermitted):
            matching.evaluation(caller)
        with pytest.raises(NotPermitted):
            matching.try_cutoffs(caller, positive=13_000, unsure=None)
        with pytest.raises(NotPermitted):
            matching.calibrate(caller)


# ------------------------------------------------------------------------------- odds


def clerks(count: int, seed: int) -> list[tuple[int, bool]]:
    """Decisions under a scoring that claims too much: true odds are the square root of claimed."""
    dice = random.Random(seed)
    scores = [dice.randrange(-12_000, 20_000) for _ in range(count)]
    return [(score, dice.random() < odds.claimed(score // 2) / MILLION) for score in scores]


@pytest.mark.parametrize("seed", range(5))
def test_decisions_calibrate_scores_that_claim_too_much(seed):
    """Held out: learnt from one set of decisions, measured on another."""
    learnt, unseen = odds.learn(clerks(600, seed), 50), clerks(2_000, seed + 100)
    claims = odds.calibration_error((s, odds.claimed(s), same) for s, same in unseen)
    after = odds.calibration_error((s, learnt.share(s), same) for s, same in unseen)
    assert after < claims
    before, held = odds.held_out(clerks(600, seed), 50)
    assert held < before


def test_scores_that_mean_what_they_claim_are_left_almost_alone():
    dice = random.Random(1)
    scores = [dice.randrange(-9_000, 9_000) for _ in range(3_000)]
    decided = [(s, dice.random() < odds.claimed(s) / MILLION) for s in scores]
    learnt = odds.learn(decided, 1_000)
    assert max(abs(learnt.share(s) - odds.claimed(s)) for s in range(-9_000, 9_000, 500)) < 120_000


@given(
    st.lists(st.tuples(st.integers(-30_000, 30_000), st.booleans()), max_size=60),
    st.integers(1, 500),
)
@settings(max_examples=60, deadline=None)
def test_a_higher_score_never_means_less_whatever_people_decide(decided, strength):
    learnt = odds.learn(decided, strength)
    assert list(learnt.starts) == sorted(learnt.starts)
    assert list(learnt.shares) == sorted(learnt.shares)
    assert all(0 <= share <= MILLION for share in learnt.shares)
    shuffled = random.Random(0).sample(decided, len(decided))
    assert odds.learn(shuffled, strength) == learnt


def test_a_few_decisions_move_the_claims_little_and_many_decide():
    doubt = [(5_000, False)]
    assert odds.learn(doubt, 200).share(5_000) > odds.claimed(5_000) * 9 // 10
    assert odds.learn(doubt * 5_000, 200).share(5_000) < 100_000


def test_the_report_says_where_a_cut_off_would_mean_what_it_claims():
    said = odds.report(clerks(4_000, 3), 100, 12_000, 3_000)
    high = said["cutoffs"]["positive"]
    assert high["meant"] == odds.claimed(12_000)
    assert high["means"] < high["meant"]
    assert high["from"] is None or high["from"] > 12_000
    assert said["cutoffs"]["unsure"]["from"] > 3_000
    assert sum(band["pairs"] for band in said["calibrated"]) == 4_000
    assert said["error"]["calibrated"] < said["error"]["claimed"]


def test_doubts_that_a_person_shares_say_nothing_of_odds():
    pairs = decided(
        decision("a", birth="equal"), decision("b", "negative"), decision("c", "unsure")
    )
    assert [same for _, same in odds.told(labelled.judged(pairs, FAMILY))] == [True, False]
