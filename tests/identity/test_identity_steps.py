"""The small parts of linking: repair by check digit, assignment, clusters, keys, estimates."""

import itertools
import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.identity_registers import number
from verify.domain.identifiers import check_digit, parse_citizen_id
from verify.identity.assignment import best_assignment
from verify.identity.block import WHOLE, missed
from verify.identity.components import clusters
from verify.identity.contacts import address_form, address_level
from verify.identity.likeness import LIKENESS, sound
from verify.identity.names import PersonNames, name_form, name_level
from verify.identity.numbers import id_form, id_level
from verify.identity.repair import repairs
from verify.identity.spellings import SPELLINGS, is_whole_id
from verify.scoring.kinds import KINDS
from verify.scoring.levels import LEVELS


def valid(text: str) -> bool:
    try:
        return parse_citizen_id(text).number == text
    except ValueError:
        return False


def one_slip(text: str) -> set[str]:
    """Every valid number one slip away, by trying all."""
    digits = "0123456789X"
    tried = {text[:i] + d + text[i + 1 :] for i in range(len(text)) for d in digits}
    tried |= {text[:i] + text[i + 1] + text[i] + text[i + 2 :] for i in range(len(text) - 1)}
    tried |= {text[:i] + d + text[i:] for i in range(len(text) + 1) for d in digits}
    tried |= {text[:i] + text[i + 1 :] for i in range(len(text))}
    return {t for t in tried - {text} if len(t) == 18 and valid(t)}


SLIPS = st.sampled_from(["digit", "swap", "left_out", "doubled"])


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), SLIPS)
def test_the_check_digit_finds_all_numbers_one_slip_away(dice: random.Random, slip: str) -> None:
    whole = number(dice, f"19{dice.randrange(30, 99)}0{dice.randrange(1, 10)}1{dice.randrange(10)}")
    at = dice.randrange(17)
    broken = {
        "digit": whole[:at] + str((int(whole[at]) + 1 + dice.randrange(9)) % 10) + whole[at + 1 :],
        "swap": whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :],
        "left_out": whole[:at] + whole[at + 1 :],
        "doubled": whole[: at + 1] + whole[at:],
    }[slip]
    if valid(broken) or not broken[:-1].isdecimal():
        return
    found = repairs(broken)
    assert set(found) == one_slip(broken)
    assert whole in found


def test_what_is_no_identity_number_has_no_repairs() -> None:
    assert [repairs(t) for t in ("", "1234", "E12345678", "王伟", "3" * 400)] == [[]] * 5


def test_whole_numbers_are_told_from_broken_ones_as_one_by_one() -> None:
    dice = random.Random(4)
    texts = [number(dice, "19800229"), number(dice, "19810229"), number(dice, "18790101")]
    texts += [number(dice, "20000229"), number(dice, "19000229"), number(dice, "19801301")]
    texts += [t[:-1] + ("1" if t[-1] != "1" else "2") for t in texts]
    texts += ["", "0" * 18, "1" * 18, "31010119800315102x", "３" * 18]
    assert is_whole_id(pl.Series(texts)).to_list() == [valid(t) for t in texts]


WEIGHTS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(-5, 20), min_size=1, max_size=9
)


def best_sum(weights: dict[tuple[int, int], int]) -> int:
    """The best assignment by trying all."""
    best = 0
    rows = sorted({r for r, _ in weights})
    for columns in itertools.permutations([*range(4), *[None] * len(rows)], len(rows)):
        chosen = [(r, c) for r, c in zip(rows, columns, strict=True) if (r, c) in weights]
        best = max(best, sum(weights[r, c] for r, c in chosen if c is not None))
    return best


@settings(max_examples=150, deadline=None)
@given(WEIGHTS)
def test_an_assignment_is_the_best_of_all(weights: dict[tuple[int, int], int]) -> None:
    chosen = best_assignment(weights)
    assert len({r for r, _ in chosen}) == len({c for _, c in chosen}) == len(chosen)
    assert sum(weights[e] for e in chosen) == best_sum(weights)
    assert chosen == best_assignment(dict(reversed(weights.items())))


