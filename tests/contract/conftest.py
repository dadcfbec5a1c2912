"""The real simulated sources over sockets, and an asker, for the contract of every connector."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from contract_bench import REGISTERS, TODAY, Bench, impatient

from verify.connectors import Asker, Connectors
from verify.connectors.shared import MemoryState
from verify.content import ContentSet
from verify.simulate.server import SimulatedSources
from verify.simulate.state import Profile


@pytest.fixture(scope="session")
def shared_bench() -> Iterator[Bench]:
    connectors = Connectors.from_content(impatient(ContentSet.load("connectors")))
    with SimulatedSources(REGISTERS, day=TODAY) as sim:
        state = MemoryState()
        asker = Asker(connectors, sim.environment(), lambda: TODAY, state=state)
        yield Bench(sim, connectors, asker, state)
        asker.close()


@pytest.fixture
def bench(shared_bench: Bench) -> Iterator[Bench]:
    """The shared bench; every source behaves again afterwards."""
    yield shared_bench
    shared_bench.state.clear()
    for source in shared_bench.connectors.sources:
        shared_bench.sim.set_profile(source, **vars(Profile(delay_seconds=0.0)))


@pytest.fixture
def asker_on(shared_bench: Bench) -> Iterator[Callable[..., Asker]]:
    """Makes further askers, with another calendar or other secrets."""
    made: list[Asker] = []

    def make(today: Callable[[], dt.date] = lambda: TODAY, **environment: str) -> Asker:
        given = {**shared_bench.sim.environment(), **environment}
        made.append(Asker(shared_bench.connectors, given, today))
        return made[-1]

    yield make
    for asker in made:
        asker.close()
