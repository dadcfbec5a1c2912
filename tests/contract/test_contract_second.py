"""A second address of a register: asked when the first is slow, or to compare what both say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract_bench import LIN, REGISTERS, TODAY, context, letters, question

from verify.connectors import Answer, Asker, Connectors, decode
from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState
from verify.simulate.registers import Registers
from verify.simulate.server import SimulatedSources

S = EvidenceState
CONTENT = ContentSet.load("connectors")
CONNECTORS = Connectors.from_content(CONTENT)
SECOND = "VERIFY_SOURCE_VEHICLE_SECOND_URL"


def vehicle(second: str) -> Connectors:
    text = CONTENT.files["vehicle.yaml"].replace(
        "\nauth:", f"\nsecond: {{env: {SECOND}, {second}}}\nauth:"
    )
    return Connectors.from_content(ContentSet("connectors", {"vehicle.yaml": text}))


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[SimulatedSources, SimulatedSources]]:
    """Two vehicle offices with the same secrets; the second knows another price."""
    with SimulatedSources(REGISTERS) as one:
        cars = [v.model_copy(update={"price": v.price + 1}) for v in REGISTERS.vehicles]
        other = Registers.model_validate({**REGISTERS.model_dump(), "vehicles": cars})
        with SimulatedSources(other, secrets=one.secrets) as two:
            yield one, two


def ask(connectors: Connectors, one: SimulatedSources, two: SimulatedSources) -> Answer:
    environment = {**one.environment(), SECOND: two.urls["vehicle"]}
    environment["VERIFY_SOURCE_VEHICLE_API_KEY_HOST"] = ",".join(
        s.urls["vehicle"].removeprefix("http://") for s in (one, two)
    )
    asker = Asker(connectors, environment, lambda: TODAY)
    try:
        return asker.ask(question("vehicle"), letters(connectors.sources))
    finally:
        asker.close()


def test_a_slow_first_address_is_helped_out_by_the_second(
    pair: tuple[SimulatedSources, SimulatedSources],
) -> None:
    one, two = pair
    one.set_profile("vehicle", latency_seconds=1.5)
    answer = ask(vehicle('after_seconds: "0.2"'), one, two)
    one.set_profile("vehicle", latency_seconds=0.0)
    assert answer.state is S.OK
    # Who answered first is told by the price, which the two know differently.
    decoded = decode(CONNECTORS.declaration("vehicle"), answer.bodies, context("vehicle", LIN))
    assert [r["amount"] for r in decoded.rows] == [260_000]
    assert two.requests("vehicle")[-1].letter == "SQ-1"


def test_a_first_address_that_answers_in_time_leaves_the_second_alone(
    pair: tuple[SimulatedSources, SimulatedSources],
) -> None:
    one, two = pair
    before = len(two.requests("vehicle"))
    assert ask(vehicle("after_seconds: 5"), one, two).state is S.OK
    assert len(two.requests("vehicle")) == before


def test_a_dead_first_address_does_not_end_the_asking(
    pair: tuple[SimulatedSources, SimulatedSources],
) -> None:
    one, two = pair
    one.switch_off("vehicle")
    try:
        assert ask(vehicle('after_seconds: "0.1"'), one, two).state is S.OK
    finally:
        one.switch_on("vehicle")


def test_two_addresses_that_say_the_same_agree(
    pair: tuple[SimulatedSources, SimulatedSources],
) -> None:
    one, _ = pair
    connectors = vehicle("compare: true")
    answer = ask(connectors, one, one)
    decoded = decode(connectors.declaration("vehicle"), answer.bodies, context("vehicle", LIN))
    assert (answer.state, decoded.state) == (S.OK, S.OK)


def test_two_addresses_that_contradict_each_other_are_conflicting_and_decide_nothing(
    pair: tuple[SimulatedSources, SimulatedSources],
) -> None:
    one, two = pair
    answer = ask(vehicle("compare: true"), one, two)
    assert (answer.state, answer.detail) == (S.CONFLICTING, "second_source_differs")


def test_a_source_that_answers_later_has_no_second_address() -> None:
    text = CONTENT.files["real_estate.yaml"].replace(
        "\nauth:", f"\nsecond: {{env: {SECOND}}}\nauth:"
    )
    with pytest.raises(ContentError, match="has no `second`"):
        Connectors.from_content(ContentSet("connectors", {"real_estate.yaml": text}))
