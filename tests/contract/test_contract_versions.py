"""Versions of a source side by side: what nobody asks with any more is closed, what is in use is
not, and however often a source changes, nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from contract_bench import Bench, letters, question

from verify.connectors import Asker, Connectors, Declaration
from verify.connectors import versions as versions_module
from verify.connectors.egress import Egress
from verify.connectors.shared import MemoryState
from verify.connectors.versions import IDLE_SECONDS, MOST_IDLE, SWEEP_SECONDS, OpenVersions
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState

TEXT = ContentSet.load("connectors").files["vehicle.yaml"]


def version(number: int) -> Declaration:
    """The vehicle office's declaration with another remark, and so another digest."""
    text = f"{TEXT}# version {number}\n"
    return Connectors.from_content(ContentSet("connectors", {"vehicle.yaml": text})).declaration(
        "vehicle"
    )


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Digests of the versions that were closed, in their order."""
    found: list[str] = []
    close = versions_module.Version.close

    def noted(one: versions_module.Version) -> None:
        found.append(one.first.declaration.digest)
        close(one)

    monkeypatch.setattr(versions_module.Version, "close", noted)
    return found


def test_after_many_activations_few_versions_are_open_and_no_thread_is_left(
    bench: Bench, asker_on: Callable[..., Asker], closed: list[str]
) -> None:
    asker = asker_on()
    before = threading.active_count()
    made = [version(n) for n in range(40)]
    for one in made:
        assert asker.ask(question("vehicle"), letters(["vehicle"]), one).state is EvidenceState.OK
        assert asker.open_versions["vehicle"] <= MOST_IDLE + 1
    assert threading.active_count() <= before
    # The oldest went first, each once; the newest is open, and an old one opens again.
    assert len(closed) == len(set(closed)) >= len(made) - MOST_IDLE - 1
    assert made[-1].digest not in closed
    assert asker.ask(question("vehicle"), letters(["vehicle"]), made[0]).state is EvidenceState.OK


def test_a_version_that_is_being_asked_with_is_not_closed_by_those_after_it(
    bench: Bench, asker_on: Callable[..., Asker], closed: list[str]
) -> None:
    asker, slow = asker_on(), version(100)
    bench.sim.set_profile("vehicle", latency_seconds=1.5)
    before = len(bench.sim.requests("vehicle"))
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(asker.ask(question("vehicle"), letters(["vehicle"]), slow))
    )
    asking.start()
    while len(bench.sim.requests("vehicle")) == before and asking.is_alive():
        pass
    for n in range(101, 101 + 3 * MOST_IDLE):
        with asker._opened.using(version(n)):
            assert slow.digest not in closed
    asking.join(timeout=30)
    assert [a.state for a in answers] == [EvidenceState.OK]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_idle_version_is_closed_in_time_though_no_further_one_is_opened(
    closed: list[str],
) -> None:
    clock = Clock()
    held = OpenVersions({}, Egress.from_environment({}), MemoryState(), clock)
    old, new = version(1), version(2)
    held.open(old)
    with held.using(old):
        clock.now += 2 * IDLE_SECONDS
        held.open(new)
        for _ in range(3):
            clock.now += IDLE_SECONDS + SWEEP_SECONDS
            with held.using(new):
                assert closed == [], "it is in use, however long that takes"
    clock.now += IDLE_SECONDS / 2
    with held.using(new):
        assert closed == [], "it was in use a moment ago"
    clock.now += IDLE_SECONDS
    with held.using(new):
        assert closed == [old.digest]
    assert held.count == {"vehicle": 1}
    clock.now += 5 * IDLE_SECONDS
    with held.using(new):
        assert held.count == {"vehicle": 1}, "the only one stays, however seldom it is asked with"
    held.close()
    assert closed == [old.digest, new.digest]
