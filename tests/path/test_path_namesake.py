"""A record of a namesake never lowers anyone's outcome, whatever the record says."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.live import household, households
from verify.domain.access import LOCAL
from verify.simulate.registers import Registers


def namesakes(name: str, kind: str, amount: int, *, number: str) -> Registers:
    """Rows that a name search brings up about somebody else called `name`."""
    person = {"name": name, "id": number}
    rows = {
        "role": {
            "tax_roles": [
                {
                    **person,
                    "company": "某某贸易有限公司",
                    "credit_code": "91310000MA1FL00000",
                    "role": "legal_representative",
                    "capital": "5000000",
                    "since": "2020-01-01",
                }
            ]
        },
        "business": {
            "tax_incomes": [
                {
                    **person,
                    "item": "business",
                    "payer": "某某贸易有限公司",
                    "month": f"2025-{m:02d}",
                    "amount": str(amount),
                }
                for m in range(1, 5)
            ]
        },
        "car": {
            "vehicles": [
                {
                    **person,
                    "plate": "沪A00001",
                    "vehicle_class": "car",
                    "registered_on": "2022-02-02",
                    "price": str(amount),
                }
            ]
        },
        "flat": {
            "titles": [
                {
                    "title_no": "沪2020黄字不动产权第000001号",
                    "use": "residential",
                    "address": "黄浦区某路1号",
                    "area_m2": "120.00",
                    "registered_on": "2020-01-01",
                    "owners": [{"name": name, "id": number, "share": "1/1"}],
                }
            ]
        },
        "savings": {
            "accounts": [
                {
                    **person,
                    "bank": "ICBK",
                    "account": "6222000000000001",
                    "type": "deposit",
                    "balance": str(amount),
                }
            ]
        },
    }
    return Registers.model_validate(rows[kind])


@settings(
    max_examples=12,
    deadline=None,
    # Every example is two whole checks over HTTP: report the first failure, do not shrink it.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    case=st.sampled_from([h for h in households() if h.expect["outcome"] == "eligible"]),
    kind=st.sampled_from(["role", "business", "car", "flat", "savings"]),
    amount=st.integers(1, 2_000_000),
    number=st.sampled_from(["", "110101197001010016", "*" * 18]),
    who=st.integers(0, 6),
)
def test_adding_a_namesakes_record_never_changes_an_outcome(live, case, kind, amount, number, who):
    application = copy.deepcopy(case.application)
    members = application["household"]["members"]
    name = members[who % len(members)]["name"]
    before = live.verdict(live.check(application))
    with live.sources.extra(namesakes(name, kind, amount, number=number)):
        after = live.verdict(live.check(application))
    assert before["outcome"] == "eligible"
    assert after["outcome"] == "eligible"
    assert len(after["matches"]) > len(before["matches"]), "the namesake's record was not seen"
    for finding, again in zip(
        before["assessment"]["findings"], after["assessment"]["findings"], strict=True
    ):
        assert finding["value"] == again["value"]


def test_a_namesakes_record_without_a_number_is_asked_about_with_score_and_reasons(live):
    case = household("01")
    application = copy.deepcopy(case.application)
    name = application["household"]["members"][0]["name"]
    with live.sources.extra(namesakes(name, "business", 90_000, number="")):
        verification = live.check(application)
    verdict = live.verdict(verification)
    kept = [m for m in verdict["matches"] if m["rule"] == "name_only"]
    assert kept
    for match in kept:
        assert match["judgement"] == "unsure"
        assert match["weighs"] is False
        assert {r["field"] for r in match["reasons"]} >= {"name", "id"}
        assert match["score"] == match["prior"] + sum(r["weight"] for r in match["reasons"])
    asked = [
        q for q in verdict["assessment"]["advisories"] if q["record"] in {m["record"] for m in kept}
    ]
    assert asked
    for question in asked:
        assert question["question"]["zh"]
        assert question["question"]["en"]
        assert question["remedy"]["en"]
    assert live.system.replays.replay(verification, LOCAL).identical


@pytest.mark.parametrize("number", ["110101197001010016", ""])
def test_a_namesake_is_listed_with_the_reason_why_it_does_not_count(live, number):
    application = household("01").application
    name = application["household"]["members"][0]["name"]
    with live.sources.extra(namesakes(name, "car", 100_000, number=number)):
        verdict = live.verdict(live.check(application))
    cars = [m for m in verdict["matches"] if m["kind"] == "vehicle" and m["person"] == "p1"]
    assert [m["rule"] for m in cars] == ["other_person" if number else "name_only"]
    assert not any(m["weighs"] for m in cars)
