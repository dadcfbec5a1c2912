"""The food assistance of one country and the legal aid of another: rules are content."""

from __future__ import annotations

import datetime as dt
import random
import re
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from pathlib import Path

import means_oracle as oracle
import pytest

from verify.content import ContentSet
from verify.domain.canonical import canonical_bytes
from verify.domain.errors import ContentError, UnknownProgramme
from verify.domain.verdict import Text
from verify.rules import (
    GivenHousehold,
    Law,
    assess,
    assess_frames,
    facts_from_given,
    load_cases,
    tree,
)
from verify.service import wording

CONTENT = ContentSet.load("rules")
LAW = Law.from_content(CONTENT)
CASES = load_cases(CONTENT)
US, GB = "us/US-48/snap.yaml", "gb/GB-EAW/civil_legal_aid.yaml"
US_TABLES, GB_TABLES = (oracle.Tables(CONTENT, path) for path in (US, GB))
US_DAYS, GB_DAYS = LAW.dates("US-48", "snap"), LAW.dates("GB-EAW", "civil_legal_aid")


def judged(programme, region, day, families):
    return assessed([oracle.document(programme, region, day, family) for family in families])


def given_frames(documents):
    keyed = [(f"{i:03d}", GivenHousehold.model_validate(d)) for i, d in enumerate(documents)]
    parts = facts_from_given(keyed, LAW)
    return parts.households, parts.persons, parts.facts, parts.doubts


def assessed(documents):
    return assess(LAW, *given_frames(documents), trace=False)


# -- the engine knows no law ---------------------------------------------------------------------


@pytest.mark.parametrize("country", ["us", "gb"])
def test_the_engine_contains_no_word_of_the_law_of_another_country(country):
    kinds = CONTENT.document(f"{country}/vocabulary.yaml").value["kinds"]
    path = US if country == "us" else GB
    own = {k for k in kinds if "_" in k}  # single words, such as homeless, are anybody's
    own |= {LAW.books[path.removesuffix(".yaml")].programme, "allotment", "passported"}
    source = Path(__file__).parents[2] / "src" / "verify"
    words: set[str] = set()
    for file in source.rglob("*.py"):
        words.update(re.findall(r"[a-z0-9_]+", file.read_text(encoding="utf-8").lower()))
    assert "household" in words
    assert sorted(own & words) == []


# -- the tables are the published ones -----------------------------------------------------------

# Annual poverty guidelines, 48 States: the first person and each further one. The income standards
# are a twelfth of 100 and of 130 per cent, rounded up to the dollar (7 CFR 273.9(a)(3)).
GUIDELINES = {2022: (13590, 4720), 2023: (14580, 5140), 2024: (15060, 5380), 2025: (15650, 5500)}


@pytest.mark.parametrize(("name", "percent"), [("net_limit", 100), ("gross_limit", 130)])
@pytest.mark.parametrize("day", US_DAYS, ids=str)
def test_the_income_standards_are_those_of_the_poverty_guidelines(day, name, percent):
    first, more = GUIDELINES[day.year]

    def twelfth(dollars):
        return (Decimal(dollars * percent) / 1200).quantize(Decimal(1), ROUND_CEILING)

    for size in range(1, 9):
        assert US_TABLES.value(name, day, size) == twelfth(first + more * (size - 1)), size
    step = US_TABLES.value(name, day, 12) - US_TABLES.value(name, day, 11)
    assert step == twelfth(more)


# Weekly income support: single person of 25, couple, child; and the days of the year of the rates.
WEEKLY = {
    2022: ("77.00", "121.05", "70.80", 365),
    2023: ("84.80", "133.30", "77.78", 366),
    2024: ("90.50", "142.25", "83.24", 365),
}


@pytest.mark.parametrize("year", WEEKLY)
def test_the_allowances_of_dependants_are_weekly_income_support_by_the_month(year):
    day = next(d for d in GB_DAYS if d.year == year)
    single, couple, child, days = WEEKLY[year]

    def monthly(weekly):
        return (weekly * days / 7 / 12).quantize(Decimal("0.01"), ROUND_HALF_UP)

    assert GB_TABLES.value("partner_allowance", day) == monthly(Decimal(couple) - Decimal(single))
    assert GB_TABLES.value("dependant_allowance", day) == monthly(Decimal(child))


