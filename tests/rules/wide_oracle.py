"""A second opinion on the wider grammar: supporters, things one by one, bands, rounding.

`BOOK` is an invented rulebook. The oracle below it says the same on plain fractions, written from
the sentences of the rulebook and sharing no code with the engine: no frames, no intervals, no
expressions. The engine is shown a part of the truth only.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction

AS_OF = (2025, 5, 20)

BOOK = """\
schema: verify.rules/1
programme: aid
region: "310000"
title: {zh: 救助, en: Aid}
in_force_with: line
income_window: income
citations:
  law: {document: A law, article: "1", confidence: read}
windows:
  income:
    {title: {zh: 六个月, en: six months}, months: 6, before: month_of_application, cite: [law]}
composition:
  - {code: away, counts: no, when: serving_sentence, cite: [law]}
  - {code: everyone, counts: yes, when: age >= 0, cite: [law]}
facts:
  wage: {title: {zh: 项, en: wage}, of: amount, quantities: [wage], window: income,
    annual: upper_bound_only}
  savings: {title: {zh: 项, en: savings}, of: amount, quantities: [bank_balance]}
  cars: {title: {zh: 项, en: cars}, of: count, quantities: [vehicle],
    except_categories: [motorcycle]}
  homes: {title: {zh: 项, en: homes}, of: count, quantities: [dwelling]}
  serving_sentence: {title: {zh: 项, en: away}, of: truth, quantities: [serving_sentence]}
  family: {title: {zh: 项, en: family}, of: number, quantities: [family_size],
    unstated: {doubt: family, question: {zh: 几人, en: how many?}, remedy: {zh: 查, en: look}}}
limits:
  line: {title: {zh: 限, en: line}, unit: fen_per_month, by: members, entries: [
    {bands: [{high: "1", value: "1000"}, {low: "2", high: "2", value: "1800"}], each_more: "600",
     effective_from: 2020-01-01, cite: [law]}]}
  basic: {title: {zh: 限, en: basic}, unit: fen_per_month, entries: [
    {value: "1000", effective_from: 2020-01-01, cite: [law]}]}
  half: {title: {zh: 限, en: half}, unit: ratio, entries: [
    {value: "0.5", effective_from: 2020-01-01, cite: [law]}]}
  cap: {title: {zh: 限, en: cap}, unit: fen, entries: [
    {value: "50000", effective_from: 2020-01-01, cite: [law]}]}
  one: {title: {zh: 限, en: one}, unit: item, entries: [
    {value: "1", effective_from: 2020-01-01, cite: [law]}]}
things:
  left: {title: {zh: 量, en: left}, unit: fen, each: cars, is: "DECLINE(price, 7, years_owned)"}
  dear: {title: {zh: 量, en: dear}, unit: truth, each: cars, is: price > cap}
  net: {title: {zh: 量, en: net}, unit: fen, each: homes, is: "GREATEST(worth - debt, 0)"}
supporters:
  due: {title: {zh: 量, en: due}, unit: fen_per_month,
    is: "ROUND_HALF_UP(half * GREATEST(wage / income_months - basic * family, 0), 1)"}
household:
  members: {title: {zh: 量, en: members}, unit: person, is: COUNT(counted)}
  support: {title: {zh: 量, en: support}, unit: fen_per_month, is: SUM(due)}
  income: {title: {zh: 量, en: income}, unit: fen_per_month,
    is: "ROUND_DOWN(SUM(wage) / income_months, 1) + support"}
  assets: {title: {zh: 量, en: assets}, unit: fen, is: SUM(savings) + SUM(left) + SUM(net)}
  dear_cars: {title: {zh: 量, en: dear cars}, unit: item, is: COUNT(dear)}
tests:
  - {test: income, title: {zh: 收入, en: income}, value: income, operator: "<", limit: line,
     effect: fail, cite: [law]}
  - {test: assets, title: {zh: 财产, en: assets}, value: assets, operator: "<=", limit: cap,
     effect: fail, cite: [law]}
  - {test: cars, title: {zh: 车, en: cars}, value: cars, operator: "<=", limit: one,
     effect: fail, cite: [law]}
  - {test: dear_cars, title: {zh: 好车, en: dear cars}, value: dear_cars, operator: "<=",
     limit: "0", effect: fail, cite: [law]}
