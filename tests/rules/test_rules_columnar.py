"""A million households are judged as one is: frames, findings and trees agree with `assess`."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import rules_oracle as oracle
import wide_oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules_strategies import households
from test_rules_faults import load

from verify.domain.canonical import canonical_bytes
from verify.rules import GivenHousehold, assess, assess_frames, facts_from_given, tree
from verify.rules.evaluate import Evaluation, worlds_frame
from verify.rules.parts import condensed, part_columns
from verify.rules.prepare import prepare
from verify.rules.trace_frame import kept
from verify.service import columnar

SOME = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def batch(law, cases: list[oracle.Household]):
    given = [GivenHousehold.model_validate(oracle.as_given(c)) for c in cases]
    parts = facts_from_given([(f"{i:04d}", g) for i, g in enumerate(given)], law)
    return parts.households, parts.persons, parts.facts, parts.doubts


@SOME
@given(cases=st.lists(households(), min_size=1, max_size=8), chunk=st.integers(1, 9))
def test_frames_say_what_the_assessments_say(law, cases, chunk):
    frames = batch(law, cases)
    found = assess_frames(law, *frames, chunk=chunk)
    one_by_one = assess(law, *frames)
    outcomes = {r["household"]: r for r in found.outcomes.to_dicts()}
    findings = {(r["household"], r["test"]): r for r in found.findings.to_dicts()}
    for a in one_by_one:
        row = outcomes[a.household]
        assert (row["outcome"], row["rulebook"]) == (a.outcome.value, a.rulebook)
        monthly = a.benefit.monthly if a.benefit else None
        assert (row["benefit_lo"], row["benefit_hi"]) == (
            (monthly.lo, monthly.hi) if monthly else (None, None)
        )
        for f in a.findings:
            seen = findings[(a.household, f.test)]
            assert (seen["state"], seen["effect"], seen["unit"]) == (
                f.state.value,
                f.effect.value,
                f.unit,
            )
            for part in ("value", "limit", "gap"):
                interval = getattr(f, part)
                assert (seen[f"{part}_lo"], seen[f"{part}_hi"]) == (interval.lo, interval.hi)
    assert len(findings) == sum(len(a.findings) for a in one_by_one)


@SOME
@given(cases=st.lists(households(), min_size=1, max_size=8), chunk=st.integers(1, 9))
def test_the_tree_read_from_the_frames_is_the_tree_of_the_household_alone(law, cases, chunk):
    found = assess_frames(law, *batch(law, cases), chunk=chunk)
    for i, case in enumerate(cases):
        (alone,) = assess(law, *batch(law, [case]))
        assert canonical_bytes(tree(law, found, f"{i:04d}")) == canonical_bytes(alone.trace)


@SOME
@given(cases=st.lists(households(), min_size=2, max_size=8), order=st.randoms())
def test_neither_the_order_of_rows_nor_the_chunk_is_seen_in_the_frames(law, cases, order):
    frames = batch(law, cases)
    shuffled = [f[order.sample(range(f.height), f.height)] for f in frames]
    one = assess_frames(law, *frames, threads=1)
    other = assess_frames(law, *shuffled, chunk=2, threads=3)
    assert one.outcomes.equals(other.outcomes)
    assert one.findings.sort("household", "test").equals(other.findings.sort("household", "test"))
    for book, trace in one.traces.items():
        again = other.traces[book]
        assert in_order(trace.parts).equals(in_order(again.parts))
        for level, frame in trace.levels.items():
            assert frame.equals(again.levels[level]), level


@SOME
@given(case=households())
def test_it_is_not_seen_in_the_outcome_how_a_register_names_its_members(law, case):
    """Few names for all members, or one of its own for each: looked up in two ways."""
    frames = batch(law, [case] * 70)

    def renamed(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.concat_str("person", "household", separator="@"))

    few = assess_frames(law, *frames, chunk=64)
    many = assess_frames(law, frames[0], renamed(frames[1]), renamed(frames[2]), frames[3])
    assert few.outcomes.equals(many.outcomes)
    columns = ["household", "test", "state", "value_lo", "value_hi", "gap_lo", "gap_hi"]
    assert (
        few.findings[columns]
        .sort("household", "test")
        .equals(many.findings[columns].sort("household", "test"))
    )


def test_supporters_and_things_have_their_tree_from_frames_and_from_parquet(tmp_path):
    law, r = load(wide_oracle.BOOK), random.Random(3)
    documents = [wide_oracle.as_given(wide_oracle.random_people(r)) for _ in range(40)]
    given = [(f"{i:03d}", GivenHousehold.model_validate(d)) for i, d in enumerate(documents)]
    parts = facts_from_given(given, law)
    frames = (parts.households, parts.persons, parts.facts, parts.doubts)
    found = assess_frames(law, *frames, chunk=16)
    columnar.assess_to_files(law, [frames], tmp_path / "out")
    for a in assess(law, *frames):
        assert canonical_bytes(tree(law, found, a.household)) == canonical_bytes(a.trace)
        if int(a.household) % 8 == 0:
            stored = columnar.tree_from_files(law, tmp_path / "out", a.household)
            assert canonical_bytes(stored) == canonical_bytes(a.trace)
    kinds = {n.name.split("/")[0] for a in assess(law, *frames) for n in nodes(a.trace)}
    assert {"due", "left", "net", "family"} <= kinds, "the cases reach every level"


def nodes(found):
    for node in found:
        yield node
        yield from nodes(node.children)


def in_order(parts: pl.DataFrame) -> pl.DataFrame:
    return parts.sort(parts.columns)


@SOME
@given(cases=st.lists(households(), min_size=1, max_size=8))
def test_sums_without_joins_are_the_sums_of_the_worlds_with_every_doubt_open(law, cases):
    book = law.books["cn/310000/dibao"]
    households_, persons, facts, doubts = batch(law, cases)
    prepared = prepare(book, households_, persons.with_columns(left_out=False), facts, doubts)
    parts = prepared.contributions.frame.with_columns(place=pl.lit(0, dtype=pl.Int64))
    rows = range(prepared.households.height)
    worlds = worlds_frame(book.plan, [(h, 0, 0, {}) for h in rows])
    parts = parts.select(part_columns(book.plan))
    for parts_now in (parts, condensed(book.plan, parts)):
        of_worlds = Evaluation(replace(prepared.open_batch(), parts=parts_now), worlds)
        straight = Evaluation(prepared.open_batch())
        for quantity in (*kept(book.plan, "household"), *kept(book.plan, "person")):
            a, b = (e.quantity(quantity.name) for e in (of_worlds, straight))
            assert a.lo.equals(b.lo), quantity.name
            assert a.hi.equals(b.hi), quantity.name
        assert of_worlds.outcomes.equals(straight.outcomes)
