"""Facts as portions of the measures of a rulebook: one measure after the other.

Every operation is on whole columns of numbers. What a measure does not ask for (a window, a class,
a year's amount) costs it nothing, and what no fact raises (a doubt, an unbounded end) has no
column at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import polars as pl

from verify.domain.verdict import DoubtKind
from verify.rules.keys import FEW, counting
from verify.rules.plan import DETAIL_COLUMN, Measure, Plan

CERTAIN, BINARY, MISSING, ANNUAL, DETAIL = 0, 1, 2, 3, 4
"""Classes of contributions by what they hang on. `DETAIL`: the thing is there for certain, but
not everything that the rules look at is known of it."""

UNCLASSED, UNDETAILED = "attestation:class_unknown:", "attestation:detail_unknown:"
_YEARLY = f"{DoubtKind.ANNUAL_ONLY.value}:"
_AGES = ("years_owned", "months_owned")


@dataclass(frozen=True)
class Portion:
    """What facts add to one measure, one row each.

    `p`: number of the person. `lo`, `hi`: bounds (one series at both ends where they are equal),
    null: unbounded. `fact`: row of the facts frame, null for what the rulebook itself asks. `cls`,
    `doubt`, `fuzzy`: what a row hangs on and whether it may count in part; None: no row does.
    """

    measure: Measure
    p: pl.Series
    lo: pl.Series
    hi: pl.Series
    fact: pl.Series
    cls: pl.Series | None = None
    doubt: pl.Series | None = None
    fuzzy: pl.Series | None = None

    def filter(self, keep: pl.Series) -> Portion:
        """The rows of a mask."""
        if keep.all():
            return self
        lo = self.lo.filter(keep)
        return Portion(
            self.measure,
            self.p.filter(keep),
            lo,
            lo if self.hi is self.lo else self.hi.filter(keep),
            self.fact.filter(keep),
            *(c if c is None else c.filter(keep) for c in (self.cls, self.doubt, self.fuzzy)),
        )

    def and_(self, other: Portion) -> Portion:
        """This and other rows of the same measure."""

        def both(mine: pl.Series | None, theirs: pl.Series | None, default: object) -> pl.Series:
            parts = [
                pl.Series([default], dtype=dtype).new_from_index(0, len(portion.p))
                if series is None
                else series
                for portion, series, dtype in (
                    (self, mine, _dtype(default)),
                    (other, theirs, _dtype(default)),
                )
            ]
            return pl.concat(parts)

        return Portion(
            self.measure,
            pl.concat([self.p, other.p]),
            pl.concat([self.lo, other.lo]),
            pl.concat([self.hi, other.hi]),
            pl.concat([self.fact, other.fact]),
            both(self.cls, other.cls, CERTAIN),
            both(self.doubt, other.doubt, None),
            both(self.fuzzy, other.fuzzy, False),
        )


def _dtype(default: object) -> pl.DataType:
    if default is None:
        return pl.String()
    return pl.Boolean() if isinstance(default, bool) else pl.Int64()


class Mapper:
    """Maps the facts of a batch to measures.

    `facts` are those of known people; `p` numbers their person, `h` their household; `cls` is
    what each hangs on (None: nothing does); `table` has the windows by regime.
    """

    def __init__(
        self,
        plan: Plan,
        facts: pl.DataFrame,
        *,
        p: pl.Series,
        regime_of_p: pl.Series,
        table: pl.DataFrame,
        cls: pl.Series | None,
    ) -> None:
        self._plan, self._facts, self._p, self._table, self._cls = plan, facts, p, table, cls
        self._regime_of_p = regime_of_p
        words = sorted({q for m in plan.measures for q in m.quantities})
        self._number = {word: i for i, word in enumerate(words)}
        self._word = facts["quantity"].cast(pl.Enum(words), strict=False).to_physical()
        self._fact = counting(facts.height)

    def portions(self) -> Iterator[Portion]:
        """One portion per measure that has facts, in the order of the measures."""
        there = set((self._word if len(self._word) <= FEW else self._word.unique()).to_list())
        for measure in self._plan.measures:
            numbers = [n for q in measure.quantities if (n := self._number[q]) in there]
            if numbers:
                here = reduce(lambda a, b: a | b, (self._word == n for n in numbers))
                here = here.fill_null(False) if here.null_count() else here
                yield _Rows(self, measure, here).portion()

    @cached_property
    def yearly(self) -> pl.Series | None:
        """Facts known per year only; None: there are none."""
        found = self._facts["granularity"] == "year"
        return found if found.any() else None

    @cached_property
    def all_certain(self) -> bool:
        """Whether both ends of every fact are the same."""
        return self._facts["lo"].equals(self._facts["hi"])

    @cached_property
    def no_doubt(self) -> bool:
        """Whether no fact hangs on a doubt."""
        return self._facts["doubt"].null_count() == self._facts.height

    def column(self, name: str, here: pl.Series) -> pl.Series:
        """A column of the facts, in some rows."""
        return self._facts[name].filter(here)

    def numbers(self, here: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Person and row of the facts, in some rows."""
        return self._p.filter(here), self._fact.filter(here)

    def classes(self, here: pl.Series) -> pl.Series | None:
        """What facts hang on, in some rows."""
        return None if self._cls is None else self._cls.filter(here)

    def window(self, name: str, p: pl.Series) -> tuple[dt.date | pl.Series, dt.date | pl.Series]:
        """First and last day of a window for each person, or for all alike."""
        first, last = self._table[f"{name}.start"], self._table[f"{name}.end"]
        if self._table.height == 1:
            return first[0], last[0]
        regime = self._regime_of_p[p]
        return first[regime], last[regime]

    def details_of(self, measure: Measure) -> tuple[str, ...]:
        """Details of things that quantities of them look at, as columns of the facts."""
        wanted = self._plan.details_of(measure.name)
        return tuple("acquired" if d in _AGES else DETAIL_COLUMN.get(d, d) for d in wanted)


