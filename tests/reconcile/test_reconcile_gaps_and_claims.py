"""What nobody answered, what is only claimed, and what does not fit together."""

import datetime as dt

import polars as pl
import pytest
from reconcile_world import YIELDS, World, bounds, codes, window_months

from verify.domain.evidence import EvidenceState

SILENT = sorted(s.value for s in EvidenceState if not s.answered)


@pytest.mark.parametrize("state", SILENT)
def test_a_source_that_did_not_answer_leaves_everything_it_holds_open(state):
    result = World().answer("tax/p1", state).run()
    kind = "stale" if state == "stale" else "missing"
    expected = sorted(YIELDS["tax"])
    assert result.facts["quantity"].to_list() == expected
    assert result.facts.select("lo", "hi", "period_start").unique().rows() == [(0, None, None)]
    assert result.facts["doubt"].unique().to_list() == [f"{kind}:tax/p1"]
    (doubt,) = result.doubts.to_dicts()
    assert (doubt["kind"], doubt["code"], doubt["quantities"]) == (kind, state, expected)


@pytest.mark.parametrize("state", ["ok", "confirmed_empty"])
def test_an_answer_leaves_nothing_open(state):
    result = World().answer("tax/p1", state).run()
    assert result.facts.is_empty()
    assert result.doubts.is_empty()


def test_signals_alone_are_not_left_open_but_a_company_role_is():
    result = World().answer("social/p1", "timeout").answer("tax/p1", "timeout").run()
    assert set(result.facts["quantity"]) == {"pension", *YIELDS["tax"]}


def test_a_source_that_is_not_mandatory_may_be_silent():
    result = World().answer("tax/p1", "timeout", mandatory=False).run()
    assert result.facts.is_empty()
    assert result.doubts.is_empty()


def test_an_old_answer_counts_for_nothing_but_leaves_its_quantities_open():
    world = World().answer("bank/p1", "stale", as_of=dt.date(2023, 1, 1), detail="age")
    world.record("bank_balance", 500)
    world.unsure("wealth_product", 500)
    result = world.run()
    assert bounds(result.facts, "bank_balance") == [(0, None, "stale")]
    assert bounds(result.facts, "wealth_product") == [(0, None, "stale")]
    (doubt,) = result.doubts.to_dicts()
    assert doubt["params"] == [
        {"key": "as_of", "value": "2023-01-01"},
        {"key": "detail", "value": "age"},
    ]


def test_old_records_of_an_optional_source_are_not_simply_forgotten():
    world = World().answer("bank/p1", "stale", mandatory=False, records=1)
    world.record("bank_balance", 500)
    assert bounds(world.run().facts, "bank_balance") == [(0, None, "stale")]


@pytest.mark.parametrize("state", ["partial", "conflicting"])
def test_an_incomplete_answer_is_a_certain_lower_bound_below_an_open_one(state):
    world = World().answer("bank/p1", state)
    world.record("bank_balance", 500)
    assert sorted(bounds(world.run().facts, "bank_balance"), key=str) == [
        (0, None, "missing"),
        (500, 500, ""),
    ]


def test_records_of_an_answer_about_someone_else_are_not_used():
    world = World().answer("bank/p1", "wrong_subject")
    world.record("bank_balance", 500)
    assert bounds(world.run().facts, "bank_balance") == [(0, None, "missing")]


def test_the_same_record_in_a_fresh_answer_still_counts_beside_a_stale_one():
    world = World("p1", "p2").answer("bank/p1", "ok").answer("bank/p2", "stale")
    for evidence in ("bank/p1", "bank/p2"):
        world.record("bank_balance", 500, evidence=evidence)
    facts = world.run().facts
    assert bounds(facts, "bank_balance", "p1") == [(500, 500, "")]
    assert bounds(facts, "bank_balance", "p2") == [(0, None, "stale")]


