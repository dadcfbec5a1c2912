"""Breaker, quarantine, shared rate and retry budget: what keeps one source's trouble its own."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from verify.connectors import Connectors, Declaration, DecodeContext, decode
from verify.connectors.breaker import Breaker
from verify.connectors.limits import RETRY_RESERVE, RetryBudget
from verify.connectors.observing import observe
from verify.connectors.rate import SharedRate
from verify.connectors.shared import MemoryState, change
from verify.connectors.watch import Watch
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState

S = EvidenceState
WHO = ("林晓梅", "310104198503120021")
AS_OF = dt.date(2025, 5, 20)


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


def breaker(state: MemoryState, clock: Clock) -> Breaker:
    return Breaker(state, "tax", failures=3, open_ms=10_000, probe_ms=2_000, clock=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_after_some_failures_in_a_row_nothing_is_sent_for_a_while(clock: Clock) -> None:
    guard = breaker(MemoryState(), clock)
    for _ in range(3):
        permit = guard.enter()
        assert permit.allowed
        guard.failed(permit)
    refused = guard.enter()
    assert (refused.allowed, refused.wait_ms, refused.reason) == (False, 10_000, "breaker_open")


def test_a_success_in_between_starts_the_count_anew(clock: Clock) -> None:
    guard = breaker(MemoryState(), clock)
    for ending in ("failed", "failed", "succeeded", "failed", "failed"):
        permit = guard.enter()
        guard.succeeded() if ending == "succeeded" else guard.failed(permit)
    assert guard.enter().allowed


def test_of_fifty_threads_that_find_the_pause_over_exactly_one_sends_a_probe(clock: Clock) -> None:
    state = MemoryState()
    for _ in range(3):
        breaker(state, clock).failed(breaker(state, clock).enter())
    clock.now += 10_001
    start, allowed = threading.Barrier(50), []

    def ask() -> None:
        mine = breaker(state, clock)  # as another process would
        start.wait()
        allowed.append(mine.enter().probe)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 49 + [True]


def test_a_failed_probe_doubles_the_pause_and_a_good_one_ends_it(clock: Clock) -> None:
    guard = breaker(MemoryState(), clock)
    for _ in range(3):
        guard.failed(guard.enter())
    clock.now += 10_001
    guard.failed(guard.enter())
    assert guard.enter().wait_ms == 20_000
    clock.now += 20_001
    probe = guard.enter()
    assert probe.probe
    guard.succeeded()
    assert guard.enter() == breaker(MemoryState(), clock).enter()


def test_a_probe_whose_process_died_is_replaced_after_its_time(clock: Clock) -> None:
    guard = breaker(MemoryState(), clock)
    for _ in range(3):
        guard.failed(guard.enter())
    clock.now += 10_001
    assert guard.enter().probe
    assert not guard.enter().allowed
    clock.now += 2_001
    assert guard.enter().probe


def test_a_probe_that_learned_nothing_is_free_again(clock: Clock) -> None:
    guard = breaker(MemoryState(), clock)
    for _ in range(3):
        guard.failed(guard.enter())
    clock.now += 10_001
    guard.left(guard.enter())
    assert guard.enter().probe


def test_a_straggler_that_fails_while_the_breaker_is_open_changes_nothing(clock: Clock) -> None:
    state = MemoryState()
    guard = breaker(state, clock)
    late = guard.enter()
    for _ in range(3):
        guard.failed(guard.enter())
    before = state.get("breaker/tax")
    guard.failed(late)
    assert state.get("breaker/tax") == before


def test_a_source_that_asked_for_a_pause_gets_it_from_every_process(clock: Clock) -> None:
    state = MemoryState()
    breaker(state, clock).pause(7_000)
    refused = breaker(state, clock).enter()
    assert (refused.allowed, refused.wait_ms, refused.reason) == (False, 7_000, "slow_down")


# -- budgets and rates --------------------------------------------------------------------------


def test_retries_in_a_long_outage_add_no_more_than_the_declared_share() -> None:
    budget = RetryBudget(100)
    requests = retries = 0
    for _ in range(10_000):
        budget.first()
        requests += 1
        retries += sum(budget.take() for _ in range(2))
    assert retries <= RETRY_RESERVE + requests // 10
    assert (requests + retries) / requests <= 1.2


def test_all_processes_together_keep_one_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.connectors.rate.time.time", lambda: 1000.0)
    state = MemoryState()
    processes = [SharedRate(state, "tax", 50) for _ in range(3)]
    taken = sum(p.turn(until=0.0) for _ in range(40) for p in processes)
    assert taken == 50


def test_two_writers_of_one_value_never_lose_a_change() -> None:
    state = MemoryState()

    def count() -> None:
        for _ in range(200):
            change(state, "n", lambda value: {"n": value.get("n", 0) + 1})

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.get("n")[1] == {"n": 1600}


# -- quarantine ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tax() -> Declaration:
    """The tax connector with a window that a test can fill."""
    content = ContentSet.load("connectors")
    text = content.files["tax.yaml"].replace("sample: 200", "sample: 20")
    assert "sample: 20" in text
    return Connectors.from_content(ContentSet("connectors", {"tax.yaml": text})).declaration("tax")


def answer(amounts: list[str], **changes: Any) -> bytes:
    """One page of the tax office: a month's wage for each amount."""
    rows = [
        {"xm": WHO[0], "zjhm": WHO[1], "lxdh": "", "dz": "", "srxmdm": "0101", "srje": amount,
         "kjywr": f"单位{n}", "skssqq": "202504", "skssqz": "202504", "jsfs": "1", **changes}
        for n, amount in enumerate(amounts)
    ]  # fmt: skip
    return json.dumps(
        {"fhm": "0000" if rows else "1001", "fhxx": "", "lsh": "r", "sjrq": "20250520",
         "nsr": {"xm": WHO[0], "zjhm": WHO[1]}, "pageNo": 1, "pageSize": 50, "total": len(rows),
         "pages": 1, "srxx": rows, "rzxx": []}
    ).encode()  # fmt: skip


