"""Two departments that contradict each other about one person: each answer is good by itself, and
only beside the other it is in doubt. A person decides; the engine takes neither side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest
from contract_bench import HE, LIN, TODAY, impatient, letters, question
from contract_verdicts import FIVE, _exchange, application

from support.every_source import content
from verify.connectors import Answer, Asker, Connectors
from verify.content import ContentSet
from verify.domain.canonical import digest_bytes
from verify.domain.verdict import Outcome
from verify.service.judging import judge
from verify.service.sealed import Digests, SealedCase
from verify.simulate.registers import Registers
from verify.simulate.server import SimulatedSources

MONTHS = ("2025-03", "2025-04")
DEAD, ALIVE = "funeral", "household_register"
ASKED = tuple(sorted((*FIVE, DEAD, ALIVE)))
Said = dict[tuple[str, tuple[str, str]], Answer]


def registers() -> Registers:
    """LIN died in February, says one; lives at home, and is insured, say two others. HE is insured
    like her, and the tax office knows his wages."""
    lin, he = ({"name": name, "id": number} for name, number in (LIN, HE))
    home = {"household_no": "310104-000117", "relation": "head", "since": "2008-04-09"}
    job = {"base": "7384", "employer": "晨光食品厂"}
    wage = {"item": "wage", "payer": "晨光食品厂", "amount": "1000"}
    return Registers.model_validate(
        {
            "deaths": [{**lin, "died_on": "2025-02-03", "cremated_on": "2025-02-06"}],
            "residences": [{**lin, **home, "address": "示例路1号"}],
            "contributions": [{**who, **job, "month": m} for who in (lin, he) for m in MONTHS],
            "tax_incomes": [{**he, **wage, "month": m} for m in MONTHS],
        }
    )


@pytest.fixture(scope="module")
def said() -> Iterator[Said]:
    connectors = Connectors.from_content(impatient(ContentSet.load("connectors")))
    with SimulatedSources(registers(), day=TODAY) as sim:
        sim.set_profile("real_estate", delay_seconds=0)
        asker = Asker(connectors, sim.environment(), lambda: TODAY)
        yield {
            (source, who): asker.ask(question(source, who), letters(ASKED))
            for source in ASKED
            for who in (LIN, HE)
        }
        asker.close()


def case(said: Said, who: tuple[str, str], sources: tuple[str, ...]) -> SealedCase:
    answers = {source: said[source, who] for source in sources}
    exchanges = tuple(_exchange(s, a.state, a.detail, a.bodies) for s, a in answers.items())
    bodies = {digest_bytes(b): b for a in answers.values() for b in a.bodies}
    digests = Digests("r", "s", "c", "verify/test")
    return SealedCase(application(who), exchanges, digests, closed=True, bodies=bodies)


def test_one_department_says_she_died_and_others_say_she_lives_so_a_person_decides(
    said: Said,
) -> None:
    whole = case(said, LIN, ASKED)
    [judged] = judge([whole], content(ASKED))
    verdict = judged.verdict
    # Both are sound answers about the right person: nothing is wrong with either by itself.
    states = {c["source"]: c["state"] for c in verdict.coverage}
    assert {states[DEAD], states[ALIVE], states["social_insurance"]} == {"ok"}
    assert verdict.outcome is Outcome.UNDETERMINED
    first = verdict.assessment["questions"][0]
    assert (first["kind"], first["person"], first["source"]) == ("conflict", "p1", DEAD)
    assert ["p1", "unsure", "deceased"] in verdict.assessment["composition"]
    facts = json.loads(judged.trace_bytes)["facts"]
    [death] = [f for f in facts if f["quantity"] == "deceased"]
    assert death["doubt"] == "conflict:deceased:p1"
    # Whoever answered first, and in whatever order: the same bytes.
    turned = dataclasses.replace(whole, exchanges=whole.exchanges[::-1])
    [again] = judge([turned], content(ASKED))
    assert (again.verdict.outcome, again.verdict.assessment) == (
        verdict.outcome,
        verdict.assessment,
    )


def test_whichever_side_the_person_takes_the_verdict_follows(said: Said) -> None:
    """The notice set aside, she is eligible; the control, that only the contradiction stood in
    the way: without the funeral office's question, she is, too."""
    whole = case(said, LIN, ASKED)
    records = json.loads(judge([whole], content(ASKED))[0].trace_bytes)["records"]
    [notice] = [r["record"] for r in records if r["source"] == DEAD]
    [aside] = judge([whole], content(ASKED), leave_out=frozenset({notice}))
    assert aside.verdict.outcome is Outcome.ELIGIBLE
    unasked = tuple(s for s in ASKED if s != DEAD)
    [control] = judge([case(said, LIN, unasked)], content(unasked))
    assert control.verdict.outcome is Outcome.ELIGIBLE


def test_no_wage_at_the_tax_office_and_insured_months_elsewhere_are_shown_side_by_side(
    said: Said,
) -> None:
    """Insured without a wage is no finding (one may insure oneself): it is put before a person."""
    asked = FIVE
    one, two = judge([case(said, LIN, asked), case(said, HE, asked)], content(asked))
    states = {c["source"]: c["state"] for c in one.verdict.coverage}
    assert (states["tax"], states["social_insurance"]) == ("confirmed_empty", "ok")
    [shown] = [d for d in one.verdict.discrepancies if d["code"] == "insured_without_wage"]
    assert (shown["person"], shown["evidence"]) == ("p1", ["social_insurance/p1"])
    assert not any(d["code"] == "insured_without_wage" for d in two.verdict.discrepancies)