def test_no_day_outside_the_published_years_is_judged():
    assert LAW.books["us/US-48/snap"].ranges == [(dt.date(2022, 10, 1), dt.date(2026, 9, 30))]
    assert LAW.books["gb/GB-EAW/civil_legal_aid"].ranges == [(dt.date(2022, 4, 11), None)]


@pytest.mark.parametrize("book", ["us/US-48/snap", "gb/GB-EAW/civil_legal_aid"])
def test_every_test_is_shown_by_six_cases_at_every_date(book):
    law = LAW.books[book]
    for day in law.dates():
        here = [c for c in CASES if (c.given.programme, c.given.as_of) == (law.programme, day)]
        for test in law.plan.tests:
            shown = [
                c
                for c in here
                if test.name in (*c.expect.values, *c.expect.not_satisfied, *c.expect.undetermined)
            ]
            assert len(shown) >= 6, (day, test.name)


# -- where the law holds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "programme", "rulebook"),
    [
        ("US-TX", "snap", "us/US-48/snap"),
        ("US-DC", "snap", "us/US-48/snap"),
        ("GB-WLS", "civil_legal_aid", "gb/GB-EAW/civil_legal_aid"),
    ],
)
def test_a_state_without_rules_of_its_own_has_those_it_lies_within(place, programme, rulebook):
    document = oracle.document(
        programme, place, LAW.dates(place, programme)[0], [{"age": 30, "relation": "self"}]
    )
    (found,) = assessed([document])
    assert found.rulebook == rulebook
    assert any("has no rules of its own" in note.en for note in found.notes)


@pytest.mark.parametrize(
    ("place", "programme"),
    [("US-AK", "snap"), ("US-HI", "snap"), ("US", "snap"), ("GB-SCT", "civil_legal_aid")],
)
def test_a_place_outside_never_borrows_its_neighbours_rules(place, programme):
    with pytest.raises(UnknownProgramme):
        LAW.find(place, programme)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ('  - {code: "US-ZZ", zh: 甲, en: A, within: US-99}\n', "cannot be"),
        ('  - {code: "US-ZZ", zh: 甲, en: A, within: GB-EAW}\n', "cannot be"),
        ('  - {code: "US-ZZ", zh: 甲, en: A, within: US-TX}\n', "cannot be"),
        ('  - {code: "310102", zh: 甲, en: A, within: "310000"}\n', "shows what it lies within"),
    ],
    ids=["not listed", "another country", "within within", "a code that shows it"],
)
def test_a_region_within_what_cannot_be_is_refused(rows, fault):
    files = {"regions.yaml": CONTENT.files["regions.yaml"] + rows}
    with pytest.raises(ContentError, match=fault):
        Law.from_content(ContentSet("rules", {**CONTENT.files, **files}))


# -- amounts in the country's own money ----------------------------------------------------------


def test_amounts_are_in_the_money_of_the_rulebook():
    poor = {"age": 40, "relation": "self", "wage": 1200}
    (us,) = judged("snap", "US-48", US_DAYS[-1], [[poor]])
    (gb,) = judged("civil_legal_aid", "GB-EAW", GB_DAYS[-1], [[poor | {"rent_paid": 500}]])
    assert {f.unit for f in us.findings} == {"cent", "cent_per_month"}
    assert us.benefit.unit == "cent_per_month"
    assert {c.unit for c in gb.charges} == {"penny", "penny_per_month"}
    assert wording.amount(150050, "cent_per_month") == Text("1,500.50 美元/月", "$1,500.50 a month")
    assert wording.amount(-700, "penny") == Text("-7 英镑", "-£7")
    assert wording.amount(159500, "fen_per_month") == Text("1,595 元/月", "¥1,595 a month")


def test_a_question_names_the_amount_in_the_money_of_the_rulebook():
    document = oracle.document("snap", "US-48", US_DAYS[-1], [{"age": 30, "relation": "self"}])
    document["members"][0]["incomes"] = [{"kind": "wage", "monthly": "5000", "doubtful": True}]
    (found,) = assessed([document])
    assert "($5,000)" in found.questions[0].question.en


def test_a_question_is_in_the_words_of_the_country():
    document = oracle.document("snap", "US-48", US_DAYS[-1], [{"age": 70, "relation": "self"}])
    document["members"][0]["unanswered"] = ["social_security"]
    (found,) = assessed([document])
    assert "Social Security benefits" in found.questions[0].question.en
    assert "社会保障金" in found.questions[0].question.zh


