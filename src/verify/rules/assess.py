"""Assess a batch of households: the one entry of the rules layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from verify import frames
from verify.domain.household import Role
from verify.domain.verdict import Assessment, Outcome, Text
from verify.rules.completions import Settled, relevant_items, settle
from verify.rules.evaluate import ELIGIBLE, INELIGIBLE, UNDETERMINED, Evaluated, evaluate, open_worlds
from verify.rules.findings import benefit, findings
from verify.rules.law import Law
from verify.rules.prepare import Prepared, prepare
from verify.rules.questions import questions
from verify.rules.trace import Tracer
from verify.rules.view import Row, View

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
    persons = frames.PERSONS.check(persons).select("household", "person", "role", "relation", "birth")
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
    place = ["region", "programme", "as_of", "known_at"]
    distinct = (
        households.group_by(place).agg(pl.col("household").min()).sort("household", *place)
    )
    return {
        (region, programme): law.rulebook(region, programme, as_of, known_at).id
        for region, programme, as_of, known_at, _ in distinct.iter_rows()
    }


def _pairs(keys: Sequence[tuple[str, str]]) -> pl.DataFrame:
    schema = {"region": pl.String, "programme": pl.String}
    return pl.DataFrame(keys, schema=schema, orient="row")


def _assess_book(
    law: Law, prepared: Prepared, persons: pl.DataFrame, trace: bool
) -> list[Assessment]:
    plan = prepared.book.plan
    numbers = prepared.households["h"].to_list()
    evaluated = evaluate(prepared.open_batch(), open_worlds(plan, numbers))
    settled = _settle(prepared, evaluated)
    views = _views(law, prepared, evaluated, persons)
    return [_assessment(law, view, settled.get(view.row["h"]), trace) for view in views]


def _settle(prepared: Prepared, evaluated: Evaluated) -> dict[int, Settled]:
    rows = evaluated.households.filter(pl.col("outcome") == UNDETERMINED)
    if rows.is_empty():
        return {}
    counted = dict(evaluated.persons.select("p", "counted.hi").iter_rows())
    return settle(prepared, relevant_items(prepared, list(rows.iter_rows(named=True)), counted))


def _views(
    law: Law, prepared: Prepared, evaluated: Evaluated, persons: pl.DataFrame
) -> list[View]:
    numbered = prepared.households.select("h", "household")
    supporters = (
        persons.filter(pl.col("role") != Role.MEMBER.value)
        .join(numbered, on="household")
        .select("h", "person", "relation")
        .sort("h", "person")
    )
    members = evaluated.persons.drop("household").sort("h", "p")
    by_members = _grouped(members)
    by_supporters = _grouped(supporters)
    parts = _grouped(prepared.contributions.frame)
    doubts = _grouped(prepared.contributions.doubts.sort("h", "doubt"))
    return [
        View(
            book=prepared.book,
            regime=prepared.regimes[row["regime"]],
            row=row,
            persons=by_members[row["h"]],
            supporters=by_supporters.get(row["h"], ()),
            contributions=parts.get(row["h"], ()),
            doubts={d["doubt"]: d for d in doubts.get(row["h"], ())},
            wording=law.wording,
        )
        for row in evaluated.households.iter_rows(named=True)
    ]


def _grouped(frame: pl.DataFrame) -> Mapping[int, Sequence[Row]]:
    groups: dict[int, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        groups.setdefault(row["h"], []).append(row)
    return groups


def _assessment(law: Law, view: View, settled: Settled | None, trace: bool) -> Assessment:
    outcome = _OUTCOMES[settled.outcome if settled else view.row["outcome"]]
    found = findings(view)
    open_outcome = outcome is Outcome.UNDETERMINED
    asked, advisories = questions(view, settled, found, open_outcome)
    return Assessment(
        household=view.row["household"],
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
    members = [
        (r["person"], states[(r["counted.lo"], r["counted.hi"])], r["counted.reason"])
        for r in view.persons
    ]
    others = [(r["person"], "not_counted", Role.SUPPORTER.value) for r in view.supporters]
    return tuple(sorted([*members, *others]))


def _notes(law: Law, view: View) -> tuple[Text, ...]:
    model = view.plan.model
    notes = [n.text for n in (*model.notes, *model.not_covered)]
    if view.row["region"] != view.book.region:
        here, there = law.region_title(view.row["region"]), law.region_title(view.book.region)
        notes.append(
            Text(
                f"{here.zh}没有单独的规定,适用{there.zh}的规定。",
                f"{here.en} has no rules of its own; those of {there.en} apply.",
            )
        )
    return tuple(notes)