@pytest.mark.parametrize(
    ("holds", "documented", "expected"),
    [
        (True, True, (1, 1, "")),
        (False, True, (0, 0, "")),
        (True, False, (1, 1, "attestation")),
        (False, False, (1, 1, "attestation")),
    ],
)
def test_only_a_document_makes_a_circumstance_certain(holds, documented, expected):
    world = World().claim(
        "disability", holds=holds, documented=documented, grade=2, category="肢体"
    )
    result = world.run()
    assert bounds(result.facts, "disability") == [expected]
    (fact,) = result.facts.to_dicts()
    assert (fact["grade"], fact["category"]) == (2, "肢体")
    if not documented:
        (doubt,) = result.doubts.to_dicts()
        assert doubt["doubt"] == fact["doubt"] == "attestation:disability:p1"
        assert doubt["code"] == "claimed_without_document"
        assert doubt["params"] == [{"key": "holds", "value": str(holds).lower()}]


def test_a_death_notice_proves_the_death_that_the_application_states():
    world = World().claim("deceased", documented=False)
    world.record("death_notice", key=None)
    result = world.run()
    assert bounds(result.facts, "deceased") == [(1, 1, "")]
    assert result.facts["evidence"].to_list() == [["social/p1"]]
    assert result.doubts.is_empty()


def test_a_death_notice_contradicts_an_application_that_denies_the_death():
    world = World().claim("deceased", holds=False)
    world.record("death_notice", key=None)
    assert sorted(bounds(world.run().facts, "deceased")) == [(0, 0, ""), (1, 1, "conflict")]


def test_declared_support_is_income_of_every_month_of_the_window():
    facts = World().declare("support_received", 30_000).run().facts
    assert [f"{d:%Y-%m}" for d in facts["period_start"]] == window_months()
    assert facts["period_end"][-1] == dt.date(2024, 7, 31)
    assert facts.select("lo", "hi", "doubt", "note", "granularity").unique().rows() == [
        (30_000, 30_000, None, "declared_monthly", "month")
    ]


def test_support_that_a_source_also_holds_may_be_the_same_support():
    world = World().declare("support_received", 300)
    world.record("support_received", 200, months="2024-03")
    facts = world.run().facts
    assert bounds(facts, "support_received").count((300, 300, "")) == 12
    assert bounds(facts, "support_received").count((200, 200, "conflict")) == 1


def test_what_only_the_family_states_is_believed():
    result = World().declare("wage", 250_000).declare("bank_balance", 9).run()
    assert bounds(result.facts, "wage") == [(250_000, 250_000, "")] * 12
    assert bounds(result.facts, "bank_balance") == [(9, 9, "")]
    assert result.facts["note"].unique().to_list() == ["declared_only"]
    assert result.facts.filter(pl.col("quantity") == "bank_balance")["period_start"].to_list() == [
        None
    ]


def test_a_declaration_of_nothing_is_no_fact():
    assert World().declare("wage", 0).run().facts.is_empty()


def test_a_declaration_is_not_counted_beside_what_was_found():
    world = World().declare("wage", 250_000)
    world.record("wage", 100, months="2024-03")
    assert bounds(world.run().facts, "wage") == [(100, 100, "")]


def test_a_declaration_waits_for_a_silent_source():
    world = World().declare("wage", 250_000).answer("tax/p1", "timeout")
    assert bounds(world.run().facts, "wage") == [(0, None, "missing")]


def test_beside_doubtful_records_a_declaration_is_only_an_upper_bound():
    world = World().declare("bank_balance", 300)
    world.unsure("bank_balance", 200)
    assert sorted(bounds(world.run().facts, "bank_balance")) == [(0, 300, ""), (200, 200, "match")]


def test_income_before_the_window_does_not_answer_for_a_declaration():
    world = World().declare("wage", 100)
    world.record("wage", 700, months="2023-07")
    assert bounds(world.run().facts, "wage").count((100, 100, "")) == 12


def row(result, code):
    (found,) = result.discrepancies.filter(pl.col("code") == code).to_dicts()
    return {k: found[k] for k in ("quantity", "declared", "found_lo", "found_hi", "evidence")}


def test_income_that_was_not_declared_is_shown_as_a_monthly_mean_rounded_outwards():
    world = World()
    world.record("wage", 1_000, months="2024-03")
    assert row(world.run(), "undeclared") == {
        "quantity": "wage",
        "declared": None,
        "found_lo": 83,
        "found_hi": 84,
        "evidence": ["tax/p1"],
    }


