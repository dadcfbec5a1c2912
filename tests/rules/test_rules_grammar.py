"""Things one by one, statutory supporters, bands, years, choices: what the wider grammar gives."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules_faults import BOOK as PLAIN
from test_rules_faults import load

from verify.domain.errors import ContentError, InputError
from verify.domain.verdict import Assessment
from verify.rules import GivenHousehold, Law, assess, facts_from_given

HEAD = """\
schema: verify.rules/1
programme: aid
region: "310000"
title: {zh: 救助, en: Aid}
in_force_with: line
income_window: income
citations:
  law: {document: A law, article: "1", confidence: read}
windows:
  income:
    {title: {zh: 六个月, en: six months}, months: 6, before: month_of_application, cite: [law]}
  year: {title: {zh: 上年, en: last year}, months: 12, before: year_of_application, cite: [law]}
  now: {title: {zh: 当月, en: this month}, months: 1, through: month_of_application, cite: [law]}
composition:
  - {code: relative, counts: choice, when: relation = 'sibling', cite: [law]}
  - {code: everyone, counts: yes, when: age >= 0, cite: [law]}
"""
FACTS = {
    "wage": "of: amount, quantities: [wage], window: income, annual: upper_bound_only",
    "wage_now": "of: amount, quantities: [wage], window: now, annual: upper_bound_only",
    "farm": "of: amount, quantities: [business_income], window: year, annual: per_year",
    "cars": "of: count, quantities: [vehicle], except_categories: [motorcycle]",
    "homes": "of: count, quantities: [dwelling]",
    "homes_worth": "of: worth, quantities: [dwelling]",
    "savings": "of: amount, quantities: [bank_balance]",
    "disabled": "of: truth, quantities: [disability]",
    "family": "of: number, quantities: [family_size], unstated: {doubt: family, "
    "question: {zh: 几人, en: how many?}, remedy: {zh: 查, en: look}}",
}
LIMITS = {
    "line": ("fen_per_month", 'value: "1000"'),
    "cap": ("fen", 'value: "50000"'),
    "half": ("ratio", 'value: "0.5"'),
    "size": (
        "fen",
        'bands: [{high: "1", value: "100"}, {low: "2", high: "2", value: "180"}], each_more: "60"',
    ),
}
BY = {"size": "by: members, "}


def book(household: dict[str, tuple[str, str]], **more: dict[str, str]) -> str:
    """A rulebook with the facts and limits above, as far as the formulas name them."""
    texts = " ".join(
        [
            *(f for _, f in household.values()),
            *(v for group in more.values() for v in group.values()),
        ]
    )

    def used(name: str) -> bool:
        return name in texts.replace("(", " ").replace(")", " ").replace(",", " ").split() or (
            f"each: {name}" in texts
        )

    text = HEAD + "facts:\n"
    for name, rest in FACTS.items():
        if used(name) or name == "wage":
            text += f"  {name}: {{title: {{zh: 项, en: {name}}}, {rest}}}\n"
    text += "limits:\n"
    for name, (unit, value) in LIMITS.items():
        if used(name) or name == "line":
            text += f"  {name}: {{title: {{zh: 限, en: {name}}}, unit: {unit}, {BY.get(name, '')}"
            text += f"entries: [{{{value}, effective_from: 2020-01-01, cite: [law]}}]}}\n"
    for group in ("things", "supporters", "persons"):
        if group in more:
            text += f"{group}:\n"
            for name, rest in more[group].items():
                text += f"  {name}: {{title: {{zh: 量, en: {name}}}, {rest}}}\n"
    text += "household:\n"
    text += "  members: {title: {zh: 人口, en: members}, unit: person, is: COUNT(counted)}\n"
    text += "  income: {title: {zh: 收入, en: income}, unit: fen_per_month, "
    text += "is: SUM(wage) / income_months}\n"
    for name, (unit, formula) in household.items():
        text += f'  {name}: {{title: {{zh: 量, en: {name}}}, unit: {unit}, is: "{formula}"}}\n'
    text += "tests:\n"
    text += "  - {test: income, title: {zh: 线, en: line}, value: income, operator: '<', "
    text += "limit: line * members, effect: fail, cite: [law]}\n"
    for name in household:
        text += (
            f"  - {{test: {name}, title: {{zh: 量, en: {name}}}, value: {name}, operator: '>=', "
        )
        text += "limit: '0', effect: fail, cite: [law]}\n"
    return text


def family(*members: dict, **more: object) -> dict:
    base = {"programme": "aid", "region": "310104", "as_of": "2025-05-20"}
    return {
        **base,
        **more,
        "members": [
            {"person": "p1", "relation": "self", "birth": "1980-01-01"} | members[0],
            *members[1:],
        ],
    }


def judged(law: Law, document: dict, *, trace: bool = True) -> Assessment:
    parts = facts_from_given([("a", GivenHousehold.model_validate(document))], law)
    (found,) = assess(law, parts.households, parts.persons, parts.facts, parts.doubts, trace=trace)
    return found


def value(found: Assessment, test: str) -> tuple[int | None, int | None]:
    finding = next(f for f in found.findings if f.test == test)
    return finding.value.lo, finding.value.hi


CARS = book(
    {
        "worth_of_cars": ("fen", "SUM(left)"),
        "dear_cars": ("item", "COUNT(dear)"),
        "number_of_cars": ("item", "cars"),
    },
    things={
        "left": 'unit: fen, each: cars, is: "DECLINE(price, 7, years_owned)"',
        "dear": "unit: truth, each: cars, is: price > cap",
    },
)


def test_each_car_loses_value_by_its_own_age_and_a_motorcycle_is_no_car():
    found = judged(
        load(CARS),
        family(
            {
                "vehicles": [
                    {"vehicle_class": "car", "price": "100000", "acquired": "2023-05-20"},
                    {"vehicle_class": "car", "price": "40000", "acquired": "2023-05-21"},
                    {"vehicle_class": "motorcycle", "price": "9000", "acquired": "2020-01-01"},
                ]
            }
        ),
    )
    # 100,000 x 0.93 x 0.93 after two whole years; 40,000 x 0.93 a day before the second is over.
    assert value(found, "worth_of_cars") == (8_649_000 + 3_720_000,) * 2
    assert value(found, "dear_cars") == (1, 1)
    assert value(found, "number_of_cars") == (2, 2)


def test_a_car_without_a_price_is_worth_anything_and_the_price_is_asked_for():
    law = load(
        CARS.replace(
            "dear_cars, operator: '>=', limit: '0'", "dear_cars, operator: '<=', limit: '0'"
        )
    )
    found = judged(law, family({"vehicles": [{"vehicle_class": "car", "acquired": "2023-05-20"}]}))
    assert value(found, "worth_of_cars") == (0, None)
    assert value(found, "dear_cars") == (0, 1)
    assert found.outcome == "undetermined"
    assert [q.doubt.split(":")[1] for q in found.questions] == ["detail_unknown"]


def test_a_doubtful_car_adds_nothing_or_all_of_its_value():
    found = judged(
        load(CARS),
        family(
            {
                "vehicles": [
                    {
                        "vehicle_class": "car",
                        "price": "60000",
                        "acquired": "2025-05-01",
                        "doubtful": True,
                    }
                ]
            }
        ),
    )
    assert value(found, "worth_of_cars") == (0, 6_000_000)
    assert value(found, "number_of_cars") == (0, 1)


def test_where_the_vehicle_register_is_silent_any_number_of_cars_of_any_price_may_be_there():
    found = judged(load(CARS), family({"unanswered": ["vehicle"]}))
    assert value(found, "worth_of_cars") == (0, None)
    assert value(found, "dear_cars") == (0, None)


def test_a_flat_owned_by_two_members_and_an_outsider_is_one_flat_and_worth_their_shares():
    law = load(
        book(
            {
                "equity": ("fen", "SUM(net)"),
                "flats": ("item", "COUNT(there)"),
                "parts": ("fen", "SUM(homes_worth)"),
            },
            things={
                "net": "unit: fen, each: homes, is: worth - debt",
                "there": "unit: truth, each: homes, is: worth >= 0",
            },
        )
    )
    flat = {"thing": "flat", "worth": "900000", "debt": "300000"}
    spouse = {"person": "p2", "relation": "spouse", "birth": "1981-01-01"}
    found = judged(
        law,
        family(
            {"dwellings": [{**flat, "share": "1/3"}]},
            {**spouse, "dwellings": [{**flat, "share": "1/3"}]},
        ),
    )
    assert value(found, "equity") == (40_000_000, 40_000_000)
    assert value(found, "flats") == (1, 1)
    assert value(found, "parts") == (60_000_000, 60_000_000)


SUPPORT = book(
    {"support": ("fen_per_month", "SUM(due)"), "rich": ("person", "COUNT(has_homes)")},
    supporters={
        "due": "unit: fen_per_month, is: 'ROUND_HALF_UP(half * GREATEST(wage / income_months "
        "- line * family, 0), 1)'",
        "has_homes": "unit: truth, is: homes >= 2",
    },
)
SON = {"person": "p9", "relation": "child", "birth": "2000-01-01", "supporter": True}


def test_a_son_who_lives_elsewhere_owes_half_of_what_his_family_has_above_the_line():
    son = {
        **SON,
        "incomes": [{"kind": "wage", "monthly": "3500.01"}],
        "numbers": [{"kind": "family_size", "number": 3}],
        "dwellings": [{"worth": "1"}, {"worth": "1"}],
    }
    law = load(SUPPORT)
    found = judged(law, family({"dwellings": [{"worth": "1"}]}, son))
    assert value(found, "support") == (25_001, 25_001)  # half of 500.01, rounded to the fen
    assert value(found, "rich") == (1, 1)
    assert value(found, "income") == (0, 0)  # his wage is not the household's
    assert ("p9", "not_counted", "supporter") in found.composition
    names = {n.name for n in _nodes(found.trace)}
    assert {"due/p9", "wage/p9", "family/p9"} <= names


def test_a_son_whose_family_nobody_counted_may_owe_anything_up_to_a_family_of_one():
    son = {**SON, "incomes": [{"kind": "wage", "monthly": "3500"}]}
    assert value(judged(load(SUPPORT), family({}, son)), "support") == (0, 125_000)


def test_without_supporters_there_is_no_support_however_large_the_family():
    child = {"person": "c", "relation": "child", "birth": "2015-01-01"}
    assert value(judged(load(SUPPORT), family({})), "support") == (0, 0)
    assert value(judged(load(SUPPORT), family({}, child)), "support") == (0, 0)


def _nodes(nodes):
    for node in nodes:
        yield node
        yield from _nodes(node.children)


@pytest.mark.parametrize(("people", "expected"), [(1, 100), (2, 180), (3, 240), (5, 360)])
def test_a_limit_by_size_of_the_household_goes_on_by_a_step_for_each_more(people, expected):
    members = [
        {"person": f"c{i}", "relation": "child", "birth": "2015-01-01"} for i in range(people - 1)
    ]
    found = judged(load(book({"size_now": ("fen", "size")})), family({}, *members))
    assert value(found, "size_now") == (expected * 100, expected * 100)


def test_a_household_that_may_be_of_one_or_two_has_the_hull_of_both_bands():
    law = load(
        book({"size_now": ("fen", "size")})
        .replace(
            "  - {code: everyone",
            "  - {code: away, counts: no, when: disabled, cite: [law]}\n  - {code: everyone",
        )
        .replace(
            "facts:\n",
            "facts:\n  disabled: {title: {zh: 残, en: disabled}, of: truth, "
            "quantities: [disability]}\n",
        )
    )
    child = {"person": "c", "relation": "child", "birth": "2015-01-01"}
    claimed = {"circumstances": [{"kind": "disability", "documented": False}]}
    assert value(judged(law, family({}, {**child, **claimed})), "size_now") == (10_000, 18_000)


def test_an_amount_per_year_counts_in_its_own_year_only_and_never_per_month():
    law = load(book({"farm_year": ("fen_per_year", "SUM(farm)")}))
    for year, expected in (("2024", (600_000, 600_000)), ("2023", (0, 0))):
        member = {"incomes": [{"kind": "business_income", "yearly": "6000", "year": year}]}
        assert value(judged(law, family(member)), "farm_year") == expected
    for wrong in ("SUM(farm) / 12", "SUM(farm) / income_months"):
        with pytest.raises(ContentError, match="known per year is not an amount per month"):
            load(book({"farm_month": ("fen_per_month", wrong)}))
    with pytest.raises(ContentError, match="used where the rule needs months"):
        load(
            book({"farm_year": ("fen_per_year", "SUM(farm)")}).replace(
                "window: year", "window: income"
            )
        )


def test_the_month_of_application_is_a_window_of_its_own():
    law = load(book({"now_only": ("fen", "SUM(wage_now)")}))
    member = {"incomes": [{"kind": "wage", "monthly": "700", "from_month": "2025-05"}]}
    found = judged(law, family(member))
    assert value(found, "now_only") == (70_000, 70_000)
    assert value(found, "income") == (0, 0)


def test_a_brother_is_counted_exactly_where_that_favours_the_household():
    law = load(book({}))
    brother = {"person": "b", "relation": "sibling", "birth": "1985-01-01"}
    rich = {**brother, "incomes": [{"kind": "wage", "monthly": "5000"}]}
    earning = {"incomes": [{"kind": "wage", "monthly": "1500"}]}
    with_rich = judged(law, family({}, rich))
    assert with_rich.outcome == "eligible"
    assert ("b", "not_counted", "relative") in with_rich.composition
    helped = judged(law, family(earning, brother))  # 1500 for one is too much, for two it is not
    assert helped.outcome == "eligible"
    assert ("b", "counted", "relative") in helped.composition
    assert any("favours" in n.en for n in helped.notes)
    assert judged(law, family(earning, rich)).outcome == "ineligible"


@settings(max_examples=40, deadline=None)
@given(
    wages=st.lists(st.integers(0, 4000), min_size=1, max_size=4),
    kinds=st.lists(st.sampled_from(["sibling", "child"]), min_size=4, max_size=4),
)
def test_the_choice_is_never_worse_than_any_composition_the_law_allows(wages, kinds):
    law, forced = load(book({})), {}
    members = [
        {
            "person": f"m{i}",
            "relation": "self" if i == 0 else kinds[i],
            "birth": "1990-01-01",
            "incomes": [{"kind": "wage", "monthly": str(w)}],
        }
        for i, w in enumerate(wages)
    ]
    document = family(*members)
    document["members"] = members
    free = [m for m in members if m["relation"] == "sibling"]
    for bits in range(1 << len(free)):
        kept = [m for m in members if m not in free or bits >> free.index(m) & 1]
        total = sum(int(m["incomes"][0]["monthly"]) for m in kept)
        forced[bits] = total < 1000 * len(kept)
    assert (judged(law, document).outcome == "eligible") == any(forced.values())


def test_an_application_accepted_before_the_change_stays_under_the_old_value():
    old = 'value: "2000", check: 2 * 1000, effective_from: 2021-01-01, cite: [law]'
    held = old + (
        ", transitional: {accepted_from: 2021-01-01, "
        "note: {zh: 新申请, en: new applications}, cite: [law]}"
    )
    law = load(PLAIN.replace(old, held))
    for accepted, limit in (("2020-12-31", 100_000), ("2021-01-01", 200_000), (None, 200_000)):
        found = judged(law, family({}, as_of="2021-02-01", accepted_on=accepted))
        assert found.findings[0].limit.lo == limit


def test_a_region_in_no_area_is_asked_for_its_county():
    areas = PLAIN.replace(
        "citations:", 'areas: {inner: ["310101"], outer: ["310151"]}\ncitations:', 1
    ).replace(
        """    entries:
      - {value: "1000", effective_from: 2020-01-01, effective_to: 2020-12-31, cite: [law]}
      - {value: "2000", check: 2 * 1000, effective_from: 2021-01-01, cite: [law]}
