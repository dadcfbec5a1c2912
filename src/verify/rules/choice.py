"""The composition that favours the household, where the law lets it choose.

A clause with `counts: choice` leaves it open whether a person is taken as a member (按有利入保原则,
the principle of favouring admission). Every choice is judged like a household of its own;
the one with the best outcome is taken, then the one with the larger benefit, then the one that
leaves fewer persons out. The choice is made before anything else, so one pass judges the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import polars as pl

from verify.rules.evaluate import Evaluation
from verify.rules.interval import POSITION
from verify.rules.plan import Plan
from verify.rules.prepare import Prepared, prepare
from verify.rules.rulebook import Rulebook

MOST = 6
"""As many persons as every choice is tried for; beyond, all of them are in or all out."""

Frames = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]
Judge = Callable[[Prepared, Evaluation], pl.Series]


def leaves_choice(plan: Plan) -> bool:
    """Whether some clause of the composition leaves a choice."""
    return any(c.counts == "choice" for c in plan.model.composition)


def favourable(book: Rulebook, batch: Frames, judge: Judge) -> Frames:
    """The batch, with `left_out` for every person whom the favourable choice leaves out.

    `judge` gives the outcome of each household of a prepared batch as a number.
    """
    households, persons, facts, doubts = batch
    nobody = pl.Series("left_out", [False]).new_from_index(0, persons.height)
    persons = persons.hstack([nobody])
    plain = (households, persons, facts, doubts)
    if not leaves_choice(book.plan):
        return plain
    free = _free(prepare(book, *plain))
    if not free:
        return plain
    variants = _variants(free)
    tried = _tried(plain, variants)
    prepared = prepare(book, *tried)
    evaluation = Evaluation(prepared.open_batch())
    outcomes = judge(prepared, evaluation)
    best = _best(prepared, evaluation, outcomes, variants)
    out = [(h, person) for h, chosen in sorted(best.items()) for person in chosen]
    schema = {"household": pl.String, "person": pl.String}
    left = pl.DataFrame(out, schema=schema, orient="row").with_columns(gone=pl.lit(value=True))
    persons = (
        persons.join(left, on=["household", "person"], how="left", maintain_order="left")
        .with_columns(left_out=pl.col("gone").fill_null(value=False))
        .drop("gone")
    )
    return households, persons, facts, doubts


def _free(prepared: Prepared) -> dict[str, list[str]]:
    """By household, the members about whom there is a choice."""
    evaluation = Evaluation(prepared.open_batch())
    undecided = pl.Series([True]).new_from_index(0, evaluation.persons.height)
    free = ~undecided
    for clause, model in zip(evaluation.clauses, prepared.book.plan.model.composition, strict=True):
        if model.counts == "choice":
            free = free | (undecided & clause.hi)
        undecided = undecided & ~clause.lo
    members = prepared.people[evaluation.persons["p"].filter(free).cast(POSITION)]
    found: dict[str, list[str]] = {}
    for household, person in members["household", "person"].iter_rows():
        found.setdefault(household, []).append(person)
    return found


def _variants(free: dict[str, list[str]]) -> list[tuple[str, tuple[str, ...]]]:
    """Household and those it leaves out, for every choice."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for household, people in sorted(free.items()):
        if len(people) > MOST:
            found += [(household, ()), (household, tuple(people))]
            continue
        for bits in product((False, True), repeat=len(people)):
            out = tuple(p for p, gone in zip(people, bits, strict=True) if gone)
            found.append((household, out))
    return found


def _tried(batch: Frames, variants: list[tuple[str, tuple[str, ...]]]) -> Frames:
    """Every choice as a household of its own, under the number of the choice."""
    keys = [f"{i:09d}" for i in range(len(variants))]
    table = pl.DataFrame({"household": [h for h, _ in variants], "variant": keys})
    out = pl.DataFrame(
        [(k, p) for k, (_, people) in zip(keys, variants, strict=True) for p in people],
        schema={"household": pl.String, "person": pl.String},
        orient="row",
    )
    households, persons, facts, doubts = (
        frame.join(table, on="household").with_columns(household="variant").drop("variant")
        for frame in batch
    )
    gone = persons["household", "person"].join(
        out.with_columns(gone=pl.lit(value=True)),
        on=["household", "person"],
        how="left",
        maintain_order="left",
    )["gone"]
    return households, persons.with_columns(left_out=gone.fill_null(value=False)), facts, doubts


def _best(
    prepared: Prepared,
    evaluation: Evaluation,
    outcomes: pl.Series,
    variants: list[tuple[str, tuple[str, ...]]],
) -> dict[str, tuple[str, ...]]:
    model = prepared.book.plan.model.benefit
    amounts: list[int | None] = [None] * len(variants)
    if model is not None:
        amounts = evaluation.quantity(model.monthly).lo.to_list()
    best: dict[str, tuple[tuple[int, int, int], tuple[str, ...]]] = {}
    judged = zip(variants, outcomes.to_list(), amounts, strict=True)
    for (household, out), outcome, amount in judged:
        rank = (outcome, -1 if amount is None else amount, -len(out))
        if household not in best or rank > best[household][0]:
            best[household] = (rank, out)
    return {household: out for household, (_, out) in best.items()}
