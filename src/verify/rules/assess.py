"""Assess a batch of households: the one entry of the rules layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from verify import frames
from verify.domain.household import Role
from verify.domain.verdict import Assessment, Outcome, Text
from verify.rules.changes import changes
from verify.rules.choice import Frames, favourable, leaves_choice
from verify.rules.completions import Settled, relevant_items, settle
from verify.rules.decided import decided
from verify.rules.evaluate import (
    ELIGIBLE,
    INELIGIBLE,
    UNDETERMINED,
    Evaluation,
)
from verify.rules.findings import Changes, benefit, charges, findings
from verify.rules.law import Law
from verify.rules.plan import SUPPORTER
from verify.rules.prepare import Prepared, prepare
from verify.rules.questions import questions
from verify.rules.rulebook import Rulebook
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
    with_changes: bool = True,
) -> list[Assessment]:
    """Apply the law to a batch of households; sorted by household.

    Frames have the shapes of `verify.frames`; regions, dates and programmes may be mixed. A
    household's assessment depends on its own rows alone. `trace=False` leaves the trace out,
    `with_changes=False` what would meet a test that is not met.

    Raises:
        UnknownRegion, UnknownProgramme, LawNotInForce: for the first household (by key) that
            the law does not cover.
        InputError: a household without members.
        ValueError: a frame has the wrong shape, or a fact hangs on an unlisted doubt.
    """
    households = frames.HOUSEHOLDS.check(households)
    persons = frames.PERSONS.check(persons)["household", "person", "role", "relation", "birth"]
    facts, doubts = frames.FACTS.check(facts), frames.DOUBTS.check(doubts)
    results: list[Assessment] = []
    for book, mine in by_book(law, households, persons, facts, doubts):
        results += _assess_book(law, prepare(book, *mine), mine[1], trace, with_changes)
    return sorted(results, key=lambda a: a.household)


def by_book(law: Law, *batch: pl.DataFrame) -> Iterator[tuple[Rulebook, Frames]]:
    """The frames of a batch (households, persons, facts, doubts), split by rulebook.

    Persons say in addition who is left out where the law leaves a choice.

    Raises:
        UnknownRegion, UnknownProgramme, LawNotInForce: see `assess`.
    """
    households = batch[0]
    books = _books(law, households)
    for book in sorted(set(books.values())):
        mine = list(batch)
        if len(set(books.values())) > 1:
            keys = [(r, p) for (r, p), b in sorted(books.items()) if b == book]
            only = households.join(_pairs(keys), on=["region", "programme"], how="semi")
            mine = [f.join(only, on="household", how="semi", maintain_order="left") for f in batch]
        found = law.books[book]
        yield found, favourable(found, (mine[0], mine[1], mine[2], mine[3]), decided)


def _books(law: Law, households: pl.DataFrame) -> dict[tuple[str, str], str]:
    """Which rulebook each (region, programme) of the batch falls under.

    Every distinct place and day is looked up, in the order of the first household that has it,
    so that the error names the same household whatever the batch.
    """
    place = ["region", "programme", "as_of", "known_at", "accepted_on"]
    if households.height == 1:
        first = households[[*place, "household"]]
    else:
        first = households.group_by(place).agg(pl.col("household").min()).sort("household", *place)
    found: dict[tuple[str, str], str] = {}
    for region, programme, as_of, known_at, accepted, _ in first.iter_rows():
        book = law.rulebook(region, programme, as_of, known_at, accepted)
        found[(region, programme)] = book.id
    return found


def _pairs(keys: Sequence[tuple[str, str]]) -> pl.DataFrame:
    schema = {"region": pl.String, "programme": pl.String}
    return pl.DataFrame(keys, schema=schema, orient="row")


def _assess_book(
    law: Law, prepared: Prepared, persons: pl.DataFrame, trace: bool, with_changes: bool
) -> list[Assessment]:
    readings = Evaluated(Evaluation(prepared.open_batch()))
    views = _views(law, prepared, readings, persons)
    outcomes = readings.evaluation.outcomes.to_list()
    open_views = [v for v in views if outcomes[v.row] == UNDETERMINED]
    settled = settle(prepared, relevant_items(open_views)) if open_views else {}
    changed = changes(prepared, views) if with_changes else {}
    return [
        _assessment(law, v, outcomes[v.row], settled.get(v.row), changed=changed, trace=trace)
        for v in views
    ]


def _views(
    law: Law,
    prepared: Prepared,
    readings: Evaluated,
    persons: pl.DataFrame,
) -> list[View]:
    """One view per household; in the open world its row is its number."""
    households = prepared.households["h", "household", "region", "regime"]
    members = prepared.members["h", "person", "relation", "p"].with_row_index("at")
    outside = persons["role"] != Role.MEMBER.value
    others = persons["household", "person", "relation"]
    others = others.filter(outside).sort("household", "person") if outside.any() else others.clear()
    doubts = prepared.contributions.doubts
    doubts = doubts.sort("h", "doubt") if doubts.height > 1 else doubts
    parts = prepared.contributions.frame.with_row_index("at")
    mine: dict[int, list[Member]] = {}
    for at, h, person, relation, p in members.iter_rows():
        mine.setdefault(h, []).append(Member(person, relation, p, at))
    supporters = _supporters(prepared, others)
    parts_of, doubts_of = _grouped(parts), _grouped(doubts)
    return [
        View(
            book=prepared.book,
            regime=prepared.regimes[regime],
            readings=readings,
            row=h,
            household=household,
            region=region,
            persons=mine[h],
            supporters=supporters.get(household, ()),
            contributions=parts_of.get(h, ()),
            doubts={d["doubt"]: d for d in doubts_of.get(h, ())},
            wording=law.words(prepared.book),
        )
        for h, household, region, regime in households.iter_rows()
    ]


def _supporters(prepared: Prepared, others: pl.DataFrame) -> dict[str, list[Member]]:
    """Statutory supporters by household; numbered where the rules look at them."""
    found: dict[str, list[Member]] = {}
    if prepared.book.plan.looks_at_supporters:
        people = prepared.people.filter("supporter")["household", "person", "relation", "p"]
        for at, (household, person, relation, p) in enumerate(people.iter_rows()):
            found.setdefault(household, []).append(Member(person, relation, p, at, SUPPORTER))
        return found
    for household, person, relation in others.iter_rows():
        found.setdefault(household, []).append(Member(person, relation, -1, -1, SUPPORTER))
    return found


def _grouped(frame: pl.DataFrame) -> Mapping[int, Sequence[Row]]:
    groups: dict[int, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        groups.setdefault(row["h"], []).append(row)
    return groups


def _assessment(
    law: Law,
    view: View,
    outcome_now: int,
    settled: Settled | None,
    *,
    changed: Changes,
    trace: bool,
) -> Assessment:
    outcome = _OUTCOMES[settled.outcome if settled else outcome_now]
    found = findings(view, changed)
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
        charges=()
        if outcome is Outcome.INELIGIBLE
        else charges(view, certain=outcome is Outcome.ELIGIBLE),
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
    others = [(m.person, "not_counted", Role.SUPPORTER.value) for m in view.supporters]
    return tuple(sorted([*members, *others]))


def _notes(law: Law, view: View) -> tuple[Text, ...]:
    model = view.plan.model
    notes = [n.text for n in (*model.notes, *model.not_covered)]
    if leaves_choice(view.plan) and (chosen := _choice_made(view)) is not None:
        notes.append(chosen)
    if view.region != view.book.region:
        here, there = law.region_title(view.region), law.region_title(view.book.region)
        notes.append(
            Text(
                f"{here.zh}没有单独的规定,适用{there.zh}的规定。",
                f"{here.en} has no rules of its own; those of {there.en} apply.",
            )
        )
    return tuple(notes)


def _choice_made(view: View) -> Text | None:
    """How the choice that the composition leaves was made for this household."""
    codes = {c.code for c in view.plan.model.composition if c.counts == "choice"}
    free = [m for m in view.persons if view.clause(m) in codes]
    if not free:
        return None
    titles = {m.person: view.person_titles[m.person] for m in free}
    taken = [titles[m.person] for m in free if view.counted(m).hi]
    left = [titles[m.person] for m in free if not view.counted(m).hi]
    zh = "、".join(t.zh for t in taken) or "无"
    zh_left = "、".join(t.zh for t in left) or "无"
    return Text(
        f"法律允许选择家庭成员范围,已按有利于家庭的方式认定:计入 {zh};不计入 {zh_left}。",
        "The law leaves a choice of who counts; the one that favours the household was taken: "
        f"counted: {', '.join(t.en for t in taken) or 'nobody'}; "
        f"left out: {', '.join(t.en for t in left) or 'nobody'}.",
    )
