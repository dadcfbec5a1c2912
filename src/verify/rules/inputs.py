"""The inputs of a test that could be different, one by one; see `verify.rules.changes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verify.domain.verdict import ChangeKind
from verify.rules.plan import Test
from verify.rules.portions import CERTAIN
from verify.rules.units import Unit
from verify.rules.view import Member, View

MOST_INPUTS = 48
"""Inputs tried per test; a household has far fewer."""


@dataclass(frozen=True)
class Input:
    """Something that could be different; `measures` are the measures that it feeds.

    `rows`: of things, the contributions of each thing; of a circumstance, its contributions.
    `truth`: what a circumstance, or counting, would become. `claimed`: it is in the household's
    facts; else it is worth mentioning only where it would help.
    """

    kind: ChangeKind
    member: Member | None
    quantity: str
    unit: Unit
    present: int | None
    measures: tuple[int, ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()
    truth: bool = True
    claimed: bool = True


def inputs(view: View, test: Test) -> list[Input]:
    """Everything a test rests on that could be different."""
    found = [*_amounts(view, test), *_things(view, test), *_circumstances(view, test)]
    return [*found, *_counting(view)][:MOST_INPUTS]


def _certain(row: Mapping[str, object]) -> bool:
    return row["cls"] == CERTAIN and not row["fuzzy"] and row["lo"] == row["hi"]


def _amounts(view: View, test: Test) -> Iterator[Input]:
    """Money of one kind of one person who may count, or of a statutory supporter."""
    totals: dict[tuple[int, str], dict[int, int]] = {}
    for row in view.touching(_of_unit(view, test, Unit.FEN)):
        if _certain(row):
            mine = totals.setdefault((row["p"], row["quantity"]), {})
            mine[row["m"]] = mine.get(row["m"], 0) + row["lo"]
    members = {m.p: m for m in (*view.may_count, *view.supporters)}
    for (p, quantity), by_measure in sorted(totals.items()):
        if p in members:
            yield Input(
                ChangeKind.AMOUNT,
                members[p],
                quantity,
                Unit.FEN,
                min(by_measure.values()),
                tuple(sorted(by_measure)),
            )


def _of_unit(view: View, test: Test, *units: Unit) -> set[str]:
    return {m.name for m in view.plan.measures if m.unit in units and m.name in test.own_measures}


def _things(view: View, test: Test) -> Iterator[Input]:
    """Things of one kind: one fewer, two fewer ..."""
    names = _of_unit(view, test, Unit.ITEM, Unit.DM2)
    kinds = {r["quantity"] for r in view.touching(names) if _certain(r)}
    for quantity in sorted(kinds):
        things: dict[str, list[int]] = {}
        for row in view.contributions:
            if row["quantity"] == quantity and row["thing"]:
                things.setdefault(row["object"], []).append(row["at"])
        rows = tuple(tuple(things[o]) for o in sorted(things))
        yield Input(ChangeKind.THING, None, quantity, Unit.ITEM, len(rows), rows=rows)


def _circumstances(view: View, test: Test) -> Iterator[Input]:
    """What is said of a member and could be otherwise; what is not said and might help."""
    for measure in view.plan.measures:
        if measure.unit is not Unit.TRUTH or measure.name not in test.measures:
            continue
        own = measure.name in test.own_measures
        for member in view.persons:
            rows = view.by_measure.get((member.p, measure.name), [])
            now, at = int(bool(rows)), tuple(r["at"] for r in rows)
            if (rows and all(_certain(r) for r in rows)) or (
                not rows and own and member in view.may_count
            ):
                yield Input(
                    ChangeKind.CIRCUMSTANCE,
                    member,
                    measure.name,
                    Unit.TRUTH,
                    now,
                    (measure.index,),
                    (at,),
                    truth=not rows,
                    claimed=bool(rows) and own,
                )


def _counting(view: View) -> Iterator[Input]:
    """Other members than the applicant, counted otherwise."""
    for member in view.persons:
        counted = view.counted(member)
        if counted.exact and member.relation != "self":
            now = counted.lo
            yield Input(ChangeKind.COUNTED, member, "counted", Unit.TRUTH, now, truth=not now)
