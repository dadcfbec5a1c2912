"""How many households are judged together: whoever is alone waits for nobody, under load they
share a batch, and no batch is larger than it may be."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.live import Live, household, installation
from support.waiting import until
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.service.worker import Worker

MOST = 4
FOREVER = 3600.0


@dataclass
class Judge:
    """What was judged together, and for whom the next batch has to wait."""

    batches: list[list[str]] = field(default_factory=list)
    under_way: int = 0
    answered: int = 0
    held: bool = False

    def hold(self, *, under_way: int, answered: int) -> None:
        """From now on take no batch before so many are carried, and so many can be judged."""
        self.under_way, self.answered, self.held = under_way, answered, False
        until(lambda: self.held)

    def opens(self, worker: Worker) -> bool:
        return (
            len(worker._under_way) >= self.under_way and worker._answered.qsize() >= self.answered
        )


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Every moment counts as load, and whoever is made to wait for others waits for ever."""
    told = Judge()
    next_batch, judge_batch = Worker._next_batch, Worker._judge_batch

    def gathered(worker: Worker) -> Sequence[Any]:
        if not told.opens(worker):
            told.held = True
            time.sleep(0.01)
            return []
        batch = next_batch(worker)
        if batch:
            told.under_way = told.answered = 0
        return batch

    def noted(worker: Worker, claims: Sequence[Any]) -> None:
        told.batches.append([c.verification for c in claims])
        judge_batch(worker, claims)

    monkeypatch.setattr(Worker, "_next_batch", gathered)
    monkeypatch.setattr(Worker, "_judge_batch", noted)
    monkeypatch.setattr("verify.service.worker.BUSY_SECONDS", FOREVER)
    monkeypatch.setattr("verify.service.worker.LINGER_SECONDS", FOREVER)
    return told


@pytest.fixture
def loaded(tmp_path: Path, judge: Judge) -> Iterator[Live]:
    """An installation that has just judged a household, so that the next one meets load."""
    with installation(
        tmp_path, judge_batch=MOST, answer_deadline_seconds=600, auxiliary_grace_seconds=60
    ) as live:
        for source in live.sources.urls:
            live.sources.set_profile(source, delay_seconds=0)
        done(live, [submit(live)])
        judge.batches.clear()
        yield live


def submit(live: Live) -> str:
    body = ApplicationIn.model_validate(household("03").application)
    return live.system.verifications.submit(body, LOCAL).id


def done(live: Live, names: Sequence[str]) -> None:
    store = live.system.store
    until(lambda: all(store.verification(n, LOCAL).state == "completed" for n in names))


def test_a_household_that_is_alone_waits_for_no_other(loaded: Live, judge: Judge) -> None:
    one = submit(loaded)
    done(loaded, [one])
    two = submit(loaded)
    done(loaded, [two])
    assert judge.batches == [[one], [two]]


def test_under_load_the_first_one_waits_for_those_that_are_still_being_asked(
    loaded: Live, judge: Judge
) -> None:
    judge.hold(under_way=3, answered=1)
    names = [submit(loaded) for _ in range(3)]
    done(loaded, names)
    assert sorted(judge.batches[0]) == sorted(names)
    assert len(judge.batches) == 1


def test_no_batch_is_larger_than_it_may_be_and_nobody_is_left_out(
    loaded: Live, judge: Judge
) -> None:
    judge.hold(under_way=2 * MOST + 1, answered=2 * MOST + 1)
    names = [submit(loaded) for _ in range(2 * MOST + 1)]
    done(loaded, names)
    assert [len(batch) for batch in judge.batches] == [MOST, MOST, 1]
    assert sorted(name for batch in judge.batches for name in batch) == sorted(names)
