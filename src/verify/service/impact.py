"""Who would be judged differently under other rules, by how much, and by which test.

Both sets of rules are asked about the same households with the same facts; nothing of it is a
verdict, and nothing is stored. Households are golden cases, given households, a synthetic sample
near the limits, or what stored verdicts were judged from. With `on` they are moved in time, whole:
the household as it would be had it applied then, ages and income months moved with it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from verify.domain.errors import VerifyError
from verify.domain.money import currency_of, yuan_text
from verify.domain.verdict import Assessment, Outcome
from verify.rules import GivenHousehold, Law, assess, facts_from_given
from verify.service.judging import Facts

Plain = dict[str, Any]

BATCH = 2_000
EXAMPLES = 20
NO_LAW = "no_law"
_PLACE = ("region", "programme", "as_of", "known_at", "accepted_on")


@dataclass(frozen=True)
class Side:
    """What one set of rules says of a household."""

    outcome: str
    benefit: int | None  # fen a month; None: not known exactly, or the programme has none
    findings: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Flip:
    """A household that the two sets of rules judge differently, or pay differently."""

    household: str
    rulebook: str
    before: Side
    after: Side

    @property
    def turned(self) -> bool:
        """Whether the outcome differs."""
        return self.before.outcome != self.after.outcome

    @property
    def tests(self) -> list[str]:
        """Tests that came out differently."""
        names = sorted({*self.before.findings, *self.after.findings})
        return [n for n in names if _state(self.before, n) != _state(self.after, n)]

    @property
    def difference(self) -> int:
        """Change of the monthly benefit in fen; 0 where one side does not know it exactly."""
        if self.before.benefit is None or self.after.benefit is None:
            return 0
        return self.after.benefit - self.before.benefit


def given_facts(given: Sequence[GivenHousehold], law: Law) -> Facts:
    """Given households as what the rules are asked about, in the words of a law."""
    parts = facts_from_given([(f"{i:08d}", g) for i, g in enumerate(given)], law)
    return Facts(parts.households, parts.persons, parts.facts, parts.doubts)


def impact(
    before: Law,
    after: Law,
    facts: Facts,
    labels: Sequence[str],
    *,
    on: dt.date | None = None,
    examples: bool = True,
) -> Plain:
    """Compare two laws on a batch; `labels` name the households in order.

    `examples=False` keeps single households out of the result (stored verdicts, read by people
    who may not see cases).
    """
    moved = facts if on is None else shifted(facts, on)
    keys = moved.households["household"].to_list()
    sides = [_sides(law, moved) for law in (before, after)]
    pairs = [
        Flip(label, sides[1][k][0] or sides[0][k][0], sides[0][k][1], sides[1][k][1])
        for k, label in zip(keys, labels, strict=True)
    ]
    changed = [p for p in pairs if p.turned or p.difference]
    turned = [p for p in pairs if p.turned]
    days = moved.households["as_of"]
    return {
        "before": before.digest,
        "after": after.digest,
        "households": len(pairs),
        "days": [str(days.min()), str(days.max())] if pairs else [],
        "unchanged": len(pairs) - len(changed),
        "outcomes": {
            "before": dict(sorted(Counter(p.before.outcome for p in pairs).items())),
            "after": dict(sorted(Counter(p.after.outcome for p in pairs).items())),
        },
        "flips": list(_directions(turned)),
        "tests": list(_tests(turned)),
        "benefit": _benefit(pairs),
        "examples": [_example(p) for p in _telling(changed)] if examples else [],
    }


def shifted(facts: Facts, on: dt.date) -> Facts:
    """Every household moved by whole months so that its day is on or just after `on`.

    The last day of a month stays the last day of a month, so that income months stay whole.
    """
    day = pl.col("as_of")
    apart = (on.year - day.dt.year()) * 12 + on.month - day.dt.month()
    late = day.dt.day() < on.day
    months = facts.households.select(
        "household", shift=pl.format("{}mo", apart + late.cast(pl.Int32))
    )

    def move(frame: pl.DataFrame) -> pl.DataFrame:
        by = frame.join(months, on="household", how="left", maintain_order="left")
        columns = [name for name, kind in frame.schema.items() if kind == pl.Date]
        return by.with_columns(_moved(c) for c in columns).drop("shift")

    return Facts(move(facts.households), move(facts.persons), move(facts.facts), facts.doubts)


def _moved(column: str) -> pl.Expr:
    day = pl.col(column)
    there = day.dt.offset_by(pl.col("shift"))
    ends = day == day.dt.month_end()
    return pl.when(ends).then(there.dt.month_end()).otherwise(there).alias(column)


# -- one side ----------------------------------------------------------------------------------


def _sides(law: Law, facts: Facts) -> dict[str, tuple[str, Side]]:
    """Rulebook and finding per household; a place or day without law is a finding too."""
    rows = facts.households.iter_rows(named=True)
    none = ("", Side(NO_LAW, 0))
    found = {r["household"]: none for r in rows}
    covered = sorted(_covered(law, facts.households))
    for start in range(0, len(covered), BATCH):
        part = pl.DataFrame({"household": covered[start : start + BATCH]})
        mine = [
            f.join(part, on="household", how="semi")
            for f in (facts.households, facts.persons, facts.facts, facts.doubts)
        ]
        for one in assess(law, *mine, trace=False):
            found[one.household] = (one.rulebook, _side(one))
    return found


def _covered(law: Law, households: pl.DataFrame) -> Iterator[str]:
    known: dict[tuple[Any, ...], bool] = {}
    for row in households.iter_rows(named=True):
        place = tuple(row[name] for name in _PLACE)
        if place not in known:
            try:
                law.rulebook(*place)
                known[place] = True
            except VerifyError:
                known[place] = False
        if known[place]:
            yield row["household"]


def _side(one: Assessment) -> Side:
    benefit: int | None = 0
    if one.outcome is not Outcome.INELIGIBLE:
        exact = one.benefit is not None and one.benefit.monthly.exact
        benefit = one.benefit.monthly.lo if one.benefit is not None and exact else None
    findings = {
        f.test: (f.state.value, _interval(f.value.lo, f.value.hi, f.unit), _limit(f))
        for f in one.findings
    }
    return Side(one.outcome.value, benefit, findings)


def _limit(finding: Any) -> str:
    return f"{finding.operator} {_interval(finding.limit.lo, finding.limit.hi, finding.unit)}"


def _interval(lo: int | None, hi: int | None, unit: str) -> str:
    ends = [_number(n, unit) for n in (lo, hi)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _number(n: int | None, unit: str) -> str:
    if n is None:
        return "unbounded"
    return yuan_text(n) if currency_of(unit) else str(n)


# -- the figures -------------------------------------------------------------------------------


def _state(side: Side, test: str) -> str:
    return side.findings[test][0] if test in side.findings else ""


def _directions(turned: Iterable[Flip]) -> Iterator[Plain]:
    ways = Counter((p.before.outcome, p.after.outcome) for p in turned)
    for (old, new), count in sorted(ways.items(), key=lambda w: (-w[1], w[0])):
        yield {"from": old, "to": new, "households": count}


def _tests(turned: Iterable[Flip]) -> Iterator[Plain]:
    decisive = Counter((p.rulebook, t) for p in turned for t in p.tests)
    for (book, test), count in sorted(decisive.items(), key=lambda d: (-d[1], d[0])):
        yield {"rulebook": book, "test": test, "households": count}


def _benefit(pairs: Sequence[Flip]) -> Plain:
    raised = [p.difference for p in pairs if p.difference > 0]
    lowered = [-p.difference for p in pairs if p.difference < 0]
    known = [p for p in pairs if p.before.benefit is not None and p.after.benefit is not None]
    return {
        "raised": {"households": len(raised), "monthly": yuan_text(sum(raised))},
        "lowered": {"households": len(lowered), "monthly": yuan_text(sum(lowered))},
        "net_monthly": yuan_text(sum(raised) - sum(lowered)),
        "largest_raise": yuan_text(max(raised, default=0)),
        "largest_cut": yuan_text(max(lowered, default=0)),
        "not_known_exactly": len(pairs) - len(known),
    }


def _telling(changed: Sequence[Flip]) -> list[Flip]:
    """A few households that show the most: those that turn first, then the largest amounts."""
    order = sorted(changed, key=lambda p: (not p.turned, -abs(p.difference), p.household))
    return order[:EXAMPLES]


def _example(p: Flip) -> Plain:
    return {
        "household": p.household,
        "rulebook": p.rulebook,
        "from": p.before.outcome,
        "to": p.after.outcome,
        "benefit_before": _amount(p.before.benefit),
        "benefit_after": _amount(p.after.benefit),
        "tests": [
            {"test": t, "before": list(_found(p.before, t)), "after": list(_found(p.after, t))}
            for t in p.tests
        ],
    }


def _found(side: Side, test: str) -> tuple[str, str, str]:
    return side.findings.get(test, ("", "", ""))


def _amount(fen: int | None) -> str | None:
    return None if fen is None else yuan_text(fen)
