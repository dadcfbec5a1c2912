"""How quantities lie in columns, and in which order steps can run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from verify.rules.interval import Value
from verify.rules.plan import HOUSEHOLD, PERSON, Stage
from verify.rules.units import Unit


def columns(name: str, value: Value) -> list[str]:
    """Names of the columns that hold a quantity."""
    if value.unit is Unit.TEXT:
        return [name]
    ends = [f"{name}.lo", f"{name}.hi"]
    return ends if value.over is None else [*ends, f"{name}.over_lo", f"{name}.over_hi"]


def stored(name: str, value: Value) -> list[pl.Expr]:
    """Expressions that write a value to its columns."""
    parts = [value.lo] if value.unit is Unit.TEXT else [value.lo, value.hi, *(value.over or ())]
    return [p.alias(c) for p, c in zip(parts, columns(name, value), strict=True)]


def from_columns(name: str, value: Value) -> Value:
    """The same value, read back from its columns."""
    c = [pl.col(n) for n in columns(name, value)]
    over = (c[2], c[3]) if value.over is not None else None
    return replace(value, lo=c[0], hi=c[1] if len(c) > 1 else c[0], over=over)


@dataclass(frozen=True)
class Step:
    """Expressions that give one quantity, and what they read, as (frame, name)."""

    kind: str
    exprs: tuple[pl.Expr, ...]
    columns: tuple[str, ...]
    needs: frozenset[tuple[str, str]]  # (frame, name)
    gives: tuple[str, str]


def schedule(steps: list[Step], given: set[tuple[str, str]]) -> tuple[Stage, ...]:
    """Group steps into as few stages as their needs allow."""
    done, waiting, stages = set(given), list(steps), []
    while waiting:
        for kind in (PERSON, "aggregate", HOUSEHOLD, "spread"):
            ready = [s for s in waiting if s.kind == kind and s.needs <= done]
            if not ready:
                continue
            stages.append(
                Stage(
                    kind,
                    tuple(e for s in ready for e in s.exprs),
                    tuple(c for s in ready for c in s.columns),
                )
            )
            done |= {s.gives for s in ready}
            waiting = [s for s in waiting if s.gives not in done]
            break
        else:
            raise AssertionError(f"steps that never become ready: {[s.gives for s in waiting]}")
    return tuple(stages)
