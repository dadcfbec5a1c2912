"""Findings: each test with its value, limit, gap, reasons and sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from verify.domain.verdict import (
    Benefit,
    Change,
    Charge,
    Citation,
    Effect,
    Finding,
    FindingState,
    Interval,
    Text,
)
from verify.rules.plan import Test
from verify.rules.units import Unit
from verify.rules.view import View, is_rounded

ROUNDED = Text(
    "显示值四舍五入到分;比较按未舍入的精确值进行。",
    "The value shown is rounded to the fen; the comparison uses the exact fraction.",
)


Changes = Mapping[tuple[int, str], tuple[Change, ...]]


def findings(view: View, changes: Changes) -> tuple[Finding, ...]:
    """One finding per test, in the rulebook's order; `changes` by row and test."""
    return tuple(
        _finding(view, test, changes.get((view.row, test.name), ())) for test in view.plan.tests
    )


def _finding(view: View, test: Test, changes: tuple[Change, ...]) -> Finding:
    model, state = test.model, view.state(test)
    value, limit = view.interval(model.value), view.interval(f"{test.name}#limit")
    settled = state in (FindingState.SATISFIED, FindingState.NOT_APPLICABLE)
    refers = model.effect == "refer" or (not settled and view.possible(f"{test.name}#refer_when"))
    return Finding(
        test=test.name,
        title=model.title.text,
        state=state,
        effect=Effect.REFER if refers else Effect.FAIL,
        value=value,
        operator=view.operator(test),
        limit=limit,
        gap=_gap(limit, value),
        unit=view.plan.unit_name(test.unit),
        citations=citations(view, (*model.cite, *_limit_cites(view, test))),
        effective_from=_effective_from(view, test),
        effective_to=_effective_to(view, test),
        evidence=_evidence(view, test),
        doubts=_doubts(view, test, state),
        notes=_notes(view, test),
        settles=model.settles.text
        if model.settles and refers and state is FindingState.UNDETERMINED
        else None,
        changes=changes,
    )


def _gap(limit: Interval, value: Interval) -> Interval:
    return Interval(
        None if limit.lo is None or value.hi is None else limit.lo - value.hi,
        None if limit.hi is None or value.lo is None else limit.hi - value.lo,
    )


def citations(view: View, keys: Iterable[str]) -> tuple[Citation, ...]:
    """Citations by key, each once, in the order first named."""
    return view.book.citations(tuple(keys))


def _limit_cites(view: View, test: Test) -> list[str]:
    return [k for name in test.limit_sources for k in view.entry(name).model.cite]


def _effective_from(view: View, test: Test) -> str:
    starts = [view.entry(n).model.effective_from for n in test.limit_sources]
    anchor = view.entry(view.plan.model.in_force_with).model.effective_from
    return max(starts, default=anchor).isoformat()


def _effective_to(view: View, test: Test) -> str | None:
    names = test.limit_sources or (view.plan.model.in_force_with,)
    ends = [e for n in names if (e := view.entry(n).model.effective_to) is not None]
    return min(ends).isoformat() if ends else None


def _evidence(view: View, test: Test) -> tuple[str, ...]:
    found = {e for c in view.touching(test.own_measures) for e in c["evidence"]}
    return tuple(sorted(found))


def _doubts(view: View, test: Test, state: FindingState) -> tuple[str, ...]:
    found = {c["doubt"] for c in view.touching(test.measures) if c["doubt"] is not None}
    if state is FindingState.UNDETERMINED:
        found |= {f"law:{d}" for n in test.limits if (d := view.law_doubt(n)) is not None}
        if view.possible(f"{test.name}#refer_when"):
            found.add(f"refer:{test.name}")
    return tuple(sorted(found))


def _notes(view: View, test: Test) -> tuple[Text, ...]:
    notes = [n.text for n in test.model.notes]
    chosen = view.regime.operators[test.name]
    if chosen is not None and chosen.note is not None:
        notes.append(chosen.note.text)
    for name in test.limit_sources:
        note = view.entry(name).model.note
        if note is not None:
            notes.append(note.text)
    if is_rounded(view.readings.ends(test.model.value, view.row)):
        notes.append(ROUNDED)
    return tuple(dict.fromkeys(notes))


def benefit(view: View, certain: bool) -> Benefit | None:
    """Indicative monthly benefit; from nothing upwards while eligibility is open."""
    model = view.plan.model.benefit
    if model is None:
        return None
    monthly = view.interval(model.monthly)
    if not certain:
        monthly = Interval(0, monthly.hi)
    each = model.each
    parts = [(m.person, view.interval(each, m)) for m in view.may_count] if each else []
    notes = [n.text for n in model.notes]
    cite = [*model.cite]
    if model.exit is not None:
        cite += model.exit.cite
        notes += [model.exit.note.text] if model.exit.note else []
    return Benefit(
        monthly,
        model.formula.text,
        citations(view, cite),
        parts=tuple(parts),
        starts=model.starts or "",
        exit_months=view.interval(model.exit.months) if model.exit else None,
        notes=tuple(notes),
        unit=view.plan.unit_name(Unit.FEN_PER_MONTH),
    )


def charges(view: View, certain: bool) -> tuple[Charge, ...]:
    """What the household would have to pay; from nothing upwards while eligibility is open."""
    found = []
    for model in view.plan.model.charges:
        quantity, value = view.plan.quantities[model.charge], view.interval(model.charge)
        found.append(
            Charge(
                name=model.charge,
                title=quantity.title,
                value=value if certain else Interval(0, value.hi),
                unit=view.plan.unit_name(quantity.kind.unit),
                formula=model.formula.text,
                citations=citations(view, model.cite),
            )
        )
    return tuple(found)
