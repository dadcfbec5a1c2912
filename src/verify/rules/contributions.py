"""Facts as contributions to the measures of a rulebook.

A contribution says: for this person and measure, add an amount between `lo` and `hi` (null:
unbounded) if the doubt it hangs on is settled that way. Everything later works on contributions;
the facts themselves are only looked at again for their evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from verify.domain.verdict import DoubtKind
from verify.rules.grammar import AbsentM, UnstatedM
from verify.rules.keys import persons_of
from verify.rules.plan import HOUSEHOLD, Measure, Plan
from verify.rules.portions import (
    ANNUAL,
    BINARY,
    CERTAIN,
    DETAIL,
    MISSING,
    UNCLASSED,
    UNDETAILED,
    Mapper,
    Portion,
)

_CLASS = {
    DoubtKind.MATCH.value: BINARY,
    DoubtKind.CONFLICT.value: BINARY,
    DoubtKind.ATTESTATION.value: BINARY,
    DoubtKind.LAW.value: BINARY,
    DoubtKind.MISSING.value: MISSING,
    DoubtKind.STALE.value: MISSING,
    DoubtKind.ANNUAL_ONLY.value: ANNUAL,
}
_WEIGHTLESS = -1
"""Class of a fact whose doubt does not weigh: it never widens a bound, whatever it says."""

_DOUBT = ["h", "doubt", "kind", "code", "person", "source", "record", "quantities", "weighs"]
_DOUBT_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(_DOUBT, pl.String()),
    "h": pl.Int64(),
    "quantities": pl.List(pl.String()),
    "weighs": pl.Boolean(),
    "cls": pl.Int64(),
    "asks": pl.String(),
}
SCHEMA: dict[str, pl.DataType] = {
    "h": pl.Int64(),
    "p": pl.Int64(),
    "person": pl.String(),
    "m": pl.Int64(),
    "cap": pl.Int64(),
    "largest": pl.Boolean(),
    "thing": pl.Boolean(),
    "object": pl.String(),  # a thing with two owners is one thing
    "doubt": pl.String(),
    "cls": pl.Int64(),
    "lo": pl.Int64(),
    "hi": pl.Int64(),
    "fuzzy": pl.Boolean(),
    "quantity": pl.String(),
    "evidence": pl.List(pl.String()),
    # Of things only (see `verify.rules.things`); null: not known.
    "worth": pl.Int64(),
    "price": pl.Int64(),
    "debt": pl.Int64(),
    "area_dm2": pl.Int64(),
    "years_owned": pl.Int64(),
    "months_owned": pl.Int64(),
    "category": pl.String(),
    "basis": pl.String(),
    "danger": pl.String(),
    "purpose": pl.String(),
}
AGES = ("years_owned", "months_owned")
NUMBERS = ("worth", "price", "debt", "area_dm2", *AGES)
TEXTS = ("category", "basis", "danger", "purpose")
DETAILS = (*NUMBERS, *TEXTS)


@dataclass(frozen=True)
class Contributions:
    """`portions`: by number of the measure. `people`: h and person by number p.

    `doubts`: given doubts, and the ones that the rulebook itself raises about persons (`asks`
    names the question).
    """

    plan: Plan
    portions: Mapping[int, Portion]
    people: pl.DataFrame
    facts: pl.DataFrame
    as_of: pl.Series  # by number of the household
    doubts: pl.DataFrame

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All contributions in one frame (`SCHEMA`), in the order of persons and measures."""
        return self._frame(list(self.portions.values()))

    def of(self, households: pl.Series) -> pl.DataFrame:
        """The contributions of some households, by their numbers; the same form as `frame`."""
        wanted = pl.Series([False]).new_from_index(0, len(self.as_of)).scatter(households, True)
        of_person = wanted[self.people["h"]]
        return self._frame([q.filter(of_person[q.p]) for q in self.portions.values()])

    def objects(self, portion: Portion) -> pl.Series:
        """The key of the thing that each row is about."""
        return keys_of(self.facts, portion.fact)

    def _frame(self, portions: list[Portion]) -> pl.DataFrame:
        rows = [_narrow(q) for q in portions]
        if not rows:
            return pl.DataFrame(schema=SCHEMA)
        found = pl.concat(rows)
        h = self.people["h"][found["p"]].cast(pl.Int64)
        quantities = self.facts["quantity"][found["fact"]]
        evidence = self.facts["evidence"][found["fact"]]
        if found["fact"].null_count():
            evidence = evidence.fill_null([])
            said = pl.Series([m.quantities[0] for m in self.plan.measures], dtype=pl.String)
            raised = found["fact"].is_null()
            quantities = said[found["m"].cast(pl.UInt32)].zip_with(raised, quantities)
        wide = {
            **{c: found[c] for c in ("m", "cap", "largest", "thing", "doubt", "cls")},
            **{c: found[c] for c in ("lo", "hi", "fuzzy")},
            "h": h,
            "p": found["p"].cast(pl.Int64),
            "evidence": evidence,
            "person": self.people["person"][found["p"]],
            "quantity": quantities,
            "object": keys_of(self.facts, found["fact"]),
            **details_of(self.facts, found["fact"], self.as_of[h.cast(pl.UInt32)]),
        }
        order = ("h", "p", "m", "doubt", "object", "lo", "hi")
        return pl.DataFrame({c: wide[c] for c in SCHEMA}).sort(order)