def test_more_than_declared_and_less_than_declared_are_both_shown():
    world = World().declare("bank_balance", 400).declare("wage", 400).declare("pension", 0)
    world.record("bank_balance", 500)
    world.record("wage", 1_200, months="2024-03")
    world.record("pension", 1_200, months="2024-03")
    result = world.run()
    assert row(result, "found_higher")["found_lo"] == 500
    assert row(result, "found_lower")["found_hi"] == 100
    assert row(result, "undeclared")["declared"] == 0


def test_what_agrees_with_the_declaration_is_no_discrepancy():
    world = World().declare("bank_balance", 500)
    world.record("bank_balance", 500)
    assert codes(world.run()) == set()


def test_a_doubtful_or_namesakes_record_accuses_nobody():
    world = World()
    world.unsure("bank_balance", 500)
    world.namesake("wage", 500, months="2024-03")
    assert codes(world.run()) == set()


def test_less_than_declared_is_only_shown_where_someone_looked():
    declared = World().declare("wage", 100).declare("support_received", 100)
    assert codes(declared.run()) == set()
    assert codes(declared.answer("tax/p1").run()) == {("p1", "found_lower", "wage")}


def test_an_insured_month_without_any_wage_is_pointed_out_with_its_base():
    world = World()
    world.record("contribution", 480_000, months="2024-03", key="Employer")
    world.record("contribution", 500_000, months="2024-04", key="Employer")
    world.record("contribution", 600_000, months="2024-05", key="Employer")
    world.record("wage", 480_000, months="2024-05")
    assert row(world.run(), "insured_without_wage") == {
        "quantity": "contribution",
        "declared": None,
        "found_lo": 480_000,
        "found_hi": 500_000,
        "evidence": ["social/p1"],
    }


def uncovered(change):
    world = World()
    world.record("contribution", 480_000, months="2024-03")
    change(world)
    return ("p1", "insured_without_wage", "contribution") in codes(world.run())


@pytest.mark.parametrize(
    ("why", "change", "expected"),
    [
        ("nothing else is known", lambda _: None, True),
        ("the tax source is silent", lambda w: w.answer("tax/p1", "timeout"), False),
        ("a yearly wage may cover it", lambda w: w.record("wage", 9, year=2024), False),
        ("a yearly wage of another year", lambda w: w.record("wage", 9, year=2022), True),
        ("a doubtful wage is a wage", lambda w: w.unsure("wage", 9, months="2024-03"), False),
        ("a namesake's wage is none", lambda w: w.namesake("wage", 9, months="2024-03"), True),
        ("a declared wage explains it", lambda w: w.declare("wage", 9), False),
    ],
)
def test_an_insured_month_is_pointed_out_unless_a_wage_may_explain_it(why, change, expected):
    assert uncovered(change) is expected, why


def test_contributions_outside_the_window_or_in_doubt_are_not_pointed_out():
    world = World()
    world.record("contribution", 480_000, months="2023-07")
    world.unsure("contribution", 480_000, months="2024-03")
    assert codes(world.run()) == set()


@pytest.mark.parametrize(
    ("credited", "expected"), [(2_400_000, False), (2_400_001, True), (0, False)]
)
def test_credits_above_twice_the_known_income_are_pointed_out(credited, expected):
    world = World()
    for months in window_months():
        world.record("wage", 100_000, months=months)
    world.record("account_movement", credited)
    found = ("p1", "credits_exceed_income", "account_movement") in codes(world.run())
    assert found is expected


def test_credits_are_given_per_month_and_an_account_in_two_answers_counts_once():
    world = World("p1", "p2").declare("wage", 1)
    world.record("account_movement", 1_300, evidence="bank/p1")
    world.record("account_movement", 1_300, evidence="bank/p2")
    assert row(world.run(), "credits_exceed_income") == {
        "quantity": "account_movement",
        "declared": 1,
        "found_lo": 108,
        "found_hi": 109,
        "evidence": ["bank/p1", "bank/p2"],
    }


def test_unbounded_income_explains_any_credits():
    world = World().answer("tax/p1", "timeout")
    world.record("account_movement", 10**9)
    assert codes(world.run()) == set()
