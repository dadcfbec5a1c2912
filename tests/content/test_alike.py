"""Every household is judged alike, in every rulebook, for every golden case.

The order of rows, the company in a batch, and what no law may look at change nothing. What a law
does look at is listed here: attribute, place in the rulebook, and the document it rests on.
"""

from __future__ import annotations

import random

import polars as pl
import pytest

from verify import frames
from verify.content import ContentSet
from verify.domain.canonical import canonical_bytes
from verify.rules import Law, assess, assess_frames, facts_from_given, load_cases
from verify.rules import expressions as ex
from verify.rules.given import GivenCircumstance, GivenHousehold, GivenMember

RULES = ContentSet.load("rules")
LAW = Law.from_content(RULES)
CASES = load_cases(RULES)
KEYS = [f"{i:06d}" for i in range(len(CASES))]
ALONE_OF_EACH = 6  # cases of each rulebook that are judged again alone

NO57, NO220, NO43 = "民发〔2021〕57号 第七条", "民发〔2012〕220号", "民发〔2021〕43号"
SHANGHAI_2024 = "上海市2024年调整最低生活保障标准的通知"
LEGAL_AID = "S.I. 2013/480"
# Where an attribute is read, for all rulebooks or those of one region, and what is cited there.
CITED: dict[str, dict[tuple[str, str], str]] = {
    "age": {
        ("", "composition.minor_child"): NO57,
        ("441625", "composition.minor_child"): NO220,
        ("000000", "persons.unable_to_work"): f"{NO43} 第五条",
        ("000000", "supporters.capable"): f"{NO43} 第八条",
        ("310000", "persons.favoured"): SHANGHAI_2024,
        ("GB-EAW", "composition.dependent_child"): f"{LEGAL_AID} reg. 25",
        ("GB-EAW", "persons.pensioner"): f"{LEGAL_AID} reg. 41",
        ("US-48", "composition.young_child"): "7 CFR 273.1 (a), (b)(1)",
        ("US-48", "persons.elderly_or_disabled"): "7 CFR 271.2",
    },
    "religious_away_3_years": {
        ("", "composition.religious_away_3_years"): NO57,
        ("", "limits.exclusions_known"): NO220,
    },
    "disability": {
        ("000000", "persons.unable_to_work"): f"{NO43} 第五条",
        ("000000", "supporters.severely_disabled"): f"{NO43} 第八条",
        ("310000", "persons.favoured"): SHANGHAI_2024,
        ("320500", "household.single_unfounded"): "苏州市最低生活保障规定的指南",
        ("350200", "household.single_unfounded"): "民发〔2021〕57号 第八条",
        ("US-48", "persons.elderly_or_disabled"): "7 CFR 271.2",
    },
    "active_service": {("410000", "composition.conscript"): "豫民〔2022〕4号"},
    "residence": {
        ("120000", "persons.income"): "天津市社会救助家庭经济状况核定办法",
        ("120000", "limits.standard"): "天津市2017年调整最低生活保障标准的通知",
        ("120000", "limits.income_line"): "天津市2017年调整最低生活保障标准的通知",
        ("310000", "household.homes_counted"): "上海市最低生活保障家庭经济状况认定标准",
        ("310000", "household.homes_limit"): "上海市最低生活保障家庭经济状况认定标准",
        ("330100", "limits.standard"): "杭州市2013年调整最低生活保障标准的通知",
        ("370300", "limits.standard"): "淄博市2023年最低生活保障标准",
        ("421381", "household.line"): "广水市农村最低生活保障标准",
        ("421381", "limits.standard_in_town"): "广水市农村最低生活保障标准",
        ("441625", "household.urban_members"): "河源市东源县2009年农村低保标准",
        ("441625", "tests.income"): "河源市东源县2009年农村低保标准",
        ("510000", "tests.farm_land"): "四川省城市居民最低生活保障条件",
        ("510000", "tests.lived_in_town"): "四川省城市居民最低生活保障条件",
        ("510723", "limits.standard"): "盐亭县2021年最低生活保障标准",
        ("630000", "limits.homes_allowed"): "青海省低收入家庭认定办法",
    },
}
_BATCH = ("households", "persons", "facts", "doubts")


