"""Laws that every verdict keeps, whatever the household."""

from __future__ import annotations

import copy
from dataclasses import replace

import rules_oracle as oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules_strategies import INCOMES, SAVINGS, households

from verify.domain.canonical import canonical_bytes
from verify.rules import GivenHousehold, assess, facts_from_given

SOME = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SOME
@given(
    case=households(),
    kind=st.sampled_from(["pension", "business_income", "bank_balance"]),
    amount=st.sampled_from([*INCOMES, *SAVINGS]),
    who=st.integers(0, 2),
)
def test_more_income_or_savings_never_turns_ineligible_into_eligible(
    judge, case, kind, amount, who
):
    richer = copy.deepcopy(case)
    person = richer.persons[who % len(richer.persons)]
    person.things.append(oracle.Thing(kind, amount))
    before, after = judge(oracle.as_given(case), oracle.as_given(richer))
    assert not (before.outcome == "ineligible" and after.outcome != "ineligible")
    assert not (before.outcome != "eligible" and after.outcome == "eligible")


@SOME
@given(case=households(), order=st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(law, case, order):
    parts = facts_from_given([("a", GivenHousehold.model_validate(oracle.as_given(case)))], law)
    plain = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)
    shuffled = [
        frame[order.sample(range(frame.height), frame.height)]
        for frame in (parts.households, parts.persons, parts.facts, parts.doubts)
    ]
    assert canonical_bytes(assess(law, *shuffled)) == canonical_bytes(plain)


@SOME
@given(cases=st.lists(households(), min_size=2, max_size=6))
def test_a_household_alone_is_judged_as_in_a_batch(judge, cases):
    together = judge(*(oracle.as_given(c) for c in cases), trace=True)
    for case, found in zip(cases, together, strict=True):
        (alone,) = judge(oracle.as_given(case), trace=True)
        assert canonical_bytes(alone) == canonical_bytes(replace(found, household="0000"))


@SOME
@given(case=households(), digits=st.sampled_from(["6501021", "5401012", "3101042"]))
def test_names_birthplace_and_sex_digits_are_never_read(law, case, digits):
    parts = facts_from_given([("a", GivenHousehold.model_validate(oracle.as_given(case)))], law)
    plain = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)
    renamed = parts.persons.with_columns(
        name=parts.persons["person"] + "·艾尼",
        id_number=parts.persons["person"] + digits,
        address=parts.persons["person"] + "喀什",
    )
    again = assess(law, parts.households, renamed, parts.facts, parts.doubts)
    assert canonical_bytes(again) == canonical_bytes(plain)


@SOME
@given(cases=st.lists(households(), min_size=4, max_size=10))
def test_settling_exactly_the_decisive_questions_settles_the_case(judge, cases):
    for case in cases:
        for person in case.persons:
            person.things = [t for t in person.things if t.status != "unanswered"]
    found = judge(*(oracle.as_given(c) for c in cases))
    asked = [{q.doubt for q in f.questions} for f in found]
    documents = [oracle.as_given(c) for c in cases]
    for document, case, doubts in zip(documents, cases, asked, strict=True):
        for member, person in zip(document["members"], case.persons, strict=True):
            _settle(member, person, doubts)
    for case, doubts, after in zip(cases, asked, judge(*documents), strict=True):
        left = {q.doubt for q in after.questions}
        # Answers to questions of law, and a person's own judgement, cannot be written in facts.
        assert left <= {d for d in doubts if d.startswith(("law:", "refer:"))}
        if not left:
            assert after.outcome == oracle.outcome(case)


def _settle(member: dict, person: oracle.Person, asked: set[str]) -> None:
    """Write down the true answers to the questions asked about one member, and no others."""
    claims = [c for c in member["circumstances"] if not c["documented"]]
    for number, claim in enumerate(claims, start=1):
        if f"attestation:given/{member['person']}/{number}" in asked:
            claim["documented"] = True
            claim["holds"] = person.is_(claim["kind"])
    number = 0
    real = {id(row): thing for row, thing in _doubtful(member, person)}
    for group in ("incomes", "assets", "vehicles", "dwellings"):
        kept = []
        for row in member[group]:
            if id(row) in real:
                number += 1
                if f"match:given/{member['person']}/{number}" in asked:
                    if not real[id(row)].real:
                        continue
                    row["doubtful"] = False
            kept.append(row)
        member[group] = kept


def _doubtful(member: dict, person: oracle.Person):
    groups = {"vehicle": "vehicles", "bank_balance": "assets", "wealth_product": "assets"}
    groups |= dict.fromkeys(("dwelling", "homestead", "non_residential"), "dwellings")
    position = dict.fromkeys(("incomes", "assets", "vehicles", "dwellings"), 0)
    for thing in person.things:
        group = groups.get(thing.kind, "incomes")
        row = member[group][position[group]]
        position[group] += 1
        if thing.status == "doubtful":
            yield row, thing


def test_one_fen_near_a_limit_changes_that_test_only(judge):
    def family(income: str, savings: str) -> dict:
        return {
            "programme": "dibao",
            "region": "310104",
            "as_of": "2024-07-01",
            "members": [
                {
                    "person": "p1",
                    "relation": "self",
                    "birth": "1980-01-01",
                    "incomes": [{"kind": "pension", "monthly": income}],
                    "assets": [{"amount": savings}],
                }
            ],
        }

    base, dearer, richer = judge(
        family("1594.99", "42107.99"), family("1595.00", "42107.99"), family("1594.99", "42108.00")
    )
    states = [{f.test: f.state.value for f in a.findings} for a in (base, dearer, richer)]
    assert {t for t in states[0] if states[0][t] != states[1][t]} == {"income"}
    assert {t for t in states[0] if states[0][t] != states[2][t]} == {"money_assets"}
    assert [a.outcome.value for a in (base, dearer, richer)] == [
        "eligible",
        "ineligible",
        "ineligible",
    ]