class _Rows:
    """The facts of one measure."""

    def __init__(self, mapper: Mapper, measure: Measure, here: pl.Series) -> None:
        self._mapper, self._measure, self._here = mapper, measure, here
        self._p, self._fact = mapper.numbers(here)

    def _column(self, name: str) -> pl.Series:
        return self._mapper.column(name, self._here)

    def portion(self) -> Portion:
        """What these facts add to the measure."""
        inside, touches = self._in_window()
        member, perhaps = self._in_class()
        lo, hi, unknown = self._bounds()
        doubt, cls = self._doubt(inside)
        fuzzy = [unknown, None if inside is None else ~inside, self._by_year()]
        if member is not None:
            # Nothing says whether a thing of unknown class is of the class meant: a question.
            outside, free = ~member, _free(doubt, hi)
            doubt, cls = _asked(doubt, cls, outside & free, UNCLASSED + self._ids, BINARY)
            fuzzy.append(outside & ~free)
        lacking = self._lacking()
        if lacking is not None:
            free = lacking & (self._column("lo") > 0)
            free = free if doubt is None else free & doubt.is_null()
            doubt, cls = _asked(doubt, cls, free, UNDETAILED + self._ids, DETAIL)
        found = Portion(self._measure, self._p, lo, hi, self._fact, cls, doubt, _any(fuzzy))
        keep = _all([touches, perhaps])
        return found if keep is None else found.filter(keep)

    @cached_property
    def _ids(self) -> pl.Series:
        return self._column("fact")

    def _bounds(self) -> tuple[pl.Series, pl.Series, pl.Series | None]:
        """Both ends, cut at the cap of the unit; and where the amount asked for is not known."""
        lo = self._column("lo")
        hi = lo if self._mapper.all_certain else self._column("hi")
        unknown = None
        of = {"area": "area_dm2", "worth": "worth"}.get(self._measure.model.of)
        if of is not None:
            # What is not there (hi 0) has no area; an unanswered question has any.
            amount, nothing = self._column(of), _zeros(len(lo))
            known = amount.fill_null(0).zip_with(lo > 0, nothing)
            lo, hi = known, nothing.zip_with((hi == 0).fill_null(False), amount)
            unknown = amount.is_null() if amount.null_count() else None
        cap = self._measure.cap
        most = hi.max()
        if isinstance(most, int) and most > cap:
            over = (hi > cap).fill_null(False)
            hi = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(hi)).zip_with(over, hi)
        highest = lo.max()
        if isinstance(highest, int) and highest > cap:
            lo = lo.clip(upper_bound=cap)
        if hi is not lo and not hi.null_count() and lo.equals(hi):
            hi = lo
        return lo, hi, unknown

    def _in_window(self) -> tuple[pl.Series | None, pl.Series | None]:
        """Which facts lie inside the measure's window, and which may touch it; None: all do.

        A fact without a period (nobody answered) is about any period. A fact that lies partly
        inside is never split: it counts as anything between nothing and all of it.
        """
        name = self._measure.model.window
        if name is None:
            return None, None
        start, end = self._column("period_start"), self._column("period_end")
        first, last = self._mapper.window(name, self._p)
        inside = (start >= first) & (end <= last)
        if start.null_count():
            inside = inside | start.is_null()
        inside = inside.fill_null(False) if inside.null_count() else inside
        if inside.all():
            return None, None
        touches = (start <= last) & (end >= first)
        return inside, (touches | start.is_null()).fill_null(False)

    def _in_class(self) -> tuple[pl.Series | None, pl.Series | None]:
        """Which facts are of the class or grade meant, and which may be; None: all are.

        An unknown class or grade is neither in nor out: it counts as perhaps. (An unanswered
        question has no class; its bounds already say "anything".)
        """
        model = self._measure.model
        checks = []
        if model.except_categories:
            category = self._column("category")
            checks.append((category, ~category.is_in(model.except_categories)))
        if model.only_categories:
            category = self._column("category")
            checks.append((category, category.is_in(model.only_categories)))
        if model.grades:
            grade = self._column("grade")
            checks.append((grade, grade.is_in(model.grades)))
        certain = _all([ok.fill_null(False) & known.is_not_null() for known, ok in checks])
        perhaps = _all([ok.fill_null(True) | known.is_null() for known, ok in checks])
        return None if certain is None or certain.all() else certain, perhaps

    def _doubt(self, inside: pl.Series | None) -> tuple[pl.Series | None, pl.Series | None]:
        """What the facts hang on; nothing, where a year's amount is all that the rule asks for."""
        if self._mapper.no_doubt:
            return None, None
        doubt, cls = self._column("doubt"), self._mapper.classes(self._here)
        if doubt.null_count() == len(doubt) or cls is None:
            return None, None
        if self._measure.yearly_in_full and self._mapper.yearly is not None:
            yearly = self._mapper.yearly.filter(self._here)
            enough = yearly if inside is None else yearly & inside
            enough = enough & doubt.str.starts_with(_YEARLY).fill_null(False)
            doubt = _none(len(doubt)).zip_with(enough, doubt)
            cls = (
                pl.Series([CERTAIN], dtype=pl.Int64)
                .new_from_index(0, len(cls))
                .zip_with(enough, cls)
            )
        return doubt, cls

    def _by_year(self) -> pl.Series | None:
        if self._measure.model.annual != "upper_bound_only" or self._mapper.yearly is None:
            return None
        return self._mapper.yearly.filter(self._here)

    def _lacking(self) -> pl.Series | None:
        """Where a detail is not known that a quantity of such things looks at."""
        return _any([self._column(d).is_null() for d in self._mapper.details_of(self._measure)])


