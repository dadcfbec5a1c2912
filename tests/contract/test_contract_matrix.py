"""Every fault at every source in every phase, as the matrix says; a hole in it fails the build."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from contract_bench import REGISTERS, TODAY, Bench, context, impatient
from contract_verdicts import Course, Nothing, check_not_silent, courses, replayed, row
from matrix import DATA, NOT_APPLICABLE, PHASES, PROVOKE, Cell, Ended, cells, holes, under_way

from support.every_source import MEANS
from verify import frames
from verify.connectors import Asker, Connectors, decode
from verify.connectors.shared import MemoryState
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState
from verify.domain.verdict import Outcome
from verify.simulate.registers import Registers
from verify.simulate.server import SimulatedSources
from verify.simulate.state import Profile

CONTENT = impatient(ContentSet.load("connectors"), hasty=True)
CONNECTORS = Connectors.from_content(CONTENT)
DECLARED = {s: CONNECTORS.declaration(s) for s in CONNECTORS.sources}
CELLS = list(cells(DECLARED))
NO_ROWS = frozenset(
    (
        EvidenceState.MALFORMED,
        EvidenceState.SCHEMA_MISMATCH,
        EvidenceState.WRONG_SUBJECT,
        EvidenceState.CONFIRMED_EMPTY,
    )
)
TAKEN: set[str] = set()


def taken(phase: str) -> list[Cell]:
    """The cells of a phase that a test of this file takes upon itself."""
    TAKEN.add(phase)
    return [c for c in CELLS if c.phase == phase and c.applies and not c.by]


def each(phase: str) -> Any:
    ids = lambda c: f"{c.source}: {c.says}"  # noqa: E731 - one line, one use
    return pytest.mark.parametrize("cell", taken(phase), ids=ids)


# -- the bench --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_bench() -> Iterator[Bench]:
    import openpyxl  # takes longer to import than a hasty deadline lasts

    assert openpyxl
    with (
        SimulatedSources(REGISTERS, day=TODAY) as sim,
        SimulatedSources(Registers(), day=TODAY, secrets=sim.secrets) as ignorant,
    ):
        for source in CONNECTORS.sources:
            ignorant.set_profile(source, delay_seconds=0.0)
        state = MemoryState()
        asker = Asker(CONNECTORS, sim.environment(), lambda: TODAY, state=state)
        yield Bench(sim, CONNECTORS, asker, state, others=ignorant, text=CONTENT)
        asker.close()


def _calm(bench: Bench) -> None:
    bench.state.clear()
    for source in CONNECTORS.sources:
        if bench.sim.profile(source) != Profile(delay_seconds=0.0):
            bench.sim.set_profile(source, **vars(Profile(delay_seconds=0.0)))


@pytest.fixture
def bench(whole_bench: Bench) -> Iterator[Bench]:
    yield whole_bench
    _calm(whole_bench)


@pytest.fixture(scope="module")
def hurried(whole_bench: Bench) -> Iterator[Asker]:
    """Submits a task and does not wait for it."""
    text = {
        path: body.replace('deadline_seconds: "0.7"', 'deadline_seconds: "0.3"')
        for path, body in CONTENT.files.items()
    }
    connectors = Connectors.from_content(ContentSet("connectors", text))
    asker = Asker(connectors, whole_bench.sim.environment(), lambda: TODAY)
    yield asker
    asker.close()


@pytest.fixture(scope="module")
def nothing(whole_bench: Bench) -> Iterator[Nothing]:
    made = Nothing(whole_bench)
    yield made
    made.close()


ENDED: dict[tuple[str, str], Ended] = {}


def ended(bench: Bench, cell: Cell) -> Ended:
    """How the fault ends at the source; provoked once in a process."""
    key = (cell.fault, cell.source)
    if key not in ENDED:
        if cell.strikes == "after_store":
            bench.answer_of(cell.source)
        ENDED[key] = PROVOKE[cell.fault](bench, cell.source)
        _calm(bench)
    return ENDED[key]


# -- no holes ---------------------------------------------------------------------------------


def test_every_cell_of_the_matrix_has_a_test_or_a_reason() -> None:
    assert holes(CELLS, PROVOKE, TAKEN) == []
    assert set(PHASES) == TAKEN
    assert sorted(PROVOKE.keys() - {c.fault for c in CELLS}) == []
    assert len(CELLS) == len(DATA["faults"]) * len(CONNECTORS.sources) * len(PHASES)
    assert Counter(c.source for c in CELLS if c.applies).keys() == set(CONNECTORS.sources)
    assert len({f["id"] for f in DATA["faults"]}) == len(DATA["faults"])


def test_the_matrix_covers_the_rows_of_the_threat_model() -> None:
    assert {c.ref for c in CELLS} == {f"F{n}" for n in range(1, 22)}


def _planted(change: Any) -> list[str]:
    data = copy.deepcopy(DATA)
    declared, provoked, phases = dict(DECLARED), dict(PROVOKE), set(TAKEN)
    change(data, declared, provoked, phases)
    return holes(list(cells(declared, data)), provoked, phases)


def _fault(data: Any, name: str) -> Any:
    return next(f for f in data["faults"] if f["id"] == name)


class _Unheard:
    """A source that is reached in a way nobody has thought of."""

    protocol = type("Pigeon", (), {"driver": "pigeon", "reach": "post"})


PLANTED = {
    "an expectation is missing": (
        lambda data, declared, provoked, phases: _fault(data, "silent").pop("folder"),
        "silent x agriculture x asking: state what must happen",
    ),
    "a fault that nobody provokes": (
        lambda data, declared, provoked, phases: provoked.pop("stale"),
        "stale x bank x before_verdict: no test provokes it",
    ),
    "a fault is added": (
        lambda data, declared, provoked, phases: data["faults"].append(
            {"id": "eclipse", "ref": "F1", "strikes": "in_flight", "says": "the sun is gone",
             "http": "timeout", "folder": "timeout", "database": "timeout"}
        ),
        "eclipse x tax x asking: no test provokes it",
    ),
    "a source is added": (
        lambda data, declared, provoked, phases: declared.update(lottery=_Unheard),
        "silent x lottery x asking: state what must happen",
    ),
    "a phase is added": (
        lambda data, declared, provoked, phases: data["phases"].update(archived="years later"),
        "answers x vehicle x archived: no test takes the phase",
    ),
    "the test of a phase is taken away": (
        lambda data, declared, provoked, phases: phases.discard("waiting"),
        "silent x real_estate x waiting: no test takes the phase",
    ),
    "a reason says nothing": (
        lambda data, declared, provoked, phases: _fault(data, "silent").update(database="n/a: no"),
        "silent x education x replay: say why it cannot happen there",
    ),
    "the test named is not there": (
        lambda data, declared, provoked, phases: _fault(data, "callback_twice").update(
            by="path/test_path_callbacks.py::test_nothing"
        ),
        "callback_twice x real_estate x waiting: there is no test",
    ),
    "nothing is said of the time between": (
        lambda data, declared, provoked, phases: data["between"].pop("http"),
        "answers x tax x waiting: state what must happen",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_hole_is_found(what: str) -> None:
    plant, told = PLANTED[what]
    found = _planted(plant)
    assert any(hole.startswith(told) for hole in found), found[:5]


# -- asking, and waiting for the answer to a task -----------------------------------------------


@each("asking")
def test_a_fault_ends_as_the_matrix_says(bench: Bench, cell: Cell) -> None:
    end = ended(bench, cell)
    _as_the_matrix_says(cell, end)
    if end.decoded is None:
        return
    # The same bytes are read the same way, whatever happens meanwhile.
    if cell.strikes == "in_flight":
        declaration = bench.connectors.declaration(cell.source)
        who = ("查无此", "310104197001010039") if cell.fault == "finds_nothing" else None
        where = context(cell.source, who) if who else context(cell.source)
        assert decode(declaration, end.bodies, where) == end.decoded


def _as_the_matrix_says(cell: Cell, end: Ended) -> None:
    assert end.state in cell.states, end
    if cell.strikes == "before_send":
        assert (end.sent, end.bodies) == (0, ())
    if end.decoded is None:
        assert end.bodies == () or not end.state.answered
        return
    if end.decoded.state in NO_ROWS:
        assert end.decoded.rows == []
    frames.RECORDS.frame(end.decoded.rows)


@each("waiting")
def test_a_fault_between_a_task_and_its_answer_ends_as_the_matrix_says(
    bench: Bench, hurried: Asker, cell: Cell
) -> None:
    if cell.strikes == "waiting":  # brings its own task along
        _as_the_matrix_says(cell, ended(bench, cell))
        return
    with under_way(bench, cell.source, cell, hurried):
        _as_the_matrix_says(cell, PROVOKE[cell.fault](bench, cell.source))


# -- verdicts ---------------------------------------------------------------------------------

COURSES: dict[str, list[tuple[Cell, Ended, Course]]] = {}


def of_source(phase: str) -> Any:
    """One test a source, for all faults of the phase: they are judged in one batch."""
    found: dict[str, list[Cell]] = {}
    for cell in taken(phase):
        found.setdefault(cell.source, []).append(cell)
    return pytest.mark.parametrize(("source", "faulted"), found.items(), ids=list(found))


def judged(
    bench: Bench, nothing: Nothing, source: str, faulted: list[Cell]
) -> Iterator[tuple[Cell, Ended, Course]]:
    if source not in COURSES:
        ends = [ended(bench, cell) for cell in faulted]
        COURSES[source] = list(zip(faulted, ends, courses(nothing, source, ends), strict=True))
    made = COURSES[source]
    assert [c.fault for c, _, _ in made] == [c.fault for c in faulted]
    yield from made


@of_source("before_verdict")
def test_no_fault_is_silent_in_the_verdict_made_of_it(
    bench: Bench, nothing: Nothing, source: str, faulted: list[Cell]
) -> None:
    for cell, end, course in judged(bench, nothing, source, faulted):
        try:
            check_not_silent(course.faulted, source, end)
        except AssertionError as error:
            raise AssertionError(f"{cell}: {error}") from error


@of_source("after_verdict")
def test_a_late_answer_reopens_the_verdict_and_a_late_fault_is_not_silent_either(
    bench: Bench, nothing: Nothing, source: str, faulted: list[Cell]
) -> None:
    for cell, end, course in judged(bench, nothing, source, faulted):
        silent, late, good = course.verdicts
        assert row(silent.verdict, source)["state"] == "timeout"
        if source in MEANS:
            assert silent.verdict.outcome is Outcome.UNDETERMINED
            assert not silent.verdict.final, "it is asked again"
            if end.state.worth_asking_again and late.verdict.outcome is Outcome.UNDETERMINED:
                assert not late.verdict.final, str(cell)
        # Each new piece of evidence is another one, so that it is judged and sealed anew.
        told = [c.evidence_digest for c in course.cases]
        assert told[0] != told[2]
        assert told[1] != told[2] or cell.fault == "finds_nothing", str(cell)
        check_not_silent(late.verdict, source, end)
        assert row(good.verdict, source)["state"] == "confirmed_empty"
        assert (good.verdict.outcome, good.verdict.final) == (Outcome.ELIGIBLE, True), str(cell)


@of_source("replay")
def test_a_verdict_made_of_a_fault_is_the_same_when_it_is_judged_again(
    bench: Bench, nothing: Nothing, source: str, faulted: list[Cell]
) -> None:
    made = [(cell, course) for cell, _, course in judged(bench, nothing, source, faulted)]
    replays = replayed([course.cases[1] for _, course in made])
    for (cell, course), again in zip(made, replays, strict=True):
        assert again.verdict_bytes == course.verdicts[1].verdict_bytes, str(cell)
        assert again.trace_bytes == course.verdicts[1].trace_bytes, str(cell)


def test_what_cannot_happen_is_said_in_words() -> None:
    reasons = Counter(c.expected for c in CELLS if not c.applies)
    assert all(r.startswith(NOT_APPLICABLE) for r in reasons)
    assert sum(reasons.values()) < len(CELLS) / 2
