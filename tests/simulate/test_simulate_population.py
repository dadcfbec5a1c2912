"""The generated city: deterministic, well formed, complete, and true to its own ground truth."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import opencc
import pypinyin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.domain.errors import InputError
from verify.domain.identifiers import lift_15_to_18, parse_citizen_id
from verify.domain.money import fen_from_yuan
from verify.domain.period import months_before
from verify.domain.vocabulary import Relation
from verify.service.intake import ApplicationIn, read_application
from verify.simulate import spelling
from verify.simulate.corruption import CorruptionRates
from verify.simulate.dice import Dice
from verify.simulate.jsonlines import read_lines
from verify.simulate.names import RARE, SURNAMES, name_person
from verify.simulate.people import SHANGHAI, NumberOffice
from verify.simulate.population import ALL_CORRUPTIONS, FILES, generate
from verify.simulate.registers import Registers

COMMITTED = Path(__file__).parents[2] / "fixtures" / "population"
TODAY = dt.date(2025, 6, 1)
STRANGERS = {
    "namesake",
    "namesake_masked",
    "namesake_masked_fits",
    "namesake_no_id",
    "same_id_stranger",
    "co_owner",
    "stranger",
}


def contents(folder: Path) -> dict[str, list]:
    return {name: list(read_lines(folder / f"{name}.jsonl.gz")) for name in FILES}


def holders(registers: dict, row: dict) -> dict:
    """The part of a register row that the truth speaks of."""
    found = registers[row["table"]][row["row"]]
    if row["table"] == "titles":
        return found["owners"][row["holder"]]
    return found if row["holder"] == 0 else found["joint_with"][row["holder"] - 1]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Enough households for the rare things."""
    out = tmp_path_factory.mktemp("city")
    return generate(400, 7, out), contents(out)


@pytest.fixture(scope="module")
def households(city):
    """(application, registers, truth) of each household."""
    _, lines = city
    return list(zip(*(lines[name] for name in FILES), strict=True))


def test_the_committed_population_is_what_the_generator_writes(tmp_path):
    summary = json.loads((COMMITTED / "summary.json").read_text(encoding="utf-8"))
    generate(summary["households"], summary["seed"], tmp_path)
    # Contents, not gzip bytes: other builds of zlib pack the same lines differently.
    assert contents(tmp_path) == contents(COMMITTED)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == summary


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        generate(12, seed, tmp_path / name)
    files = {n: sorted((tmp_path / n).iterdir()) for n in "abc"}
    read = {n: [f.read_bytes() for f in files[n]] for n in "abc"}
    assert [f.name for f in files["a"]] == [
        "applications.jsonl.gz",
        "registers.jsonl.gz",
        "summary.json",
        "truth.jsonl.gz",
    ]
    assert read["a"] == read["b"]
    assert read["a"] != read["c"]


def test_a_smaller_population_is_the_beginning_of_a_larger_one(tmp_path):
    generate(5, 11, tmp_path / "small")
    generate(20, 11, tmp_path / "large")
    small, large = contents(tmp_path / "small"), contents(tmp_path / "large")
    assert all(large[name][:5] == small[name] for name in FILES)


def test_an_impossible_size_or_place_is_refused_with_its_remedy(tmp_path):
    with pytest.raises(InputError) as error:
        generate(0, 1, tmp_path, region="440300")
    assert [p.pointer for p in error.value.problems] == ["/households", "/region"]
    assert not list(tmp_path.iterdir())


def test_one_district_can_be_asked_for(tmp_path):
    generate(3, 1, tmp_path, region="310115")
    assert {a["region"] for a in contents(tmp_path)["applications"]} == {"310115"}


def test_every_application_is_accepted_and_every_register_fits_its_form(households):
    for application, registers, _ in households:
        read = read_application(ApplicationIn.model_validate(application), TODAY)
        assert read.members
        assert {a.person for a in read.authorisations} == {p.person for p in read.members}
        Registers.model_validate(registers)


def test_every_size_relation_and_corruption_occurs(city):
    summary, _ = city
    assert set(summary.sizes) == {str(n) for n in range(1, 8)}
    assert set(summary.relations) == {r.value for r in Relation}
    assert set(summary.corruptions) == set(ALL_CORRUPTIONS)
    assert summary.unreported > 0


def test_every_kind_of_circumstance_and_support_occurs(households):
    people = [p for a, _, _ in households for g in a["household"].values() for p in g]
    assert {c["kind"] for p in people for c in p["circumstances"]} >= {
        "disability",
        "secondary_student",
        "full_time_student",
        "unable_to_live_independently",
        "long_term_co_resident",
        "serving_sentence",
        "compulsory_rehabilitation",
        "declared_missing",
        "religious_away_3_years",
        "wage_at_least_minimum",
    }
    assert any(not c["document"] for p in people for c in p["circumstances"])
    assert {p["support"]["basis"] for p in people if "support" in p} == {
        "agreement",
        "judgment",
        "actual",
    }
    assert any(
        s["relation"] == "grandchild"
        for a, _, _ in households
        for s in a["household"]["supporters"]
    )


