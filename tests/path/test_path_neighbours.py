"""One household whose stored rows are damaged stops no other: those judged with it get their
verdicts at once; it gets none, is looked at rarely, and is judged when it has been repaired."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import structlog

from support.afterwards import families
from support.live import Live, household, installation
from support.waiting import until
from verify.bootstrap import System, build
from verify.domain.access import LOCAL
from verify.domain.errors import Overloaded
from verify.domain.verdict import Outcome
from verify.service import worker as worker_module
from verify.service.clock import now_ms
from verify.service.contents import Contents
from verify.service.intake import ApplicationIn
from verify.service.questions import failed_pause
from verify.service.worker import Worker
from verify.settings import Settings
from verify.store import Store

NEIGHBOURS = 10
FAVOURABLE = "03"  # of a household whose verdict, were it judged, is that it may get help


class Clock:
    """Stands still until it is told otherwise: whatever was put back for later stays there."""

    def __init__(self) -> None:
        self.now = now_ms() + 60_000

    def __call__(self) -> int:
        return self.now


@dataclass
class House:
    """Where everything was answered, nothing is judged yet, and nothing runs."""

    home: Path
    live: Live
    bad: str
    neighbours: list[str]

    def change(self, *statements: str) -> None:
        """Damage (or repair) what is stored of the bad one, `:v`, past every door."""
        with closing(sqlite3.connect(self.home / "verify.db")) as db, db:
            for statement in statements:
                changed = db.execute(statement, {"v": self.bad}).rowcount
                assert changed, statement

    def looks(self) -> int:
        """How often a worker has claimed the bad one."""
        with closing(sqlite3.connect(self.home / "verify.db")) as db:
            query = "SELECT attempts FROM verifications WHERE id = ?"
            return int(db.execute(query, [self.bad]).fetchone()[0])

    @contextmanager
    def running(self, clock: Clock) -> Iterator[System]:
        settings = Settings(home=self.home, retry_seconds=1, answer_deadline_seconds=20)
        environment = self.live.sources.environment()
        with build(settings, environment=environment, clock=clock) as system:
            system.start()
            yield system


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Eleven households that every source has answered about, their verdicts held back."""
    home = tmp_path_factory.mktemp("neighbours")
    with installation(home, answer_deadline_seconds=600) as live:
        store = live.system.store
        store.hold_finals(lambda _now: False)

        def submit(number: str) -> str:
            body = ApplicationIn.model_validate(household(number).application)
            return live.system.verifications.submit(body, LOCAL).id

        bad = submit(FAVOURABLE)
        others = [submit(("01", "05", "07")[i % 3]) for i in range(NEIGHBOURS)]
        names = [bad, *others]
        until(lambda: all(r.status == "done" for n in names for r in store.exchanges(n)))
        live.system.close()
        yield House(home, live, bad, others)


@pytest.fixture
def house(answered: House, tmp_path: Path) -> House:
    """A copy to damage."""
    shutil.copytree(answered.home, tmp_path / "house")
    return House(tmp_path / "house", answered.live, answered.bad, answered.neighbours)


