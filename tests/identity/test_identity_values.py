"""How well two names, numbers, dates, telephones and addresses agree."""

import datetime as dt

import pytest

from verify.identity.contacts import (
    address_form,
    address_level,
    birth_level,
    phone_form,
    phone_level,
)
from verify.identity.names import PersonNames, name_form, name_level
from verify.identity.numbers import id_form, id_level
from verify.scoring.levels import LEVELS

HERS = "310101198003151025"  # synthetic


def name(person: str, record: str | None, *former: str) -> str:
    person_names = PersonNames(name_form(person), tuple(map(name_form, former)))
    return LEVELS["name"][name_level(name_form(record), person_names)]


def number(person: str, record: str | None) -> str:
    return LEVELS["id"][id_level(id_form(record), id_form(person))]


@pytest.mark.parametrize(
    ("person", "record", "level"),
    [
        ("王伟", "王伟", "exact"),
        ("王伟", " 王 伟 ", "exact"),
        ("王伟", "王\u200b伟", "exact"),
        ("张丽", "張麗", "exact"),
        ("王䶮", "王龑", "exact"),
        ("John Smith", "ＪＯＨＮ　ＳＭＩＴＨ", "exact"),
        ("阿不都·买买提", "阿不都买买提", "exact"),
        ("阿不都·买买提", "阿不都••买买提", "exact"),
        ("阿不都·买买提", "阿不都∙买买提", "exact"),
        ("阿不都·买买提", "买买提 阿不都", "variant"),
        ("阿不都拉·买买提明", "阿不都拉·买买", "variant"),
        ("王㛃", "王?", "variant"),
        ("王㛃", "王□", "variant"),
        ("王㛃", "王\ue123", "variant"),
        ("王㛃", "王jie", "romanised"),
        ("王伟", "wang wei", "romanised"),
        ("王伟", "WEI WANG", "romanised"),
        ("吕绿", "Lǚ Lǜ", "romanised"),
        ("吕绿", "LV LV", "romanised"),
        ("单雄信", "shan xiongxin", "romanised"),
        ("阿不都·艾尼", "阿布都.艾尼", "homophone"),
        ("单雄信", "善雄信", "homophone"),
        ("王秀兰", "王秀英", "one_character"),
        ("王秀兰", "王兰秀", "one_character"),
        ("王秀兰", "王兰", "one_character"),
        ("王伟", "王娜", "surname_only"),
        ("欧阳静", "欧阳娜", "surname_only"),
        ("欧阳静怡", "欧震华", "different"),
        ("王伟", "李娜", "different"),
        ("王伟", "王?", "different"),
        ("王伟", "wang weiguo", "different"),
        ("王伟", None, "missing"),
        ("王伟", " · ", "missing"),
    ],
)
def test_names_agree_as_a_caseworker_would_say(person: str, record: str | None, level: str) -> None:
    assert name(person, record) == level


def test_a_former_name_counts_as_former_even_when_written_otherwise() -> None:
    assert name("王秀兰", "王红卫", "王红卫") == "former"
    assert name("王秀兰", "王紅衛", "李四", "王红卫") == "former"
    assert name("王秀兰", "王红为", "王红卫") == "homophone"
    assert name("王秀兰", "王秀兰", "王红卫") == "exact"


def test_names_that_agree_only_as_far_as_they_were_read_are_not_exact() -> None:
    long = "阿" * 70
    assert name(long, long) == "variant"
    assert name_form(long).cut


def test_the_original_stays_and_the_steps_to_the_normal_form_are_named() -> None:
    assert name_form("張·麗").steps == "traditional,separator"
    assert name_form("ＬＩ").steps == "width,case"
    assert name_form("李娜").steps == ""


@pytest.mark.parametrize(
    ("record", "level"),
    [
        ("310101198003151025", "exact"),
        ("310101 19800315 1025", "exact"),
        ("310101800315102", "lifted"),
        ("３１０１０１１９８００３１５１０２５", "repaired"),
        ("3IOIOl1980O3151O25", "repaired"),
        ("31O1O18OO3151O2", "repaired"),
        ("310101198003151026", "near"),
        ("310101198008151025", "near"),
        ("310101198003151052", "near"),
        ("31010119800315102", "near"),
        ("3101011980031510250", "near"),
        ("310101800315103", "near"),
        ("310101********1025", "masked"),
        ("310101****1025", "masked"),
        ("310101XXXXXXXX1025", "masked"),
        ("310101*****5102", "masked"),
        ("310101********1035", "invalid_different"),
        ("310115********3010", "masked_different"),
        ("310101298099451025", "invalid_different"),
        ("310101198003151041", "same_birth_sex"),
        ("310115199207043010", "different"),
        ("", "missing"),
        (None, "missing"),
        ("无", "missing"),
        ("E12345678", "missing"),
        ("**************25", "missing"),
    ],
)
def test_numbers_agree_as_their_check_digit_lets_one_say(record: str | None, level: str) -> None:
    assert number(HERS, record) == level


def test_a_small_x_is_the_same_number() -> None:
    assert number("31010119800315201X", "31010119800315201x") == "exact"


def test_someone_born_after_1999_never_had_a_fifteen_digit_number() -> None:
    child = "310104201009092015"
    assert number(child, "310104100909202") == "different"


def test_a_persons_own_invalid_number_confirms_nothing() -> None:
    assert number("310101198003151026", "310101198003151026") == "near"


def test_an_over_long_number_is_cut_and_never_equal() -> None:
    assert number(HERS, HERS + "0" * 500) == "invalid_different"
    assert id_form(HERS + "0" * 500).fault == "cut"


def test_nothing_beyond_the_caps_is_read_or_kept() -> None:
    assert len(name_form("王" * 400).text) == 64
    assert len(id_form("1" * 400).text) == 32
    assert len(address_form("路" * 400).text) == 128
    for form in (name_form, id_form, phone_form, address_form):
        assert form("1" * 500 + "2") is form("1" * 500 + "3")


def test_birth_dates_agree_with_swapped_parts() -> None:
    born = dt.date(1980, 3, 5)
    levels = [
        LEVELS["birth"][birth_level(d, born)]
        for d in (born, dt.date(1980, 5, 3), dt.date(1980, 3, 6), None)
    ]
    assert levels == ["equal", "swapped", "different", "missing"]


@pytest.mark.parametrize(
    ("record", "level"),
    [
        ("13800001234", "equal"),
        ("+86 138-0000-1234", "equal"),
        ("138****1234", "partial"),
        ("138****9999", "different"),
        ("13900001234", "different"),
        ("1234", "missing"),
        ("", "missing"),
    ],
)
def test_telephones_agree_without_country_code_and_under_a_mask(record: str, level: str) -> None:
    assert LEVELS["phone"][phone_level(phone_form(record), phone_form("13800001234"))] == level


@pytest.mark.parametrize(
    ("record", "level"),
    [
        ("上海市黄浦区示例路8号101室", "equal"),
        ("上海市黃浦區示例路８號１０１室", "equal"),
        ("黄浦区示例路8号101室", "contained"),
        ("上海市黄浦示例路8号101室", "similar"),
        ("上海市黄浦区示例路8号102室", "different"),
        ("北京市", "different"),
        ("", "missing"),
    ],
)
def test_addresses_with_another_house_number_are_other_addresses(record: str, level: str) -> None:
    person = address_form("上海市黄浦区示例路8号101室")
    assert LEVELS["address"][address_level(address_form(record), person)] == level
