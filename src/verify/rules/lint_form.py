"""Faults of form: fields that are unknown, missing or wrong, and expressions that do not read."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from verify.content import Document, Loc
from verify.rules import expressions as ex
from verify.rules import grammar
from verify.rules.flaws import Flaw, kind_of
from verify.rules.lawform import is_formula

_MESSAGES = {
    "missing": "it is required and not given",
    "extra_forbidden": "there is no such field here",
}


def form_flaws(document: Document, kind: type[BaseModel]) -> list[Flaw]:
    """Every way in which a file does not fit its model, each at its line."""
    try:
        kind.model_validate(document.value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
    else:
        return []
    found: dict[Loc, Flaw] = {}
    for fault in faults:
        at = _real(document, fault["loc"], missing=fault["type"] == "missing")
        # A field that may take one of two forms reports both; the first says enough.
        found.setdefault(at, _flaw(document, at, fault["type"], fault["msg"]))
    return list(found.values())


def _real(document: Document, loc: Loc, *, missing: bool) -> Loc:
    """The place in the file: without the names of the forms that were tried there."""
    real: Loc = ()
    for part in loc:
        if (*real, part) in document.lines:
            real = (*real, part)
    return (*real, loc[-1]) if missing and loc and real == loc[:-1] else real


def _flaw(document: Document, at: Loc, kind: str, message: str) -> Flaw:
    name = str(at[-1]) if at else ""
    what = _MESSAGES.get(kind) or message.removeprefix("Value error, ")
    code = _code(name, kind, what)
    return Flaw(
        where=document.where(at),
        what=f"{'.'.join(map(str, at)) or 'the file'}: {what}",
        remedy=_remedy(name, kind, code),
        code=code,
    )


def _code(name: str, kind: str, what: str) -> str:
    if name in ("cite", "citations", "confidence", "document"):
        return "citation"
    if name in ("unit", "effective_from", "effective_to", "published_at") and kind != "missing":
        return "unit" if name == "unit" else "dates"
    if name == "unit":
        return "unit"
    if kind in ("missing", "extra_forbidden"):
        return "missing" if kind == "missing" else "field"
    found = kind_of(what)
    return "value" if found == "rule" else found


def _remedy(name: str, kind: str, code: str) -> str:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, _fields(), n=1)
        return f"did you mean `{near[0]}`?" if near else "remove it, or correct its name"
    if code == "citation" and kind == "missing":
        return "name a citation that is listed under `citations`, with document and confidence"
    if kind == "missing":
        return f"add `{name}`; docs/reference/rules.md shows it in a whole rulebook"
    return "give the value in the form that docs/reference/rules.md describes"


@cache
def _fields() -> tuple[str, ...]:
    """Every field name of the grammar."""
    names: set[str] = set()
    for kind in vars(grammar).values():
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= {f.alias or n for n, f in kind.model_fields.items()}
    return tuple(sorted(names))


@cache
def _formula_fields() -> frozenset[str]:
    """Names of the fields that hold expressions."""
    found: set[str] = set()
    for kind in vars(grammar).values():
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not grammar.TextM:
            hints = typing.get_type_hints(kind, include_extras=True)
            found |= {f.alias or n for n, f in kind.model_fields.items() if is_formula(hints[n])}
    return frozenset(found)


def expression_flaws(document: Document) -> list[Flaw]:
    """Expressions that do not read, in a file whose form is too faulty to compile."""
    found = []
    for at, text in _formulas(document.value, ()):
        try:
            ex.parse(text)
        except ex.Fault as fault:
            where = document.where(at)
            what = f"{'.'.join(map(str, at))}: {fault.reason}"
            found.append(Flaw(where, what, fault.remedy, "expression"))
    return found


def _formulas(value: Any, at: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            if isinstance(child, str) and key in _formula_fields():
                yield (*at, key), child
            else:
                yield from _formulas(child, (*at, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _formulas(child, (*at, number))
