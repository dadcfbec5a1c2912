"""Whose record is it: the judgements, their laws, and what they cost. All people are invented."""

import datetime as dt
import itertools
import time
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify import frames
from verify.content import ContentSet
from verify.domain.identifiers import check_digit, mask_id
from verify.identity import explain, resolve
from verify.scoring import PairDeclared, Scoring, Side
from verify.scoring.levels import LEVELS

SCORING = Scoring.from_content(ContentSet.load("scoring"))
Row = dict[str, Any]


def valid(first17: str) -> str:
    return first17 + check_digit(first17)


def person(key: str = "p1", household: str = "h", **given: Any) -> Row:
    return {
        "household": household,
        "person": key,
        "role": "member",
        "relation": "self",
        "name": "王秀兰",
        "former_names": [],
        "id_number": valid("31010119800305102"),
        "birth": dt.date(1980, 3, 5),
        "phone": "",
        "address": "",
        **given,
    }


def record(key: str = "bank/p1/1", household: str = "h", asked: str = "p1", **given: Any) -> Row:
    return {
        "household": household,
        "record": key,
        "evidence": "bank/p1",
        "source": "bank",
        "asked_person": asked,
        "kind": "bank_balance",
        "granularity": "instant",
        "share_num": 1,
        "share_den": 1,
        "detail": "{}",
        **{f"subject_{name}": value for name, value in given.items()},
    }


def match(persons: Iterable[Row], records: Iterable[Row]) -> list[Row]:
    people, rows = frames.PERSONS.frame(persons), frames.RECORDS.frame(records)
    return resolve(people, rows, SCORING).to_dicts()


def only(persons: Iterable[Row], records: Iterable[Row]) -> Row:
    (row,) = match(persons, records)
    return row


def outcome(row: Mapping[str, Any]) -> tuple[str, bool, str]:
    return row["judgement"], row["weighs"], row["rule"]


def sides(person_side: Side, record_side: Side) -> tuple[Row, Row]:
    def day(text: str) -> dt.date | None:
        return dt.date.fromisoformat(text) if text else None

    return person(
        name=person_side.name,
        id_number=person_side.id,
        former_names=person_side.former_names,
        birth=day(person_side.birth) or dt.date(1980, 3, 15),
        phone=person_side.phone,
        address=person_side.address,
    ), record(
        name=record_side.name or None,
        id=record_side.id or None,
        birth=day(record_side.birth),
        phone=record_side.phone or None,
        address=record_side.address or None,
    )


@pytest.mark.parametrize("pair", SCORING.cases["cn"], ids=lambda pair: pair.title.en)
def test_labelled_pairs_are_judged_as_a_caseworker_would(pair: PairDeclared) -> None:
    his, found = sides(pair.person, pair.record)
    assert outcome(only([his], [found])) == (pair.judgement.value, pair.weighs, pair.rule)


# ---------------------------------------------------------------- all combinations of agreement

PERSON = person(
    name="王㛃秀",
    former_names=["王红卫"],
    phone="13800001234",
    address="上海市黄浦区示例路8号101室",
)
EXACT = PERSON["id_number"]


def numbers(area: str) -> dict[str, str | None]:
    """What a source may hold for the person, had they been registered in `area`."""
    own = valid(area + EXACT[6:17])
    return {
        "exact": own,
        "lifted": own[:6] + own[8:17],
        "repaired": own.replace("0", "O"),
        "near": own[:10] + "08" + own[12:],
        "masked": own[:6] + "********" + own[-4:],
        "missing": None,
        "invalid_different": own[:8] + "9945" + own[12:],
        "same_birth_sex": valid(own[:14] + "982"),
        "masked_different": "330106********3010",
        "different": valid("33010619920704301"),
    }


VALUES: dict[str, dict[str, Any]] = {
    "name": {
        "exact": "王㛃秀",
        "former": "王红卫",
        "variant": "王□秀",
        "romanised": "WANG JIEXIU",
        "homophone": "王洁秀",
        "one_character": "王大秀",
        "missing": None,
        "surname_only": "王大明",
        "different": "李大明",
    },
    "id": numbers("310101"),
    "birth": {
        "equal": dt.date(1980, 3, 5),
        "swapped": dt.date(1980, 5, 3),
        "missing": None,
        "different": dt.date(1992, 7, 4),
    },
    "phone": {
        "equal": "13800001234",
        "partial": "138****1234",
        "missing": None,
        "different": "13911112222",
    },
    "address": {
        "equal": "上海市黄浦区示例路8号101室",
        "contained": "黄浦区示例路8号101室",
        "similar": "上海市黄浦示例路8号101室",
        "missing": None,
        "different": "北京市示例胡同1号",
    },
}
Levels = tuple[str, ...]


