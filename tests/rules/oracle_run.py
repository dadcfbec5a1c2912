"""`make oracle`: the engine against two oracles that share no code with it.

Random households with a truth are shown to the engine in part. Every value that a test compares
must lie in the interval that the engine gives for it, and an outcome that it gives must be the
true one, whatever was hidden. Prints seed, count and every counter-example; fails if there is one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import rules_oracle
import wide_oracle
from test_rules_faults import load

from verify.content import ContentSet
from verify.rules import GivenHousehold, Law, assess_frames, facts_from_given

BATCH = 1_000


@dataclass(frozen=True)
class Opinion:
    """A law, random cases under it, and what an oracle says of each."""

    name: str
    law: Law
    draw: Callable[[random.Random], Any]
    shown: Callable[[Any], dict]
    values: Callable[[Any], dict[str, Fraction]]
    outcome: Callable[[Any], str]


def opinions() -> list[Opinion]:
    city = Law.from_content(ContentSet.load("rules"))
    return [
        Opinion(
            "Shanghai dibao",
            city,
            city_household,
            rules_oracle.as_given,
            rules_oracle.values,
            rules_oracle.outcome,
        ),
        Opinion(
            "supporters, things, bands, rounding",
            load(wide_oracle.BOOK),
            wide_oracle.random_people,
            wide_oracle.as_given,
            wide_oracle.values,
            wide_oracle.outcome,
        ),
    ]


def city_household(r: random.Random) -> rules_oracle.Household:
    """A household of `rules_strategies`, drawn by the standard library."""
    from rules_strategies import CIRCUMSTANCES, FLOWS, INCOMES, SAVINGS, STOCKS

    def thing() -> rules_oracle.Thing:
        kind = r.choice([*FLOWS, *STOCKS, "vehicle", "dwelling", "homestead", "non_residential"])
        status = r.choice(["certain", "certain", "certain", "doubtful", "unanswered"])
        amount = r.choice(INCOMES if kind in FLOWS else SAVINGS)
        if kind not in (*FLOWS, *STOCKS):
            amount = 1 if status != "unanswered" else r.randint(0, 3)
        return rules_oracle.Thing(
            kind,
            amount,
            status,
            real=status != "doubtful" or r.random() < 0.5,
            category=r.choice(["car", "disability_vehicle"]) if kind == "vehicle" else "",
            area_dm2=r.choice([1000, 3000, 6000]) if kind == "dwelling" else 0,
        )

    def person(relation: str) -> rules_oracle.Person:
        kinds = r.sample(CIRCUMSTANCES, r.randint(0, 2))
        return rules_oracle.Person(
            relation,
            r.choice(sorted(rules_oracle.BIRTHS)),
            [thing() for _ in range(r.randint(0, 3))],
            {k: (r.random() < 0.7, r.random() < 0.5) for k in kinds},
            r.random() < 0.5,
        )

    others = r.choices(["spouse", "child", "parent", "sibling", "other"], k=r.randint(0, 2))
    return rules_oracle.Household(
        r.choice(["urban", "rural"]),
        [person(relation) for relation in ["self", *others]],
        r.choice([500, 1500, 3000, 9000]),
        r.random() < 0.5,
        r.random() < 0.5,
    )


def counter_examples(opinion: Opinion, count: int, seed: int) -> Iterator[str]:
    """What the engine says that is not so."""
    r = random.Random(f"{seed}/{opinion.name}")
    for start in range(0, count, BATCH):
        cases = [opinion.draw(r) for _ in range(min(BATCH, count - start))]
        keys = [f"{start + i:08d}" for i in range(len(cases))]
        given = [
            (key, GivenHousehold.model_validate(opinion.shown(case)))
            for key, case in zip(keys, cases, strict=True)
        ]
        parts = facts_from_given(given, opinion.law)
        found = assess_frames(
            opinion.law, parts.households, parts.persons, parts.facts, parts.doubts
        )
        outcomes = dict(found.outcomes["household", "outcome"].iter_rows())
        truth = {k: opinion.values(c) for k, c in zip(keys, cases, strict=True)}
        for key, case in zip(keys, cases, strict=True):
            if outcomes[key] not in ("undetermined", opinion.outcome(case)):
                yield f"{key}: {outcomes[key]} is not {opinion.outcome(case)}: {case}"
        for row in found.findings.iter_rows(named=True):
            if row["state"] == "not_applicable":
                continue
            for side, name in (("value", row["test"]), ("limit", f"{row['test']}#limit")):
                lo, hi = row[f"{side}_lo"], row[f"{side}_hi"]
                value, slack = truth[row["household"]].get(name), Fraction(1, 2)  # shown is rounded
                if value is None:
                    continue
                if (lo is not None and lo - slack > value) or (
                    hi is not None and value > hi + slack
                ):
                    yield f"{row['household']}: {name} is {value}, not in [{lo}, {hi}]"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20_250_520)
    options = parser.parse_args()
    bad = 0
    each = options.count // 2
    for opinion in opinions():
        started = time.monotonic()
        found = list(counter_examples(opinion, each, options.seed))
        bad += len(found)
        sys.stdout.write(
            f"{opinion.name}: seed {options.seed}, {each:,} households with hidden evidence, "
            f"{len(found)} counter-examples, {time.monotonic() - started:.0f} s\n"
        )
        sys.stdout.writelines(f"  {line}\n" for line in found[:20])
        sys.stdout.flush()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