def test_there_is_nothing_to_pay_for_those_who_are_not_eligible():
    rich = {"age": 40, "relation": "self", "wage": 9000}
    (found,) = judged("civil_legal_aid", "GB-EAW", GB_DAYS[0], [[rich]])
    assert found.outcome == "ineligible"
    assert found.charges == ()


def test_while_a_case_is_open_the_charge_is_anything_up_to_its_upper_end():
    document = oracle.document(
        "civil_legal_aid", "GB-EAW", GB_DAYS[0], [{"age": 30, "relation": "self"}]
    )
    document["members"][0] |= {"assets": [{"amount": "9000", "doubtful": True}]}
    (found,) = assessed([document])
    capital = next(c for c in found.charges if c.name == "capital_contribution")
    assert (capital.value.lo, capital.value.hi) == (0, 600000)


def test_a_household_without_things_is_judged_alone_as_in_a_batch():
    person = {"age": 40, "relation": "self", "wage": 900}
    (alone,) = judged("civil_legal_aid", "GB-EAW", GB_DAYS[0], [[person]])
    owner = person | {"vehicle": 24000, "vehicle_years": 1}
    beside, _ = judged("civil_legal_aid", "GB-EAW", GB_DAYS[0], [[person], [owner]])
    assert alone.findings == beside.findings


# -- against a second arithmetic -----------------------------------------------------------------


US_PARTS = {
    "wage": [400, 1200, "1472.49", 1632, "1632.50", 2888, 3380, 5000],
    "pension": [300, 1133, 1419, 1459, 2100],
    "rent_paid": [200, 900, "1250.50", 2400],
    "medical_self_paid": [35, "35.50", 400],
    "child_care_paid": [250, "399.49"],
    "support_paid": [120],
    "bank_balance": [500, 2750, "2750.01", 3000, 4250, 4500, "4500.01"],
    "vehicle": [4650, 6000, 7650, 9000],
    "disability": [True],
    "receives_ssi": [True],
    "homeless": [True],
}
GB_PARTS = {
    "wage": [200, 900, "1400.10", 2400, 2657, "2657.01"],
    "pension": [125, "525.5", 1010],
    "property_income": [20, "60.60"],
    "tax_paid": [90, 450],
    "rent_paid": [100, 545, "545.01", 1100],
    "housing_benefit": [100],
    "support_paid": [75],
    "child_care_paid": [300],
    "bank_balance": [1000, 8000, "8000.01", 60000, 107999],
    "disputed_money": [20000, 100000, 108000],
    "main_home": [(200000, 94000), (200000, 85000), (350000, 20000)],
    "disputed_main_home": [(220000, 10000), (100000, 27000)],
    "other_property": [(60000, 55000)],
    "vehicle": [9000, 15001, 24000],
    "vehicle_years": [1, 2, 3],
    "receives_universal_credit": [True],
}
FAMILIES = 60


def person(dice, relation, ages, parts):
    """Somebody with a few of the parts, each drawn from around the limits."""
    few = dice.sample(sorted(parts), dice.randint(0, min(5, len(parts))))
    drawn = {kind: dice.choice(parts[kind]) for kind in few}
    return {"age": dice.choice(ages), "relation": relation} | drawn


def us_family(dice):
    status = {k: US_PARTS[k] for k in ("receives_ssi", "homeless", "wage")}
    family = [person(dice, "self", [22, 45, 59, 60, 80], US_PARTS)]
    family += [person(dice, "child", [3, 17, 21], status) for _ in range(dice.choice(range(10)))]
    if dice.random() < 0.4:
        family.append(person(dice, "spouse", [30, 59, 60], US_PARTS))
    if dice.random() < 0.2:  # whole families, or chance would never bring them together
        family = [p | {dice.choice(["receives_ssi", "homeless"]): True} for p in family]
    return family


def gb_family(dice):
    family = [person(dice, "self", [25, 59, 60, 78], GB_PARTS)]
    if dice.random() < 0.4:
        income = {k: GB_PARTS[k] for k in list(GB_PARTS)[:9]}
        family.append(person(dice, "spouse", [24, 61], income))
    for _ in range(dice.choice([0, 0, 1, 2, 5, 6])):
        family.append(person(dice, "child", [2, 9, 17], {"child_benefit": [True]}))
    return family


