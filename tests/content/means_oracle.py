"""Two laws of other countries worked out a second time, in plain decimals, sharing no code.

The published tables are read from the rulebook's text (`test_two_countries` checks them against
the arithmetic they were published by); everything else is written from the regulations again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from verify.content import ContentSet

D = Decimal
Person = dict[str, Any]
"""Amounts per month, or on the day, by kind; `age`, `relation`, and the circumstances it has."""


class Tables:
    """The limits of a rulebook as text, by name and day."""

    def __init__(self, content: ContentSet, path: str) -> None:
        self._limits: Mapping[str, Any] = content.document(path).value["limits"]

    def entry(self, name: str, day: dt.date) -> Mapping[str, Any]:
        """The entry in force."""
        for entry in self._limits[name]["entries"]:
            last = entry.get("effective_to")
            if entry["effective_from"] <= day.isoformat() and (
                last is None or day.isoformat() <= last
            ):
                found: Mapping[str, Any] = entry
                return found
        raise LookupError(f"{name} on {day}")

    def value(self, name: str, day: dt.date, at: Decimal | int | None = None) -> Decimal:
        """A figure; of a banded one, that of the band in which `at` lies."""
        entry = self.entry(name, day)
        if at is None:
            return D(entry["value"])
        for band in entry["bands"]:
            if "high" not in band or at <= D(band["high"]):
                return D(band["value"])
        top = entry["bands"][-1]
        return D(top["value"]) + (D(at) - D(top["high"])) * D(entry["each_more"])


def _sum(people: Sequence[Person], *kinds: str) -> Decimal:
    return sum((D(p.get(k, 0)) for p in people for k in kinds), D(0))


def _dollars(amount: Decimal) -> Decimal:
    return amount.quantize(D(1), ROUND_HALF_UP)


def food_assistance(tables: Tables, day: dt.date, people: Sequence[Person]) -> dict[str, Any]:
    """7 CFR 273.8 to 273.10: failed tests, whether vehicles are referred, and the allotment."""
    size = len(people)

    def special(person: Person) -> bool:
        return person["age"] >= 60 or "disability" in person

    def table(name: str, at: int | None = None) -> Decimal:
        return tables.value(name, day, at)

    anybody = any(map(special, people))
    everybody_assisted = all("receives_ssi" in p for p in people)
    earned, other = _dollars(_sum(people, "wage")), _dollars(_sum(people, "pension"))
    medical = _dollars(_sum([p for p in people if special(p)], "medical_self_paid"))
    off = _dollars(earned / 5) + table("standard_deduction", size) + max(medical - 35, D(0))
    off += _dollars(_sum(people, "child_care_paid")) + _dollars(_sum(people, "support_paid"))
    adjusted = max(earned + other - off, D(0))
    shelter = max(_dollars(_sum(people, "rent_paid")) - _dollars(adjusted / 2), D(0))
    if not anybody:
        shelter = min(shelter, table("shelter_cap"))
    if all("homeless" in p for p in people):
        shelter = max(shelter, table("homeless_deduction"))
    net = _dollars(max(adjusted - shelter, D(0)))
    money = _sum(people, "bank_balance")
    limit = table("resource_limit_elderly" if anybody else "resource_limit_general")
    cars = sum((max(D(p["vehicle"]) - 4650, D(0)) for p in people if "vehicle" in p), D(0))
    failed = set()
    if not everybody_assisted:
        if not anybody and earned + other > table("gross_limit", size):
            failed.add("gross_income")
        if net > table("net_limit", size):
            failed.add("net_income")
        if money > limit:
            failed.add("resources")
    share = (net * 3 / 10).quantize(D(1), ROUND_CEILING)
    allotment = max(table("max_allotment", size) - share, D(0))
    if size <= 2:
        allotment = max(allotment, table("minimum_benefit"))
    referred = not everybody_assisted and money <= limit < money + cars
    return {
        "failed": failed,
        "referred": referred,
        "allotment": allotment,
        "gross_income": earned + other,
        "net_income": net,
        "resources": money,
        "vehicles": money + cars,
    }


def legal_aid(tables: Tables, day: dt.date, people: Sequence[Person]) -> dict[str, Any]:
    """S.I. 2013/480: failed tests, disposable income and capital."""
    means = [p for p in people if p["relation"] in ("self", "spouse")]
    children = [p for p in people if p["relation"] == "child"]
    partner = len(means) - 1
    gross = _sum(means, "wage", "pension", "property_income")
    cap = tables.value("gross_limit", day)
    cap += 222 * max(sum("child_benefit" in p for p in people) - 4, 0)
    rent = max(_sum(means, "rent_paid") - _sum(means, "housing_benefit"), D(0))
    if not partner and not children:
        rent = min(rent, D(545))
    care = sum((D(p.get("child_care_paid", 0)) for p in means if p.get("wage")), D(0))
    off = _sum(means, "tax_paid", "support_paid") + care + rent
    off += 45 * sum(bool(p.get("wage")) for p in means)
    off += tables.value("partner_allowance", day) * partner
    off += tables.value("dependant_allowance", day) * len(children)
    income = max(gross - off, D(0))
    passported = any("receives_universal_credit" in p for p in means)

    disputed = _equity(people, "disputed_main_home")
    spared = min(disputed, D(100000))
    home = max(_equity(people, "main_home") + disputed - spared - 100000, D(0))
    capital = _sum(means, "bank_balance") + home + _equity(people, "other_property")
    capital += max(_sum(means, "disputed_money") + spared - 100000, D(0))
    capital += sum(
        (
            max(D(p.get("vehicle", 0)) - 15000, D(0))
            for p in people
            if p.get("vehicle_years", 9) < 3
        ),
        D(0),
    )
    if any(p["age"] >= 60 for p in means):
        rest = D(0) if passported else max(income - _sum(means, "property_income"), D(0))
        capital = max(capital - tables.value("pensioner_disregard", day, rest), D(0))
    failed = set()
    if not passported:
        failed |= {"gross_income"} if gross > cap else set()
        failed |= {"disposable_income"} if income > 733 else set()
    failed |= {"disposable_capital"} if capital > 8000 else set()
    free = passported or income <= 315
    contribution = (
        D(0)
        if free
        else (min(income, D(465)) - 311) * D("0.35")
        + max(min(income, D(616)) - 465, D(0)) * D("0.45")
        + max(income - 616, D(0)) * D("0.70")
    )
    return {
        "failed": failed,
        "referred": False,
        "gross_income": gross,
        "disposable_income": income,
        "disposable_capital": capital,
        "income_contribution": contribution,
        "capital_contribution": max(capital - 3000, D(0)),
    }


def _equity(people: Sequence[Person], kind: str) -> Decimal:
    """Worth less three per cent for a sale and the mortgage."""
    homes = [p[kind] for p in people if kind in p]
    return sum((max(D(w) * 97 / 100 - D(debt), D(0)) for w, debt in homes), D(0))


def veiled(document: dict[str, Any], dice: Random) -> dict[str, Any]:
    """The same household with one to three facts that nobody confirms any more.

    An amount or a thing becomes a question without an answer, a circumstance a mere claim.
    """
    seen = [
        (member, group, fact)
        for member in document["members"]
        for group in ("incomes", "spending", "assets", "dwellings", "vehicles", "circumstances")
        for fact in member.get(group, ())
    ]
    for member, group, fact in dice.sample(seen, min(len(seen), dice.randint(1, 3))):
        if group == "circumstances":
            fact["documented"] = False
            continue
        member[group] = [f for f in member[group] if f is not fact]
        member.setdefault("unanswered", []).append(fact.get("kind", "vehicle"))
    return document


FLOWS = {"wage", "pension", "property_income", "housing_benefit"}
SPENDING = {"medical_self_paid", "child_care_paid", "support_paid", "rent_paid", "tax_paid"}
STOCKS = {"bank_balance", "disputed_money"}
HOMES = {"main_home", "disputed_main_home", "other_property"}
PLAIN = {"age", "relation", "vehicle", "vehicle_years"}


def document(programme: str, region: str, day: dt.date, people: Sequence[Person]) -> dict[str, Any]:
    """The household as the body of an assessment."""
    return {
        "programme": programme,
        "region": region,
        "as_of": day.isoformat(),
        "members": [_member(f"p{i}", day, p) for i, p in enumerate(people)],
    }


def _member(key: str, day: dt.date, p: Person) -> dict[str, Any]:
    def amounts(kinds: set[str], name: str) -> list[dict[str, str]]:
        return [{"kind": k, name: f"{D(p[k]):.2f}"} for k in sorted(kinds & p.keys())]

    member: dict[str, Any] = {
        "person": key,
        "relation": p["relation"],
        "birth": day.replace(year=day.year - p["age"], day=1).isoformat(),
        "incomes": amounts(FLOWS, "monthly"),
        "spending": amounts(SPENDING, "monthly"),
        "assets": amounts(STOCKS, "amount"),
        "dwellings": [
            {"kind": k, "worth": f"{p[k][0]}.00", "debt": f"{p[k][1]}.00"}
            for k in sorted(HOMES & p.keys())
        ],
        "circumstances": [
            {"kind": k} for k in sorted(p.keys() - FLOWS - SPENDING - STOCKS - HOMES - PLAIN)
        ],
    }
    if "vehicle" in p:
        bought = day.replace(year=day.year - p.get("vehicle_years", 9), day=1)
        member["vehicles"] = [
            {"vehicle_class": "car", "worth": f"{p['vehicle']}.00", "debt": "0.00"}
            | {"acquired": bought.isoformat()}
        ]
    return member
