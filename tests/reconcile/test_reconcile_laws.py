"""Laws of reconciliation, over random synthetic households, against a plain-Python oracle."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from math import ceil, floor
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from reconcile_world import YIELDS, World, substance, together, window_months

from verify.reconcile import reconcile

MONTHS = window_months()
Draw = Any
few = settings(max_examples=15, deadline=None)

statement = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["wage", "pension", "bank_balance", "vehicle", "company_role"]),
        "amount": st.integers(0, 10**9),
        "person": st.sampled_from(["p1", "p2", "p3"]),
        "standing": st.sampled_from(["certain", "doubtful", "name"]),
        "month": st.sampled_from(MONTHS),
        "key": st.sampled_from("ABC"),
        "share": st.sampled_from([(1, 1), (1, 2), (1, 3), (2, 3)]),
        "subject": st.sampled_from("xyz"),
        "twice": st.booleans(),
    }
)
state = st.sampled_from(["ok", "ok", "ok", "timeout", "stale", "partial"])
plan = st.fixed_dictionaries(
    {
        "statements": st.lists(statement, max_size=10),
        "states": st.fixed_dictionaries(
            {f"{s}/{p}": state for s in ("tax", "bank") for p in ("p1", "p2")}
        ),
        "declared": st.dictionaries(
            st.sampled_from(["wage", "bank_balance", "support_received"]),
            st.integers(0, 10**6),
        ),
        "attested": st.booleans(),
    }
)


def add(world: World, s: dict[str, Any], number: int) -> None:
    """Put a drawn statement in the world; what is certain and what is not never share a key."""
    flow = s["kind"] in ("wage", "pension")
    common = {
        "person": s["person"],
        "months": s["month"] if flow else None,
        "share": s["share"],
        "category": "car" if s["kind"] == "vehicle" else None,
    }
    asked = ("p1", "p2") if s["twice"] else (s["person"],)
    source = {"bank_balance": "bank", "vehicle": "vehicle", "pension": "social"}
    for person in asked:
        evidence = f"{source.get(s['kind'], 'tax')}/{person}"
        if s["standing"] == "certain":
            world.record(s["kind"], s["amount"], evidence=evidence, key=s["key"], **common)
        elif s["standing"] == "doubtful":
            world.unsure(
                s["kind"],
                s["amount"],
                evidence=evidence,
                key=f"u{number}",
                subject_id=f"mistyped {s['subject']}",
                **common,
            )
        else:
            world.namesake(s["kind"], s["amount"], evidence=evidence, key=s["key"], **common)


def build(drawn: dict[str, Any], household: str = "h1") -> World:
    world = World("p1", "p2", supporters=("p3",), household=household)
    for n, s in enumerate(drawn["statements"]):
        add(world, s, n)
    for evidence, given_state in drawn["states"].items():
        world.answer(evidence, given_state)
    for quantity, amount in drawn["declared"].items():
        world.declare(quantity, amount)
    world.claim("disability", documented=drawn["attested"])
    return world


def totals(facts: pl.DataFrame) -> dict[str, tuple[int, int | None]]:
    """Per quantity, the bounds of the household's total while every doubt is open."""
    result: dict[str, list[int | None]] = defaultdict(lambda: [0, 0])
    for f in facts.iter_rows(named=True):
        total = result[f["quantity"]]
        total[0] += min(0, f["lo"]) if f["doubt"] else f["lo"]
        total[1] = None if f["hi"] is None or total[1] is None else total[1] + f["hi"]
    return {q: (lo, hi) for q, (lo, hi) in result.items()}


def oracle(drawn: dict[str, Any]) -> dict[str, tuple[int, int | None]]:
    """The same bounds, statement by statement, in plain Python with exact fractions."""
    yields = {"tax": YIELDS["tax"], "bank": ["bank_balance", "wealth_product"]}
    states = drawn["states"]
    certain: dict[tuple[Any, ...], list[Fraction]] = defaultdict(list)
    doubtful: dict[tuple[Any, ...], Fraction] = {}
    for n, s in enumerate(drawn["statements"]):
        source = {"bank_balance": "bank", "vehicle": "vehicle", "pension": "social"}.get(
            s["kind"], "tax"
        )
        asked = ("p1", "p2") if s["twice"] else (s["person"],)
        usable = [a for a in asked if states.get(f"{source}/{a}", "ok") in ("ok", "partial")]
        if not usable or s["standing"] == "name":
            continue
        value = Fraction(s["amount"] * s["share"][0], s["share"][1])
        if s["kind"] in ("vehicle", "company_role"):
            value = Fraction(1)
        when = s["month"] if s["kind"] in ("wage", "pension") else None
        if s["standing"] == "certain":
            certain[(s["kind"], s["person"], s["key"], when)].append(value)
        else:
            doubtful[(s["kind"], s["person"], n)] = value
    lo: dict[str, int] = defaultdict(int)
    hi: dict[str, int | None] = defaultdict(int)

    def raise_hi(kind: str, amount: int | None) -> None:
        before = hi[kind]
        hi[kind] = None if amount is None or before is None else before + amount

    for (kind, *_), values in certain.items():
        low, high = min(values), max(values)
        lo[kind] += floor(low)
        extra = max(floor(high) - floor(low), ceil(high) - ceil(low))
        raise_hi(kind, ceil(low) + extra)
    for (kind, *_), value in doubtful.items():
        lo[kind] += 0
        raise_hi(kind, ceil(value))
    for evidence, given_state in states.items():
        if given_state != "ok":
            for kind in yields[evidence.split("/")[0]]:
                lo[kind] += 0
                raise_hi(kind, None)
    for kind, amount in drawn["declared"].items():
        mine = [k for k in (*certain, *doubtful) if k[0] == kind and k[1] == "p1"]
        source = {"wage": "tax", "bank_balance": "bank"}.get(kind)
        open_bound = source is not None and states[f"{source}/p1"] != "ok"
        found = any(k in certain for k in mine)
        if amount == 0 or found or open_bound:
            continue
        months = 1 if kind == "bank_balance" else 12
        lo[kind] += 0 if mine else months * amount
        raise_hi(kind, months * amount)
    lo["disability"], hi["disability"] = int(drawn["attested"]), 1
    return {kind: (lo[kind], hi[kind]) for kind in lo}