@pytest.fixture(scope="module")
def judged() -> dict[Levels, Row]:
    """Every combination of levels, each as a household of its own, judged in one batch."""
    combinations = list(itertools.product(*(VALUES[f] for f in LEVELS)))
    keys = {f"{i:05d}": combination for i, combination in enumerate(combinations)}
    records = [
        record(household=key, **{f: VALUES[f][at] for f, at in zip(LEVELS, levels, strict=True)})
        for key, levels in keys.items()
    ]
    rows = match(({**PERSON, "household": key} for key in keys), records)
    return {keys[row["household"]]: row for row in rows}


GRADE = {("negative", False): 0, ("unsure", False): 1, ("unsure", True): 2, ("positive", True): 3}
AGREEING_NAMES = ("exact", "former", "variant", "romanised", "homophone")


def grade(row: Row) -> int:
    return GRADE[row["judgement"], row["weighs"]]


def test_every_level_can_be_told_apart(judged: dict[Levels, Row]) -> None:
    assert list(VALUES) == list(LEVELS)
    assert all(tuple(VALUES[f]) == LEVELS[f] for f in LEVELS)
    assert len(judged) == 7200
    for levels, row in judged.items():
        said = {reason["field"]: reason["level"] for reason in row["reasons"]}
        meant = dict(zip(LEVELS, levels, strict=True))
        always = ("name", "id")
        assert said == {f: at for f, at in meant.items() if f in always or at != "missing"}
        assert list(said) == [f for f in LEVELS if f in said]


def test_scores_are_the_prior_and_the_sum_of_the_reasons(judged: dict[Levels, Row]) -> None:
    for row in judged.values():
        assert row["score"] == row["prior"] + sum(r["weight"] for r in row["reasons"])


def test_more_agreement_never_lowers_score_or_judgement(judged: dict[Levels, Row]) -> None:
    for levels, row in judged.items():
        for at, field in enumerate(LEVELS):
            place = LEVELS[field].index(levels[at])
            if place == 0:
                continue
            better = (*levels[:at], LEVELS[field][place - 1], *levels[at + 1 :])
            assert judged[better]["score"] >= row["score"], (levels, better)
            assert grade(judged[better]) >= grade(row), (levels, better)


def test_only_number_and_name_together_make_a_record_theirs(judged: dict[Levels, Row]) -> None:
    positive = {levels[:2] for levels, row in judged.items() if row["judgement"] == "positive"}
    assert positive == set(itertools.product(AGREEING_NAMES, ("exact", "lifted", "repaired")))


def test_another_valid_number_is_another_person_whatever_else_agrees(
    judged: dict[Levels, Row],
) -> None:
    for levels, row in judged.items():
        others = ("different", "same_birth_sex", "masked_different")
        assert (row["rule"] == "other_person") == (levels[1] in others)
        if levels[1] in others:
            assert outcome(row) == ("negative", False, "other_person")


def test_a_name_alone_never_weighs_and_is_always_asked_about(judged: dict[Levels, Row]) -> None:
    for levels, row in judged.items():
        name, number, birth, phone, address = levels
        if number != "missing" or birth != "missing" or name not in AGREEING_NAMES:
            continue
        contact = phone in ("equal", "partial") or address in ("equal", "contained", "similar")
        assert row["judgement"] == "unsure"
        assert row["weighs"] == contact


def test_what_weighs_is_supported_by_more_than_a_name(judged: dict[Levels, Row]) -> None:
    support = [
        ("id", ("exact", "lifted", "repaired", "near", "masked")),
        ("birth", ("equal", "swapped")),
        ("phone", ("equal", "partial")),
        ("address", ("equal", "contained", "similar")),
    ]
    for levels, row in judged.items():
        meant = dict(zip(LEVELS, levels, strict=True))
        if row["weighs"]:
            assert any(meant[field] in good for field, good in support), levels


def test_every_judgement_can_be_explained_in_both_languages(judged: dict[Levels, Row]) -> None:
    for row in judged.values():
        lines = explain(row, SCORING)
        assert len(lines) == len(row["reasons"]) + 3
        assert all(line.zh and line.en for line in lines)


# ---------------------------------------------------------------- one record, at most one person


def test_a_record_that_is_surely_one_members_is_nobody_elses() -> None:
    sister = person("p2", name="王秀兰", id_number=valid("31010119820305102"))
    rows = match([person(), sister], [record(name="王秀兰", id=EXACT, birth=dt.date(1980, 3, 5))])
    assert {r["person"]: outcome(r) for r in rows} == {
        "p1": ("positive", True, "confirming_identifier"),
        "p2": ("negative", False, "other_person"),
    }
    masked = match([person(), person("p2", name="王秀兰")], [record(name="王秀兰", id=EXACT)])
    assert {outcome(r) for r in masked} == {("unsure", True, "ambiguous")}


