"""Assess a batch of households: the one entry of the rules layer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

from verify import frames
from verify.domain.household import Role
from verify.domain.verdict import Assessment, Outcome, Text
from verify.rules.completions import Settled, relevant_items, settle
from verify.rules.evaluate import (
    ELIGIBLE,
    INELIGIBLE,
    UNDETERMINED,
    Evaluation,
    open_worlds,
)
from verify.rules.findings import benefit, findings
from verify.rules.law import Law
from verify.rules.prepare import Prepared, prepare
from verify.rules.questions import questions
from verify.rules.trace import Tracer
from verify.rules.view import Evaluated, Member, Row, View

_OUTCOMES = {
    ELIGIBLE: Outcome.ELIGIBLE,
    INELIGIBLE: Outcome.INELIGIBLE,
    UNDETERMINED: Outcome.UNDETERMINED,
}


def assess(
    law: Law,
    households: pl.DataFrame,
    persons: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
    *,
    trace: bool = True,
) -> list[Assessment]:
    """Apply the law to a batch of households; sorted by household.

    Frames have the shapes of `verify.frames`; regions, dates and programmes may be mixed. A
    household's assessment depends on its own rows alone. `trace=False` leaves the trace out.

    Raises:
        UnknownRegion, UnknownProgramme, LawNotInForce: for the first household (by key) that
            the law does not cover.
        InputError: a household without members.
        ValueError: a frame has the wrong shape, or a fact hangs on an unlisted doubt.
    """
    households = frames.HOUSEHOLDS.check(households)
    persons = frames.PERSONS.check(persons)["household", "person", "role", "relation", "birth"]
    facts, doubts = frames.FACTS.check(facts), frames.DOUBTS.check(doubts)
    books = _books(law, households)
    results: list[Assessment] = []
    for book in sorted(set(books.values())):
        mine = [households, persons, facts, doubts]
        if len(set(books.values())) > 1:
            keys = [(r, p) for (r, p), b in sorted(books.items()) if b == book]
            only = households.join(_pairs(keys), on=["region", "programme"], how="semi")
            mine = [f.join(only, on="household", how="semi") for f in mine]
        results += _assess_book(law, prepare(law.books[book], *mine), mine[1], trace)
    return sorted(results, key=lambda a: a.household)


def _books(law: Law, households: pl.DataFrame) -> dict[tuple[str, str], str]:
    """Which rulebook each (region, programme) of the batch falls under.

    Every distinct place and day is looked up, in the order of the first household that has it,
    so that the error names the same household whatever the batch.
    """
    found: dict[tuple[str, str], str] = {}
    columns = households["household", "region", "programme", "as_of", "known_at"]
    first: dict[tuple[str, str, dt.date, dt.date], str] = {}
    for household, *place in columns.iter_rows():
        key = (place[0], place[1], place[2], place[3])
        first[key] = min(household, first.get(key, household))
    for (region, programme, as_of, known_at), _ in sorted(
        first.items(), key=lambda item: (item[1], item[0])
    ):
        found[(region, programme)] = law.rulebook(region, programme, as_of, known_at).id
    return found


def _pairs(keys: Sequence[tuple[str, str]]) -> pl.DataFrame:
    schema = {"region": pl.String, "programme": pl.String}
    return pl.DataFrame(keys, schema=schema, orient="row")


def _assess_book(
    law: Law, prepared: Prepared, persons: pl.DataFrame, trace: bool
) -> list[Assessment]:
    plan = prepared.book.plan
    worlds = open_worlds(plan, range(prepared.households.height))
    readings = Evaluated(Evaluation(prepared.open_batch(), worlds))
    views = _views(law, prepared, readings, persons)
    outcomes = readings.evaluation.outcomes
    open_views = [v for v in views if outcomes[v.row] == UNDETERMINED]
    settled = settle(prepared, relevant_items(open_views)) if open_views else {}
    return [_assessment(law, v, outcomes[v.row], settled.get(v.row), trace) for v in views]


def _views(law: Law, prepared: Prepared, readings: Evaluated, persons: pl.DataFrame) -> list[View]:
    """One view per household; in the open world the row of a household is its number."""
    households = prepared.households["household", "region", "regime"]
    members: dict[int, list[Member]] = {}
    columns = prepared.members["h", "person", "relation", "p"]
    for at, (h, person, relation, p) in enumerate(columns.iter_rows()):
        members.setdefault(h, []).append(Member(person, relation, p, at))
    supporters: dict[str, list[tuple[str, str]]] = {}
    others = persons.filter(pl.col("role") != Role.MEMBER.value)
    columns = others["household", "person", "relation"].sort("household", "person")
    for household, person, relation in columns.iter_rows():
        supporters.setdefault(household, []).append((person, relation))
    parts = _grouped(prepared.contributions.frame)
    doubts = _grouped(prepared.contributions.doubts.sort("h", "doubt"))
    return [
        View(
            book=prepared.book,
            regime=prepared.regimes[regime],
            readings=readings,
            row=h,
            household=household,
            region=region,
            persons=members[h],
            supporters=supporters.get(household, ()),
            contributions=parts.get(h, ()),
            doubts={d["doubt"]: d for d in doubts.get(h, ())},
            wording=law.wording,
        )
        for h, (household, region, regime) in enumerate(households.iter_rows())
    ]


def _grouped(frame: pl.DataFrame) -> Mapping[int, Sequence[Row]]:
    groups: dict[int, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        groups.setdefault(row["h"], []).append(row)
    return groups


def _assessment(
    law: Law, view: View, outcome_now: int, settled: Settled | None, trace: bool
) -> Assessment:
    outcome = _OUTCOMES[settled.outcome if settled else outcome_now]
    found = findings(view)
    open_outcome = outcome is Outcome.UNDETERMINED
    asked, advisories = questions(view, settled, found, open_outcome)
    return Assessment(
        household=view.household,
        outcome=outcome,
        rulebook=view.book.id,
        rulebook_region=view.book.region,
        composition=_composition(view),
        findings=found,
        benefit=None
        if outcome is Outcome.INELIGIBLE
        else benefit(view, certain=outcome is Outcome.ELIGIBLE),
        questions=asked,
        questions_complete=settled is None or settled.complete or not open_outcome,
        advisories=advisories,
        notes=_notes(law, view),
        trace=Tracer(view).tree() if trace else (),
    )


def _composition(view: View) -> tuple[tuple[str, str, str], ...]:
    states = {(1, 1): "counted", (0, 0): "not_counted", (0, 1): "unsure"}
    members = []
    for member in view.persons:
        counted = view.counted(member)
        state = states[(counted.lo or 0, counted.hi or 0)]
        members.append((member.person, state, view.clause(member)))
    others = [(person, "not_counted", Role.SUPPORTER.value) for person, _ in view.supporters]
    return tuple(sorted([*members, *others]))


def _notes(law: Law, view: View) -> tuple[Text, ...]:
    model = view.plan.model
    notes = [n.text for n in (*model.notes, *model.not_covered)]
    if view.region != view.book.region:
        here, there = law.region_title(view.region), law.region_title(view.book.region)
        notes.append(
            Text(
                f"{here.zh}没有单独的规定,适用{there.zh}的规定。",
                f"{here.en} has no rules of its own; those of {there.en} apply.",
            )
        )
    return tuple(notes)