"""


@dataclass
class Car:
    price: int  # fen
    acquired: tuple[int, int, int]
    kind: str = "car"
    real: bool = True  # theirs
    doubtful: bool = False
    hides: frozenset[str] = frozenset()  # what the engine is not told


@dataclass
class Home:
    worth: int
    debt: int
    real: bool = True
    doubtful: bool = False
    hides: frozenset[str] = frozenset()


@dataclass
class Somebody:
    wage: int = 0  # fen a month
    savings: int = 0
    cars: list[Car] = field(default_factory=list)
    homes: list[Home] = field(default_factory=list)
    silent: frozenset[str] = frozenset()  # kinds about which nobody answered
    away: tuple[bool, bool] = (True, False)  # documented, true
    supporter: bool = False
    family: int = 1
    family_told: bool = True


def years(day: tuple[int, int, int]) -> int:
    return max(0, AS_OF[0] - day[0] - (AS_OF[1:] < day[1:]))


def left(car: Car) -> int:
    worth = Fraction(car.price) * Fraction(93, 100) ** years(car.acquired)
    return int(worth + Fraction(1, 2))  # to the fen, halves up


def due(s: Somebody) -> int:
    more = max(Fraction(0), Fraction(s.wage) - 100_000 * s.family)
    return int(more / 2 + Fraction(1, 2))


def line(members: int) -> int:
    return {0: 100_000, 1: 100_000, 2: 180_000}.get(members, 180_000 + 60_000 * (members - 2))


def values(people: list[Somebody]) -> dict[str, Fraction]:
    counted = [p for p in people if not p.supporter and not p.away[1]]
    cars = [c for p in counted for c in p.cars if c.real and c.kind != "motorcycle"]
    homes = [h for p in counted for h in p.homes if h.real]
    support = sum(due(p) for p in people if p.supporter)
    return {
        "income": Fraction(sum(p.wage for p in counted) + support),
        "income#limit": Fraction(line(len(counted))),
        "assets": Fraction(
            sum(p.savings for p in counted)
            + sum(left(c) for c in cars)
            + sum(max(0, h.worth - h.debt) for h in homes)
        ),
        "cars": Fraction(len(cars)),
        "dear_cars": Fraction(sum(c.price > 5_000_000 for c in cars)),
    }


def outcome(people: list[Somebody]) -> str:
    found = values(people)
    members = sum(not p.supporter and not p.away[1] for p in people)
    good = (
        found["income"] < line(members)
        and found["assets"] <= 5_000_000
        and found["cars"] <= 1
        and found["dear_cars"] <= 0
    )
    return "eligible" if good else "ineligible"


# -- random people, and what the engine is shown ----------------------------------------------

WAGES = [0, 0, 1, 50_000, 99_999, 100_000, 100_001, 180_000, 239_999, 240_000, 500_000]
MONEY = [0, 1, 1_000_000, 2_499_999, 5_000_000, 5_000_001, 9_000_000]
DAYS = [(2025, 5, 20), (2024, 5, 20), (2024, 5, 21), (2020, 1, 1), (2015, 12, 31)]


def random_people(r: random.Random) -> list[Somebody]:
    people = [_member(r) for _ in range(r.choice([1, 1, 2, 2, 3]))]
    people[0].away = (True, False)
    for _ in range(r.choice([0, 0, 1, 2])):
        silent = frozenset({"wage"}) if r.random() < 0.2 else frozenset()
        told = r.random() < 0.7
        s = Somebody(r.choice(WAGES), supporter=True, silent=silent, family_told=told)
        s.family = r.randint(1, 4)
        people.append(s)
    if r.random() < 0.5:  # so that a fen decides
        over = int(values(people)["income"]) - line(sum(not p.supporter for p in people))
        people[0].wage = max(0, people[0].wage - over + r.choice([-1, 0, 1]))
    return people


def _member(r: random.Random) -> Somebody:
    silent = frozenset(
        k for k in ("wage", "bank_balance", "vehicle", "dwelling") if r.random() < 0.06
    )
    cars = [_car(r) for _ in range(r.choice([0, 0, 0, 1, 2]))]
    homes = [_home(r) for _ in range(r.choice([0, 0, 1]))]
    away = r.random() < 0.2
    return Somebody(
        r.choice(WAGES),
        r.choice(MONEY),
        cars,
        homes,
        silent,
        (r.random() < 0.5, r.random() < 0.5) if away else (True, False),
    )


def _hidden(r: random.Random, *names: str) -> frozenset[str]:
    return frozenset(n for n in names if r.random() < 0.12)


def _car(r: random.Random) -> Car:
    doubtful = r.random() < 0.15
    return Car(
        r.choice(MONEY),
        r.choice(DAYS),
        r.choice(["car", "car", "motorcycle"]),
        real=not doubtful or r.random() < 0.5,
        doubtful=doubtful,
        hides=_hidden(r, "price", "acquired", "kind"),
    )


def _home(r: random.Random) -> Home:
    doubtful = r.random() < 0.15
    return Home(
        r.choice(MONEY),
        r.choice(MONEY),
        real=not doubtful or r.random() < 0.5,
        doubtful=doubtful,
        hides=_hidden(r, "worth", "debt"),
    )


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def iso(day: tuple[int, int, int]) -> str:
    return "{:04d}-{:02d}-{:02d}".format(*day)


def as_given(people: list[Somebody]) -> dict:
    """What the engine is shown."""
    relations = iter(["self", "child", "child", "child"])
    members = []
    for i, p in enumerate(people):
        relation = "child" if p.supporter else next(relations)
        members.append({"person": f"p{i}", "relation": relation, "birth": "1990-01-01"} | _shown(p))
    return {
        "programme": "aid",
        "region": "310104",
        "as_of": iso(AS_OF),
        "members": members,
    }


def _shown(p: Somebody) -> dict:
    shown: dict = {"supporter": p.supporter, "unanswered": sorted(p.silent)}
    if "wage" not in p.silent:
        shown["incomes"] = [{"kind": "wage", "monthly": yuan(p.wage)}]
    if "bank_balance" not in p.silent:
        shown["assets"] = [{"amount": yuan(p.savings)}]
    if "vehicle" not in p.silent:
        shown["vehicles"] = [
            {
                "doubtful": c.doubtful,
                **({} if "kind" in c.hides else {"vehicle_class": c.kind}),
                **({} if "price" in c.hides else {"price": yuan(c.price)}),
                **({} if "acquired" in c.hides else {"acquired": iso(c.acquired)}),
            }
            for c in p.cars
        ]
    if "dwelling" not in p.silent:
        shown["dwellings"] = [
            {
                "doubtful": h.doubtful,
                **({} if "worth" in h.hides else {"worth": yuan(h.worth)}),
                **({} if "debt" in h.hides else {"debt": yuan(h.debt)}),
            }
            for h in p.homes
        ]
    documented, true = p.away
    if not documented or true:
        shown["circumstances"] = [{"kind": "serving_sentence", "documented": documented}]
    if p.supporter and p.family_told:
        shown["numbers"] = [{"kind": "family_size", "number": p.family}]
    return shown
