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

from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.canonical import digest_bytes
from verify.domain.evidence import EvidenceState, Exchange
from verify.domain.verdict import Outcome, Verdict
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.intake import ApplicationIn, read_application
from verify.service.judging import Content, judge
from verify.service.sealed import Digests, SealedCase
from verify.simulate.households import load_household

ROOT = Path(__file__).parents[2]
CONNECTORS = Connectors.from_content(ContentSet.load("connectors", ROOT))
WHO = ("查无此", "310104197001010039")  # of whom every source has recorded that it knows nothing
FAILED = [s for s in EvidenceState if not s.answered]
MANDATORY = """mandatory_sources: [tax, vehicle, real_estate, bank, social_insurance]
auxiliary_sources: [utilities]"""
SAVINGS = "quantities: [bank_balance, wealth_product]"
INCOME = "quantities: [unemployment_benefit]"
# What a place counts that counts more than Shanghai does.
MORE_SAVINGS = ("securities", "fund", "insurance_cash_value", "internet_finance", "receivable",
                "housing_fund")  # fmt: skip
MORE_INCOME = ("disability_allowance", "agricultural_subsidy")
COUNTED = {*MORE_SAVINGS, *MORE_INCOME}


@cache
def content() -> Content:
    """Shanghai's dibao with every source mandatory, and with more kinds of means counted."""
    rules = ContentSet.load("rules", ROOT)
    path = "cn/310000/dibao.yaml"
    assert MANDATORY in rules.files[path]
    listed = f"mandatory_sources: [{', '.join(CONNECTORS.sources)}]"
    text = rules.files[path].replace(MANDATORY, listed)
    for old, more in ((SAVINGS, MORE_SAVINGS), (INCOME, MORE_INCOME)):
        assert text.count(old) == 1
        text = text.replace(old, f"{old.removesuffix(']')}, {', '.join(more)}]")
    files = {**rules.files, path: text}
    law = Law.from_content(ContentSet("rules", files))
    return Content(law, Scoring.from_content(ContentSet.load("scoring", ROOT)), CONNECTORS)


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


# The five that Shanghai asks, and those whose kinds the extended rulebook counts.
MEANS = [
    s
    for s in CONNECTORS.sources
    if s in ("bank", "real_estate", "social_insurance", "tax", "vehicle")
    or COUNTED & {k.value for k in CONNECTORS.declaration(s).yields}
]


@pytest.mark.parametrize("source", MEANS)
def test_no_family_is_eligible_while_a_source_of_its_means_has_failed(source: str) -> None:
    silent = [s.value for s in FAILED if verdicts()[(source, s)].outcome is Outcome.ELIGIBLE]
    assert silent == []
