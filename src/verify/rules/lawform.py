"""The law of a rulebook without its words: what two rulebooks must share to be the same law.

Names, order, layout, notes, titles and citations are left out. Formulas are compared as trees in
which every named quantity is replaced by what it is made of, operands of `+ * AND OR = LEAST
GREATEST IN` have no order, and `a > b` is `b < a`. Fields are told apart by their types in the
grammar, so a field added to the grammar is compared without a line here.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from verify.domain.canonical import digest
from verify.rules import expressions as ex
from verify.rules import grammar
from verify.rules.rulebook import Rulebook

Path = tuple[str, ...]
Leaf = tuple[Path, str, str, str]
"""Path, `law` or `text`, the canonical form, and as written."""

_FLIPPED = {">": "<", ">=": "<="}
_CHAINED = {"+", "*", "and", "or"}
_UNORDERED = {"=", "<>", "least", "greatest"}
_CITING = {"cite", "citations"}
_NAMING = {"value", "monthly", "each", "charge", "months"}  # fields that name a quantity


class Formulas:
    """Canonical digests of the formulas of one rulebook.

    `renamed` maps names of this rulebook to those of the one it is compared with.
    """

    def __init__(self, book: Rulebook, renamed: Mapping[str, str]) -> None:
        self._quantities = book.plan.quantities
        self._limits = book.plan.limits
        self._renamed = renamed
        self._known: dict[str, str] = {}

    def of_text(self, text: str) -> str:
        """A formula as written."""
        return self._tree(ex.parse(text))

    def of_name(self, name: str) -> str:
        """A named quantity, down to facts, limits and attributes."""
        if name not in self._known:
            formula = self._formula(name)
            leaf = f"name {self._renamed.get(name, name)}"
            self._known[name] = leaf if formula is None else self._tree(formula)
        return self._known[name]

    def _formula(self, name: str) -> Any:
        """What a name stands for; a limit stands for itself, whatever its bands."""
        quantity = None if name in self._limits else self._quantities.get(name)
        return quantity.formula if quantity is not None else None

    def _tree(self, node: Any) -> str:
        if isinstance(node, ex.Name):
            return self.of_name(node.name)
        kind = type(node).__name__
        values = [getattr(node, f.name) for f in dataclasses.fields(node)]
        sign = values[0] if values and isinstance(values[0], str) else ""
        if kind in ("Arithmetic", "Logic") and sign in _CHAINED:
            parts: list[Any] = [sign, sorted(self._chain(node, kind, sign))]
        elif kind == "Compare" and sign in _FLIPPED:
            parts = [_FLIPPED[sign], self._part(values[2]), self._part(values[1])]
        elif kind == "OneOf":
            parts = [self._part(values[0]), sorted(values[1])]
        else:
            parts = [self._part(v) for v in values]
            if sign in _UNORDERED:
                parts = [sign, sorted(_texts(parts[1:]))]
        return f"{kind} {digest(parts)[7:39]}"

    def _chain(self, node: Any, kind: str, sign: str) -> Iterator[str]:
        """Operands of a chain such as a + b + c, also where part of it has a name."""
        for child in ex.children(node):
            inner = self._formula(child.name) if isinstance(child, ex.Name) else None
            tree = child if inner is None else inner
            same = type(tree).__name__ == kind and getattr(tree, "operator", None) == sign
            if same:
                yield from self._chain(tree, kind, sign)
            else:
                yield self._tree(child)

    def _part(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return [self._part(v) for v in value]
        if dataclasses.is_dataclass(value):
            return self._tree(value)
        return value if isinstance(value, str | int | bool) or value is None else str(value)


def _texts(parts: list[Any]) -> list[str]:
    found: list[str] = []
    for part in parts:
        found += [str(p) for p in part] if isinstance(part, list) else [str(part)]
    return found


@cache
def _hints(kind: type[BaseModel]) -> Mapping[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def is_formula(hint: Any) -> bool:
    """Whether a field of the grammar holds an expression."""
    return hint == grammar.Formula or any(is_formula(a) for a in typing.get_args(hint))


def leaves(value: Any, formulas: Formulas, at: Path = ()) -> Iterator[Leaf]:
    """Every leaf of a model."""
    if isinstance(value, grammar.TextM):
        yield at, "text", digest([value.zh, value.en]), value.en
    elif isinstance(value, BaseModel):
        yield from _of_model(value, formulas, at)
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from leaves(value[key], formulas, (*at, str(key)))
    elif isinstance(value, list | tuple):
        yield from _of_list(value, formulas, at)
    elif value is not None:
        yield at, "law", _plain(value), _plain(value)


def _of_model(
    model: BaseModel, formulas: Formulas, at: Path
) -> Iterator[tuple[Path, str, str, Any]]:
    hints = _hints(type(model))
    for name in type(model).model_fields:
        value = getattr(model, name)
        here = (*at, name)
        if value is None:
            continue
        if name in _CITING:
            for path, _, form, written in leaves(value, formulas, here):
                yield path, "text", form, written
        elif isinstance(value, str) and name in _NAMING:
            yield here, "law", formulas.of_name(value), value
        elif isinstance(value, str) and is_formula(hints[name]):
            yield here, "law", formulas.of_text(value), " ".join(value.split())
        elif name == "note":
            for path, _, form, written in leaves(value, formulas, here):
                yield path, "text", form, written
        else:
            yield from leaves(value, formulas, here)


def _of_list(items: list[Any] | tuple[Any, ...], formulas: Formulas, at: Path) -> Iterator[Leaf]:
    """A list of plain values has no order; models in a list are told apart by what names them."""
    if not any(isinstance(i, BaseModel | list | tuple | Mapping) for i in items):
        form = sorted(_plain(i) for i in items)
        yield at, "law", digest(form), ", ".join(form)
        return
    for number, item in enumerate(items):
        yield from leaves(item, formulas, (*at, label(item, number)))


def label(item: Any, number: int) -> str:
    """What a model in a list is called: by its code, its name or its first day."""
    for name in ("code", "test", "charge", "name", "doubt", "effective_from"):
        if (found := getattr(item, name, None)) is not None:
            return str(found)
    return str(number + 1)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(getattr(value, "value", value))
