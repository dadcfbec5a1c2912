"""The same six conditions in GoRules ZEN (`zen-engine`), as its own process.

Usage: peer_zen.py FOLDER SAMPLE [presummed | bare]

Reads the benchmark's frames from FOLDER, makes one JSON document per household, and evaluates one
JDM decision graph with its trace. `presummed` gives ZEN the amounts of each member already added
up; otherwise it adds up the facts itself, as the other engines do. `bare` leaves the trace out.
Prints one JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import polars as pl
import zen

STANDARD, EXEMPTION = 159_500, 87_000
SMALL, LARGE, FAVOURED = 4_210_800, 3_828_000, 4_593_600
OTHER = ("labour_remuneration", "business_income", "property_income", "pension")


def amount(*quantities: str) -> str:
    """Sum of a member's facts of some quantities, in ZEN's expression language."""
    if len(quantities) == 1:
        return f"sum(map(filter(f, #.q == '{quantities[0]}'), #.v))"
    listed = ", ".join(f"'{q}'" for q in quantities)
    return f"sum(map(filter(f, #.q in [{listed}]), #.v))"


def graph(presummed: bool) -> dict[str, object]:
    """Input, three expression nodes, output."""
    measures = {
        "wage": amount("wage"),
        "other": amount(*OTHER),
        "savings": amount("bank_balance", "wealth_product"),
        "vehicles": "len(filter(f, #.q == 'vehicle' and #.c != 'disability_vehicle'))",
        "homes": amount("dwelling"),
        "shops": amount("non_residential"),
        **{
            name: f"some(f, #.q == '{name}' and #.v > 0)"
            for name in (
                "wage_at_least_minimum",
                "secondary_student",
                "long_term_co_resident",
                "disability",
            )
        },
    }
    pairs = ", ".join(f"{k}: {v.replace('(f,', '(m.facts,')}" for k, v in measures.items())
    summed = f"map(members as m, {{relation: m.relation, age: m.age, {pairs}}})"
    counted = (
        "filter(members, #.relation in ['self', 'spouse'] or (#.relation == 'child' and "
        "(#.age < 18 or #.secondary_student)) or "
        "(#.relation in ['child', 'parent'] and #.long_term_co_resident))"
    )
    exempt = f"#.wage_at_least_minimum ? min([{EXEMPTION}, #.wage / 12]) : 0"
    net = f"#.wage / 12 - ({exempt})"
    base = f"(len(counted) <= 2 ? {SMALL} : {LARGE})"
    favoured = "(#.age < 18 or #.age >= 60 or #.secondary_student or #.disability)"
    values = {
        "n": "len(counted)",
        "income": f"sum(map(counted, {net} + #.other / 12)) / max([len(counted), 1])",
        "savings": "sum(map(counted, #.savings))",
        "limit": f"sum(map(counted, {favoured} ? {FAVOURED} : {base}))",
        "vehicles": "sum(map(counted, #.vehicles))",
        "homes": "sum(map(counted, #.homes))",
        "shops": "sum(map(counted, #.shops))",
        "homes_limit": "residence == 'rural' ? 0 : 1",
    }
    tests = {
        "composition": "n >= 1",
        "income": f"income < {STANDARD}",
        "money_assets": "savings < limit",
        "vehicles": "vehicles <= 0",
        "dwellings": "homes <= homes_limit",
        "non_residential": "shops <= 0",
    }
    first = "members" if presummed else summed
    steps = [
        {"residence": "residence", "members": first},
        {"residence": "residence", "counted": counted},
        values,
        tests,
    ]
    nodes: list[dict[str, object]] = [{"id": "in", "name": "in", "type": "inputNode"}]
    for i, step in enumerate(steps):
        rows = [{"id": f"{i}-{k}", "key": k, "value": v} for k, v in step.items()]
        nodes.append(
            {
                "id": f"e{i}",
                "name": f"e{i}",
                "type": "expressionNode",
                "content": {"expressions": rows, "passThrough": False},
            }
        )
    nodes.append({"id": "out", "name": "out", "type": "outputNode"})
    ids = [str(n["id"]) for n in nodes]
    edges = [
        {"id": f"{a}-{b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in pairwise(ids)
    ]
    return {"nodes": nodes, "edges": edges}


def documents(folder: Path, sample: int, presummed: bool) -> list[tuple[str, dict[str, object]]]:
    """One document per household, in the order of keys."""
    keys = pl.read_parquet(folder / "households.parquet").head(sample)
    names = keys.select("household")
    persons = pl.read_parquet(folder / "persons.parquet").join(names, on="household", how="semi")
    facts = pl.read_parquet(folder / "facts.parquet").join(names, on="household", how="semi")
    per: dict[tuple[str, str], list[dict[str, object]]] = {}
    for h, p, q, lo, c in facts["household", "person", "quantity", "lo", "category"].iter_rows():
        per.setdefault((h, p), []).append({"q": q, "v": lo, "c": c or ""})
    homes: dict[str, list[dict[str, object]]] = {}
    for h, p, relation, age in persons["household", "person", "relation", "age"].iter_rows():
        mine = per.get((h, p), [])
        member: dict[str, object] = {"relation": relation, "age": age}
        member |= summed(mine) if presummed else {"facts": mine}
        homes.setdefault(h, []).append(member)
    return [
        (h, {"residence": residence, "members": homes[h]})
        for h, residence in keys["household", "residence"].iter_rows()
    ]


def summed(facts: list[dict[str, object]]) -> dict[str, object]:
    """A member's amounts added up beforehand."""

    def total(*kinds: str) -> int:
        return sum(int(str(f["v"])) for f in facts if f["q"] in kinds)

    return {
        "wage": total("wage"),
        "other": total(*OTHER),
        "savings": total("bank_balance", "wealth_product"),
        "vehicles": sum(f["q"] == "vehicle" and f["c"] != "disability_vehicle" for f in facts),
        "homes": total("dwelling"),
        "shops": total("non_residential"),
        **{
            k: total(k) > 0
            for k in (
                "wage_at_least_minimum",
                "secondary_student",
                "long_term_co_resident",
                "disability",
            )
        },
    }


def main() -> None:
    """Time the evaluation alone: the documents are there already."""
    folder, sample = Path(sys.argv[1]), int(sys.argv[2])
    presummed = sys.argv[3:] == ["presummed"]
    rows = documents(folder, sample, presummed)
    decision = zen.ZenEngine().create_decision(json.dumps(graph(presummed)))
    how = {"trace": sys.argv[3:] != ["bare"]}
    decision.evaluate(rows[0][1], how)
    started, cpu = time.perf_counter(), time.process_time()
    results = [decision.evaluate(document, how)["result"] for _, document in rows]
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    tests = list(results[0])
    out = pl.DataFrame(
        {"household": [h for h, _ in rows], **{t: [r[t] for r in results] for t in tests}}
    )
    out.write_parquet(folder / f"zen{'_presummed' if presummed else ''}.parquet")
    print(json.dumps({"seconds": seconds, "cpu": cpu, "households": len(rows)}))


if __name__ == "__main__":
    main()