@pytest.fixture
def in_one_batch(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The first batch of the judge is all eleven; returns every batch that there was."""
    batches: list[set[str]] = []
    next_batch, judge_batch = Worker._next_batch, Worker._judge_batch

    def gathered(worker: Worker) -> Sequence[Any]:
        if not batches and worker._answered.qsize() < worker._expected:
            time.sleep(0.01)
            return []
        return next_batch(worker)

    def noted(worker: Worker, claims: Sequence[Any]) -> None:
        batches.append({c.verification for c in claims})
        judge_batch(worker, claims)

    monkeypatch.setattr(Worker, "_expected", NEIGHBOURS + 1, raising=False)
    monkeypatch.setattr(Worker, "_next_batch", gathered)
    monkeypatch.setattr(Worker, "_judge_batch", noted)
    return batches


def all_judged(store: Store, names: Sequence[str]) -> bool:
    return all(store.verdicts(n, LOCAL) for n in names)


def judged_meanwhile(system: System, clock: Clock, names: Sequence[str]) -> bool:
    """Whether all are judged; where all were put back for later, a second passes."""
    queue = system.store.queue(clock())
    if not queue.due and not queue.leases:
        clock.now += 1_000
    return all_judged(system.store, names)


BODY = (
    "(SELECT json_extract(bodies, '$[0]') FROM exchanges "
    "WHERE verification = :v AND source = 'bank')"
)
DAMAGES = {
    "the bytes of an answer": f"UPDATE blobs SET body = zeroblob(64) WHERE digest = {BODY}",
    "an answer is gone": f"DELETE FROM blobs WHERE digest = {BODY}",
    "the key of an answer": f"UPDATE blobs SET scope = 'of/nobody/1999' WHERE digest = {BODY}",
    "the application": "UPDATE blobs SET body = zeroblob(64) WHERE digest = "
    "(SELECT application_digest FROM verifications WHERE id = :v)",
    "the name of a letter": "UPDATE exchanges SET letter = substr(letter, 1, length(letter) - 4) "
    "|| 'AAAA' WHERE verification = :v AND source = 'bank'",
    "the list of answers": "UPDATE exchanges SET bodies = '[' WHERE verification = :v",
    "when to ask again": "UPDATE exchanges SET due_at = 'soon' WHERE verification = :v",
    "how a question ended": "UPDATE exchanges SET transport = 'splendid' WHERE verification = :v",
    "until when to wait": "UPDATE verifications SET answer_by = 'x', give_up_at = 'x' "
    "WHERE id = :v",
    "the length of its ledger": "UPDATE verifications SET entries = entries - 1 WHERE id = :v",
    "its count of verdicts": "UPDATE verifications SET verdict_count = 'none' WHERE id = :v",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_household_that_was_damaged_holds_up_none_of_its_neighbours(
    damage: str, house: House, in_one_batch: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    house.change(DAMAGES[damage])
    early = damage in ("the name of a letter", "the list of answers", "when to ask again")
    monkeypatch.setattr(Worker, "_expected", NEIGHBOURS + (not early))
    with house.running(clock) as system:
        store = system.store
        # The clock stands still: had they been put back, they would never be judged.
        until(lambda: all_judged(store, house.neighbours))
        assert len(in_one_batch[0]) >= NEIGHBOURS
        until(lambda: store.queue(clock()).leases == 0)
        before = house.looks()
        assert store.queue(clock()).due == 0, "the bad one was put back for later"
        time.sleep(0.3)
        assert house.looks() == before, "it is looked at over and over"
        accepted = store.verification(house.neighbours[0], LOCAL).created_at
        for again in (1, 2, 3):
            clock.now += failed_pause(accepted, clock.now) + 1_000
            system.worker.wake()
            until(lambda again=again: house.looks() >= before + again)
            until(lambda: store.queue(clock()).leases == 0)
            assert house.looks() == before + again
        outcomes = {v.outcome for v in store.verdicts(house.bad, LOCAL)}
        assert Outcome.ELIGIBLE.value not in outcomes
        assert all(len(store.verdicts(n, LOCAL)) == 1 for n in house.neighbours)


def test_once_it_is_repaired_it_is_judged_as_any_other(house: House) -> None:
    clock = Clock()
    house.change("UPDATE exchanges SET bodies = 'x' || bodies WHERE verification = :v")
    with house.running(clock) as system:
        until(lambda: all_judged(system.store, house.neighbours))
        assert system.store.verdicts(house.bad, LOCAL) == ()
    house.change("UPDATE exchanges SET bodies = substr(bodies, 2) WHERE verification = :v")
    clock.now += 60_000
    with house.running(clock) as system:
        until(lambda: system.store.verdicts(house.bad, LOCAL))
        [verdict] = system.store.verdicts(house.bad, LOCAL)
        assert (verdict.outcome, verdict.final) == ("eligible", True)
        assert system.store.check_integrity(house.bad, LOCAL) == ()
        assert system.replays.replay(house.bad, LOCAL).identical


def test_its_answers_cannot_be_kept_and_those_that_arrive_with_them_are(tmp_path: Path) -> None:
    clock = Clock()
    with installation(tmp_path, clock=clock, answer_deadline_seconds=600) as live:
        live.system.worker.close()
        submit = live.system.verifications.submit
        names = [
            submit(ApplicationIn.model_validate(household(n).application), LOCAL).id
            for n in (FAVOURABLE, "01", "05", "07", "01", "05", "07")
        ]
        house = House(tmp_path, live, names[0], names[1:])
        live.system.close()
        house.change("UPDATE verifications SET entries = entries - 1 WHERE id = :v")
        with house.running(clock) as system:
            until(lambda: all_judged(system.store, house.neighbours))
            until(lambda: system.store.queue(clock()).leases == 0)
            assert all(r.attempts == 0 for r in system.store.exchanges(house.bad))
            assert system.store.verdicts(house.bad, LOCAL) == ()
            assert system.store.queue(clock()).due == 0, "asked over and over"


def panics(monkeypatch: pytest.MonkeyPatch, case_number: str, error: BaseException) -> None:
    """Judging fails so wherever this case is among those that are judged."""
    really = worker_module.judge

    def judge(cases: Sequence[Any], content: Any) -> Any:
        if any(c.application.case_number == case_number for c in cases):
            raise error
        return really(cases, content)

    monkeypatch.setattr(worker_module, "judge", judge)


def test_a_panic_of_the_table_engine_over_one_household_closes_that_one_and_judges_the_others(
    house: House, in_one_batch: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = household(FAVOURABLE).application["case_number"]
    panics(monkeypatch, number, pl.exceptions.PanicException("index out of bounds"))
    clock = Clock()
    with house.running(clock) as system:
        until(lambda: all_judged(system.store, house.neighbours))
        state = system.store.verification(house.bad, LOCAL).state
        assert (state, system.store.verdicts(house.bad, LOCAL)) == ("failed", ())
        assert len(in_one_batch[0]) == NEIGHBOURS + 1
        last = system.store.ledger(house.bad, LOCAL)[-1]
        assert (last.kind, last.payload["code"]) == ("failed", "PanicException")


def test_a_household_that_is_cancelled_while_it_proves_unjudgeable_stops_no_other(
    house: House, in_one_batch: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = household(FAVOURABLE).application["case_number"]
    panics(monkeypatch, number, RuntimeError())
    really = Store.fail

    def fail(store: Store, claim: Any, code: str, now: int) -> None:
        store.cancel(claim.verification, LOCAL, now)
        really(store, claim, code, now)

    monkeypatch.setattr(Store, "fail", fail)
    with house.running(Clock()) as system:
        until(lambda: all_judged(system.store, house.neighbours))
        assert system.store.verification(house.bad, LOCAL).state == "cancelled"
        assert len(in_one_batch[0]) == NEIGHBOURS + 1


def test_a_database_that_is_away_while_the_rules_are_fetched_closes_no_case(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, troubles = Contents.pinned, [Overloaded("away", where="database")] * 2

    def pinned(contents: Contents, *args: Any) -> Any:
        if troubles:
            raise troubles.pop()
        return really(contents, *args)

    monkeypatch.setattr(Contents, "pinned", pinned)
    clock = Clock()
    with house.running(clock) as system:
        names = [house.bad, *house.neighbours]
        until(lambda: judged_meanwhile(system, clock, names))
        assert troubles == []
        assert {system.store.verification(n, LOCAL).state for n in names} <= {
            "completed",
            "waiting",
        }


def test_the_judge_goes_on_when_even_giving_back_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver's own error, untranslated: as SQLite gives when its savepoint cannot be made."""
    refused: list[str] = []
    really, release = Store.seal_many, Store.release

    def seal_many(store: Store, sealed: Any, now: int) -> Any:
        if not refused:
            raise Overloaded("away", where="database")
        return really(store, sealed, now)

    def give_back(store: Store, claim: Any, due_at: Any) -> None:
        if not refused:
            refused.append(claim.verification)
            raise sqlite3.OperationalError("disk I/O error")
        release(store, claim, due_at)

    monkeypatch.setattr(Store, "seal_many", seal_many)
    monkeypatch.setattr(Store, "release", give_back)
    clock = Clock()
    with house.running(clock) as system:
        until(lambda: refused)
        clock.now += 120_000  # its lease has run out by then
        system.worker.wake()
        until(lambda: all_judged(system.store, [house.bad, *house.neighbours]))


@pytest.fixture
def everything_shown() -> Iterator[None]:
    """Logs as structlog shows them by default: of an exception every variable of every frame."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    if before is not None:
        structlog.configure(**before)


def test_a_log_that_shows_all_it_is_given_tells_of_trouble_and_of_nobody(
    house: House,
    everything_shown: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    members = household(FAVOURABLE).application["household"]["members"]
    troubles = {"_judge_batch", "_dispatch"}

    def fails_once(name: str) -> None:
        really = getattr(Worker, name)

        def failing(worker: Worker, *args: Any) -> Any:
            if name in troubles:
                troubles.discard(name)
                applicants = [f"{m['name']} {m['id_number']}" for m in members]
                raise ValueError(f"cannot do with {applicants}")
            return really(worker, *args)

        monkeypatch.setattr(Worker, name, failing)

    for name in sorted(troubles):
        fails_once(name)
    clock = Clock()
    with house.running(clock) as system:
        until(lambda: judged_meanwhile(system, clock, [house.bad, *house.neighbours]))
        assert not troubles
    log = "".join(capsys.readouterr())
    for event in ("worker.dispatch_failed", "worker.judge_failed"):
        [line] = [line for line in log.splitlines() if event in line]
        assert "ValueError" in line
        assert "test_path_neighbours.py" in line
    assert families().scan(log.encode()) == set()


def test_a_clock_that_leaps_ahead_makes_the_worker_judge_nobody_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its leases lapse while their households wait to be judged: it claims them once more."""
    clock = Clock()
    names = [house.bad, *house.neighbours]
    next_batch = Worker._next_batch
    failures: list[BaseException] = []
    judge_batch = Worker._judge_batch

    def gathered(worker: Worker) -> Sequence[Any]:
        if worker._answered.qsize() < len(names) * 2 and not judged:
            time.sleep(0.01)
            if worker._answered.qsize() == len(names) and not waited:
                waited.append(1)
                clock.now += 3_600_000
                worker.wake()
            return []
        return next_batch(worker)

    def watched(worker: Worker, claims: Sequence[Any]) -> None:
        judged.append(len(claims))
        try:
            judge_batch(worker, claims)
        except BaseException as error:
            failures.append(error)
            raise

    waited: list[int] = []
    judged: list[int] = []
    monkeypatch.setattr(Worker, "_next_batch", gathered)
    monkeypatch.setattr(Worker, "_judge_batch", watched)
    with house.running(clock) as system:
        until(lambda: judged)
        until(lambda: failures or all_judged(system.store, names))
        assert failures == []
        assert all(len(system.store.verdicts(n, LOCAL)) == 1 for n in names)
