"""The same six conditions in OpenFisca-core, as its own process.

Usage: peer_openfisca.py FOLDER [json SAMPLE]

Reads the benchmark's frames from FOLDER. By default the situation is built in the fastest way the
library has (arrays per variable; the facts are added up per member with numpy), then calculated
with its tracer on. With `json SAMPLE` the documented JSON situation of a web API call is built
instead. Prints one JSON line with the seconds of building and of calculating.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from openfisca_core.entities import build_entity
from openfisca_core.model_api import MONTH, Variable
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem

STANDARD, EXEMPTION = 159_500, 87_000
SMALL, LARGE, FAVOURED = 4_210_800, 3_828_000, 4_593_600
WHEN = "2025-05"
OTHER = ["labour_remuneration", "business_income", "property_income", "pension"]

Person = build_entity(key="person", plural="persons", label="person", is_person=True)
Household = build_entity(
    key="household",
    plural="households",
    label="household",
    roles=[{"key": "member", "plural": "members", "label": "member"}],
)


def given(name: str, entity: Any, kind: type) -> type[Variable]:
    """An input variable."""
    return type(
        name,
        (Variable,),
        {"value_type": kind, "entity": entity, "definition_period": MONTH, "label": name},
    )


def derived(name: str, entity: Any, kind: type, formula: Any) -> type[Variable]:
    """A calculated variable."""
    body = {
        "value_type": kind,
        "entity": entity,
        "definition_period": MONTH,
        "label": name,
        "formula": formula,
    }
    return type(name, (Variable,), body)


AMOUNTS = ["wage", "other", "savings", "vehicles", "homes", "shops"]
TRUTHS = ["wage_at_least_minimum", "secondary_student", "long_term_co_resident", "disability"]
RELATIONS = {"self": 0, "spouse": 1, "child": 2, "parent": 3}


def counted(person: Any, period: Any) -> Any:
    """Who counts as a member (Min Fa [2021] No. 57, article 7)."""
    relation, age = person("relation", period), person("age", period)
    child = (relation == 2) & ((age < 18) | person("secondary_student", period))
    others = (relation >= 2) & person("long_term_co_resident", period)
    return (relation <= 1) | child | others


def net_income(person: Any, period: Any) -> Any:
    """Income per month after the exemption of earnings."""
    wage = person("wage", period) / 12
    exempt = person("wage_at_least_minimum", period) * np.minimum(EXEMPTION, wage)
    income = wage - exempt + person("other", period) / 12
    return income * person("counted", period)


def member_limit(person: Any, period: Any) -> Any:
    """Savings limit of a member."""
    age = person("age", period)
    student, disabled = person("secondary_student", period), person("disability", period)
    favoured = (age < 18) | (age >= 60) | student | disabled
    small = person.household("n", period) <= 2
    limit = np.where(favoured, FAVOURED, np.where(small, SMALL, LARGE))
    return limit * person("counted", period)


def added(name: str, of_counted: bool = True) -> Any:
    """A household sum over members."""

    def formula(household: Any, period: Any) -> Any:
        values = household.members(name, period)
        if of_counted:
            values = values * household.members("counted", period)
        return household.sum(values)

    return formula


def system() -> TaxBenefitSystem:
    """The six conditions as a tax and benefit system."""
    found = TaxBenefitSystem([Person, Household])
    variables = [
        *(given(n, Person, float) for n in AMOUNTS),
        *(given(n, Person, bool) for n in TRUTHS),
        given("relation", Person, int),
        given("age", Person, int),
        given("rural", Household, bool),
        derived("counted", Person, bool, counted),
        derived("net_income", Person, float, net_income),
        derived("member_limit", Person, float, member_limit),
        derived("n", Household, float, added("counted", False)),
        derived("income_sum", Household, float, added("net_income", False)),
        derived("savings_sum", Household, float, added("savings")),
        derived("limit_sum", Household, float, added("member_limit", False)),
        derived("vehicles_sum", Household, float, added("vehicles")),
        derived("homes_sum", Household, float, added("homes")),
        derived("shops_sum", Household, float, added("shops")),
        derived("composition", Household, bool, lambda h, p: h("n", p) >= 1),
        derived(
            "income",
            Household,
            bool,
            lambda h, p: h("income_sum", p) / np.maximum(h("n", p), 1) < STANDARD,
        ),
        derived(
            "money_assets", Household, bool, lambda h, p: h("savings_sum", p) < h("limit_sum", p)
        ),
        derived("vehicle_test", Household, bool, lambda h, p: h("vehicles_sum", p) <= 0),
        derived("dwellings", Household, bool, lambda h, p: h("homes_sum", p) <= 1 - h("rural", p)),
        derived("non_residential", Household, bool, lambda h, p: h("shops_sum", p) <= 0),
    ]
    found.add_variables(*variables)
    return found


TESTS = {
    "composition": "composition",
    "income": "income",
    "money_assets": "money_assets",
    "vehicles": "vehicle_test",
    "dwellings": "dwellings",
    "non_residential": "non_residential",
}
SETS = {
    "wage": ["wage"],
    "other": OTHER,
    "savings": ["bank_balance", "wealth_product"],
    "vehicles": ["vehicle"],
    "homes": ["dwelling"],
    "shops": ["non_residential"],
    **{t: [t] for t in TRUTHS},
}


def columns(
    households: pl.DataFrame, persons: pl.DataFrame, facts: pl.DataFrame
) -> dict[str, np.ndarray]:
    """Plain arrays of the frames: persons by number, facts by the number of their person."""
    households = households.sort("household").with_row_index("h")
    persons = persons["household", "person", "relation", "age"].sort("household", "person")
    persons = persons.join(
        households["h", "household"], on="household", maintain_order="left"
    ).with_row_index("p")
    keys = persons["household", "person", "p"]
    facts = facts["household", "person", "quantity", "category", "lo"]
    facts = facts.join(keys, on=["household", "person"]).filter(
        (pl.col("quantity") != "vehicle") | (pl.col("category") != "disability_vehicle")
    )
    names = sorted({q for s in SETS.values() for q in s})
    kinds = facts["quantity"].cast(pl.Enum(names), strict=False).to_physical().fill_null(255)
    return {
        "h": persons["h"].to_numpy(),
        "age": persons["age"].to_numpy(),
        "relation": persons["relation"].replace_strict(RELATIONS, return_dtype=pl.Int64).to_numpy(),
        "rural": (households["residence"] == "rural").to_numpy(),
        "household": households["household"].to_numpy(),
        "fact_p": facts["p"].to_numpy(),
        "fact_q": kinds.to_numpy(),
        "fact_lo": facts["lo"].to_numpy(),
        "names": np.array(names),
    }


def by_arrays(data: dict[str, np.ndarray]) -> Any:
    """The fastest way in: declared entities and one array per variable."""
    builder = SimulationBuilder()
    taxes = system()
    builder.create_entities(taxes)
    size, homes = len(data["h"]), len(data["rural"])
    builder.declare_person_entity("person", np.arange(size))
    entity = builder.declare_entity("household", np.arange(homes))
    builder.join_with_persons(entity, data["h"], np.array(["member"] * size))
    simulation = builder.build(taxes)
    simulation.trace = True
    index = {n: i for i, n in enumerate(data["names"])}
    for name, kinds in SETS.items():
        mine = np.isin(data["fact_q"], [index[k] for k in kinds])
        total = np.bincount(data["fact_p"][mine], data["fact_lo"][mine], minlength=size)
        simulation.set_input(name, WHEN, total > 0 if name in TRUTHS else total)
    simulation.set_input("relation", WHEN, data["relation"])
    simulation.set_input("age", WHEN, data["age"])
    simulation.set_input("rural", WHEN, data["rural"])
    return simulation


def by_json(data: dict[str, np.ndarray], sample: int) -> Any:
    """The documented situation of a web API call."""
    persons: dict[str, dict[str, Any]] = {}
    homes: dict[str, dict[str, Any]] = {}
    size = int(np.searchsorted(data["h"], sample))
    index = {n: i for i, n in enumerate(data["names"])}
    totals = {}
    for name, kinds in SETS.items():
        mine = np.isin(data["fact_q"], [index[k] for k in kinds])
        totals[name] = np.bincount(data["fact_p"][mine], data["fact_lo"][mine], minlength=size)
    for p in range(size):
        values: dict[str, Any] = {
            n: {WHEN: bool(t[p]) if n in TRUTHS else float(t[p])} for n, t in totals.items()
        }
        values["relation"] = {WHEN: int(data["relation"][p])}
        values["age"] = {WHEN: int(data["age"][p])}
        persons[f"p{p}"] = values
        home = homes.setdefault(f"h{data['h'][p]}", {"members": []})
        home["members"].append(f"p{p}")
    for h, home in homes.items():
        home["rural"] = {WHEN: bool(data["rural"][int(h[1:])])}
    simulation = SimulationBuilder().build_from_entities(
        system(), {"persons": persons, "households": homes}
    )
    simulation.trace = True
    return simulation


def main() -> None:
    """Build, calculate with trace, and leave the answers for comparison."""
    folder = Path(sys.argv[1])
    parts = [pl.read_parquet(folder / f"{n}.parquet") for n in ("households", "persons", "facts")]
    started, cpu = time.perf_counter(), time.process_time()
    data = columns(*parts)
    arrays = time.perf_counter()
    json_sample = int(sys.argv[3]) if sys.argv[2:3] == ["json"] else 0
    simulation = by_json(data, json_sample) if json_sample else by_arrays(data)
    built = time.perf_counter()
    answers = {t: simulation.calculate(v, WHEN) for t, v in TESTS.items()}
    done = time.perf_counter()
    cpu = time.process_time() - cpu
    rows = json_sample or len(data["rural"])
    if not json_sample:
        out = pl.DataFrame({"household": list(data["household"]), **answers})
        out.write_parquet(folder / "openfisca.parquet")
    print(
        json.dumps(
            {
                "seconds": done - started,
                "cpu": cpu,
                "arrays": arrays - started,
                "building": built - arrays,
                "calculating": done - built,
                "households": rows,
                "trace_nodes": len(simulation.tracer.trees),
                "income_type": str(simulation.calculate("income_sum", WHEN).dtype),
            }
        )
    )


if __name__ == "__main__":
    main()
