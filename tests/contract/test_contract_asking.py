"""What asking guarantees beyond one source: letters at every send, tickets, pages, parts."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from contract_bench import LIN, REGISTERS, TODAY, Bench, context, impatient, letters, question

from verify.connectors import Asker, Connectors, decode
from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState
from verify.simulate.registers import Registers
from verify.simulate.server import SimulatedSources

S = EvidenceState
MANY = ("马千里", "310104197505050018")


@pytest.fixture(scope="module")
def crowded() -> Iterator[Bench]:
    """A person with 130 income rows: three pages."""
    registers = Registers.model_validate(
        {
            "tax_incomes": [
                {"name": MANY[0], "id": MANY[1], "item": "labour", "payer": f"单位{n:03d}",
                 "amount": f"{n}.25", "month": "2025-04"}
                for n in range(130)
            ]
        }
    )  # fmt: skip
    connectors = Connectors.from_content(impatient(ContentSet.load("connectors")))
    with SimulatedSources(registers) as sim:
        asker = Asker(connectors, sim.environment(), lambda: TODAY)
        yield Bench(sim, connectors, asker)
        asker.close()


def test_all_pages_are_fetched_and_every_row_is_there_once(crowded: Bench) -> None:
    answer, decoded = crowded.ask_and_decode("tax", MANY)
    assert (len(answer.bodies), decoded.state) == (3, S.OK)
    assert sorted(r["amount"] for r in decoded.rows) == [n * 100 + 25 for n in range(130)]


def test_pages_in_any_order_give_the_same_records(crowded: Bench) -> None:
    answer, decoded = crowded.ask_and_decode("tax", MANY)
    declaration = crowded.connectors.declaration("tax")
    again = decode(declaration, answer.bodies[::-1], context("tax", MANY))
    assert again == decoded


@pytest.mark.parametrize("kept", [(0, 1), (0, 2), (1, 2), (0, 0, 1), (0, 1, 1)])
def test_a_lost_or_repeated_page_makes_the_answer_partial(
    crowded: Bench, kept: tuple[int, ...]
) -> None:
    answer = crowded.ask("tax", MANY)
    bodies = [answer.bodies[i] for i in kept]
    decoded = decode(crowded.connectors.declaration("tax"), bodies, context("tax", MANY))
    assert decoded.state is S.PARTIAL


def test_a_page_that_comes_back_empty_makes_the_answer_partial(crowded: Bench) -> None:
    crowded.sim.set_profile("tax", fault="lost_page")
    try:
        decoded = crowded.ask_and_decode("tax", MANY)[1]
    finally:
        crowded.sim.set_profile("tax", fault="none")
    assert (decoded.state, decoded.detail) == (S.PARTIAL, "count_differs")


def test_a_letter_that_ends_between_two_pages_stops_the_asking(
    crowded: Bench, asker_on: Callable[..., Asker]
) -> None:
    days = iter([TODAY] * 8)
    asker = asker_on(lambda: next(days, TODAY + dt.timedelta(days=60)), **crowded.sim.environment())
    before = len(crowded.sim.requests("tax"))
    answer = asker.ask(question("tax", MANY), letters(crowded.connectors.sources))
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "letter_lapsed")
    assert answer.bodies == ()
    assert len(crowded.sim.requests("tax")) - before < 3


def test_a_letter_that_ends_between_two_polls_stops_the_asking(
    bench: Bench, asker_on: Callable[..., Asker]
) -> None:
    bench.sim.set_profile("real_estate", delay_seconds=30)
    days = iter([TODAY] * 9)
    asker = asker_on(lambda: next(days, TODAY + dt.timedelta(days=60)))
    asked = question("real_estate", request_id="lapsing")
    answer = asker.ask(asked, letters(bench.connectors.sources))
    assert (answer.state, answer.detail, answer.pending) == (S.UNAUTHORISED, "letter_lapsed", False)


def test_a_slow_job_leaves_a_ticket_and_the_ticket_brings_the_answer(bench: Bench) -> None:
    bench.sim.set_profile("real_estate", delay_seconds=3)
    submission = time.monotonic()
    first = bench.ask("real_estate", request_id="slow-1")
    assert (first.state, first.pending, first.bodies) == (S.TIMEOUT, True, ())
    assert first.ticket.startswith("BDC")
    assert first.retry_after_seconds == 30
    time.sleep(max(0.0, submission + 4 - time.monotonic()))
    submitted = len(bench.sim.requests("real_estate"))
    second = bench.ask("real_estate", request_id="slow-1", ticket=first.ticket)
    assert (second.state, second.pending) == (S.OK, False)
    assert len(bench.sim.requests("real_estate")) == submitted  # polled on, not submitted again


def test_a_ticket_the_source_has_forgotten_is_submitted_again(bench: Bench) -> None:
    answer = bench.ask("real_estate", request_id="forgotten", ticket="BDC0000000000000000")
    assert answer.state is S.OK


def test_a_ticket_that_is_not_a_ticket_goes_nowhere(bench: Bench) -> None:
    answer = bench.ask("real_estate", ticket="../../admin?x=1")
    assert (answer.state, answer.detail) == (S.SCHEMA_MISMATCH, "ticket")


def test_the_same_request_again_gets_the_same_business_number(bench: Bench) -> None:
    bench.sim.set_profile("real_estate", delay_seconds=30)
    tickets = {bench.ask("real_estate", request_id="twice").ticket for _ in range(2)}
    assert len(tickets) == 1


def test_one_silent_bank_makes_the_answer_partial_and_the_others_still_count(bench: Bench) -> None:
    bench.sim.set_profile("bank", parts_down=("PSBK",))
    answer, decoded = bench.ask_and_decode("bank")
    assert (answer.state, answer.detail, len(answer.bodies)) == (S.PARTIAL, "http_502", 2)
    assert (decoded.state, decoded.detail) == (S.PARTIAL, "parts_missing")
    assert {r["object_key"].partition(":")[0] for r in decoded.rows} == {"ICBK", "RCBK"}


def test_a_forged_answer_is_not_handed_on(bench: Bench) -> None:
    bench.sim.set_profile("bank", fault="bad_signature")
    answer = bench.ask("bank")
    assert (answer.state, answer.detail, answer.bodies) == (S.MALFORMED, "signature", ())


@pytest.mark.parametrize(
    ("source", "secret"),
    [
        ("bank", "VERIFY_SOURCE_BANK_KEY"),
        ("real_estate", "VERIFY_SOURCE_REAL_ESTATE_PASSWORD"),
        ("social_insurance", "VERIFY_SOURCE_SOCIAL_INSURANCE_API_KEY"),
        ("tax", "VERIFY_SOURCE_TAX_CLIENT_SECRET"),
        ("vehicle", "VERIFY_SOURCE_VEHICLE_API_KEY"),
    ],
)
def test_wrong_or_missing_secrets_end_as_unauthorised(
    bench: Bench, asker_on: Callable[..., Asker], source: str, secret: str
) -> None:
    held = letters(bench.connectors.sources)
    before = len(bench.sim.requests(source))
    wrong = asker_on(**{secret: "not the secret"}).ask(question(source), held)
    assert (wrong.state, wrong.bodies) == (S.UNAUTHORISED, ())
    missing = asker_on(**{secret: ""}).ask(question(source), held)
    assert (missing.state, missing.detail) == (S.UNAUTHORISED, "secret_missing")
    assert len(bench.sim.requests(source)) == before


def test_a_secret_may_come_from_a_file(
    bench: Bench, asker_on: Callable[..., Asker], tmp_path: object
) -> None:
    name = "VERIFY_SOURCE_VEHICLE_API_KEY"
    file = tmp_path / "key"  # type: ignore[operator]
    file.write_text(bench.sim.secrets[name] + "\n")
    asker = asker_on(**{name: "", f"{name}_FILE": str(file)})
    assert asker.ask(question("vehicle"), letters(bench.connectors.sources)).state is S.OK


def test_an_expired_token_is_fetched_anew(bench: Bench, asker_on: Callable[..., Asker]) -> None:
    asker = asker_on()
    bench.sim.set_profile("tax", token_seconds=6)  # five of them are our safety margin
    held = letters(bench.connectors.sources)
    assert asker.ask(question("tax"), held).state is S.OK
    time.sleep(1.1)
    assert asker.ask(question("tax"), held).state is S.OK


def test_a_token_that_the_source_forgot_is_fetched_anew_once(
    bench: Bench, asker_on: Callable[..., Asker]
) -> None:
    asker = asker_on()
    held = letters(bench.connectors.sources)
    assert asker.ask(question("tax"), held).state is S.OK
    bench.sim.switch_off("tax")
    bench.sim.switch_on("tax")  # a restarted source has forgotten all tokens
    assert asker.ask(question("tax"), held).state is S.OK


def test_personal_data_never_leave_unencrypted_for_another_machine(bench: Bench) -> None:
    for url in ("http://example.invalid", "ftp://127.0.0.1", "127.0.0.1:80", "https://u@h", ""):
        environment = {**bench.sim.environment(), "VERIFY_SOURCE_TAX_URL": url or "http://"}
        with pytest.raises(ContentError) as caught:
            Asker(bench.connectors, environment, lambda: TODAY)
        assert caught.value.where == "VERIFY_SOURCE_TAX_URL"


def test_many_threads_share_an_asker_without_mixing_their_answers(bench: Bench) -> None:
    people = [LIN, ("何志强", "310104198308150030")]
    problems: list[str] = []

    def ask(n: int) -> None:
        who = people[n % 2]
        for source in ("bank", "social_insurance", "tax", "vehicle", "real_estate"):
            decoded = bench.ask_and_decode(source, who)[1]
            if not decoded.state.answered:
                problems.append(f"{source}: {decoded.state} {decoded.detail}")

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert problems == []


def test_no_request_to_any_source_goes_without_a_letter(bench: Bench) -> None:
    for source in bench.connectors.sources:
        bench.ask(source)
        assert all(r.letter == "SQ-1" and r.stated for r in bench.sim.requests(source))


def test_the_register_is_synthetic() -> None:
    text = REGISTERS.model_dump_json()
    assert "示例路" in text  # every address is in Example Road