def feed(watch: Watch, declaration: Declaration, bodies: Iterator[bytes] | list[bytes]) -> str:
    """Answers one after the other; the reason of a quarantine, if there is one."""
    for body in bodies:
        context = DecodeContext("", "", "p1", *WHO, AS_OF)
        state = decode(declaration, [body], context).state
        if reason := watch.note(declaration, state, observe(declaration, [body])):
            return reason
    return ""


def ordinary(n: int) -> list[bytes]:
    return [answer([f"{3000 + 7 * i}.50"] if i % 2 else []) for i in range(n)]


def test_an_ordinary_source_is_never_quarantined(tax: Declaration) -> None:
    watch = Watch(MemoryState())
    assert feed(watch, tax, ordinary(200)) == ""
    assert watch.quarantined(tax) == ""


def test_fen_where_yuan_used_to_stand_quarantines_the_source(tax: Declaration) -> None:
    watch = Watch(MemoryState())
    feed(watch, tax, ordinary(20))
    # With two decimals, and below what one monthly wage may be: no single answer is impossible.
    turned = [answer([f"{300_000 + n}.00"]) for n in range(40)]
    assert decode(tax, [turned[0]], DecodeContext("", "", "p1", *WHO, AS_OF)).state is S.OK
    assert feed(watch, tax, turned) == "magnitude:srxx.srje"
    assert watch.quarantined(tax) == "magnitude:srxx.srje"


def test_whole_numbers_where_decimals_used_to_stand_are_refused_at_once(tax: Declaration) -> None:
    decoded = decode(tax, [answer(["312050"])], DecodeContext("", "", "p1", *WHO, AS_OF))
    assert (decoded.state, decoded.detail) == (S.SCHEMA_MISMATCH, "other_decimals")
    assert decoded.rows == []


def test_a_field_that_went_empty_quarantines_the_source(tax: Declaration) -> None:
    watch = Watch(MemoryState())
    feed(watch, tax, ordinary(20))
    assert feed(watch, tax, [answer(["3000.00"], zjhm="") for _ in range(40)]).startswith(
        "fill_rate:srxx.zjhm"
    )


def test_a_register_that_suddenly_knows_nobody_is_quarantined(tax: Declaration) -> None:
    watch = Watch(MemoryState())
    feed(watch, tax, ordinary(20))
    assert feed(watch, tax, [answer([]) for _ in range(40)]) == "found_rate"


def test_answers_that_do_not_fit_one_after_the_other_quarantine_the_source(
    tax: Declaration,
) -> None:
    watch = Watch(MemoryState())
    assert feed(watch, tax, [answer(["3000.00"], neu="1") for _ in range(4)]) == ""
    assert feed(watch, tax, [answer(["3000.00"], neu="1")]) == "refused_in_a_row"


def test_a_person_who_has_looked_releases_the_source(tax: Declaration) -> None:
    watch = Watch(MemoryState())
    watch.quarantine(tax, "found_rate")
    watch.release("tax")
    assert watch.quarantined(tax) == ""


def test_a_changed_declaration_starts_without_its_predecessors_quarantine(
    tax: Declaration,
) -> None:
    watch = Watch(MemoryState())
    watch.quarantine(tax, "refused_in_a_row")
    assert watch.quarantined(tax.model_copy(update={"digest": "sha256:other"})) == ""


def test_two_versions_asked_side_by_side_are_held_each_by_itself(tax: Declaration) -> None:
    state = MemoryState()
    watch = Watch(state)
    following = tax.model_copy(update={"digest": "sha256:next"})
    watch.quarantine(tax, "found_rate")
    watch.quarantine(following, "mean_rows")
    assert (watch.quarantined(tax), watch.quarantined(following)) == ("found_rate", "mean_rows")
    watch.release("tax")
    assert (watch.quarantined(tax), watch.quarantined(following)) == ("", "")
    # As it was kept when a source had one version at a time.
    state.put("quarantine/tax", state.get("quarantine/tax")[0],
              {"reason": "found_rate", "declaration": tax.digest})  # fmt: skip
    assert watch.quarantined(tax) == "found_rate"
    assert watch.quarantined(following) == ""
