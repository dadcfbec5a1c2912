"""No source may fail silently: whatever way it ends, a verdict says that it is missing.

A family that would be eligible, a rulebook that makes every source mandatory, and one source at a
time that ends in each of the ways in which asking or reading can end.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.every_source import CONNECTORS, MEANS, content
from verify.domain.canonical import digest_bytes
from verify.domain.evidence import EvidenceState, Exchange
from verify.domain.verdict import Outcome, Verdict
from verify.service.intake import ApplicationIn, read_application
from verify.service.judging import judge
from verify.service.sealed import Digests, SealedCase
from verify.simulate.households import load_household

ROOT = Path(__file__).parents[2]
WHO = ("查无此", "310104197001010039")  # of whom every source has recorded that it knows nothing
FAILED = [s for s in EvidenceState if not s.answered]


@cache
def nothing_found(source: str) -> tuple[bytes, ...]:
    text = (ROOT / f"fixtures/replies/{source}/replies.yaml").read_text(encoding="utf-8")
    [reply] = [r for r in yaml.safe_load(text)["replies"] if r["asked"]["id_number"] == WHO[1]]
    return tuple(b.encode() if isinstance(b, str) else _binary(b) for b in reply["bodies"])


def _binary(body: dict[str, str]) -> bytes:
    import base64

    return base64.b64decode(body["base64"])


def case(source: str, state: EvidenceState) -> SealedCase:
    """Everybody says that there is nothing, but one source ended so."""
    fixture = load_household(ROOT / "fixtures/households/03-nothing-anywhere.yaml")
    body: dict[str, Any] = yaml.safe_load(yaml.safe_dump(dict(fixture.application)))
    [member] = body["household"]["members"]
    member["name"], member["id_number"] = WHO
    body["declared"] = {}
    for letter in body["authorisations"]:
        letter["sources"] = list(CONNECTORS.sources)
    application = read_application(ApplicationIn.model_validate(body), dt.date(2025, 5, 20))
    bodies: dict[str, bytes] = {}
    exchanges = []
    for asked in CONNECTORS.sources:
        held = nothing_found(asked) if asked != source or state.answered else ()
        bodies.update({digest_bytes(b): b for b in held})
        exchanges.append(
            Exchange(
                source=asked,
                person="p1",
                transport=EvidenceState.OK if held else state,
                asked_on=dt.date(2025, 5, 20),
                connector=CONNECTORS.declaration(asked).digest,
                letter="SQ-2025-0003-p1",
                bodies=tuple(digest_bytes(b) for b in held),
                detail="" if held else "provoked",
            )
        )
    digests = Digests("r", "s", "c", "verify/test")
    return SealedCase(application, tuple(exchanges), digests, True, bodies)


@cache
def verdicts() -> dict[tuple[str, EvidenceState], Verdict]:
    """All of them, judged in one batch."""
    every = [(s, state) for s in CONNECTORS.sources for state in FAILED]
    judged = judge([case(*one) for one in every], content())
    return {one: j.verdict for one, j in zip(every, judged, strict=True)}


def test_with_every_answer_in_the_family_is_eligible() -> None:
    """The control: what follows is due to the one missing answer."""
    [judged] = judge([case("tax", EvidenceState.CONFIRMED_EMPTY)], content())
    assert judged.verdict.outcome is Outcome.ELIGIBLE
    assert {c["state"] for c in judged.verdict.coverage} == {"confirmed_empty"}


@pytest.mark.parametrize("source", CONNECTORS.sources)
def test_a_source_that_failed_is_named_in_the_coverage_and_decides_nothing(source: str) -> None:
    for state in FAILED:
        verdict = verdicts()[(source, state)]
        [row] = [c for c in verdict.coverage if c["source"] == source]
        assert (row["state"], row["records"]) == (state.value, 0)
        assert verdict.outcome is not Outcome.INELIGIBLE


@pytest.mark.parametrize("source", MEANS)
def test_no_family_is_eligible_while_a_source_of_its_means_has_failed(source: str) -> None:
    silent = [s.value for s in FAILED if verdicts()[(source, s)].outcome is Outcome.ELIGIBLE]
    assert silent == []
