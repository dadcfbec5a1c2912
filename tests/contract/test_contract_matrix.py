"""Every fault at every source, as the matrix says; a cell without a test fails the build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from contract_bench import REGISTERS, TODAY, Bench, context, impatient
from matrix import DATA, NOT_APPLICABLE, PROVOKE, Cell, cells

from verify import frames
from verify.connectors import Asker, Connectors, decode
from verify.connectors.shared import MemoryState
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState
from verify.simulate.server import SimulatedSources
from verify.simulate.state import Profile

CONNECTORS = Connectors.from_content(impatient(ContentSet.load("connectors"), hasty=True))
CELLS = list(cells({s: CONNECTORS.declaration(s) for s in CONNECTORS.sources}))
NO_ROWS = frozenset(
    (
        EvidenceState.MALFORMED,
        EvidenceState.SCHEMA_MISMATCH,
        EvidenceState.WRONG_SUBJECT,
        EvidenceState.CONFIRMED_EMPTY,
    )
)


@pytest.fixture(scope="module")
def whole_bench() -> Iterator[Bench]:
    import openpyxl  # takes longer to import than a hasty deadline lasts

    assert openpyxl
    with SimulatedSources(REGISTERS, day=TODAY) as sim:
        state = MemoryState()
        asker = Asker(CONNECTORS, sim.environment(), lambda: TODAY, state=state)
        yield Bench(sim, CONNECTORS, asker, state)
        asker.close()


@pytest.fixture
def bench(whole_bench: Bench) -> Iterator[Bench]:
    yield whole_bench
    whole_bench.state.clear()
    for source in CONNECTORS.sources:
        if whole_bench.sim.profile(source) != Profile(delay_seconds=0.0):
            whole_bench.sim.set_profile(source, **vars(Profile(delay_seconds=0.0)))


def test_every_cell_of_the_matrix_has_an_expectation_and_every_fault_a_test() -> None:
    unstated = [f"{c.fault} x {c.source}" for c in CELLS if not c.expected]
    assert unstated == [], "state what must happen, or `n/a: why`"
    untested = sorted({c.fault for c in CELLS if c.applies} - PROVOKE.keys())
    assert untested == [], "no test provokes these faults"
    assert sorted(PROVOKE.keys() - {c.fault for c in CELLS}) == []
    assert {c.phase for c in CELLS} == set(DATA["phases"])
    reasons = {c.expected.removeprefix(NOT_APPLICABLE) for c in CELLS if not c.applies}
    assert all(len(reason) >= 8 for reason in reasons), "say why a fault cannot happen there"
    assert Counter(c.source for c in CELLS if c.applies).keys() == set(CONNECTORS.sources)


def test_the_matrix_covers_the_rows_of_the_threat_model() -> None:
    elsewhere = {"F9", "F13", "F16", "F20"}  # tests/connectors, path: not faults of one exchange
    rows = {f"F{n}" for n in range(1, 22)}
    assert rows - {c.ref for c in CELLS} == elsewhere


@pytest.mark.parametrize(
    "cell",
    [c for c in CELLS if c.applies],
    ids=lambda c: f"{c.source}: {c.says}",
)
def test_a_fault_ends_as_the_matrix_says(bench: Bench, cell: Cell) -> None:
    if cell.phase == "after_store":
        bench.answer_of(cell.source)
    ended = PROVOKE[cell.fault](bench, cell.source)
    assert ended.state in cell.states, ended
    if cell.phase == "before_send":
        assert (ended.sent, ended.bodies) == (0, ())
    if ended.decoded is None:
        assert ended.bodies == () or not ended.state.answered
        return
    if ended.decoded.state in NO_ROWS:
        assert ended.decoded.rows == []
    frames.RECORDS.frame(ended.decoded.rows)
    # Replay: the same bytes are read the same way, whatever happens meanwhile.
    if cell.phase == "in_flight":
        declaration = bench.connectors.declaration(cell.source)
        who = ("查无此", "310104197001010039") if cell.fault == "finds_nothing" else None
        where = context(cell.source, who) if who else context(cell.source)
        assert decode(declaration, ended.bodies, where) == ended.decoded
