"""Whose statement a record is, and how often it counts."""

import datetime as dt

import polars as pl
import pytest
from reconcile_world import World, bounds, codes

from verify import frames


def doubt_ids(result):
    return result.doubts["doubt"].to_list()


def test_a_confirmed_wage_is_a_certain_fact():
    world = World()
    record = world.record("wage", 350_000, months="2024-03", key="Factory A")
    (fact,) = world.run().facts.to_dicts()
    assert (fact["lo"], fact["hi"], fact["doubt"]) == (350_000, 350_000, None)
    assert fact["object_key"] == "Factory A"
    assert fact["period_start"] == dt.date(2024, 3, 1)
    assert (fact["evidence"], fact["records"]) == (["tax/p1"], [record])


def test_a_rejected_record_leaves_no_trace_in_facts_or_doubts():
    world = World()
    world.record("wage", 350_000, months="2024-03", judgement="negative", weighs=False)
    result = world.run()
    assert result.facts.is_empty()
    assert result.doubts.is_empty()


def test_a_record_with_a_mistyped_number_counts_only_if_its_doubt_is_settled_with_yes():
    world = World()
    record = world.unsure("wage", 350_000, months="2024-03")
    result = world.run()
    assert bounds(result.facts, "wage") == [(350_000, 350_000, "match")]
    (doubt,) = result.doubts.to_dicts()
    assert doubt["doubt"] == f"match:{record}:p1"
    assert (doubt["kind"], doubt["code"], doubt["weighs"]) == ("match", "id_near", True)
    assert (doubt["source"], doubt["evidence"], doubt["record"]) == ("tax", "tax/p1", record)


def test_twelve_wages_under_one_mistyped_number_are_one_question():
    world = World()
    for n in range(1, 13):
        world.unsure("wage", 350_000, months=f"2024-{n:02d}" if n < 8 else f"2023-{n:02d}")
    result = world.run()
    assert result.facts["doubt"].n_unique() == 1
    (doubt,) = result.doubts.to_dicts()
    assert {"key": "records", "value": "12"} in doubt["params"]


def test_two_mistyped_numbers_are_two_questions():
    world = World()
    world.unsure("wage", 350_000, months="2024-03")
    world.unsure("wage", 350_000, months="2024-04", subject_id="mistyped otherwise")
    assert world.run().doubts.height == 2


def test_records_without_a_number_share_a_question_only_about_the_same_payer():
    world = World()
    plain = {"subject_id": None, "rule": "name_and_birth"}
    world.unsure("wage", 1, months="2024-03", key="A", **plain)
    world.unsure("wage", 1, months="2024-04", key="A", **plain)
    world.unsure("wage", 1, months="2024-04", key="B", **plain)
    assert world.run().doubts.height == 2


def test_a_namesakes_record_is_asked_about_but_is_no_fact():
    world = World()
    world.namesake("company_role", key="Company B", category="legal_representative")
    result = world.run()
    assert result.facts.is_empty()
    (doubt,) = result.doubts.to_dicts()
    assert (doubt["weighs"], doubt["quantities"]) == (False, ["company_role"])


def test_a_record_that_may_be_two_members_counts_for_the_likelier_one_only():
    world = World("p1", "p2")
    record = world.record("wage", 900, months="2024-03", person=None)
    world.match(record, "p1", "unsure", rule="ambiguous", score=5000)
    world.match(record, "p2", "unsure", rule="ambiguous", score=6000)
    result = world.run()
    assert result.facts.select("person", "hi").rows() == [("p2", 900)]
    (doubt,) = result.doubts.to_dicts()
    assert {"key": "also", "value": "p1"} in doubt["params"]


def test_a_tie_goes_to_the_first_person_key():
    world = World("p2", "p1")
    record = world.record("wage", 900, months="2024-03", person=None)
    for person in ("p2", "p1"):
        world.match(record, person, "unsure", rule="ambiguous")
    assert world.run().facts["person"].to_list() == ["p1"]


def test_a_member_goes_before_a_supporter_since_the_members_means_always_matter():
    world = World("p9", supporters=("p1",))
    record = world.record("wage", 900, months="2024-03", person=None)
    world.match(record, "p1", "unsure", rule="ambiguous", score=9000)
    world.match(record, "p9", "unsure", rule="ambiguous", score=1000)
    assert world.run().facts["person"].to_list() == ["p9"]


def test_a_confirmed_owner_goes_before_a_likelier_but_unconfirmed_one():
    world = World("p1", "p2")
    record = world.record("vehicle", 1, person="p2")
    world.match(record, "p1", "unsure", rule="id_near", score=99_000)
    result = world.run()
    assert result.facts.select("person", "doubt").rows() == [("p2", None)]
    assert result.doubts.is_empty()