def batch_of(given: list[GivenHousehold]) -> dict[str, pl.DataFrame]:
    parts = facts_from_given(list(zip(KEYS, given, strict=True)), LAW)
    return {name: getattr(parts, name) for name in _BATCH}


def in_full(batch: dict[str, pl.DataFrame]) -> list[bytes]:
    """Outcome, findings, questions, composition and trace of each household, as bytes."""
    found = assess(LAW, *batch.values(), with_changes=False)
    return [canonical_bytes(a) for a in found]


def outcomes(batch: dict[str, pl.DataFrame]) -> list[tuple[str, str]]:
    """Rulebook and outcome of each household."""
    return assess_frames(LAW, *batch.values()).outcomes["rulebook", "outcome"].rows()


@pytest.fixture(scope="module")
def plain():
    return batch_of([c.given for c in CASES])


@pytest.fixture(scope="module")
def judged(plain):
    return in_full(plain)


@pytest.fixture(scope="module")
def before(plain):
    return assess_frames(LAW, *plain.values())


# ------------------------------------------------------------------------- order and company


def test_the_order_of_members_and_rows_changes_no_byte(judged):
    turned = [
        c.given.model_copy(update={"members": list(reversed(c.given.members))}) for c in CASES
    ]
    order = random.Random(57)
    shuffled = {
        name: frame[order.sample(range(frame.height), frame.height)]
        for name, frame in batch_of(turned).items()
    }
    assert differing(in_full(shuffled), judged) == []


