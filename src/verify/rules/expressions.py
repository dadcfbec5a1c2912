"""Read an infix expression of a rulebook into a small closed tree.

The text is parsed by sqlglot's expression grammar (ordinary infix arithmetic that policy staff
can read) and then *copied* node by node into the classes below. Whatever is not in the closed
list has no class here and is refused: sub-queries, casts, windows, string concatenation, function
calls such as `NOW()`, comments, quoted or dotted names, decimals. Nothing is ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import sqlglot
from sqlglot import exp

MAX_LENGTH = 600
MAX_DEPTH = 12
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class Fault(Exception):
    """Something wrong in an expression; the loader adds the file and line."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy or "docs/reference/rules.md lists every operator with an example"


class Known(Fault):
    """What this rests on is at fault, and that has been reported already."""


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number: a count, a factor or a divisor, never money (money is a cited limit)."""

    value: int


@dataclass(frozen=True, slots=True)
class Word:
    """A text literal, compared with a category such as `relation`."""

    text: str


@dataclass(frozen=True, slots=True)
class Truth:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A named quantity, limit, fact measure or attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * /` on two operands."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Compare:
    """`< <= > >= = <>` on two operands."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Logic:
    """AND, OR on two truths."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """NOT a truth."""

    of: Expression


@dataclass(frozen=True, slots=True)
class OneOf:
    """`relation IN ('child', 'stepchild')`."""

    item: Expression
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """LEAST or GREATEST of several operands."""

    function: str
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """CASE WHEN condition THEN value ... ELSE value END."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Round:
    """ROUND_DOWN, ROUND_UP or ROUND_HALF_UP to a multiple of a whole number of units."""

    way: str
    of: Expression
    step: int


@dataclass(frozen=True, slots=True)
class Decline:
    """DECLINE(price, percent, years): what is left when `percent` is lost every year."""

    of: Expression
    percent: int
    years: Expression


@dataclass(frozen=True, slots=True)
class Aggregate:
    """SUM, COUNT, ANY or MAX over the counted members, the supporters, or the things."""

    function: str
    of: Expression


Expression: TypeAlias = (
    Number
    | Word
    | Truth
    | Name
    | Arithmetic
    | Compare
    | Logic
    | Not
    | OneOf
    | Choice
    | Case
    | Round
    | Decline
    | Aggregate
)