@pytest.mark.parametrize(
    ("amount", "share", "lo", "hi"),
    [
        (100, (1, 3), 33, 34),
        (99, (1, 3), 33, 33),
        (-100, (1, 3), -34, -33),
        (10**15, (999_999_999, 10**9), 999_999_999_000_000, 999_999_999_000_000),
        (100, (0, 1), 0, 0),
        (100, (1, 0), 0, 100),
        (100, (3, 2), 0, 100),
    ],
)
def test_only_the_persons_own_share_counts_in_whole_fen(amount, share, lo, hi):
    world = World()
    world.record("bank_balance", amount, share=share)
    assert bounds(world.run().facts, "bank_balance") == [(lo, hi, "")]


def test_half_a_flat_is_one_dwelling_of_half_the_area():
    world = World()
    world.record("dwelling", None, share=(1, 2), area_dm2=8001, category="title")
    (fact,) = world.run().facts.to_dicts()
    assert (fact["lo"], fact["hi"], fact["area_dm2"]) == (1, 1, 4000)


def test_a_joint_account_returned_for_both_holders_counts_once_for_each():
    world = World("p1", "p2")
    for evidence in ("bank/p1", "bank/p2"):
        for person in ("p1", "p2"):
            world.record("bank_balance", 1000, person=person, evidence=evidence, share=(1, 2))
    result = world.run()
    assert result.facts.select("person", "lo", "hi").rows() == [("p1", 500, 500), ("p2", 500, 500)]
    assert result.facts["evidence"].to_list() == [["bank/p1", "bank/p2"]] * 2


def test_the_share_of_an_owner_outside_the_household_never_counts():
    world = World()
    world.record("bank_balance", 1000, share=(1, 2))
    world.record("bank_balance", 1000, share=(1, 2), judgement="negative", weighs=False)
    assert bounds(world.run().facts, "bank_balance") == [(500, 500, "")]


def test_two_payers_in_one_month_both_count():
    world = World()
    world.record("wage", 100, months="2024-03", key="A")
    world.record("wage", 100, months="2024-03", key="B")
    assert world.run().facts["lo"].sum() == 200


def test_payments_without_a_payer_count_apart_unless_all_they_say_is_the_same():
    world = World("p1", "p2")
    for amount, evidence in ((100, "tax/p1"), (200, "tax/p1"), (100, "tax/p2")):
        world.record("wage", amount, months="2024-03", key=None, evidence=evidence)
    facts = world.run().facts
    assert sorted(facts["lo"]) == [100, 200]
    assert facts["object_key"].to_list() == [None, None]


def test_where_two_sources_differ_the_lower_amount_is_certain_and_the_rest_in_conflict():
    world = World()
    world.record("wage", 300, months="2024-03", evidence="tax/p1")
    world.record("wage", 500, months="2024-03", evidence="social/p1")
    result = world.run()
    assert bounds(result.facts, "wage") == [(300, 300, ""), (200, 200, "conflict")]
    (doubt,) = result.doubts.to_dicts()
    assert (doubt["doubt"], doubt["kind"]) == ("conflict:wage:p1:1", "conflict")
    assert doubt["code"] == "amounts_differ"


def test_conflicts_are_numbered_by_object_not_by_month():
    world = World()
    for months in ("2024-03", "2024-04"):
        for key in ("B", "A"):
            world.record("wage", 300, months=months, key=key, evidence="tax/p1")
            world.record("wage", 500, months=months, key=key, evidence="social/p1")
    facts = world.run().facts.filter(pl.col("doubt").is_not_null())
    assert set(facts.select("object_key", "doubt").rows()) == {
        ("A", "conflict:wage:p1:1"),
        ("B", "conflict:wage:p1:2"),
    }


def test_a_conflict_of_thirds_stays_sound_to_the_fen():
    world = World()
    world.record("bank_balance", 100, share=(1, 3), evidence="bank/p1")
    world.record("bank_balance", 200, share=(1, 3), evidence="estate/p1")
    certain, extra = (b[:2] for b in bounds(world.run().facts, "bank_balance"))
    assert certain == (33, 34)
    assert certain[0] + extra[0] <= 66
    assert certain[1] + extra[1] >= 67


def test_one_plate_described_as_car_and_as_disability_vehicle_is_certain_as_neither():
    world = World()
    for category, evidence in (("car", "vehicle/p1"), ("disability_vehicle", "vehicle/p2")):
        world.record("vehicle", 1, category=category, evidence=evidence)
    result = world.run()
    assert bounds(result.facts, "vehicle") == [(1, 1, "conflict"), (1, 1, "conflict")]
    assert doubt_ids(result) == ["conflict:vehicle:p1:1", "conflict:vehicle:p1:2"]


def test_two_plates_are_two_vehicles():
    world = World()
    for key in ("A1", "A2"):
        world.record("vehicle", 1, category="car", key=key)
    assert bounds(world.run().facts, "vehicle") == [(1, 1, ""), (1, 1, "")]


def test_a_doubtful_record_of_what_is_certain_anyway_adds_nothing():
    world = World()
    world.record("vehicle", 1, category="car", key="A1")
    world.unsure("vehicle", 1, category="truck", key="A1")
    world.record("wage", 500, months="2024-03")
    world.unsure("wage", 400, months="2024-03")
    result = world.run()
    assert bounds(result.facts, "vehicle") == [(1, 1, "")]
    assert bounds(result.facts, "wage") == [(500, 500, "")]
    assert result.doubts.is_empty()


