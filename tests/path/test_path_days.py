"""A source that takes days: no thread waits for it; it is asked rarely, and never unlawfully.

The clock is the engine's own (`build(clock=)`); nobody sleeps for days here.
"""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from support.commandline import ROOT
from support.live import Live, household, installation
from support.waiting import until
from verify.connectors.http import _Transport
from verify.domain.access import LOCAL
from verify.domain.errors import Conflict
from verify.service.clock import now_ms
from verify.service.intake import ApplicationIn
from verify.service.retention import due

LATE = "real_estate"
HOUR, DAY = 3_600_000, 86_400_000


class Clock:
    """The time of day, and as many days later as it was told."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead

    def go_to(self, instant: int) -> None:
        """It is that late now."""
        self.ahead += max(0, instant - self())


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Clock]]:
    """An installation whose register is still working for as long as a test says so."""
    content = tmp_path_factory.mktemp("content")
    for kind in ("connectors", "rules", "scoring"):
        shutil.copytree(ROOT / kind, content / kind)
    path = content / f"connectors/{LATE}.yaml"
    text = path.read_text(encoding="utf-8")
    assert "deadline_seconds: 8," in text
    path.write_text(text.replace("deadline_seconds: 8,", "deadline_seconds: 1,"), encoding="utf-8")
    clock = Clock()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VERIFY_CONTENT", str(content))
        with installation(
            tmp_path_factory.mktemp("days"), clock=clock, retry_seconds=60, retry_days=30,
            answer_deadline_seconds=3600,
        ) as live:  # fmt: skip
            yield live, clock


def question(live: Live, verification: str) -> Any:
    [row] = [e for e in live.system.store.exchanges(verification) if e.source == LATE]
    return row


def row_of(live: Live, verification: str) -> Any:
    return live.system.store.verification(verification, LOCAL)


def rested(live: Live, clock: Clock) -> bool:
    """Nobody carries anything, and everything due was done."""
    queue = live.system.store.queue(clock())
    return not queue.leases and not queue.due


def submitted(live: Live, clock: Clock, application: dict[str, Any]) -> str:
    live.sources.set_profile(LATE, delay_seconds=10.0**7)
    accepted = live.system.verifications.submit(ApplicationIn.model_validate(application), LOCAL)
    until(lambda: question(live, accepted.id).attempts and rested(live, clock))
    assert question(live, accepted.id).status == "pending"
    return accepted.id


def next_poll(live: Live, clock: Clock, verification: str) -> int:
    """Let it be as late as the register is asked again; returns the pause until then."""
    before = question(live, verification)
    clock.go_to(before.due_at)
    until(lambda: question(live, verification).attempts > before.attempts)
    until(lambda: rested(live, clock))
    return int(before.due_at - before.updated_at)


def test_an_answer_after_eleven_days_decides_the_case_that_was_open_until_then(days) -> None:
    live, clock = days
    verification = submitted(live, clock, household("03").application)
    accepted, ticket = clock(), question(live, verification).ticket
    assert ticket
    pauses = [next_poll(live, clock, verification) for _ in range(6)]
    clock.go_to(accepted + 11 * DAY - 5 * HOUR)  # the days between are alike
    until(lambda: rested(live, clock))
    pauses += [next_poll(live, clock, verification) for _ in range(2)]
    assert clock() > accepted + 11 * DAY
    # It was told early that the register is missing, and the family is not refused for it.
    first = live.system.store.verdicts(verification, LOCAL)
    assert [(v.outcome, v.final) for v in first] == [("undetermined", False)]
    assert row_of(live, verification).state == "waiting"
    # The same task all the time, asked about ever more rarely, at least four times a day.
    assert question(live, verification).ticket == ticket
    assert 29_000 < pauses[0] <= 30_000
    assert all(later > earlier - 1000 for earlier, later in itertools.pairwise(pauses))
    assert 6 * HOUR - 1000 < pauses[-1] <= 6 * HOUR
    # Retention does not take away what is still waiting, however old.
    scopes = due(live.system.store, "*/*=1", dt.date.today() + dt.timedelta(days=900))
    assert scopes
    with pytest.raises(Conflict, match="still being worked on"):
        live.system.store.erase(scopes[0].scope, scopes[0].ground, clock())
    # At last it answers.
    live.sources.set_profile(LATE, delay_seconds=0.0)
    next_poll(live, clock, verification)
    until(lambda: row_of(live, verification).state == "completed")
    both = live.system.store.verdicts(verification, LOCAL)
    assert [(v.outcome, v.final) for v in both] == [("undetermined", False), ("eligible", True)]
    assert both[1].follows == both[0].verdict_digest
    assert live.system.replays.replay(verification, LOCAL).identical
    assert len(live.sources.requests(LATE)) == 1, "the task was given once and never again"


def test_a_letter_that_ends_during_the_wait_lets_nothing_more_leave(days, monkeypatch) -> None:
    live, clock = days
    port = urlsplit(live.sources.urls[LATE]).port
    sent: list[str] = []

    def counted(transport: Any, request: httpx.Request) -> httpx.Response:
        if request.url.port == port:
            sent.append(request.method)
        return really(transport, request)

    really = _Transport.handle_request
    monkeypatch.setattr(_Transport, "handle_request", counted)
    application = copy.deepcopy(household("03").application)
    last = dt.datetime.fromtimestamp(clock() / 1000, dt.UTC).date() + dt.timedelta(days=2)
    for letter in application["authorisations"]:
        letter["valid_until"] = last.isoformat()
    verification = submitted(live, clock, application)
    assert {"POST", "GET"} <= set(sent)  # it was asked, and polled, while the letter held
    sent.clear()
    live.sources.set_profile(LATE, delay_seconds=0.0)  # the answer lies ready, and is not fetched
    clock.go_to(clock() + 3 * DAY)
    until(lambda: row_of(live, verification).state == "completed")
    assert sent == [], "a request left without a letter"
    exchange = question(live, verification)
    assert (exchange.transport, exchange.bodies) == ("unauthorised", ())
    verdict = live.verdict(verification)
    assert (verdict["outcome"], verdict["final"]) == ("undetermined", True)
    [row] = [c for c in verdict["coverage"] if c["source"] == LATE]
    assert row["state"] == "unauthorised"
    assert live.system.replays.replay(verification, LOCAL).identical


def test_a_register_that_never_answers_is_given_up_on_its_day_and_not_before(days) -> None:
    live, clock = days
    verification = submitted(live, clock, household("03").application)
    end = row_of(live, verification).give_up_at
    assert abs(end - clock() - 30 * DAY) < HOUR
    clock.go_to(end - HOUR)
    until(lambda: question(live, verification).attempts > 1 and rested(live, clock))
    assert row_of(live, verification).state == "waiting"
    clock.go_to(end)
    until(lambda: row_of(live, verification).state == "completed")
    verdict = live.verdict(verification)
    assert (verdict["outcome"], verdict["final"]) == ("undetermined", True)