def details_of(
    facts: pl.DataFrame, fact: pl.Series, as_of: pl.Series, wanted: Sequence[str] = DETAILS
) -> dict[str, pl.Series]:
    """Details of the things that some facts are about; `as_of` by row of `fact`."""
    found = {d: facts[d][fact] for d in wanted if d not in AGES}
    if len(found) == len(wanted):
        return found
    since = facts["acquired"][fact]
    months = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(fact))
    if since.null_count() < len(since):
        months = _months_between(since, as_of)
    return found | {"months_owned": months, "years_owned": months // 12}


def keys_of(facts: pl.DataFrame, fact: pl.Series) -> pl.Series:
    """The key of the thing that each fact is about; a fact without one is a thing of its own."""
    key = facts["object_key"][fact]
    if key.null_count():
        key = ("\u0000" + facts["fact"][fact]).zip_with(key.is_null(), key)
        key = key.fill_null("") if fact.null_count() else key  # a question is about no thing
    return key


def _months_between(since: pl.Series, day: pl.Series) -> pl.Series:
    """Completed months."""
    a, b = since.dt, day.dt
    months = (b.year().cast(pl.Int64) - a.year().cast(pl.Int64)) * 12
    months = months + b.month().cast(pl.Int64) - a.month().cast(pl.Int64)
    return (months - (b.day() < a.day()).cast(pl.Int64)).clip(lower_bound=0)


def _narrow(portion: Portion) -> pl.DataFrame:
    rows, measure = len(portion.p), portion.measure

    def same(value: object, dtype: pl.DataType) -> pl.Series:
        return pl.Series([value], dtype=dtype).new_from_index(0, rows)

    def given(series: pl.Series | None, value: object, dtype: pl.DataType) -> pl.Series:
        return same(value, dtype) if series is None else series

    return pl.DataFrame(
        {
            "p": portion.p,
            "fact": portion.fact,
            "m": same(measure.index, pl.Int64()),
            "cap": same(measure.cap, pl.Int64()),
            "largest": same(measure.largest, pl.Boolean()),
            "thing": same(measure.level == HOUSEHOLD, pl.Boolean()),
            "doubt": given(portion.doubt, None, pl.String()),
            "cls": given(portion.cls, CERTAIN, pl.Int64()),
            "lo": portion.lo,
            "hi": portion.hi,
            "fuzzy": given(portion.fuzzy, False, pl.Boolean()),
        }
    )


def contributions(  # noqa: PLR0917 - one argument per frame
    plan: Plan,
    households: pl.DataFrame,
    table: pl.DataFrame,
    people: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
) -> Contributions:
    """Map facts to measures.

    `households` has h, household, as_of and regime; `table` the windows by regime; `people`
    (members and statutory supporters) h, p, household, person, supporter.

    Raises:
        ValueError: a fact hangs on a doubt that is not listed.
    """
    if doubts.is_empty():
        doubts = pl.DataFrame(schema=_DOUBT_SCHEMA)
    else:
        doubts = doubts.join(households["h", "household"], on="household").select(
            *_DOUBT,
            pl.col("kind").replace_strict(_CLASS, return_dtype=pl.Int64).alias("cls"),
            pl.lit("").alias("asks"),
        )
    p = persons_of(facts, households, people)
    if p.null_count():
        facts, p = facts.filter(p.is_not_null()), p.drop_nulls()
    h = people["h"].cast(pl.UInt32)
    mapper = Mapper(
        plan,
        facts,
        p=p,
        regime_of_p=households["regime"].cast(pl.UInt32)[h],
        table=table,
        cls=_classes(facts, h[p], doubts),
    )
    portions = {q.measure.index: _weighing(q) for q in mapper.portions()}
    raised = _Raised(plan, people, facts, portions)
    asked = [doubts, *raised.about_things(), *raised.about_people()]
    doubts = pl.concat(asked) if len(asked) > 1 else doubts
    return Contributions(plan, portions, people, facts, households["as_of"], doubts)


def _classes(facts: pl.DataFrame, h: pl.Series, doubts: pl.DataFrame) -> pl.Series | None:
    """What each fact hangs on; null: on a doubt that is not listed. None: nothing hangs at all."""
    if facts["doubt"].null_count() == facts.height:
        return None
    hangs = facts["doubt"].is_not_null()
    rows = pl.DataFrame(
        {"h": h.filter(hangs).cast(pl.Int64), "doubt": facts["doubt"].filter(hangs)}
    )
    said = doubts.select(
        "h", "doubt", cls=pl.when("weighs").then("cls").otherwise(pl.lit(_WEIGHTLESS))
    )
    found = rows.join(said, on=["h", "doubt"], how="left", maintain_order="left")["cls"]
    return pl.zeros(facts.height, pl.Int64, eager=True).scatter(hangs.arg_true(), found)


def _weighing(portion: Portion) -> Portion:
    if portion.cls is None:
        return portion
    if portion.cls.null_count():
        raise ValueError("a fact hangs on a doubt that the doubts frame does not list")
    return portion.filter(portion.cls != _WEIGHTLESS)


class _Raised:
    """Questions that the rulebook itself raises; they are added to the portions."""

    def __init__(
        self,
        plan: Plan,
        people: pl.DataFrame,
        facts: pl.DataFrame,
        portions: dict[int, Portion],
    ) -> None:
        self._plan, self._people, self._facts, self._portions = plan, people, facts, portions

    def about_things(self) -> list[pl.DataFrame]:
        """Of which class a thing is; what it is worth, or what else the rules look at."""
        found = []
        for prefix, code, cls in (
            (UNCLASSED, "class_unknown", BINARY),
            (UNDETAILED, "detail_unknown", DETAIL),
        ):
            rows = [r for q in self._portions.values() if (r := self._asked(q, prefix)) is not None]
            if rows:
                each = pl.concat(rows).group_by("h", "doubt", "person")
                mine = each.agg(pl.col("quantity").unique().sort().alias("quantities"))
                mine = mine.sort("h", "doubt", "person")
                found.append(_doubts(mine, DoubtKind.ATTESTATION, code, "", cls))
        return found

    def _asked(self, portion: Portion, prefix: str) -> pl.DataFrame | None:
        if portion.doubt is None:
            return None
        mine = portion.doubt.str.starts_with(prefix).fill_null(False)
        if not mine.any():
            return None
        p = portion.p.filter(mine)
        return pl.DataFrame(
            {
                "h": self._people["h"][p],
                "doubt": portion.doubt.filter(mine),
                "person": self._people["person"][p],
                "quantity": self._facts["quantity"][portion.fact.filter(mine)],
            }
        )

    def about_people(self) -> list[pl.DataFrame]:
        """Circumstances and numbers that the law looks at and on which nothing was said."""
        found = []
        for measure in self._plan.measures:
            absent, unstated = measure.model.absent, measure.model.unstated
            if absent is not None:
                found += self._absent(measure, absent)
            elif unstated is not None:
                found += self._unstated(measure, unstated)
        return found

    def _absent(self, measure: Measure, absent: AbsentM) -> list[pl.DataFrame]:
        """Where nobody answered about what makes it matter, the question would be premature."""
        concerned = []
        for other in self._plan.measures:
            q = self._portions.get(other.index)
            if q is not None and other.name in absent.arises_with:
                concerned.append(q.p.filter((q.hi > 0).fill_null(False) | (q.lo > 0)))
        if not concerned:
            return []
        name = absent.unknown.doubt
        p = self._silent(measure, pl.concat(concerned).unique())
        return self._ask(measure, p, (1, 1, BINARY), (DoubtKind.LAW, name))

    def _unstated(self, measure: Measure, unstated: UnstatedM) -> list[pl.DataFrame]:
        """A number of persons that nobody stated about a supporter: not known, not nought."""
        everyone = self._people["supporter"].arg_true()
        p, name = self._silent(measure, everyone), unstated.doubt
        bounds = (unstated.least, None, MISSING)
        return self._ask(measure, p, bounds, (DoubtKind.ATTESTATION, name))

    def _silent(self, measure: Measure, p: pl.Series) -> pl.Series:
        """Those of whom nothing was said."""
        said = self._portions.get(measure.index)
        return (p if said is None else p.filter(~p.is_in(said.p.unique().implode()))).sort()

    def _ask(
        self,
        measure: Measure,
        p: pl.Series,
        bounds: tuple[int, int | None, int],
        question: tuple[DoubtKind, str],
    ) -> list[pl.DataFrame]:
        if p.is_empty():
            return []
        person, (lo, hi, cls), (kind, name) = self._people["person"][p], bounds, question
        doubt = f"{kind.value}:{name}:" + person

        def same(value: int | None, dtype: pl.DataType) -> pl.Series:
            return pl.Series([value], dtype=dtype).new_from_index(0, len(p))

        low = same(lo, pl.Int64())
        more = Portion(
            measure,
            p.cast(pl.UInt32),
            low,
            low if lo == hi else same(hi, pl.Int64()),
            same(None, pl.UInt32()),
            same(cls, pl.Int64()),
            doubt,
        )
        before = self._portions.get(measure.index)
        self._portions[measure.index] = more if before is None else before.and_(more)
        quantities = pl.Series([[measure.quantities[0]]], dtype=pl.List(pl.String))
        rows = pl.DataFrame(
            {
                "h": self._people["h"][p],
                "doubt": doubt,
                "person": person,
                "quantities": quantities.new_from_index(0, len(p)),
            }
        )
        return [_doubts(rows, kind, name, name, cls)]


def _doubts(rows: pl.DataFrame, kind: DoubtKind, code: str, asks: str, cls: int) -> pl.DataFrame:
    """Doubt rows of the engine's own, from h, doubt, person and quantities."""
    return rows.with_columns(
        pl.col("h").cast(pl.Int64),
        pl.lit(kind.value).alias("kind"),
        pl.lit(code).alias("code"),
        pl.lit("").alias("source"),
        pl.lit("").alias("record"),
        pl.lit(True).alias("weighs"),
        pl.lit(cls, dtype=pl.Int64).alias("cls"),
        pl.lit(asks).alias("asks"),
    )[list(_DOUBT_SCHEMA)]