_ARITHMETIC: dict[type[Any], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_COMPARE: dict[type[Any], str] = {
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.EQ: "=",
    exp.NEQ: "<>",
}
_LOGIC: dict[type[Any], str] = {exp.And: "and", exp.Or: "or"}
_CHOICE: dict[type[Any], str] = {exp.Least: "least", exp.Greatest: "greatest"}
ROUNDINGS = ("ROUND_DOWN", "ROUND_UP", "ROUND_HALF_UP")
_AGGREGATE: dict[type[Any], str] = {
    exp.Sum: "sum",
    exp.Count: "count",
    exp.Max: "max",
    exp.Any: "any",
}


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read one expression; rulebooks share many, and the trees are immutable.

    Raises:
        Fault: the text is too long or too deep, is not one expression, or uses anything outside
            the closed list.
    """
    if len(text) > MAX_LENGTH:
        raise Fault(f"the expression is over {MAX_LENGTH} characters", "name parts of it")
    if _depth(text) > MAX_DEPTH:
        raise Fault(f"parentheses are nested deeper than {MAX_DEPTH}", "name parts of it")
    try:
        tree = sqlglot.parse_one(text, into=exp.Condition)
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise Fault("this is not one expression") from None
    return _copy(tree, 0)


def names(expression: Expression) -> Iterator[str]:
    """Every name used, in the order written, repeats included."""
    for node in walk(expression):
        if isinstance(node, Name):
            yield node.name


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it, outermost first, left to right."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def children(expression: Expression) -> tuple[Expression, ...]:
    """The direct operands of an expression."""
    match expression:
        case Arithmetic(_, left, right) | Compare(_, left, right) | Logic(_, left, right):
            return (left, right)
        case Not(of) | Aggregate(_, of) | Round(_, of, _) | OneOf(of, _):
            return (of,)
        case Decline(of, _, years):
            return (of, years)
        case Choice(_, items):
            return items
        case Case(branches, otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
        case _:
            return ()


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _copy(node: Any, depth: int) -> Expression:
    if depth > 60:
        raise Fault("the expression has too many steps", "name parts of it")
    if node.comments:
        raise Fault("comments are not allowed in an expression", "write a note beside it")
    kind = type(node)
    if kind in _ARITHMETIC:
        return Arithmetic(_ARITHMETIC[kind], *_pair(node, depth))
    if kind in _COMPARE:
        return Compare(_COMPARE[kind], *_pair(node, depth))
    if kind in _LOGIC:
        return Logic(_LOGIC[kind], *_pair(node, depth))
    if kind in _CHOICE:
        return Choice(_CHOICE[kind], _several(node, depth))
    if kind in _AGGREGATE:
        return _aggregate(node, depth)
    copier = _OTHERS.get(kind)
    if copier is None:
        raise Fault(f"{kind.__name__} is not in the closed list of operators")
    return copier(node, depth)


def _only(node: Any, *allowed: str) -> None:
    extra = [k for k, v in node.args.items() if v and k not in allowed]
    if extra:
        raise Fault(f"{type(node).__name__} with {extra} is not in the closed list")


def _pair(node: Any, depth: int) -> tuple[Expression, Expression]:
    _only(node, "this", "expression")
    return _copy(node.this, depth + 1), _copy(node.expression, depth + 1)


def _several(node: Any, depth: int) -> tuple[Expression, ...]:
    _only(node, "this", "expressions", "ignore_nulls")
    return tuple(_copy(n, depth + 1) for n in (node.this, *node.expressions))


def _aggregate(node: Any, depth: int) -> Expression:
    _only(node, "this", "big_int")
    if isinstance(node, exp.Any) and not isinstance(node.this, exp.Paren):
        # The SQL grammar reads `ANY(a) + 1` as ANY of `(a) + 1`.
        raise Fault("ANY(...) would swallow what follows it", "write (ANY(...)) in parentheses")
    return Aggregate(_AGGREGATE[type(node)], _copy(node.this, depth + 1))


def _column(node: Any, _depth: int) -> Expression:
    _only(node, "this")
    name = node.this
    if not isinstance(name, exp.Identifier) or name.args.get("quoted"):
        raise Fault("a name is written without quotes, dots or stars")
    if not _NAME.fullmatch(name.name):
        raise Fault("a name has small letters, digits and underscores")
    return Name(name.name)


def _literal(node: Any, _depth: int) -> Expression:
    if node.is_string:
        return Word(str(node.this))
    if not re.fullmatch(r"[0-9]{1,6}", str(node.this), re.ASCII):
        raise Fault(
            "a number in an expression is whole and has at most six digits",
            "write 3 / 2 for 1.5; an amount of money belongs under `limits` with its citation",
        )
    return Number(int(node.this))


def _case(node: Any, depth: int) -> Expression:
    _only(node, "ifs", "default")
    if node.args.get("default") is None:
        raise Fault("CASE needs an ELSE", "say what holds in every other case")
    branches = []
    for part in node.args["ifs"]:
        _only(part, "this", "true")
        branches.append((_copy(part.this, depth + 1), _copy(part.args["true"], depth + 1)))
    return Case(tuple(branches), _copy(node.args["default"], depth + 1))


def _one_of(node: Any, depth: int) -> Expression:
    _only(node, "this", "expressions")
    words = [_copy(n, depth + 1) for n in node.expressions]
    if not words or not all(isinstance(w, Word) for w in words):
        raise Fault("IN takes a list of texts", "write relation IN ('child', 'stepchild')")
    return OneOf(_copy(node.this, depth + 1), tuple(w.text for w in words if isinstance(w, Word)))


def _function(node: Any, depth: int) -> Expression:
    """The functions of our own; every other name is refused."""
    _only(node, "this", "expressions")
    name, operands = str(node.this), node.expressions
    if name in ROUNDINGS and len(operands) == 2:
        step = _copy(operands[1], depth + 1)
        if isinstance(step, Number) and step.value > 0:
            return Round(name, _copy(operands[0], depth + 1), step.value)
        raise Fault(f"{name} takes a whole number of units to round to", f"write {name}(x, 100)")
    if name == "DECLINE" and len(operands) == 3:
        of, percent, years = (_copy(o, depth + 1) for o in operands)
        if isinstance(percent, Number) and 0 < percent.value < 100:
            return Decline(of, percent.value, years)
        raise Fault("DECLINE takes a whole percentage", "write DECLINE(price, 7, years_owned)")
    raise Fault(f"{name[:40]}(...) is not in the closed list of operators")


def _paren(node: Any, depth: int) -> Expression:
    _only(node, "this")
    return _copy(node.this, depth + 1)


def _not(node: Any, depth: int) -> Expression:
    _only(node, "this")
    return Not(_copy(node.this, depth + 1))


_OTHERS: dict[type[Any], Callable[[Any, int], Expression]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: lambda node, _depth: Truth(bool(node.this)),
    exp.Paren: _paren,
    exp.Not: _not,
    exp.Case: _case,
    exp.In: _one_of,
    exp.Anonymous: _function,
}