""",
        """    by: area_of_region
    entries:
      - {table: {inner: "1000", outer: "800"}, effective_from: 2020-01-01, cite: [law]}
""",
    )
    law = load(areas)
    for region, limit in (("310101", 100_000), ("310151", 80_000)):
        assert judged(law, family({}, region=region)).findings[0].limit.lo == limit
    with pytest.raises(InputError) as caught:
        judged(law, family({}, region="310104"))
    assert caught.value.problems[0].pointer == "/region"


def test_a_word_of_the_country_may_be_given_and_no_other():
    law = load(
        PLAIN,
        vocabulary="schema: verify.vocabulary/1\n"
        "kinds:\n  meal: {nature: flow, zh: 餐补, en: meals}\n",
    )
    judged(law, family({"incomes": [{"kind": "meal", "monthly": "1"}]}))
    for kind in ("wages", "bank_balance"):
        with pytest.raises(InputError) as caught:
            judged(law, family({"incomes": [{"kind": kind, "monthly": "1"}]}))
        assert caught.value.problems[0].pointer == "/members/0/incomes/0/kind"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('high: "2", value: "180"', 'high: "3", value: "180"', None),
        ('low: "2", high: "2"', 'low: "3", high: "4"', "leave a hole"),
        ('low: "2", high: "2"', 'low: "1", high: "2"', "overlap"),
        (', each_more: "60"', "", "nothing is said above 2"),
        ('{high: "1", value: "100"}, ', "", "nothing is said below 2"),
        ("by: members, ", "", "go by nothing"),
        ("unit: fen, by: members", "unit: cent, by: members", "not a unit of CNY"),
    ],
)
def test_bands_with_a_hole_or_an_overlap_are_refused(old, new, reason):
    text = book({"size_now": ("fen", "size")})
    assert old in text
    if reason is None:
        load(text.replace(old, new))
        return
    with pytest.raises(ContentError, match=reason):
        load(text.replace(old, new))


def test_a_code_that_was_merged_is_looked_up_as_the_one_that_replaced_it(law: Law):
    merged = [c for c, new in law.regions.became.items() if new in law.regions.titles]
    for code in merged:
        assert law.regions.ancestors(code)[1] == law.regions.became[code]
    assert merged, "the table lists at least one merged code"


def test_months_owned_are_completed_months():
    law = load(
        book(
            {"new_cars": ("item", "COUNT(fresh)")},
            things={"fresh": "unit: truth, each: cars, is: months_owned < income_months"},
        )
    )
    for acquired, new in (("2024-11-21", 1), ("2024-11-20", 0), ("2025-05-20", 1)):
        cars = [{"vehicle_class": "car", "acquired": acquired}]
        found = judged(law, family({"vehicles": cars}))
        assert value(found, "new_cars") == (new, new), dt.date.fromisoformat(acquired)