@pytest.mark.parametrize("day", US_DAYS, ids=str)
def test_food_assistance_agrees_with_a_second_arithmetic(day):
    dice = random.Random(day.toordinal())
    families = [us_family(dice) for _ in range(FAMILIES)]
    seen = set()
    for family, found in zip(families, judged("snap", "US-48", day, families), strict=True):
        law = oracle.food_assistance(US_TABLES, day, family)
        seen |= law["failed"] | ({"referred"} if law["referred"] else {"paid"})
        assert {f.test for f in found.findings if f.state == "not_satisfied"} == law["failed"]
        if law["failed"]:
            assert found.outcome == "ineligible"
            continue
        assert found.outcome == ("undetermined" if law["referred"] else "eligible")
        if not law["referred"]:
            assert found.benefit.monthly.lo == found.benefit.monthly.hi == law["allotment"] * 100
    assert seen == {"gross_income", "net_income", "resources", "referred", "paid"}


@pytest.mark.parametrize(
    ("programme", "region", "tables", "law_of", "family_of"),
    [
        ("snap", "US-48", US_TABLES, oracle.food_assistance, us_family),
        ("civil_legal_aid", "GB-EAW", GB_TABLES, oracle.legal_aid, gb_family),
    ],
    ids=["us", "gb"],
)
def test_what_nobody_confirms_never_decides_and_the_truth_stays_within(
    programme, region, tables, law_of, family_of
):
    dice = random.Random(20)
    day = LAW.dates(region, programme)[-1]
    families = [family_of(dice) for _ in range(2 * FAMILIES)]
    documents = [
        oracle.veiled(oracle.document(programme, region, day, family), dice) for family in families
    ]
    outcomes = set()
    for family, found in zip(families, assessed(documents), strict=True):
        truth = law_of(tables, day, family)
        outcomes.add(found.outcome.value)
        if found.outcome == "eligible":
            assert not truth["failed"]
            assert not truth["referred"]
        elif found.outcome == "ineligible":
            assert truth["failed"]
        else:
            assert found.questions or not found.questions_complete
        half = Decimal("0.5")  # shown values are rounded
        for finding in found.findings:
            if finding.test in truth:
                value, real = finding.value, truth[finding.test] * 100
                assert value.lo is None or value.lo - half <= real, finding.test
                assert value.hi is None or real <= value.hi + half, finding.test
    assert outcomes == {"eligible", "ineligible", "undetermined"}


@pytest.mark.parametrize(
    ("programme", "region", "family_of"),
    [("snap", "US-48", us_family), ("civil_legal_aid", "GB-EAW", gb_family)],
    ids=["us", "gb"],
)
def test_the_tree_of_a_batch_is_the_tree_of_the_household_alone(programme, region, family_of):
    dice = random.Random(3)
    day = LAW.dates(region, programme)[-1]
    families = [family_of(dice) for _ in range(30)]
    documents = [
        oracle.veiled(oracle.document(programme, region, day, family), dice) for family in families
    ]
    parts = given_frames(documents)
    whole = assess_frames(LAW, *parts, chunk=7)
    for alone in assess(LAW, *parts):
        assert canonical_bytes(tree(LAW, whole, alone.household)) == canonical_bytes(alone.trace)


@pytest.mark.parametrize("day", GB_DAYS, ids=str)
def test_legal_aid_agrees_with_a_second_arithmetic(day):
    dice = random.Random(day.toordinal())
    families = [gb_family(dice) for _ in range(FAMILIES)]
    found = judged("civil_legal_aid", "GB-EAW", day, families)
    seen = set()
    for family, assessment in zip(families, found, strict=True):
        law = oracle.legal_aid(GB_TABLES, day, family)
        states = {f.test: f for f in assessment.findings}
        seen |= law["failed"]
        assert {t for t, f in states.items() if f.state == "not_satisfied"} == law["failed"]
        assert assessment.outcome == ("ineligible" if law["failed"] else "eligible")
        shown = {t: f.value for t, f in states.items() if f.state != "not_applicable"}
        shown |= {c.name: c.value for c in assessment.charges}
        for name, value in shown.items():
            if name in law:
                assert value.exact
                assert abs(value.lo - law[name] * 100) <= Decimal("0.5"), name
    assert seen == {"gross_income", "disposable_income", "disposable_capital"}