def test_a_household_alone_is_judged_as_among_all_others(plain, judged):
    chosen: dict[str, list[int]] = {}
    for i, case in enumerate(CASES):
        book = LAW.find(case.given.region, case.given.programme).id
        chosen.setdefault(book, []).append(i)
    assert set(chosen) == set(LAW.books)
    for cases in chosen.values():
        for i in cases[:: max(1, len(cases) // ALONE_OF_EACH)]:
            mine = pl.col("household") == KEYS[i]
            (alone,) = in_full({name: frame.filter(mine) for name, frame in plain.items()})
            assert alone == judged[i], CASES[i].title


def differing(found: list[bytes], expected: list[bytes]) -> list[str]:
    return [case.title for case, a, b in zip(CASES, found, expected, strict=True) if a != b]


# ---------------------------------------------------------------------- what nobody may look at


def test_name_number_birthplace_digits_phone_and_address_change_no_finding(plain, before):
    persons = plain["persons"]
    other = persons.with_columns(
        name=persons["person"] + "·艾尼",
        former_names=pl.lit(["娜仁托娅"], dtype=persons["former_names"].dtype),
        id_number=persons["person"] + "653101" + persons["birth"].dt.strftime("%Y%m%d") + "0021",
        phone=pl.lit("13800000000"),
        address=pl.lit("喀什市"),
    )
    assert not other.equals(persons)
    after = assess_frames(LAW, *{**plain, "persons": other}.values())
    assert after.outcomes.equals(before.outcomes)
    assert after.findings.equals(before.findings)


def test_sex_ethnicity_nationality_and_faith_are_no_facts_of_a_household():
    """What the model does not carry cannot be read; a new field must be thought about here."""
    assert set(frames.PERSONS.columns) == {
        *("household", "person", "role", "relation", "name", "former_names", "id_number"),
        *("birth", "phone", "address"),
    }
    assert {f for f in GivenMember.model_fields if GivenMember.model_fields[f].annotation} == {
        *("person", "relation", "birth", "supporter", "circumstances", "incomes", "spending"),
        *("assets", "vehicles", "dwellings", "things", "numbers", "declared", "unanswered"),
    }


# ------------------------------------------------------------------ what a law says it looks at


def changed(attribute: str, plain: dict[str, pl.DataFrame]) -> list[dict[str, pl.DataFrame]]:
    """All golden cases with the attribute turned into something else, in one way or two."""
    persons, households = plain["persons"], plain["households"]
    if attribute == "age":
        days = persons.join(households["household", "as_of"], on="household", how="left")
        older = persons.with_columns(persons["birth"].dt.offset_by("-45y"))
        newborn = persons.with_columns(birth=days["as_of"])
        return [{**plain, "persons": older}, {**plain, "persons": newborn}]
    if attribute == "residence":
        turned = (
            pl.when(pl.col("residence") == "urban").then(pl.lit("rural")).otherwise(pl.lit("urban"))
        )
        return [{**plain, "households": households.with_columns(residence=turned)}]
    return [batch_of([with_circumstance(c.given, attribute) for c in CASES])]


def with_circumstance(given: GivenHousehold, kind: str) -> GivenHousehold:
    """Of every person: the circumstance if it was not there, else without it."""
    details = {"disability": {"grade": 1, "category": "physical"}}.get(kind, {})
    members = []
    for member in given.members:
        left = [c for c in member.circumstances if c.kind != kind]
        if len(left) == len(member.circumstances):
            left.append(GivenCircumstance(kind=kind, **details))
        members.append(member.model_copy(update={"circumstances": left}))
    return given.model_copy(update={"members": members})


def readers(book, attribute: str) -> dict[str, set[str]]:
    """Places of a rulebook that look at the attribute, each with what is cited there."""
    model = book.plan.model
    names = {attribute} | {n for n, f in model.facts.items() if attribute in f.quantities}
    found: dict[str, list[str]] = {}

    def look(place: str, texts: list[str | None], cite: list[str]) -> None:
        mentioned = {n for text in texts if text for n in ex.names(ex.parse(text))}
        if mentioned & names:
            limits = [e for n in mentioned & model.limits.keys() for e in model.limits[n].entries]
            found.setdefault(place, []).extend([*cite, *(k for e in limits for k in e.cite)])

    for clause in model.composition:
        look(f"composition.{clause.code}", [clause.when], clause.cite)
    for group in ("things", "supporters", "persons", "household"):
        for name, quantity in getattr(model, group).items():
            asked = [t for t in model.tests if name in (t.value, t.limit)]
            cite = [*quantity.cite, *(k for t in asked for k in t.cite)]
            look(f"{group}.{name}", [quantity.formula], cite)
    for test in model.tests:
        look(
            f"tests.{test.test}",
            [test.value, test.limit, test.applies_when, test.refer_when],
            test.cite,
        )
    for name, limit in model.limits.items():
        for entry in limit.entries:
            unknown = entry.unknown.arises_when if entry.unknown else None
            by = [unknown, *(limit.by if entry.table or entry.bands else ())]
            look(f"limits.{name}", by, entry.cite)
    return {
        place: {
            " ".join(p for p in (c.document, c.number, c.article) if p)
            for c in book.citations(tuple(dict.fromkeys(keys)))
        }
        for place, keys in found.items()
    }


def unexplained(attribute: str, books: set[str], cited: dict[tuple[str, str], str]) -> list[str]:
    """Rulebooks of `books` that read the attribute where no listed document lets them, or that
    do not read it at all.
    """
    return sorted(
        name
        for name in books
        for found in [readers(LAW.books[name], attribute)]
        if not found
        or any(
            not any(_rests_on(law, words) for words in documents)
            for place, documents in found.items()
            for law in [_listed(cited, LAW.books[name].region, place)]
        )
    )


def _listed(cited: dict[tuple[str, str], str], region: str, place: str) -> str | None:
    return cited.get((region, place)) or cited.get(("", place))


def _rests_on(law: str | None, words: str) -> bool:
    return law is not None and all(part in words for part in law.split(" "))


@pytest.mark.parametrize("attribute", CITED)
def test_an_attribute_turns_an_outcome_only_where_a_cited_law_looks_at_it(attribute, plain, before):
    known = before.outcomes["rulebook", "outcome"].rows()
    turned = {
        old[0]
        for batch in changed(attribute, plain)
        for old, new in zip(known, outcomes(batch), strict=True)
        if old != new
    }
    assert turned, "the golden cases must show that it matters somewhere"
    assert unexplained(attribute, turned, CITED[attribute]) == []
    # Without the list, everything that turned is a fault.
    assert unexplained(attribute, turned, {}) == sorted(turned)


@pytest.mark.parametrize("attribute", CITED)
def test_every_place_that_looks_at_an_attribute_is_listed_with_its_law_and_no_other(attribute):
    reading = {name for name, book in LAW.books.items() if readers(book, attribute)}
    assert unexplained(attribute, reading, CITED[attribute]) == []
    there = {(LAW.books[n].region, p) for n in reading for p in readers(LAW.books[n], attribute)}
    there |= {("", place) for _, place in there}
    assert set(CITED[attribute]) <= there