def test_identity_numbers_are_valid_agree_with_birth_and_belong_to_one_person(households):
    numbers = Counter()
    for _, _, truth in households:
        for person in truth["persons"]:
            assert parse_citizen_id(person["id_number"]).birth.isoformat() == person["birth"]
            numbers[person["id_number"]] += 1
    assert max(numbers.values()) == 1


def test_the_truth_names_every_holder_of_every_row_once(households):
    for _, registers, truth in households:
        told = [(r["table"], r["row"], r["holder"]) for r in truth["rows"]]
        assert len(told) == len(set(told))
        expected = {
            (table, i, k)
            for table, rows in registers.items()
            for i, row in enumerate(rows)
            for k in range(len(row.get("owners", [])) or 1 + len(row.get("joint_with", [])))
        }
        assert set(told) == expected


def test_an_uncorrupted_row_says_exactly_who_its_person_is(households):
    for _, registers, truth in households:
        people = {p["person"]: p for p in truth["persons"]}
        for row in truth["rows"]:
            held = holders(registers, row)
            if row["corruption"] == "none":
                owner = people[row["person"]]
                assert (held["name"], held["id"]) == (owner["name"], owner["id_number"])


def test_a_corrupted_row_differs_from_its_person_in_the_way_that_is_told(households):
    def same_but(field):
        return lambda held, p: (
            held[field] != p[{"id": "id_number"}.get(field, field)]
            and held[{"id": "name", "name": "id"}[field]]
            == p["name" if field == "id" else "id_number"]
        )

    looks = {
        "id_15": lambda h, p: len(h["id"]) == 15 and lift_15_to_18(h["id"]) == p["id_number"],
        "id_digit": lambda h, p: sum(a != b for a, b in zip(h["id"], p["id_number"])) == 1,  # noqa: B905
        "id_swap": lambda h, p: (
            sorted(h["id"]) == sorted(p["id_number"]) and h["id"] != p["id_number"]
        ),
        "id_missing": lambda h, p: "id" not in h and h["name"] == p["name"],
        "id_masked": lambda h, p: (
            h["id"].replace("*", "") == p["id_number"][:6] + p["id_number"][-4:]
        ),
        "id_lower_x": lambda h, p: h["id"].endswith("x") and h["id"].upper() == p["id_number"],
        "name_former": lambda h, p: h["name"] == p["former_name"],
        "name_pinyin": lambda h, p: any(c.isascii() for c in h["name"]) and h["id"],
    }
    seen = Counter()
    for _, registers, truth in households:
        people = {p["person"]: p for p in truth["persons"]}
        for row in truth["rows"]:
            kind = row["corruption"]
            seen[kind] += 1
            if kind == "none" or kind in STRANGERS:
                assert (row["person"] is None) == (kind in STRANGERS)
                continue
            held, owner = holders(registers, row), people[row["person"]]
            if kind in looks:
                assert looks[kind](held, owner), kind
            if kind not in ("id_missing",):
                assert same_but("id" if kind.startswith("id_") else "name")(held, owner), kind
    assert set(looks) <= set(seen)


def test_strangers_look_like_the_member_whose_namesake_they_are_and_are_nobody(households):
    for _, registers, truth in households:
        names = {p["name"] for p in truth["persons"]}
        numbers = {p["id_number"] for p in truth["persons"]}
        for row in truth["rows"]:
            held = holders(registers, row)
            if row["corruption"].startswith("namesake"):
                assert held["name"] in names
                assert held.get("id") not in numbers
            if row["corruption"] == "same_id_stranger":
                assert held["id"] in numbers
                assert held["name"] not in names
            if row["corruption"] == "namesake":
                parse_citizen_id(held["id"])


def test_true_assets_are_the_members_shares_of_their_accounts(households):
    for _, registers, truth in households:
        shares = Counter()
        for row in truth["rows"]:
            if row["table"] == "accounts" and row["person"]:
                account = registers["accounts"][row["row"]]
                parties = 1 + len(account.get("joint_with", []))
                shares[row["person"]] += fen_from_yuan(account["balance"]) // parties
        for person in truth["persons"]:
            assert person["assets_fen"] == shares[person["person"]]
            assert type(person["assets_fen"]) is int