@few
@given(plan)
def test_the_bounds_of_every_total_are_those_of_the_oracle(drawn):
    assert totals(build(drawn).run().facts) == oracle(drawn)


@few
@given(plan, statement)
def test_a_namesakes_record_never_changes_a_fact(drawn, extra):
    before = build(drawn)
    after = build({**drawn, "statements": [*drawn["statements"], {**extra, "standing": "name"}]})
    facts = before.run().facts
    assert after.run().facts.equals(facts)
    assert after.run().discrepancies.equals(before.run().discrepancies)


@few
@given(plan, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, rng: random.Random):
    given_frames = build(drawn).frames()
    shuffled = {
        name: frame[rng.sample(range(frame.height), frame.height)]
        for name, frame in given_frames.items()
    }
    first, second = reconcile(**given_frames), reconcile(**shuffled)
    assert first.facts.equals(second.facts)
    assert first.doubts.equals(second.doubts)
    assert first.discrepancies.equals(second.discrepancies)


@few
@given(plan)
def test_a_statement_returned_in_a_second_exchange_adds_nothing(drawn):
    answered = {**drawn, "states": dict.fromkeys(drawn["states"], "ok")}
    once = [{**s, "twice": False} for s in answered["statements"]]
    twice = [{**s, "twice": True} for s in once]
    first = build({**answered, "statements": once}).run()
    second = build({**answered, "statements": twice}).run()
    assert substance(first) == substance(second)


@few
@given(st.lists(plan, min_size=2, max_size=4))
def test_a_household_in_a_batch_comes_out_as_it_does_alone(drawn):
    worlds = [build(d, f"h{n}") for n, d in enumerate(drawn)]
    batch = together(*worlds)
    for world in worlds:
        alone = world.run()
        mine = pl.col("household") == world.household
        assert batch.facts.filter(mine).equals(alone.facts)
        assert batch.doubts.filter(mine).equals(alone.doubts)
        assert batch.discrepancies.filter(mine).equals(alone.discrepancies)


@few
@given(plan, st.data())
def test_however_doubts_are_settled_the_new_bounds_lie_within_the_old_ones(drawn, data):
    before = totals(build(drawn).run().facts)
    verdicts = {
        (p, s): data.draw(st.sampled_from(["certain", "rejected"]), label=f"{p} {s}")
        for p in ("p1", "p2", "p3")
        for s in "xyz"
    }
    settled = []
    for n, s in enumerate(drawn["statements"]):
        standing = s["standing"]
        if standing == "doubtful":
            standing = verdicts[(s["person"], s["subject"])]
        if standing != "rejected":
            # A settled record keeps its own object: see `add`.
            key = f"u{n}" if s["standing"] == "doubtful" else s["key"]
            settled.append({**s, "standing": standing, "key": key})
    news = data.draw(st.lists(statement, max_size=2), label="what silent sources say in the end")
    reopened = {e for e, given_state in drawn["states"].items() if given_state != "ok"}
    for n, s in enumerate(news):
        source = "bank" if s["kind"] == "bank_balance" else "tax"
        if s["kind"] in ("wage", "bank_balance") and f"{source}/{s['person']}" in reopened:
            settled.append({**s, "standing": "certain", "twice": False, "key": f"n{n}"})
    after = totals(
        build(
            {
                **drawn,
                "statements": settled,
                "states": dict.fromkeys(drawn["states"], "ok"),
                "attested": True,
            }
        )
        .run()
        .facts
    )
    for quantity in before.keys() | after.keys():
        lo, hi = before.get(quantity, (0, 0))
        new_lo, new_hi = after.get(quantity, (0, 0))
        assert lo <= new_lo, quantity
        assert hi is None or (new_hi is not None and new_hi <= hi), quantity
