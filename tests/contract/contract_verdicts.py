"""Verdicts made of evidence that met a fault, of somebody whom every other source does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from contract_bench import LIN, TODAY, Bench, letters, question
from matrix import Ended

from support.commandline import ROOT
from support.every_source import CONNECTORS, MEANS, content
from verify.connectors import Asker
from verify.domain.canonical import digest_bytes
from verify.domain.evidence import EvidenceState, Exchange
from verify.domain.household import Application
from verify.domain.verdict import Outcome, Verdict
from verify.service.intake import ApplicationIn, read_application
from verify.service.judging import Judged, judge
from verify.service.sealed import Digests, SealedCase, read_bundle
from verify.simulate.households import load_household

FIVE = ("bank", "real_estate", "social_insurance", "tax", "vehicle")
Bodies = tuple[bytes, ...]
# What may be said of bounds although not everything came: certain rows count at least.
_LOWER_BOUND = (EvidenceState.PARTIAL, EvidenceState.CONFLICTING)


@cache
def application(who: tuple[str, str]) -> Application:
    """Somebody who declares nothing, and whose letter covers every source."""
    fixture = load_household(ROOT / "fixtures/households/03-nothing-anywhere.yaml")
    body: dict[str, Any] = yaml.safe_load(yaml.safe_dump(dict(fixture.application)))
    [member] = body["household"]["members"]
    member["name"], member["id_number"] = who
    body["declared"] = {}
    for letter in body["authorisations"]:
        letter["sources"] = list(CONNECTORS.sources)
    return read_application(ApplicationIn.model_validate(body), TODAY)


class Nothing:
    """What each source says of somebody whom it does not know, asked for once."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._said: dict[tuple[str, tuple[str, str]], Bodies] = {}
        environment = bench.ignorant.environment()
        self._asker = Asker(bench.connectors, environment, lambda: TODAY)

    def close(self) -> None:
        self._asker.close()

    def of(self, source: str, who: tuple[str, str]) -> Bodies:
        if (source, who) not in self._said:
            asked = question(source, who, request_id=f"nothing-{source}-{who[1]}")
            given = letters(self._bench.connectors.sources)
            answer = self._asker.ask(asked, given)
            assert answer.state is EvidenceState.OK, (source, answer)
            self._said[(source, who)] = answer.bodies
        return self._said[(source, who)]


def _exchange(source: str, state: EvidenceState, detail: str, bodies: Bodies) -> Exchange:
    return Exchange(
        source=source,
        person="p1",
        transport=state,
        asked_on=TODAY,
        connector=CONNECTORS.declaration(source).digest,
        letter="SQ-2025-0003-p1",
        bodies=tuple(digest_bytes(b) for b in bodies),
        detail=detail,
    )


def asked(source: str) -> tuple[str, ...]:
    """Whom the rules want to be asked: the five sources of Shanghai and this one."""
    return tuple(sorted({*FIVE, source}))


def case(
    nothing: Nothing, who: tuple[str, str], source: str, said: tuple[EvidenceState, str, Bodies]
) -> SealedCase:
    """The five sources of Shanghai and this one, of which it is said how it ended."""
    answers = {s: (EvidenceState.OK, "", nothing.of(s, who)) for s in FIVE}
    answers[source] = said
    exchanges = tuple(_exchange(s, *a) for s, a in sorted(answers.items()))
    bodies = {digest_bytes(b): b for *_, held in answers.values() for b in held}
    digests = Digests("r", "s", "c", "verify/test")
    return SealedCase(application(who), exchanges, digests, closed=False, bodies=bodies)


@dataclass(frozen=True)
class Course:
    """What became of one household: a source silent at first, then the fault, then its answer."""

    cases: tuple[SealedCase, SealedCase, SealedCase]
    verdicts: tuple[Judged, Judged, Judged]

    @property
    def faulted(self) -> Verdict:
        return self.verdicts[1].verdict


def courses(nothing: Nothing, source: str, ends: Sequence[Ended]) -> list[Course]:
    """All of a source's faults, judged in one batch."""
    made = []
    for ended in ends:
        who = ended.about or LIN
        said = (ended.state, ended.detail, ())
        if ended.about is not None:  # the bytes themselves carry the fault
            said = (ended.transport, ended.detail if not _whole(ended) else "", ended.bodies)
        made.append(
            (
                case(nothing, who, source, (EvidenceState.TIMEOUT, "no_answer_in_time", ())),
                case(nothing, who, source, said),
                case(nothing, who, source, (EvidenceState.OK, "", nothing.of(source, who))),
            )
        )
    judged = judge([c for three in made for c in three], content(asked(source)))
    return [
        Course(three, tuple(judged[3 * n : 3 * n + 3]))  # type: ignore[arg-type] # three of them
        for n, three in enumerate(made)
    ]


def _whole(ended: Ended) -> bool:
    return ended.transport is EvidenceState.OK


def row(verdict: Verdict, source: str) -> Mapping[str, Any]:
    """The coverage of one source."""
    [found] = [c for c in verdict.coverage if c["source"] == source]
    return found


def check_not_silent(verdict: Verdict, source: str, ended: Ended) -> None:
    """A fault is named, and is neither a silent yes nor a silent no."""
    said = row(verdict, source)
    assert said["state"] == ended.state.value
    if ended.state.answered:
        return
    assert said["detail"] or said["state"] in ("stale", "timeout", "unavailable"), said
    if source in MEANS:
        assert verdict.outcome is not Outcome.ELIGIBLE
    if ended.state not in _LOWER_BOUND:
        assert said["records"] == 0 or ended.state is EvidenceState.STALE
        assert verdict.outcome is not Outcome.INELIGIBLE


def replayed(cases: Sequence[SealedCase]) -> list[Judged]:
    """Judged again from nothing but the sealed bundles, the applications and the bodies.

    The first alone, all others in another order and company than before.
    """
    again = [read_bundle(c.bundle(), c.application, c.bodies) for c in cases]
    known = content(tuple(e.source for e in cases[0].exchanges))
    alone = judge(again[:1], known)
    return alone + judge(again[:0:-1], known)[::-1]
