"""A source that hangs: the household is judged without it in time, and again once it answers."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.live import Live, household, installation
from support.waiting import until
from verify.connectors import Answer, Asker, Question
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.service.questions import failed_pause

SLOW = "bank"
MINUTE, HOUR = 60_000, 3_600_000


class Hanging:
    """Asks as it should, but questions to one source end when somebody lets them."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.health = asker.health
        self.let_go = threading.Event()
        self.begun: Counter[str] = Counter()

    def ask(self, question: Question, *how: Any) -> Answer:
        if question.source == SLOW:
            self.begun[question.id_number] += 1
            self.let_go.wait(120)
        return self._asker.ask(question, *how)

    def close(self) -> None:
        self._asker.close()


def hanging(live: Live) -> Hanging:
    assert live.system.worker is not None
    assert live.system.asker is not None
    asker = Hanging(live.system.asker)
    live.system.worker.ask_with(asker)  # type: ignore[arg-type]
    return asker


def submit(live: Live, number: str = "03") -> str:
    application = ApplicationIn.model_validate(household(number).application)
    return live.system.verifications.submit(application, LOCAL).id


def states(live: Live, verification: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in live.verdict(verification)["coverage"]:
        found.setdefault(row["source"], set()).add(row["state"])
    return found


def is_final(live: Live, verification: str) -> bool:
    return live.system.store.verdicts(verification, LOCAL)[-1].final


def test_a_source_that_hangs_delays_no_verdict_beyond_the_time_for_answers(tmp_path: Path) -> None:
    with installation(tmp_path, answer_deadline_seconds=3, retry_seconds=600) as live:
        asker = hanging(live)
        verification = submit(live)
        try:
            until(lambda: live.system.store.verdicts(verification, LOCAL))
            first = states(live, verification)
            assert first.pop(SLOW) == {"timeout"}
            assert all(s <= {"ok", "confirmed_empty"} for s in first.values())
            assert not is_final(live, verification)
        finally:
            asker.let_go.set()
        until(lambda: is_final(live, verification))
        assert "timeout" not in states(live, verification)[SLOW]
        # The answer that came late was kept: nobody was asked a second time.
        assert set(asker.begun.values()) == {1}
        rows = [e for e in live.system.store.exchanges(verification) if e.source == SLOW]
        assert {(r.status, r.attempts) for r in rows} == {("done", 1)}


def test_questions_do_not_pile_up_before_a_source_that_hangs(tmp_path: Path) -> None:
    with installation(tmp_path, answer_deadline_seconds=1, retry_seconds=1) as live:
        asker = hanging(live)
        threads = live.system.contents.connectors.declaration(SLOW).concurrency
        many = [submit(live) for _ in range(2 * threads)]
        try:
            for verification in many:
                until(lambda of=verification: live.system.store.verdicts(of, LOCAL))
                assert states(live, verification)[SLOW] == {"timeout"}
            assert sum(asker.begun.values()) <= threads
        finally:
            asker.let_go.set()
        for verification in many:
            until(lambda of=verification: is_final(live, of))
            assert "timeout" not in states(live, verification)[SLOW]


def test_an_answer_that_comes_after_a_check_was_cancelled_changes_nothing(tmp_path: Path) -> None:
    with installation(tmp_path, answer_deadline_seconds=1, retry_seconds=600) as live:
        asker = hanging(live)
        cancelled, other = submit(live), submit(live, "01")
        try:
            for verification in (cancelled, other):
                until(lambda of=verification: live.system.store.verdicts(of, LOCAL))
            live.system.verifications.cancel(cancelled, LOCAL)
            entries = len(live.system.store.ledger(cancelled, LOCAL))
        finally:
            asker.let_go.set()
        until(lambda: is_final(live, other))
        assert len(live.system.store.verdicts(cancelled, LOCAL)) == 1
        assert len(live.system.store.ledger(cancelled, LOCAL)) == entries


@pytest.mark.parametrize(
    ("waited", "pause"),
    [(0, 5_000), (MINUTE, 6_000), (HOUR, 6 * MINUTE), (10 * HOUR, HOUR), (1000 * HOUR, HOUR)],
)
def test_what_cannot_be_read_is_looked_at_ever_more_rarely(waited: int, pause: int) -> None:
    assert failed_pause(1_000, 1_000 + waited) == pause


def test_what_cannot_be_read_may_be_the_day_it_came_in() -> None:
    assert failed_pause("damaged", 10 * HOUR) == 5_000  # type: ignore[arg-type]
