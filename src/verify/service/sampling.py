"""Synthetic households near the limits of a rulebook, to try a change of law on.

Nobody in them exists, and they are no forecast: incomes and savings are spread evenly from
nothing to about twice what rulebooks allow, so that many lie close to a limit. The same seed gives
the same households.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from verify.domain.money import yuan_text
from verify.domain.vocabulary import Nature
from verify.rules import GivenHousehold, Law, Rulebook
from verify.rules.dated import texts_of
from verify.rules.units import Unit

Plain = dict[str, Any]
Kinds = dict[Nature, list[str]]

DEFAULT_LINE = 200_000
"""Income line in fen where a rulebook's own is not an amount per month."""


def sample(
    law: Law, books: Sequence[tuple[Rulebook, dt.date]], size: int, seed: int
) -> list[tuple[str, GivenHousehold]]:
    """`size` labelled households, shared out evenly over rulebooks and days."""
    found = []
    kinds = {book.id: _kinds(law, book) for book, _ in books}
    for i in range(size if books else 0):
        book, day = books[i % len(books)]
        dice = random.Random(f"{seed}/{book.id}/{day}/{i}")  # noqa: S311 - a sample, no secret
        label = f"synthetic {seed}/{i + 1}"
        found.append(
            (label, GivenHousehold.model_validate(_household(dice, book, day, kinds[book.id])))
        )
    return found


def _household(dice: random.Random, book: Rulebook, day: dt.date, kinds: Kinds) -> Plain:
    line = _line(book, day)
    relations = ["self"]
    relations += ["spouse"] if dice.random() < 0.5 else []
    relations += ["child"] * dice.choice((0, 0, 1, 1, 2))
    relations += ["parent"] if dice.random() < 0.2 else []
    return {
        "programme": book.programme,
        "region": book.region,
        "residence": dice.choice(("urban", "urban", "rural")),
        "as_of": day.isoformat(),
        "members": [
            _member(dice, kinds, day, line, f"p{n}", relation)
            for n, relation in enumerate(relations, start=1)
        ],
    }


def _line(book: Rulebook, day: dt.date) -> int:
    limit = book.plan.limits[book.plan.model.in_force_with]
    entry = limit.on(day, dt.date.max, day)
    if limit.unit is not Unit.FEN_PER_MONTH or entry is None:
        return DEFAULT_LINE
    published = [int(Fraction(t) * 100) for t in texts_of(entry.model)]
    return max(published, default=0) or DEFAULT_LINE


def _member(  # noqa: PLR0917 - what the dice need
    dice: random.Random, kinds: Kinds, day: dt.date, line: int, key: str, relation: str
) -> Plain:
    oldest = {"child": 22, "parent": 88}.get(relation, 80)
    youngest = {"child": 0, "parent": 58}.get(relation, 22)
    age = dice.randint(youngest, oldest)
    birth = dt.date(day.year - age, dice.randint(1, 12), dice.randint(1, 28))
    member: Plain = {
        "person": key,
        "relation": relation,
        "birth": min(birth, day - dt.timedelta(days=1)).isoformat(),
    }
    if relation != "child" and kinds[Nature.FLOW] and dice.random() < 0.8:
        kind = dice.choice(kinds[Nature.FLOW])
        amount = yuan_text(dice.randrange(0, 5 * line // 2, 100))
        member["incomes"] = [{"kind": kind, "monthly": amount}]
    if relation != "child" and kinds[Nature.STOCK] and dice.random() < 0.5:
        kind = dice.choice(kinds[Nature.STOCK])
        amount = yuan_text(dice.randrange(0, 30 * line, 1000))
        member["assets"] = [{"kind": kind, "amount": amount}]
    if relation == "self" and dice.random() < 0.1:
        member["vehicles"] = [{"vehicle_class": "car"}]
    if dice.random() < 0.04 and kinds[Nature.STOCK]:
        member["unanswered"] = [dice.choice(kinds[Nature.STOCK])]
    return member


def _kinds(law: Law, book: Rulebook) -> Kinds:
    """What the rulebook measures in money, by nature, in a fixed order."""
    natures = law.vocabulary(book.region, book.programme).natures
    named = {q for fact in book.plan.model.facts.values() for q in fact.quantities}
    return {
        nature: sorted(q for q in named if natures[q] is nature)
        for nature in (Nature.FLOW, Nature.STOCK)
    }