def _asked(
    doubt: pl.Series | None,
    cls: pl.Series | None,
    where: pl.Series,
    question: pl.Series,
    of_class: int,
) -> tuple[pl.Series | None, pl.Series | None]:
    """Hang some rows on a question of the rulebook's own."""
    if not where.any():
        return doubt, cls
    before = _none(len(where)) if doubt is None else doubt
    classes = _zeros(len(where)) if cls is None else cls
    mine = pl.Series([of_class], dtype=pl.Int64).new_from_index(0, len(where))
    return question.zip_with(where, before), mine.zip_with(where, classes)


def _free(doubt: pl.Series | None, hi: pl.Series) -> pl.Series:
    """Rows of which something was said, without a doubt."""
    said = hi.is_not_null()
    return said if doubt is None else said & doubt.is_null()


def _zeros(rows: int) -> pl.Series:
    return pl.zeros(rows, pl.Int64, eager=True)


def _none(rows: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, rows)


def _any(masks: list[pl.Series | None]) -> pl.Series | None:
    found = [m for m in masks if m is not None]
    whole = reduce(lambda a, b: a | b, found) if found else None
    return whole if whole is not None and whole.any() else None


def _all(masks: Sequence[pl.Series | None]) -> pl.Series | None:
    found = [m for m in masks if m is not None]
    return reduce(lambda a, b: a & b, found) if found else None
