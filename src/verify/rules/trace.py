"""The reasoning as a tree: tests, the quantities they compare, down to facts and limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from verify.domain.verdict import Interval, Text, TraceNode
from verify.rules import expressions as ex
from verify.rules.findings import citations
from verify.rules.plan import THING, Quantity, Test
from verify.rules.units import Unit
from verify.rules.view import Member, Row, View

_LIMIT = Text("上限或标准", "limit")


class Tracer:
    """Builds the tree of one household.

    A quantity is taken apart where it first appears; where it appears again, only its value is
    repeated. A member's quantity that is nought and rests on no fact is left out.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._built: dict[tuple[str, Member | None], TraceNode | None] = {}

    def tree(self) -> tuple[TraceNode, ...]:
        """The composition first, then one node per test, then the benefit and the charges."""
        nodes = [self._composition(), *(self._test(t) for t in self._view.plan.tests)]
        model = self._view.plan.model
        names = [model.benefit.monthly] if model.benefit else []
        found = [self._quantity(n, None) for n in (*names, *(c.charge for c in model.charges))]
        return (*nodes, *(n for n in found if n is not None))

    def _composition(self) -> TraceNode:
        children = []
        clauses = {c.code: c for c in self._view.plan.model.composition}
        for member in self._view.persons:
            clause = clauses.get(self._view.clause(member))
            children.append(
                TraceNode(
                    name=f"counted/{member.person}",
                    title=self._view.person_titles[member.person],
                    value=self._view.counted(member),
                    unit=Unit.TRUTH.value,
                    citations=citations(self._view, clause.cite) if clause else (),
                    note=clause.note.text if clause and clause.note else None,
                    children=self._parts(sorted(self._view.plan.composition_measures), member),
                )
            )
        counted = [self._view.counted(m) for m in self._view.persons]
        total = Interval(sum(c.lo or 0 for c in counted), sum(c.hi or 0 for c in counted))
        title = Text("共同生活的家庭成员", "co-living members who count")
        return TraceNode("composition", title, total, Unit.PERSON.value, children=tuple(children))

    def _test(self, test: Test) -> TraceNode:
        model = test.model
        parts = [self._quantity(model.value, None), self._limit_side(test)]
        return TraceNode(
            name=f"test/{test.name}",
            title=model.title.text,
            value=self._view.readings.holds(test.name, self._view.row),
            unit=Unit.TRUTH.value,
            citations=citations(self._view, model.cite),
            children=tuple(p for p in parts if p is not None),
        )

    def _limit_side(self, test: Test) -> TraceNode | None:
        quantity = self._view.plan.quantities[f"{test.name}#limit"]
        if isinstance(quantity.formula, ex.Name):
            return self._quantity(quantity.formula.name, None)
        return TraceNode(
            name=f"limit/{test.name}",
            title=_LIMIT,
            value=self._view.interval(quantity.name),
            unit=self._view.plan.unit_name(test.unit),
            children=self._made_of(quantity, None),
        )

    def _quantity(self, name: str, member: Member | None) -> TraceNode | None:
        """A named quantity of the household, or of a member; None where nothing is there."""
        quantity = self._view.plan.quantities[name]
        if member is not None and not self._view.of_each(name, member.level):
            member = None
        key = (name, member)
        if key in self._built:
            seen = self._built[key]
            return replace(seen, children=()) if seen is not None and seen.children else seen
        node = self._build(quantity, member)
        if node is not None and member is not None and _is_nothing(node):
            node = None
        self._built[key] = node
        return node

    def _build(self, quantity: Quantity, member: Member | None) -> TraceNode | None:
        if quantity.name in self._view.plan.limits:
            return self._limit(quantity, member)
        if quantity.name == "counted":
            return None
        if quantity.formula is None:
            return self._leaf(quantity, member)
        suffix = "" if member is None else f"/{member.person}"
        return TraceNode(
            name=quantity.name + suffix,
            title=quantity.title,
            value=self._view.interval(quantity.name, member),
            unit=self._view.plan.unit_name(quantity.kind.unit),
            citations=citations(self._view, quantity.cite),
            note=quantity.note,
            children=self._made_of(quantity, member),
        )

    def _made_of(self, quantity: Quantity, member: Member | None) -> tuple[TraceNode, ...]:
        direct, added = quantity.made_of
        nodes = self._parts(direct, member)
        for level, names in self._by_population(quantity) if added else ():
            for each in self._view.population(level):
                nodes += self._parts(names, each)
        return nodes

    def _by_population(self, quantity: Quantity) -> list[tuple[str, list[str]]]:
        """The names that a quantity adds up, by whom it adds up."""
        found: dict[str, list[str]] = {}
        if quantity.formula is not None:
            for tree in ex.walk(quantity.formula):
                if isinstance(tree, ex.Aggregate):
                    level = self._view.plan.populations[tree]
                    found.setdefault(level, []).extend(ex.names(tree.of))
        return [(level, list(dict.fromkeys(names))) for level, names in found.items()]

    def _parts(self, names: Iterable[str], member: Member | None) -> tuple[TraceNode, ...]:
        nodes = [self._quantity(n, member) for n in names]
        return tuple(n for n in nodes if n is not None)

    def _limit(self, quantity: Quantity, member: Member | None) -> TraceNode:
        """A limit; what is known of it is the same for every household of the day."""
        if self._view.entry(quantity.name).unknown is not None:
            return self._limit_node(quantity, member)
        if self._view.plan.limits[quantity.name].banded:
            return self._limit_node(quantity, member)
        known, key = self._view.readings.limits, (id(self._view.regime), quantity.name)
        if key not in known:
            known[key] = self._limit_node(quantity)
        return known[key]

    def _limit_node(self, quantity: Quantity, member: Member | None = None) -> TraceNode:
        model = self._view.entry(quantity.name).model
        asked = self._view.law_doubt(quantity.name)
        return TraceNode(
            name=quantity.name,
            title=quantity.title,
            value=self._view.interval(quantity.name, member),
            unit=self._view.plan.unit_name(quantity.kind.unit),
            citations=citations(self._view, model.cite),
            effective=f"{model.effective_from}/{model.effective_to or ''}",
            doubts=(f"law:{asked}",) if asked else (),
            note=model.note.text if model.note else None,
        )

    def _leaf(self, quantity: Quantity, member: Member | None) -> TraceNode | None:
        """A measure of facts, or an attribute such as age; measures of nothing are left out."""
        if quantity.kind.constant is not None:
            return TraceNode(
                quantity.name,
                quantity.title,
                self._view.interval(quantity.name),
                self._view.plan.unit_name(quantity.kind.unit),
                period=self._period(quantity.name.removesuffix("_months")),
            )
        if quantity.kind.unit is Unit.TEXT:
            return None
        made_of = self._facts(quantity, member)
        if not made_of and member is not None and quantity.name != "age":
            return None
        measure = self._view.plan.model.facts.get(quantity.name)
        return TraceNode(
            name=quantity.name + ("" if member is None else f"/{member.person}"),
            title=quantity.title,
            value=self._view.interval(quantity.name, member),
            unit=self._view.plan.unit_name(quantity.kind.unit),
            period=self._period(measure.window) if measure and measure.window else "",
            evidence=tuple(sorted({e for c in made_of for e in c["evidence"]})),
            doubts=tuple(sorted({c["doubt"] for c in made_of if c["doubt"] is not None})),
        )

    def _facts(self, quantity: Quantity, member: Member | None) -> list[Row]:
        """What a measure is made of: a member's facts, or the things of all who may count."""
        if member is None:
            return self._view.touching([quantity.name])
        if member.level.startswith(THING):
            counted = self._view.touching([member.level.removeprefix(f"{THING}:")])
            return [c for c in counted if c["object"].lstrip("\0") == member.person]
        return self._view.by_measure.get((member.p, quantity.name), [])

    def _period(self, window: str) -> str:
        period = self._view.regime.windows[window]
        return f"{period.start}/{period.end}"


def _is_nothing(node: TraceNode) -> bool:
    """Whether a member's quantity is nought and rests on no fact: it would only fill the page."""
    if node.unit == Unit.TRUTH.value or node.value != Interval(0, 0):
        return False
    return not _rests_on_fact(node)


def _rests_on_fact(node: TraceNode) -> bool:
    return bool(node.evidence or node.doubts) or any(_rests_on_fact(c) for c in node.children)
