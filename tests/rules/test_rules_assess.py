"""What the rules layer says about given households, through its public functions."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from verify.domain.canonical import canonical_bytes
from verify.domain.errors import InputError, LawNotInForce, UnknownProgramme, UnknownRegion
from verify.rules import GivenHousehold, Law, assess, facts_from_given

SINGLE = {"person": "p1", "relation": "self", "birth": "1980-01-01"}
DAY = dt.date(2025, 5, 20)


def household(*members: dict, **more: object) -> dict:
    base = {"programme": "dibao", "region": "310104", "as_of": "2025-05-20"}
    return {**base, **more, "members": list(members) or [SINGLE]}


def frames_of(document: dict, law: Law):
    return facts_from_given([("a", GivenHousehold.model_validate(document))], law)


def finding(assessment, test: str):
    return next(f for f in assessment.findings if f.test == test)


# -- finding the law ---------------------------------------------------------------------------


def test_a_district_uses_the_rules_of_its_city_and_the_verdict_says_so(law: Law, judge):
    assert law.rulebook("310104", "dibao", DAY, DAY).id == "cn/310000/dibao"
    (found,) = judge(household())
    assert (found.rulebook, found.rulebook_region) == ("cn/310000/dibao", "310000")
    assert any("Xuhui" in n.en and "Shanghai" in n.en for n in found.notes)


def test_an_unknown_region_is_refused_with_a_pointer(law: Law):
    with pytest.raises(UnknownRegion) as caught:
        law.rulebook("999999", "dibao", DAY, DAY)
    assert caught.value.problems[0].pointer == "/region"
    assert caught.value.problems[0].remedy


def test_a_region_whose_ancestors_have_no_rules_is_refused_and_never_borrows_a_neighbours(law: Law):
    with pytest.raises(UnknownProgramme) as caught:
        law.rulebook("460100", "dibao", DAY, DAY)
    assert caught.value.problems[0].pointer == "/programme"
    assert law.programmes("460100") == law.programmes("000000")  # the nation's, no neighbour's
    assert "dibao" not in law.programmes("460100")
    assert {"dibao", "dibao_margin"} <= set(law.programmes("310104"))


@pytest.mark.parametrize("day", ["2016-03-31", "2017-04-01", "2019-03-31", "2025-07-01"])
@pytest.mark.parametrize("programme", ["dibao", "dibao_margin"])
def test_a_day_outside_the_known_law_names_the_known_periods(law: Law, day: str, programme: str):
    with pytest.raises(LawNotInForce) as caught:
        law.rulebook("310104", programme, dt.date.fromisoformat(day), DAY)
    assert caught.value.problems[0].pointer == "/as_of"
    assert "2016-04-01 to 2017-03-31, 2019-04-01 to 2025-06-30" in str(caught.value)


def test_the_first_and_last_day_of_a_known_period_are_in_force(law: Law):
    for day in ("2016-04-01", "2017-03-31", "2019-04-01", "2025-06-30"):
        law.rulebook("310104", "dibao", dt.date.fromisoformat(day), DAY)


def test_one_household_without_law_stops_the_batch_by_name_of_the_first(law: Law):
    documents = [household(), household(region="460100")]
    given = [(k, GivenHousehold.model_validate(d)) for k, d in zip("ab", documents, strict=True)]
    with pytest.raises(UnknownProgramme, match="Haikou"):
        facts_from_given(given, law)


def test_a_batch_may_mix_programmes_and_dates(judge):
    pension = {**SINGLE, "incomes": [{"kind": "pension", "monthly": "1700"}]}
    found = judge(
        household(pension),
        household(pension, programme="dibao_margin"),
        household(pension, as_of="2016-06-01", programme="dibao_margin"),
        household(),
    )
    assert [a.outcome.value for a in found] == [
        "ineligible",
        "eligible",
        "undetermined",
        "eligible",
    ]


# -- doubts, questions, advisories -------------------------------------------------------------


def test_a_source_that_did_not_answer_is_not_a_source_that_found_nothing(judge):
    silent, empty = judge(household({**SINGLE, "unanswered": ["bank_balance"]}), household())
    assert (silent.outcome, empty.outcome) == ("undetermined", "eligible")
    assert finding(silent, "money_assets").value.hi is None
    assert [q.kind for q in silent.questions] == ["missing"]


def test_a_missing_answer_that_cannot_change_anything_is_not_asked(judge):
    rich = {**SINGLE, "assets": [{"amount": "900000"}], "unanswered": ["wage", "vehicle"]}
    (found,) = judge(household(rich))
    assert found.outcome == "ineligible"
    assert found.questions == ()
    assert {q.kind.value for q in found.advisories} == {"missing"}


def test_an_account_that_may_fail_two_ways_is_settled_by_trying_both(judge):
    # Claimed disability raises the limit, the doubtful account raises the savings: whatever the
    # disability turns out to be, the account alone is beyond either limit.
    member = {
        **SINGLE,
        "assets": [{"amount": "46000", "doubtful": True}],
        "circumstances": [{"kind": "disability", "documented": False}],
    }
    (found,) = judge(household(member))
    assert found.outcome == "undetermined"
    assert [q.kind.value for q in found.questions] == ["match"]
    assert [q.kind.value for q in found.advisories] == ["attestation"]


def test_two_tests_that_hang_on_one_doubt_are_seen_together(judge):
    # The doubtful child brings the income per head down but owns too much: eligible either way
    # is impossible, and the intervals alone would not see it.
    parent = {**SINGLE, "incomes": [{"kind": "pension", "monthly": "2000"}]}
    child = {
        "person": "p2",
        "relation": "child",
        "birth": "1995-01-01",
        "circumstances": [{"kind": "long_term_co_resident", "documented": False}],
        "assets": [{"amount": "300000"}],
    }
    (found,) = judge(household(parent, child))
    states = {f.test: f.state.value for f in found.findings}
    assert states["income"] == states["money_assets"] == "undetermined"
    assert found.outcome == "ineligible"
    assert found.questions == ()


def test_questions_are_asked_in_falling_order_of_what_they_turn(judge):
    member = {
        **SINGLE,
        "assets": [
            {"amount": "42000", "doubtful": True},
            {"amount": "109", "doubtful": True},
            {"amount": "60000", "doubtful": True},
        ],
    }
    (found,) = judge(household(member))
    assert [q.turns for q in found.questions] == sorted(
        (q.turns for q in found.questions), reverse=True
    )
    assert found.questions[0].doubt == "match:given/p1/3"
    assert {q.of for q in found.questions} == {8}


def test_too_many_doubts_are_all_asked_and_the_list_says_it_is_not_the_smallest(judge):
    accounts = [{"amount": "4000", "doubtful": True} for _ in range(13)]
    (found,) = judge(household({**SINGLE, "assets": accounts}))
    assert found.outcome == "undetermined"
    assert not found.questions_complete
    assert len(found.questions) == 13


def test_a_doubt_that_does_not_weigh_widens_nothing_and_stays_visible(law: Law):
    parts = frames_of(
        household({**SINGLE, "vehicles": [{"vehicle_class": "car", "doubtful": True}]}), law
    )
    doubts = parts.doubts.with_columns(weighs=pl.lit(False), code=pl.lit("name_only"))
    (found,) = assess(law, parts.households, parts.persons, parts.facts, doubts)
    assert found.outcome == "eligible"
    assert finding(found, "vehicles").value.hi == 0
    assert [q.doubt for q in found.advisories] == ["match:given/p1/1"]


def test_a_fact_that_hangs_on_an_unlisted_doubt_is_refused(law: Law):
    parts = frames_of(household({**SINGLE, "assets": [{"amount": "1", "doubtful": True}]}), law)
    with pytest.raises(ValueError, match="does not list"):
        assess(law, parts.households, parts.persons, parts.facts, parts.doubts.clear())


def test_questions_name_relations_and_amounts_and_never_keys(judge):
    member = {**SINGLE, "person": "p1", "assets": [{"amount": "60000", "doubtful": True}]}
    (found,) = judge(household(member))
    (asked,) = found.questions
    assert "60,000" in asked.question.en
    assert "applicant" in asked.question.en
    assert "申请人" in asked.question.zh
    for text in (asked.question, asked.remedy):
        assert "p1" not in text.en + text.zh
        assert "{" not in text.en + text.zh


# -- money, shares, things ---------------------------------------------------------------------


def test_a_dwelling_of_both_spouses_is_one_dwelling(law: Law):
    spouse = {"person": "p2", "relation": "spouse", "birth": "1981-01-01"}
    owned = {"dwellings": [{"area_m2": "60"}]}
    parts = frames_of(household({**SINGLE, **owned}, {**spouse, **owned}), law)
    twice = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)[0]
    joint = parts.facts.with_columns(object_key=pl.lit("title-1"))
    once = assess(law, parts.households, parts.persons, joint, parts.doubts)[0]
    assert finding(twice, "dwellings").value.lo == 2
    assert finding(once, "dwellings").value.lo == 1
    assert once.outcome == "eligible"


def test_a_joint_dwelling_counts_only_as_far_as_an_owner_counts(law: Law):
    prisoner = {
        "person": "p2",
        "relation": "spouse",
        "birth": "1981-01-01",
        "circumstances": [{"kind": "serving_sentence"}],
        "vehicles": [{"vehicle_class": "car"}],
    }
    parts = frames_of(household(SINGLE, prisoner), law)
    found = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)[0]
    assert finding(found, "vehicles").value.hi == 0
    assert found.outcome == "eligible"


def test_the_mean_over_the_window_is_exact_and_only_shown_rounded(judge):
    one_month = [
        {"kind": "pension", "monthly": "200", "from_month": "2025-04", "to_month": "2025-04"}
    ]
    (found,) = judge(household({**SINGLE, "incomes": one_month}))
    income = finding(found, "income")
    assert income.value.lo == income.value.hi == 1667  # 20000 fen / 12 = 1666.67
    assert any("rounded" in n.en for n in income.notes)


def test_income_before_the_window_does_not_count(judge):
    before = [{"kind": "pension", "monthly": "9000", "to_month": "2024-04"}]
    (found,) = judge(household({**SINGLE, "incomes": before}))
    assert finding(found, "income").value.hi == 0


def test_an_amount_known_for_a_year_only_widens_the_upper_end(judge):
    yearly = [{"kind": "business_income", "yearly": "12000", "year": 2024}]
    (found,) = judge(household({**SINGLE, "incomes": yearly}))
    income = finding(found, "income")
    assert (income.value.lo, income.value.hi) == (0, 100_000)
    assert found.outcome == "eligible", "even if all of it fell into the window"


def test_a_certain_yearly_amount_is_still_only_an_upper_bound_for_the_months(law: Law):
    yearly = [{"kind": "business_income", "yearly": "12000", "year": 2024}]
    parts = frames_of(household({**SINGLE, "incomes": yearly}), law)
    certain = parts.facts.with_columns(lo=pl.col("hi"), doubt=pl.lit(None, dtype=pl.String))
    (found,) = assess(law, parts.households, parts.persons, certain, parts.doubts.clear())
    income = finding(found, "income")
    assert (income.value.lo, income.value.hi) == (0, 100_000)
    whole_year = parts.households.with_columns(as_of=dt.date(2025, 1, 20))
    (found,) = assess(law, whole_year, parts.persons, certain, parts.doubts.clear())
    income = finding(found, "income")
    assert (income.value.lo, income.value.hi) == (0, 100_000)


def test_a_claim_settled_yes_is_true_however_cautiously_it_was_stated(law: Law):
    member = {
        **SINGLE,
        "assets": [{"amount": "43000"}],
        "circumstances": [{"kind": "disability", "documented": False}],
    }
    parts = frames_of(household(member), law)
    cautious = parts.facts.with_columns(
        lo=pl.when(pl.col("quantity") == "disability").then(0).otherwise(pl.col("lo"))
    )
    for facts in (parts.facts, cautious):
        (found,) = assess(law, parts.households, parts.persons, facts, parts.doubts)
        assert [(q.kind.value, q.turns, q.of) for q in found.questions] == [("attestation", 2, 2)]
        assert found.questions_complete


def test_how_cautiously_a_claim_was_stated_changes_no_question(law: Law):
    member = {**SINGLE, "circumstances": [{"kind": "serving_sentence", "documented": False}]}
    parts = frames_of(household(member), law)
    for lo in (1, 0):
        facts = parts.facts.with_columns(lo=pl.lit(lo, dtype=pl.Int64))
        (found,) = assess(law, parts.households, parts.persons, facts, parts.doubts)
        # In prison nobody counts, and a person must say who applies; at large all is well.
        assert {q.doubt.split(":")[0] for q in found.questions} == {"attestation", "refer"}


def test_enormous_amounts_do_not_overflow(judge):
    rich = [{"amount": "9999999999999.99"} for _ in range(60)]
    (found,) = judge(household({**SINGLE, "assets": rich}))
    assert found.outcome == "ineligible"
    assert finding(found, "money_assets").value.lo == 10**12


def test_the_benefit_is_the_shortfall_and_starts_at_nothing_while_the_case_is_open(judge):
    spouse = {"person": "p2", "relation": "spouse", "birth": "1981-01-01"}
    pension = {**SINGLE, "incomes": [{"kind": "pension", "monthly": "1000.01"}]}
    sure, open_, no = judge(
        household(pension, spouse),
        household({**pension, "unanswered": ["vehicle"]}, spouse),
        household({**pension, "assets": [{"amount": "900000"}]}, spouse),
    )
    assert sure.benefit.monthly.lo == sure.benefit.monthly.hi == 2 * 159_500 - 100_001
    assert (open_.benefit.monthly.lo, open_.benefit.monthly.hi) == (0, 2 * 159_500 - 100_001)
    assert no.benefit is None


# -- people ------------------------------------------------------------------------------------


def test_age_is_completed_on_the_birthday(judge):
    savings = {"assets": [{"amount": "42108"}]}
    on, before = judge(
        household({**SINGLE, "birth": "1965-05-20", **savings}),
        household({**SINGLE, "birth": "1965-05-21", **savings}),
    )
    assert (on.outcome, before.outcome) == ("eligible", "ineligible")


def test_a_supporter_outside_the_household_never_counts(judge):
    rich = {
        "person": "p2",
        "relation": "child",
        "birth": "1990-01-01",
        "supporter": True,
        "assets": [{"amount": "900000"}],
    }
    (found,) = judge(household(SINGLE, rich))
    assert found.outcome == "eligible"
    assert ("p2", "not_counted", "supporter") in found.composition


def test_every_member_is_listed_with_the_clause_that_decided(judge):
    child = {"person": "p2", "relation": "child", "birth": "2015-01-01"}
    adult = {"person": "p3", "relation": "child", "birth": "1990-01-01"}
    (found,) = judge(household(SINGLE, child, adult))
    assert found.composition == (
        ("p1", "counted", "applicant"),
        ("p2", "counted", "minor_child"),
        ("p3", "not_counted", "no_clause_applies"),
    )


def test_a_household_without_members_is_refused(law: Law):
    parts = frames_of(household(), law)
    with pytest.raises(InputError, match="no members"):
        assess(law, parts.households, parts.persons.clear(), parts.facts, parts.doubts)


# -- trace -------------------------------------------------------------------------------------


def walk(nodes):
    for node in nodes:
        yield node
        yield from walk(node.children)


def test_the_trace_leads_from_each_test_to_facts_and_cited_limits(judge):
    member = {
        **SINGLE,
        "incomes": [{"kind": "pension", "monthly": "1000"}],
        "assets": [{"amount": "500", "doubtful": True}],
    }
    (found,) = judge(household(member), trace=True)
    nodes = list(walk(found.trace))
    names = {n.name for n in nodes}
    assert {f"test/{f.test}" for f in found.findings} <= names
    pension = next(n for n in nodes if n.name == "pension/p1")
    assert pension.evidence == ("given/p1",)
    assert pension.period == "2024-05-01/2025-04-30"
    assert (pension.value.lo, pension.unit) == (1_200_000, "fen")
    savings = next(n for n in nodes if n.name == "savings/p1")
    assert savings.doubts == ("match:given/p1/1",)
    standard = next(n for n in nodes if n.name == "standard")
    assert standard.effective == "2024-07-01/2025-06-30"
    assert standard.citations[0].confidence == "unverified"


def test_the_trace_can_be_left_out_without_changing_anything_else(law: Law):
    parts = frames_of(household(), law)
    args = (law, parts.households, parts.persons, parts.facts, parts.doubts)
    with_trace, without = assess(*args)[0], assess(*args, trace=False)[0]
    assert without.trace == ()
    assert with_trace.trace
    assert canonical_bytes(with_trace.findings) == canonical_bytes(without.findings)
