"""A second opinion: the Shanghai dibao rules of 2024-07-01 on plain fractions, one household.

Written from the law, not from the engine: no frames, no intervals, no expressions. A `Thing` has
a truth and a `status`; the engine is shown the status only, the oracle the truth only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

AS_OF = "2025-05-20"
BIRTHS = {8: "2016-06-01", 17: "2007-05-21", 30: "1995-01-01", 59: "1965-05-21", 60: "1965-05-20"}


@dataclass
class Thing:
    """An amount (fen; per month for income) or an item, and how well it is known.

    status: certain | doubtful (theirs or not: `real`) | unanswered (any amount, also none)
    """

    kind: str
    amount: int
    status: str = "certain"
    real: bool = True
    category: str = ""
    area_dm2: int = 0

    @property
    def counts(self) -> int:
        return self.amount if self.real else 0


@dataclass
class Person:
    relation: str
    age: int
    things: list[Thing] = field(default_factory=list)
    # circumstance -> (documented, true)
    circumstances: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    wage_at_least_minimum: bool = False  # the truth where nothing is said

    def is_(self, circumstance: str) -> bool:
        return self.circumstances.get(circumstance, (True, False))[1]

    def total(self, *kinds: str) -> int:
        return sum(t.counts for t in self.things if t.kind in kinds)


@dataclass
class Household:
    residence: str
    persons: list[Person]
    average_area_dm2: int = 3000
    homestead_counts_in_town: bool = False
    proof: bool = False

    def counted(self) -> list[Person]:
        return [p for p in self.persons if _counts(p)]


OUT = (
    "serving_sentence",
    "compulsory_rehabilitation",
    "declared_missing",
    "religious_away_3_years",
)
DUTY = ("child", "parent", "parent_in_law", "grandparent", "grandchild", "sibling")
INCOME = ("labour_remuneration", "business_income", "pension", "unemployment_benefit")


def _counts(p: Person) -> bool:
    if any(p.is_(c) for c in OUT):
        return False
    if p.relation in ("self", "spouse"):
        return True
    dependent = ("full_time_student", "secondary_student", "unable_to_live_independently")
    if p.relation == "child" and (p.age < 18 or any(p.is_(c) for c in dependent)):
        return True
    return p.relation in DUTY and p.is_("long_term_co_resident")


def income_of(p: Person) -> Fraction:
    wage = p.total("wage")
    at_least = p.circumstances.get("wage_at_least_minimum")
    exempt = at_least[1] if at_least is not None else p.wage_at_least_minimum
    if exempt and wage > 0:
        wage = max(0, wage - 87_000)
    return Fraction(wage + p.total(*INCOME))


def values(h: Household) -> dict[str, Fraction]:
    counted = h.counted()
    n = max(1, len(counted))
    things = [t for p in counted for t in p.things]
    homes = sum(t.counts for t in things if t.kind == "dwelling")
    homesteads = sum(t.counts for t in things if t.kind == "homestead")
    if h.residence == "urban" and h.homestead_counts_in_town:
        homes += homesteads
    return {
        "income": sum((income_of(p) for p in counted), Fraction(0)) / n,
        "money_assets": Fraction(sum(p.total("bank_balance", "wealth_product") for p in counted)),
        "vehicles": Fraction(
            sum(
                t.counts
                for t in things
                if t.kind == "vehicle" and t.category != "disability_vehicle"
            )
        ),
        "dwellings": Fraction(homes),
        "non_residential": Fraction(sum(t.counts for t in things if t.kind == "non_residential")),
    }


def outcome(h: Household) -> str:
    counted, found = h.counted(), values(h)
    if not counted:
        return "eligible" if h.proof else "ineligible"
    limit = sum(
        4_593_600
        if p.age < 18 or p.age >= 60 or p.is_("disability") or p.is_("secondary_student")
        else (4_210_800 if len(counted) <= 2 else 3_828_000)
        for p in counted
    )
    things = [t for p in counted for t in p.things]
    area = sum(t.area_dm2 for t in things if t.kind == "dwelling" and t.counts)
    homes = sum(t.counts for t in things if t.kind == "dwelling")
    homesteads = sum(t.counts for t in things if t.kind == "homestead")
    allowed = 0 if h.residence == "rural" else 1
    if h.residence == "urban" and Fraction(area, len(counted)) < h.average_area_dm2:
        allowed = 2
    sole_home_shop = homes == 0 and homesteads == 0 and h.proof
    good = (
        found["income"] < 159_500
        and found["money_assets"] < limit
        and found["vehicles"] <= 0
        and found["dwellings"] <= allowed
        and (found["non_residential"] <= 0 or sole_home_shop)
    )
    return "eligible" if good else "ineligible"


def as_given(h: Household) -> dict:
    """What the engine is shown."""
    return {
        "programme": "dibao",
        "region": "310104",
        "residence": h.residence,
        "as_of": AS_OF,
        "members": [_member(i, p) for i, p in enumerate(h.persons)],
    }


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _member(i: int, p: Person) -> dict:
    member: dict = {"person": f"p{i}", "relation": p.relation, "birth": BIRTHS[p.age]}
    lists: dict[str, list] = {k: [] for k in ("incomes", "assets", "vehicles", "dwellings")}
    unanswered = sorted({t.kind for t in p.things if t.status == "unanswered"})
    for t in p.things:
        if t.status == "unanswered":
            continue
        doubtful = t.status == "doubtful"
        if t.kind == "vehicle":
            lists["vehicles"].append({"vehicle_class": t.category, "doubtful": doubtful})
        elif t.kind in ("dwelling", "homestead", "non_residential"):
            area = {"area_m2": yuan(t.area_dm2)} if t.kind == "dwelling" else {}
            lists["dwellings"].append({"kind": t.kind, "doubtful": doubtful, **area})
        elif t.kind in ("bank_balance", "wealth_product"):
            lists["assets"].append({"kind": t.kind, "amount": yuan(t.amount), "doubtful": doubtful})
        else:
            lists["incomes"].append(
                {"kind": t.kind, "monthly": yuan(t.amount), "doubtful": doubtful}
            )
    member["circumstances"] = [
        {"kind": kind, "documented": documented, "holds": true if documented else True}
        for kind, (documented, true) in p.circumstances.items()
    ]
    return member | lists | {"unanswered": unanswered}
