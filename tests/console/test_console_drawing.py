"""The parts of a page that can be judged without a page: drawings, text, sessions."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.console.charts import WIDTH, gauge, waterfall
from verify.console.sessions import IDLE_SECONDS, LONGEST_SECONDS, MOST, Sessions
from verify.console.text import visible

AMOUNT = st.integers(-(10**12), 10**12)
END = st.none() | AMOUNT


def test_what_is_certain_ends_where_doubt_begins_and_the_limit_stands_between():
    drawn = gauge((400, 800), (600, 600))
    assert drawn.certain.width == drawn.doubt.x
    assert drawn.doubt.x < drawn.limit.x < drawn.doubt.x + drawn.doubt.width
    assert drawn.limit.width == 0
    assert not drawn.beyond


def test_a_doubt_without_an_end_reaches_the_edge():
    drawn = gauge((1, None), (1, 1))
    assert drawn.beyond
    assert drawn.doubt.x + drawn.doubt.width == WIDTH


def test_a_limit_of_which_nothing_is_known_is_not_drawn():
    assert gauge((5, 5), (None, None)).limit is None
    assert gauge((5, 5), (0, None)).limit is None
    assert gauge((5, 5), (1, None)).limit is not None


def test_an_exact_value_has_no_doubt():
    assert gauge((5, 5), (6, 6)).doubt is None


@given(END, END, END, END)
@settings(max_examples=200, deadline=None)
def test_nothing_is_drawn_outside_the_drawing(a, b, c, d):
    value = (a, b) if a is None or b is None or a <= b else (b, a)
    limit = (c, d) if c is None or d is None or c <= d else (d, c)
    drawn = gauge(value, limit)
    for span in (drawn.certain, drawn.doubt, drawn.limit):
        if span is not None:
            assert 0 <= span.x <= WIDTH
            assert 0 <= span.width <= WIDTH - span.x


@given(AMOUNT, st.lists(AMOUNT, max_size=8))
@settings(max_examples=200, deadline=None)
def test_each_step_of_a_waterfall_begins_where_the_last_one_ended(prior, weights):
    drawn = waterfall(prior, weights)
    assert len(drawn.steps) == 1 + len(weights)
    sums = [0, prior]
    for weight in weights:
        sums.append(sums[-1] + weight)
    for step, (start, end) in zip(drawn.steps, pairwise(sums), strict=True):
        assert step.up == (end >= start)
        assert 0 <= step.bar.x <= WIDTH
    assert 0 <= drawn.zero <= WIDTH


@pytest.mark.parametrize("name", ["王伟", "阿卜杜拉·买买提", "𬍛䶮", "O'Neil <b>", "རྡོ་རྗེ་"])
def test_names_are_shown_as_they_are(name):
    assert visible(name) == name


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [("\u202e", "⟦U+202E⟧"), ("\u200b", "⟦U+200B⟧"), ("\x00", "⟦U+0000⟧"), ("\r", "⟦U+000D⟧")],
)
def test_what_hides_or_turns_text_is_spelt_out(hidden, shown):
    assert visible(f"王{hidden}伟") == f"王{shown}伟"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_after_thirty_idle_minutes():
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.open("key")
    clock.now += IDLE_SECONDS - 1
    assert sessions.credential(token) == "key"
    clock.now += IDLE_SECONDS
    assert sessions.credential(token) is None


def test_a_session_in_use_ends_after_a_day_all_the_same():
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.open("key")
    while clock.now < LONGEST_SECONDS - 60:
        assert sessions.credential(token) == "key"
        clock.now += 60
    clock.now += 120
    assert sessions.credential(token) is None


def test_a_closed_session_is_gone_and_a_guess_finds_nothing():
    sessions = Sessions()
    token = sessions.open("key")
    assert sessions.credential(token + "x") is None
    assert sessions.credential("") is None
    sessions.close(token)
    assert sessions.credential(token) is None


def test_there_is_a_bound_on_sessions():
    clock = Clock()
    sessions = Sessions(clock)
    first = sessions.open("first")
    for _ in range(MOST):
        clock.now += 0.001
        last = sessions.open("key")
    assert sessions.credential(first) is None
    assert sessions.credential(last) == "key"