def test_true_income_is_what_the_departments_paid_in_the_twelve_months(households):
    window = months_before(dt.date(2025, 5, 20), 12)
    first, last = window.start.isoformat()[:7], window.end.isoformat()[:7]
    for _, registers, truth in households:
        found, yearly = Counter(), set()
        for row in truth["rows"]:
            if row["table"] in ("tax_incomes", "payouts") and row["person"]:
                paid = registers[row["table"]][row["row"]]
                if "year" in paid:
                    yearly.add(row["person"])
                    continue
                assert first <= paid["month"] <= last
                found[row["person"]] += fen_from_yuan(paid["amount"])
        for person in truth["persons"]:
            if person["person"] not in yearly:
                assert person["income_12m_fen"] == found[person["person"]]
            assert person["income_month_fen"] == person["income_12m_fen"] // 12


def test_unreported_accounts_are_missing_from_the_declaration(households):
    seen = 0
    for application, _, truth in households:
        declared = Counter()
        for amount in application["declared"]["amounts"]:
            if amount["kind"] in ("bank_balance", "wealth_product"):
                declared[amount["person"]] += fen_from_yuan(amount["amount"])
        hidden = Counter()
        for account in truth["unreported"]:
            hidden[account["person"]] += account["fen"]
            seen += 1
        for person in truth["persons"]:
            key = person["person"]
            assert declared[key] + hidden[key] == person["assets_fen"]
    assert seen


def test_without_corruption_every_row_is_its_own_persons_and_clean(tmp_path):
    from dataclasses import fields

    clean = CorruptionRates(**{f.name: 0 for f in fields(CorruptionRates)})
    summary = generate(40, 5, tmp_path, rates=clean)
    # Joint owners outside the household are no corruption of a register; they stay.
    assert set(summary.corruptions) <= {"none", "co_owner"}
    assert summary.unreported == 0


def test_a_rate_over_a_thousand_per_mille_is_refused():
    with pytest.raises(ValueError, match="id_15"):
        CorruptionRates(id_15=1001)


def test_surnames_are_as_frequent_as_published():
    dice, n = Dice("surnames"), 60_000
    drawn = Counter(SURNAMES.draw(dice) for _ in range(n))
    ranked = [name for name, _ in drawn.most_common()]
    assert set(ranked[:5]) == set("王李张刘陈")
    # 二〇一九年、二〇二〇年全国姓名报告: five largest 30.8 %, hundred largest 85.9 %.
    assert 0.29 < sum(drawn[s] for s in "王李张刘陈") / n < 0.335
    assert 0.84 < sum(drawn[s] for s in SURNAMES.items[:100]) / n < 0.88
    assert drawn["欧阳"] > 0


def test_rare_and_ethnic_names_occur_when_asked_for():
    dice = Dice("rare")
    rare = [name_person(dice, "m", 1990, rare_per_mille=1000).full for _ in range(50)]
    assert all(any(c in RARE for c in name) for name in rare)
    for style in ("uyghur", "tibetan", "yi"):
        assert "·" in name_person(dice, "f", 1990, style=style).full
    child = name_person(dice, "m", 2010, style="uyghur", father="买买提")
    assert child.full.endswith("·买买提")


def test_homophones_sound_alike_and_traditional_forms_mean_the_same():
    for character, others in spelling.HOMOPHONES.items():
        sound = pypinyin.lazy_pinyin(character)
        assert all(pypinyin.lazy_pinyin(other) == sound for other in others), character
    simplify = opencc.OpenCC("t2s").convert
    assert all(simplify(full) == simple for simple, full in spelling.TRADITIONAL.items())
    for character, (latin, instead) in RARE.items():
        assert pypinyin.lazy_pinyin(character + instead) == [latin.lower()] * 2


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SHANGHAI),
    st.dates(dt.date(1930, 1, 1), dt.date(1999, 12, 31)),
    st.integers(0, 499),
    st.sampled_from("mf"),
    st.integers(0, 2**32),
)
def test_no_misspelt_number_is_a_valid_number_of_somebody_else(area, birth, serial, sex, seed):
    number = spelling.number_for(area, birth.strftime("%Y%m%d"), serial, sex)
    assert parse_citizen_id(number).number == number
    assert int(number[16]) % 2 == (1 if sex == "m" else 0)
    assert lift_15_to_18(spelling.fifteen_digits(number)) == number
    dice = Dice(seed)
    for wrong in (spelling.wrong_digit(number, dice), spelling.swapped(number, dice)):
        if wrong != number:
            with pytest.raises(ValueError, match=r"check digit|date of birth"):
                parse_citizen_id(wrong)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_dice_stay_in_range_and_repeat(seed, n):
    first, second = Dice(seed, "x"), Dice(seed, "x")
    drawn = [first.below(n) for _ in range(20)]
    assert drawn == [second.below(n) for _ in range(20)]
    assert all(0 <= d < n for d in drawn)


def test_the_number_office_never_gives_a_number_twice():
    office = NumberOffice(9)
    numbers = [office.number("shanghai", 1985, "f")[0] for _ in range(30_000)]
    assert len(set(numbers)) == len(numbers)