def test_an_unsure_claim_gives_way_to_a_sure_one() -> None:
    # A 15-digit number one digit off another member's, from the time before check digits.
    twin = person("p2", name="王秀兰", id_number=valid("31010119800305104"))
    short = "310101800305102"
    rows = {
        r["person"]: outcome(r) for r in match([person(), twin], [record(name="王秀兰", id=short)])
    }
    assert rows["p1"] == ("positive", True, "confirming_identifier")
    assert rows["p2"] == ("negative", False, "belongs_to_another")


def test_equal_claims_of_two_namesakes_in_one_household_are_ambiguous_and_do_not_weigh() -> None:
    son = person("p2", id_number=valid("31010120050305102"), birth=dt.date(2005, 3, 5))
    rows = match([person(), son], [record(name="王秀兰")])
    assert [outcome(r) for r in rows] == [("unsure", False, "ambiguous")] * 2


def test_a_weak_claim_is_dropped_where_a_better_candidate_stands() -> None:
    sibling = person("p2", name="王秀英", id_number=valid("31010119820305102"))
    rows = {r["person"]: outcome(r) for r in match([person(), sibling], [record(name="王秀英")])}
    assert rows == {
        "p1": ("negative", False, "better_candidate"),
        "p2": ("unsure", False, "name_only"),
    }


def test_several_records_may_belong_to_one_person() -> None:
    rows = match([person()], [record(f"bank/p1/{i}", name="王秀兰", id=EXACT) for i in range(3)])
    assert [r["judgement"] for r in rows] == ["positive"] * 3


def test_a_record_that_fits_nobody_keeps_its_best_pair_so_that_it_is_not_lost() -> None:
    people = [person("p1"), person("p2", name="李大明", id_number=valid("31010119820305101"))]
    stranger = record(asked="p2", name="赵铁柱", id=valid("33010619920704301"))
    row = only(people, [stranger])
    assert (row["person"], row["judgement"]) == ("p2", "negative")
    nameless = only(people, [record(asked="p2")])
    assert (nameless["person"], *outcome(nameless)) == ("p2", "unsure", False, "too_little_to_tell")


def test_no_records_and_no_persons_give_no_matches() -> None:
    assert match([person()], []) == []
    assert match([], [record()]) == []


def test_two_different_rows_under_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="share a key"):
        match([person()], [record(name="王秀兰"), record(name="李大明")])


# ---------------------------------------------------------------- laws


POOL = st.fixed_dictionaries(
    {f: st.sampled_from(sorted(VALUES[f].values(), key=str)) for f in LEVELS}
)


def household(key: str, found: list[Row]) -> tuple[list[Row], list[Row]]:
    people = [
        {**PERSON, "household": key},
        person("p2", key, name="王大明", id_number=valid("31010119820305101")),
        person("p3", key, name="李大明", id_number=VALUES["id"]["different"]),
    ]
    return people, [record(f"r{i:03d}", key, **values) for i, values in enumerate(found)]


@settings(max_examples=25, deadline=None)
@given(st.lists(POOL, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_order_and_repetition_of_rows_do_not_matter(found: list[Row], chance: Any) -> None:
    people, rows = household("h", found)
    expected = resolve(frames.PERSONS.frame(people), frames.RECORDS.frame(rows), SCORING)
    shuffled, again = [*people, people[0]], [*rows, *rows]
    chance.shuffle(shuffled)
    chance.shuffle(again)
    schema = {"orient": "row", "infer_schema_length": None}
    people_frame = pl.DataFrame(shuffled, schema=dict(frames.PERSONS.columns), **schema)
    record_frame = pl.DataFrame(again, schema=dict(frames.RECORDS.columns), **schema)
    assert resolve(people_frame, record_frame, SCORING).equals(expected)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(POOL, max_size=4), min_size=2, max_size=5))
def test_a_household_is_judged_the_same_alone_and_in_a_batch(found: list[list[Row]]) -> None:
    parts = [household(f"h{i}", records) for i, records in enumerate(found)]
    alone = [row for people, rows in parts for row in match(people, rows)]
    together = match(
        (p for people, _ in parts for p in people), (r for _, rows in parts for r in rows)
    )
    assert together == alone