def test_a_doubtful_record_adds_what_it_says_beyond_the_certain_one():
    world = World()
    world.record("wage", 500, months="2024-03")
    world.unsure("wage", 700, months="2024-03")
    assert bounds(world.run().facts, "wage") == [(500, 500, ""), (200, 200, "match")]


def test_an_amount_the_source_left_out_may_be_anything():
    world = World()
    record = world.record("bank_balance", None)
    result = world.run()
    assert bounds(result.facts, "bank_balance") == [(0, None, "missing")]
    assert doubt_ids(result) == [f"missing:{record}"]


def test_a_doubtful_loss_may_also_be_nothing():
    world = World()
    world.unsure("business_income", -500, months="2024-03")
    assert bounds(world.run().facts, "business_income") == [(-500, 0, "match")]


def test_an_annual_amount_is_never_divided_into_months():
    world = World()
    record = world.record("labour_remuneration", 1_200_000, year=2023)
    result = world.run()
    (fact,) = result.facts.to_dicts()
    assert (fact["granularity"], fact["lo"], fact["hi"]) == ("year", 0, 1_200_000)
    assert (fact["period_start"], fact["period_end"]) == (
        dt.date(2023, 1, 1),
        dt.date(2023, 12, 31),
    )
    (doubt,) = result.doubts.to_dicts()
    assert (doubt["doubt"], doubt["kind"]) == (f"annual_only:{record}", "annual_only")


def test_an_annual_amount_only_checks_the_months_of_the_same_payer():
    world = World()
    world.record("wage", 1_200_000, year=2023, key="A")
    world.record("wage", 100_000, months="2023-09", key="A")
    assert bounds(world.run().facts, "wage") == [(100_000, 100_000, "")]


@pytest.mark.parametrize(
    "other",
    [
        {"key": "B", "months": "2023-09"},
        {"key": "A", "months": "2024-01"},
        {"key": "A", "months": "2023-09", "person": "p2", "evidence": "tax/p1"},
        {
            "key": "A",
            "months": "2023-09",
            "judgement": "unsure",
            "rule": "id_near",
            "subject_id": "x",
        },
    ],
)
def test_months_of_another_payer_year_person_or_in_doubt_do_not_replace_the_annual_amount(other):
    world = World("p1", "p2")
    world.record("wage", 1_200_000, year=2023, key="A")
    world.record("wage", 100_000, **other)
    assert (0, 1_200_000, "annual_only") in bounds(world.run().facts, "wage")


def test_a_doubtful_annual_amount_hangs_on_its_match():
    world = World()
    world.unsure("wage", 1_200_000, year=2023)
    assert bounds(world.run().facts, "wage") == [(0, 1_200_000, "match")]


def test_contributions_and_account_movements_never_become_facts():
    world = World()
    world.record("contribution", 500_000, months="2024-03")
    world.record("account_movement", 100)
    world.unsure("contribution", 500_000, months="2024-04")
    result = world.run()
    assert result.facts.is_empty()
    assert result.doubts.is_empty()


def test_a_company_role_is_a_fact_of_its_own_and_no_money():
    world = World()
    world.record("company_role", 5_000_000, key="Company B", category="shareholder")
    result = world.run()
    assert bounds(result.facts, "company_role") == [(1, 1, "")]
    assert codes(result) == set()


def test_a_death_notice_about_a_member_is_a_conflict_however_often_it_comes():
    world = World("p1", "p2")
    for day, evidence in ((1, "social/p1"), (2, "social/p2")):
        start = dt.date(2024, 1, day)
        world.record(
            "death_notice", key=f"n{day}", evidence=evidence, period_start=start, period_end=start
        )
    result = world.run()
    assert bounds(result.facts, "deceased") == [(1, 1, "conflict")]
    (doubt,) = result.doubts.to_dicts()
    assert doubt["doubt"] == "conflict:deceased:p1"
    assert doubt["code"] == "death_notice_against_member"


def test_every_frame_has_its_shape_order_and_numbering():
    world = World("p1", "p2")
    for person in ("p2", "p1"):
        world.record("wage", 100, months="2024-04", person=person)
        world.record("wage", 100, months="2024-03", person=person)
        world.unsure("vehicle", 1, person=person)
    result = world.declare("wage", 1).run()
    for shape, frame in (
        (frames.FACTS, result.facts),
        (frames.DOUBTS, result.doubts),
        (frames.DISCREPANCIES, result.discrepancies),
    ):
        assert frame.equals(shape.check(frame).sort(shape.key))
    assert result.facts["fact"].to_list() == [f"f{n:04d}" for n in range(1, 7)]
    assert result.facts.equals(
        result.facts.sort("person", "quantity", "object_key", "period_start", "doubt")
    )


def test_an_empty_household_has_nothing():
    result = World().run()
    assert result.facts.is_empty()
    assert result.doubts.is_empty()
    assert result.discrepancies.is_empty()
