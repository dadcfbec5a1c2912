"""The hand-written households: well formed, self-contained, and about different people."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path

import pytest

from verify.domain.errors import ContentError
from verify.domain.identifiers import parse_citizen_id
from verify.domain.vocabulary import Circumstance
from verify.service.intake import ApplicationIn, read_application
from verify.simulate.households import load_all, load_household, merge_registers
from verify.simulate.registers import Registers

FOLDER = Path(__file__).parents[2] / "fixtures" / "households"
TODAY = dt.date(2025, 6, 1)
TESTS = {"income", "money_assets", "vehicles", "dwellings", "non_residential"}
SOURCES = {"tax", "vehicle", "real_estate", "bank", "social_insurance", "utilities"}
ALL = load_all(FOLDER)

each = pytest.mark.parametrize("household", ALL, ids=lambda h: h.path.stem)


def people(household):
    return [p for group in household.application["household"].values() for p in group]


def register_people(registers):
    """(name, id) of everyone whom a department names."""
    for table in Registers.model_fields:
        for row in getattr(registers, table):
            if table == "titles":
                yield from ((o.name, o.id) for o in row.owners)
            else:
                yield row.name, row.id
                yield from ((j.name, j.id) for j in getattr(row, "joint_with", ()))


def names(household):
    """Every name in a file: of the application and of its registers."""
    own = {p["name"] for p in people(household)}
    former = {n for p in people(household) for n in p.get("former_names", ())}
    return own | former | {name for name, _ in register_people(household.registers)}


def test_there_are_enough_of_them_and_their_numbers_have_no_gap():
    assert len(ALL) >= 26
    assert [h.path.name[:2] for h in ALL] == [f"{i:02d}" for i in range(1, len(ALL) + 1)]
    assert len({h.title["en"] for h in ALL}) == len({h.title["zh"] for h in ALL}) == len(ALL)


@each
def test_the_application_is_accepted_as_it_stands(household):
    application = read_application(ApplicationIn.model_validate(household.application), TODAY)
    assert application.region.startswith("31")
    assert application.as_of == dt.date(2025, 5, 20)
    for member in application.members:
        asked = {
            source
            for letter in application.authorisations
            for source in letter.sources
            if letter.covers(
                person=member.person,
                source=source,
                purpose=application.purpose,
                day=dt.date(2030, 1, 1),
            )
        }
        assert asked == SOURCES


@each
def test_minors_have_a_guardians_signature(household):
    application = read_application(ApplicationIn.model_validate(household.application), TODAY)
    adults = {p.person for p in application.persons if p.birth <= dt.date(2007, 5, 20)}
    for letter in application.authorisations:
        assert letter.person in adults or letter.signed_by in adults


@each
def test_register_numbers_are_valid_or_wrong_on_purpose(household):
    members = {parse_citizen_id(p["id_number"]).number: p["name"] for p in people(household)}
    for name, number in register_people(household.registers):
        if not number or "*" in number:
            assert name in members.values()  # only namesakes of members come without a number
            continue
        try:
            parse_citizen_id(number)
        except ValueError:
            near = [m for m in members if sum(a != b for a, b in zip(m, number, strict=True)) == 1]
            assert near, "a wrong number must be one digit from a member's"


@each
def test_the_expectation_names_known_tests_and_fits_its_outcome(household):
    expect = household.expect
    listed = {*expect.get("not_satisfied", ()), *expect.get("undetermined", ())}
    assert listed <= TESTS
    if expect["outcome"] == "eligible":
        assert expect["not_satisfied"] == expect["undetermined"] == expect["questions"] == []
    if expect["outcome"] == "ineligible":
        assert expect["not_satisfied"]
    assert isinstance(expect["final"], bool)


@each
def test_rows_lie_in_the_year_before_the_application_or_say_their_year(household):
    registers = household.registers
    for row in (*registers.contributions, *registers.payouts, *registers.tax_incomes):
        if row.month is None:
            assert row.year
        else:
            assert "2024-05" <= row.month <= "2025-04"


def test_no_two_files_share_a_name_except_on_purpose():
    files = defaultdict(set)
    for household in ALL:
        for name in names(household):
            files[name].add(household.path.name[:2])
    shared = {name: numbers for name, numbers in files.items() if len(numbers) > 1}
    meant = {
        name: {household.path.name[:2], other}
        for household in ALL
        for name, other in household.namesake_of.items()
    }
    assert shared == meant


def test_no_two_files_share_a_person_an_account_a_plate_or_a_title():
    keys = defaultdict(set)
    for household in ALL:
        number = household.path.name[:2]
        numbers = {p["id_number"] for p in people(household)}
        numbers |= {i for _, i in register_people(household.registers) if i}
        registers = household.registers
        for key in (
            *numbers,
            *(a.account for a in registers.accounts),
            *(v.plate for v in registers.vehicles),
            *(t.title_no for t in registers.titles),
            *(r.credit_code for r in registers.tax_roles),
            *(letter["letter"] for letter in household.application["authorisations"]),
        ):
            keys[key].add(number)
    assert {k for k, v in keys.items() if len(v) > 1} == set()


def test_together_they_cover_the_law_that_is_built():
    applications = [h.application for h in ALL]
    kinds = {c["kind"] for h in ALL for p in people(h) for c in p.get("circumstances", ())}
    relations = {p["relation"] for h in ALL for p in people(h)}
    assert {a["programme"] for a in applications} == {"dibao", "dibao_margin"}
    assert {a["residence"] for a in applications} == {"urban", "rural"}
    assert {h.expect["outcome"] for h in ALL} == {"eligible", "ineligible", "undetermined"}
    assert {q for h in ALL for q in h.expect.get("questions", ())} >= {
        "match",
        "attestation",
        "conflict",
        "annual_only",
        "law",
    }
    assert {t for h in ALL for t in h.expect.get("not_satisfied", ())} >= {
        "income",
        "money_assets",
        "vehicles",
        "non_residential",
    }
    assert relations >= {
        "self", "spouse", "child", "parent", "parent_in_law", "grandchild", "sibling",
        "former_spouse",
    }  # fmt: skip
    assert kinds >= {
        Circumstance.DISABILITY,
        Circumstance.SECONDARY_STUDENT,
        Circumstance.FULL_TIME_STUDENT,
        Circumstance.UNABLE_TO_LIVE_INDEPENDENTLY,
        Circumstance.LONG_TERM_CO_RESIDENT,
        Circumstance.SERVING_SENTENCE,
        Circumstance.WAGE_AT_LEAST_MINIMUM,
    }


def test_merged_registers_hold_every_row_of_every_file():
    merged = merge_registers(h.registers for h in ALL)
    for table in Registers.model_fields:
        assert len(getattr(merged, table)) == sum(len(getattr(h.registers, table)) for h in ALL)
    assert merge_registers([]) == Registers()


def test_a_file_with_an_unknown_key_is_refused_with_its_line(tmp_path):
    good = (FOLDER / "03-nothing-anywhere.yaml").read_text(encoding="utf-8")
    path = tmp_path / "01-bad.yaml"
    path.write_text(good.replace("expect:\n", "expects:\n"), encoding="utf-8")
    with pytest.raises(ContentError, match=r"01-bad\.yaml:\d+.*expects?"):
        load_household(path)


def test_a_file_that_does_not_say_it_is_synthetic_is_refused(tmp_path):
    good = (FOLDER / "03-nothing-anywhere.yaml").read_text(encoding="utf-8")
    path = tmp_path / "01-real.yaml"
    path.write_text(good.replace("synthetic: true", "synthetic: false"), encoding="utf-8")
    with pytest.raises(ContentError, match="synthetic"):
        load_household(path)