FULL_WIDTH = {i: i + 0xFEE0 for i in range(0x21, 0x7F)}
REWRITINGS = (
    lambda s: s.replace("·", ""),
    lambda s: s.replace("·", "．"),
    lambda s: s.replace("·", " • "),
    lambda s: s.translate(FULL_WIDTH),
    lambda s: s.upper(),
    lambda s: s.translate(str.maketrans("张丽买", "張麗買")),
    "\u200b".join,
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["阿不都·买买提", "张丽", "Li Na", "阿卜·丽"]),
    st.lists(st.sampled_from(REWRITINGS), max_size=3),
    POOL,
)
def test_separators_width_case_and_traditional_form_of_a_name_do_not_matter(
    written: str, steps: list[Any], values: Row
) -> None:
    rewritten = written
    for step in steps:
        rewritten = step(rewritten)
    his = {**PERSON, "name": written}
    plain = only([his], [record(**{**values, "name": written})])
    other = only([his], [record(**{**values, "name": rewritten})])
    assert (outcome(other), other["score"]) == (outcome(plain), plain["score"])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["110101", "440106", "650101", "540102"]), st.sampled_from(LEVELS["id"]), POOL
)
def test_the_place_digits_of_a_number_do_not_change_a_judgement(
    area: str, level: str, values: Row
) -> None:
    here = only([PERSON], [record(**{**values, "id": VALUES["id"][level]})])
    elsewhere = numbers(area)
    there = only(
        [{**PERSON, "id_number": elsewhere["exact"]}],
        [record(**{**values, "id": elsewhere[level]})],
    )
    assert (outcome(there), there["score"]) == (outcome(here), here["score"])


# ---------------------------------------------------------------- hostile text and cost

HOSTILE = [
    "王" * 100_000,
    "a" * 100_000,
    "an" * 50_000,
    "\ufdfa" * 5_000,  # one character that NFKC turns into eighteen
    "·" * 100_000 + "王伟",
    "\u0301" * 100_000,
    "1" * 100_000,
    "*" * 100_000,
    "310101" + "*" * 10_000 + "1025",
    "O" * 50_000 + "I" * 50_000,
    "".join(chr(0x4E00 + i % 20_000) for i in range(64)),
    "\x00\u202e王伟\ud7ff",
]


def test_no_text_costs_more_than_fifty_milliseconds_a_pair() -> None:
    match([PERSON], [record(name="王伟")])
    for text in HOSTILE:
        his = {**PERSON, "name": text[:120], "former_names": [text[:120]], "address": text}
        found = record(name=text + "x", id=text, phone=text, address=text + "y")
        people, rows = frames.PERSONS.frame([his]), frames.RECORDS.frame([found])
        # The best of three: what the text costs, not what else the machine did meanwhile.
        assert min(cost_of(people, rows) for _ in range(3)) < 0.05, text[:8]


def cost_of(people: pl.DataFrame, rows: pl.DataFrame) -> float:
    """CPU seconds of one resolution."""
    started = time.process_time()
    resolve(people, rows, SCORING)
    return time.process_time() - started


@settings(max_examples=30, deadline=None)
@given(*(st.text(max_size=40) for _ in range(5)))
def test_any_text_is_judged_and_without_the_number_never_positive(
    name: str, number: str, phone: str, address: str, own: str
) -> None:
    row = only(
        [{**PERSON, "name": own or "x"}],
        [record(name=name, id=number, phone=phone, address=address)],
    )
    assert row["judgement"] != "positive"


def test_a_household_of_hostile_records_stays_below_a_second() -> None:
    syllables = "安昂啊阿" * 16
    people = [person(f"p{i}", name=syllables[i:][:60], id_number=EXACT) for i in range(5)]
    rows = [record(f"r{i:02d}", name="ang" * i + "an" * 60, id="1" * i) for i in range(60)]
    persons, records = frames.PERSONS.frame(people), frames.RECORDS.frame(rows)
    started = time.process_time()
    resolve(persons, records, SCORING)
    assert time.process_time() - started < 1


# ---------------------------------------------------------------- explanation


def test_the_waterfall_adds_up_in_words() -> None:
    row = only([person(name="王伟")], [record(name="王偉", id=EXACT[:10] + "08" + EXACT[12:])])
    number = (
        "Identity number: one digit off or two neighbours swapped "
        "(the source's number fails its check digit) +23.8 bits"
    )
    verdict = (
        "Judged: doubtful, a person must say "
        "(the name agrees and the identity number is one slip away)"
    )
    assert [line.en for line in explain(row, SCORING)] == [
        "Starting point -10.0 bits",
        "Name: the same name (traditional characters) +12.2 bits",
        number,
        "Total +26.0 bits (doubt from +3.0, positive from +12.0)",
        verdict,
    ]
    assert explain(row, SCORING)[0].zh == "起点 -10.0 比特"


def test_no_explanation_holds_a_number_or_a_name(judged: dict[Levels, Row]) -> None:
    said = "".join(line.zh + line.en for row in judged.values() for line in explain(row, SCORING))
    for private in (EXACT, EXACT[6:14], mask_id(EXACT), "王㛃秀", "王红卫", "13800001234"):
        assert private not in said
