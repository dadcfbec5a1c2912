"""A search for texts that cost too much: one pair, one household. All people are invented.

What a text costs is counted, not timed, so that a busy machine changes nothing: the calls that one
resolution makes, with empty caches. Hypothesis steers towards more of them. `make search-cost`
looks further (COUNT examples) and measures processor time as well.
"""

import os
import sys
import time
from types import FrameType
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings, target
from hypothesis import strategies as st

from identity.test_identity_resolve import SCORING, Row, person, record
from verify import frames
from verify.identity import contacts, names, numbers, resolve

EXAMPLES = int(os.environ.get("VERIFY_COST_EXAMPLES", "0"))
# Ten calls cost a microsecond or two: these are well below 50 ms and a second.
MOST_A_PAIR, MOST_A_HOUSEHOLD = 250_000, 4_000_000
SECONDS_A_PAIR, SECONDS_A_HOUSEHOLD = 0.05, 1.0
CACHES = (
    names._name_form,
    names.readings,
    numbers._id_form,
    contacts._phone_form,
    contacts._address_form,
)

NASTY = [
    *("王", "伟", "安昂啊阿", "ang", "an", "a", "·", " ", "\u200b", "\u0301", "\u0307", "ﷺ", "㍿"),
    *("1", "0", "X", "*", "O", "I", "310101", "1025", "19800305", "號", "室", "路", "\ue000", "?"),
    *("\U00020000", "\u202e", "ß", "ﬃ", "é", "가", "Ж", "\x00", "-", "号1", "龘", "䶮"),
]
# Characters of few sounds: names of these stay in doubt until the last one is read.
ALIKE = "".join(
    chr(code) for code in range(0x4E00, 0x4E00 + 4000) if "yi" in names.readings(chr(code))
)
PIECES = st.one_of(st.sampled_from(NASTY), st.characters(), st.text(ALIKE, max_size=64))
TEXTS = st.lists(st.tuples(PIECES, st.integers(1, 900)), min_size=1, max_size=6).map(
    lambda parts: "".join(piece * often for piece, often in parts)[:20_000]
)


def calls(people: pl.DataFrame, rows: pl.DataFrame) -> int:
    """Calls that one resolution makes with empty caches."""
    forget()
    count = 0

    def on(_frame: FrameType, event: str, _what: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(on)
    try:
        resolve(people, rows, SCORING)
    finally:
        sys.setprofile(before)
    return count


def forget() -> None:
    for cached in CACHES:
        cached.cache_clear()


def seconds(people: pl.DataFrame, rows: pl.DataFrame) -> float:
    """Processor seconds, best of three: what the texts cost, not what else the machine did."""

    def once() -> float:
        forget()
        started = time.process_time()
        resolve(people, rows, SCORING)
        return time.process_time() - started

    return min(once() for _ in range(3))


def built(his: str, texts: list[str], members: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    people = [
        person(
            f"p{at}", name=his[at:] or "x", former_names=[his[: at + 60]], phone=his, address=his
        )
        for at in range(members)
    ]
    rows: list[Row] = [
        record(f"r{at:02d}", name=text, id=text, phone=text, address=text)
        for at, text in enumerate(texts)
    ]
    return frames.PERSONS.frame(people), frames.RECORDS.frame(rows)


@settings(max_examples=EXAMPLES or 30, deadline=None)
@given(TEXTS, TEXTS)
def test_no_pair_of_texts_costs_more_than_its_share(his: str, found: str) -> None:
    sides = built(his, [found], 1)
    cost = calls(*sides)
    target(float(cost))
    assert cost < MOST_A_PAIR
    if EXAMPLES:
        assert seconds(*sides) < SECONDS_A_PAIR


@settings(max_examples=max(EXAMPLES // 10, 5), deadline=None)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=12))
def test_no_household_of_sixty_records_costs_more_than_its_share(
    his: str, texts: list[str]
) -> None:
    # Cut at different places, so that no two of the sixty are the same text.
    rows = [(texts[at % len(texts)][at // len(texts) :] or "x") + str(at) for at in range(60)]
    sides = built(his, rows, 5)
    cost = calls(*sides)
    target(float(cost))
    assert cost < MOST_A_HOUSEHOLD
    if EXAMPLES:
        assert seconds(*sides) < SECONDS_A_HOUSEHOLD


@pytest.mark.parametrize("part", NASTY)
def test_a_text_ten_times_as_long_costs_no_more_beyond_the_caps(part: str) -> None:
    cost = [calls(*built(part * 500, [part * long], 1)) for long in (1_000, 10_000)]
    assert cost[1] <= cost[0] * 1.02 + 200
