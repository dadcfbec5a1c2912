"""Faults of law that compile: no value is wrong, but a household falls between two rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from verify.content import Document, Loc
from verify.rules import expressions as ex
from verify.rules.flaws import ERROR, WARNING, Flaw
from verify.rules.rulebook import Rulebook
from verify.rules.stepwise import limit_steps

_STRICT = ("<", ">")


def law_flaws(book: Rulebook, document: Document) -> list[Flaw]:
    """Classes with a hole, and tests nobody can meet."""
    return [
        *_case_holes(book, document),
        *_contradictions(book, document),
    ]


def neighbour_flaws(books: Sequence[tuple[Rulebook, Document]]) -> Iterator[Flaw]:
    """Two programmes of one region, one strictly below a figure and one strictly above it."""
    edges: dict[tuple[str, str], list[tuple[str, str, Flaw]]] = {}
    for book, document in books:
        for i, test in enumerate(book.plan.model.tests):
            figure = book.plan.limits.get(test.limit)
            if figure is None or test.operator not in _STRICT:
                continue
            history = str(limit_steps(figure))
            hole = f"{test.value} = {test.limit}"
            flaw = _equality(document, ("tests", i, "operator"), hole, WARNING)
            edges.setdefault((book.region, history), []).append(
                (str(test.operator), book.programme, flaw)
            )
    for found in edges.values():
        below = sorted({programme for operator, programme, _ in found if operator == "<"})
        for operator, programme, flaw in found:
            others = [p for p in below if p != programme]
            if operator == ">" and others:
                what = f"{flaw.what} ({', '.join(others)} begins strictly below it)"
                yield replace(flaw, what=what)


def _case_holes(book: Rulebook, document: Document) -> Iterator[Flaw]:
    """CASE WHEN a < b ... WHEN a > b ...: at a = b neither branch is taken."""
    model = book.plan.model
    for group in ("things", "supporters", "persons", "household"):
        for name in getattr(model, group):
            formula = book.plan.quantities[name].formula
            for node in ex.walk(formula) if formula is not None else ():
                if not isinstance(node, ex.Case):
                    continue
                hole = _hole(book, [c for c, _ in node.branches])
                if hole is not None:
                    yield _equality(document, (group, name, "is"), hole, WARNING)


def _contradictions(book: Rulebook, document: Document) -> Iterator[Flaw]:
    """Two tests of one value against one limit, one strictly below it and one strictly above."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for i, test in enumerate(book.plan.model.tests):
        if test.operator not in _STRICT or test.applies_when is not None:
            continue
        key = (test.value, " ".join(test.limit.split()))
        operator, other = seen.setdefault(key, (str(test.operator), test.test))
        if operator != test.operator:
            hole = f"{test.value} = {test.limit}"
            yield _equality(document, ("tests", i, "operator"), f"{hole}, as in `{other}`,")


def _resolved(book: Rulebook, node: ex.Expression) -> Iterator[ex.Expression]:
    """An expression and everything in it, named conditions taken apart."""
    for part in ex.walk(node):
        yield part
        quantity = book.plan.quantities.get(part.name) if isinstance(part, ex.Name) else None
        formula = quantity.formula if quantity is not None else None
        if formula is not None and not isinstance(formula, ex.Case):
            yield from _resolved(book, formula)


def _hole(book: Rulebook, conditions: list[ex.Expression]) -> str | None:
    """The equality that no condition covers, as text; None where there is none."""
    below: set[tuple[str, str]] = set()
    above: set[tuple[str, str]] = set()
    closed: set[frozenset[str]] = set()
    for condition in conditions:
        for node in _resolved(book, condition):
            if not isinstance(node, ex.Compare):
                continue
            a, b = _text(node.left), _text(node.right)
            if node.operator == "<":
                below.add((a, b))
            elif node.operator == ">":
                above.add((a, b))
            else:
                closed.add(frozenset((a, b)))
    lower = below | {(b, a) for a, b in above}
    upper = above | {(b, a) for a, b in below}
    for a, b in sorted(lower & upper, key=lambda pair: (pair[0][:1].isdigit(), pair)):
        if frozenset((a, b)) not in closed:
            return f"{a} = {b}"
    return None


def _text(node: ex.Expression) -> str:
    if isinstance(node, ex.Name):
        return node.name
    if isinstance(node, ex.Number):
        return str(node.value)
    if isinstance(node, ex.Arithmetic):
        return f"{_text(node.left)} {node.operator} {_text(node.right)}"
    return repr(node)


def _equality(document: Document, at: Loc, hole: str, level: str = ERROR) -> Flaw:
    return Flaw(
        document.where(at),
        f"{'.'.join(map(str, at))}: at {hole} neither of two classes applies",
        "make one of the two comparisons `<=` or `>=`, whichever the publication says; if the "
        "publication itself leaves the hole, say so in a note",
        "equality",
        level,
    )