def test_the_joint_optimum_beats_the_best_first() -> None:
    # 1 takes b although a fits it best, because a is all that 2 has.
    assert best_assignment({(1, 1): 10, (1, 2): 9, (2, 1): 8}) == {(1, 2), (2, 1)}


def test_a_false_bridge_does_not_join_two_persons() -> None:
    weights = {(1, 2): 30, (3, 4): 30, (2, 3): 2, (1, 3): -20, (1, 4): -20, (2, 4): -20}
    assert clusters([1, 2, 3, 4], weights) == [[1, 2], [3, 4]]
    assert clusters([1, 2, 3], {(1, 2): 5, (2, 3): 5}) == [[1, 2, 3]]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 5)), st.integers(-9, 9)))
def test_clusters_part_all_rows_whatever_the_order(weights: dict[tuple[int, int], int]) -> None:
    edges = {(a, b): w for (a, b), w in weights.items() if a < b}
    found = clusters(range(6), edges)
    assert sorted(row for cluster in found for row in cluster) == list(range(6))
    assert found == clusters(reversed(range(6)), dict(reversed(edges.items())))


def rank(kind: str, a: str, b: str) -> str:
    forms = SPELLINGS[kind](pl.Series([a, b]))
    if forms[0] == forms[1]:
        return "exact"
    return KINDS[kind][int(LIKENESS[kind](forms[:1], forms[1:])[0])]


@pytest.mark.parametrize(
    ("kind", "a", "b", "level"),
    [
        ("name_part", "O'Brien", "OBRIEN", "exact"),
        ("name_part", "Müller", "MULLER", "exact"),
        ("name_part", "Чайковский", "Chaykovskiy", "exact"),
        ("name_part", "catherine", "katherine", "one_edit"),
        ("name_part", "robert", "rob", "close"),
        ("name_part", "meier", "mayr", "sound"),
        ("name_part", "anna", "peter", "different"),
        ("full_name", "Maria del Carmen", "CARMEN, Maria del", "exact"),
        ("full_name", "maria carmen lopez", "lopez maria", "contained"),
        ("full_name", "maria lopez", "maria lopes", "one_edit"),
        ("number", "123-456-7", "1234567", "exact"),
        ("number", "1234567", "1234568", "one_edit"),
        ("number", "1234567", "1243568", "two_edits"),
        ("number", "1234567", "7654321", "different"),
        ("date", "1980-03-05", "05/03/1980", "exact"),
        ("date", "19800305", "1980-3-5", "exact"),
        ("date", "1980年3月5日", "19800305", "exact"),
        ("date", "1980-03-05", "1980-05-03", "swapped"),
        ("date", "1980-03-05", "1980-03-06", "one_edit"),
        ("date", "1980-03-05", "1980-03-26", "two_parts"),
        ("date", "1980-03-05", "1980-11-26", "year"),
        ("date", "1980-03-05", "1971-11-26", "different"),
        ("phone", "+86 138-0000-1234", "13800001234", "exact"),
        ("phone", "02155501234", "5550 1234", "ending"),
        ("phone", "138****1234", "13800001234", "ending"),
        ("email", "A.B@x.org", "a.b@x.org", "exact"),
        ("email", "anna.b@x.org", "anna.b@y.net", "same_user"),
        ("address", "12 Main Street", "Main Street 12", "close"),
        ("address", "12 main street", "9 oak avenue", "different"),
        ("place", "st james", "st jame", "one_edit"),
        ("code", "SW1A 1AA", "sw1a1aa", "exact"),
        ("code", "2000", "2001", "one_edit"),
        ("category", "NSW", "nsw", "exact"),
        ("org_code", "91310000MA1FL0LX06", "9131OOOOMAIFL0LX06", "exact"),
        ("org_code", "91310000MA1FL0LX06", "91310000MA1FL0LX07", "one_edit"),
        ("han_name", "张·麗", "張丽", "exact"),
        ("han_name", "王伟", "伟王", "variant"),
        ("han_name", "王伟", "wang wei", "romanised"),
        ("han_name", "王秀兰", "王秀英", "one_character"),
        ("cn_id", "310101800315102", "310101198003151025", "exact"),
        ("cn_id", "3101011980O3151O25", "310101198003151025", "exact"),
        ("cn_id", "310101198003151026", "310101198003151025", "near"),
        ("cn_id", "310101********1025", "310101198003151025", "masked"),
        ("cn_id", "310115199207043010", "310101198003151025", "different"),
        ("han_address", "示例路 8 号 101 室", "示例路８號101室", "exact"),
        ("han_address", "上海市示例路8号101室", "示例路8号101室", "contained"),
    ],
)
def test_values_agree_as_a_reader_would_say(kind: str, a: str, b: str, level: str) -> None:
    assert rank(kind, a, b) == level
    assert rank(kind, b, a) == level


TEXTS = st.text(max_size=24) | st.text(alphabet="王伟李娜秀兰0123456789X*ab ", max_size=24)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(LIKENESS)), TEXTS, TEXTS)
def test_agreement_is_symmetric_for_any_text(kind: str, a: str, b: str) -> None:
    forms = SPELLINGS[kind](pl.Series([a, b]))
    if forms[0] == forms[1] or not (forms[0] and forms[1]):
        return
    there, back = LIKENESS[kind](forms[:1], forms[1:]), LIKENESS[kind](forms[1:], forms[:1])
    assert there.tolist() == back.tolist()


def test_words_of_like_sound_share_a_key() -> None:
    assert sound("meier") == sound("mayr")
    assert sound("catherine") == sound("katharina"[:9])
    assert sound("miller") != sound("garcia")


def test_pairs_missed_are_estimated_from_how_often_rules_agree() -> None:
    positive = pl.DataFrame({"rules": [1, 2, 4, 8, 3, 3, 7]})
    estimate = missed(positive, ("a", "b", "c", "d"))
    assert (estimate.once, estimate.twice, estimate.lower_bound) == (4, 2, 4)
    assert missed(positive, (WHOLE,)).lower_bound == 0


@settings(max_examples=200, deadline=None)
@given(*[st.text(alphabet="王汪伟炜李里娜秀修兰欧阳单善", min_size=1, max_size=5)] * 2)
def test_whole_columns_of_names_agree_as_one_by_one(a: str, b: str) -> None:
    if a == b or a in b + b:
        return
    alone = name_level(name_form(a), PersonNames(name_form(b)))
    assert rank("han_name", a, b) == LEVELS["name"][alone]


@settings(max_examples=150, deadline=None)
@given(*[st.text(alphabet="示例路街弄号室8 10a-", min_size=1, max_size=14)] * 2)
def test_whole_columns_of_addresses_agree_as_one_by_one(a: str, b: str) -> None:
    forms = address_form(a), address_form(b)
    if not (forms[0].text and forms[1].text):
        return
    level = LEVELS["address"][address_level(*forms)]
    numbers = [f.text for f in forms]
    if [address_form(n).numbers for n in numbers] == [f.numbers for f in forms]:
        assert rank("han_address", a, b) == level.replace("equal", "exact")


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 999))
def test_whole_columns_of_numbers_agree_as_one_by_one(dice: random.Random, serial: int) -> None:
    ours = number(dice, "19800305")
    same_day = ours[:14] + f"{serial:03d}"
    other = same_day + check_digit(same_day)
    for text in (other, number(dice, "19811231"), ours[:6] + "********" + other[-4:]):
        if text == ours:
            continue
        alone = LEVELS["id"][id_level(id_form(text), id_form(ours))]
        assert rank("cn_id", text, ours) == alone
