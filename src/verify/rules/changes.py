"""What would have to be different for a test to be met: one input at a time, all else as it is.

For each test that is not met or open, every input it rests on is tried: money of one kind of one
person, things owned, circumstances, who counts. How much money is found by searching the compiled
expressions themselves: a guess from the distance to the limit, checked one unit short and exact,
else narrowed down until the last unit is found. Nothing is assumed about the expressions but
that an input that does not help when it is taken away (or raised) as far as it goes, nor at the
points tried on the way, does not help.

Only what is known for certain is varied; what is in doubt has its own questions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from verify.domain.verdict import Change, ChangeKind, FindingState
from verify.rules.change_words import worded
from verify.rules.inputs import Input, inputs
from verify.rules.plan import Test
from verify.rules.prepare import Prepared
from verify.rules.units import CAPS
from verify.rules.view import Evaluated, View
from verify.rules.what_if import Variant, evaluate

MET = (FindingState.SATISFIED, FindingState.NOT_APPLICABLE)
ROUNDS = 14
"""More than enough: every round narrows the search at least eightfold."""
POINTS = 9


@dataclass
class Search:
    """The search for the smallest amount: between `no` (does not do) and `yes` (does)."""

    view: View
    test: Test
    input: Input
    sign: int
    most: int
    no: int = 0
    yes: int | None = None
    margins: dict[int, Fraction | None] = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """Whether nothing lies between."""
        return self.yes is not None and self.yes == self.no + 1

    def points(self) -> list[int]:
        """Amounts to try next."""
        if self.yes is None:
            wanted = [self.most, *_around(_guess(self.view, self.test))]
        else:
            wanted = [self.no + (self.yes - self.no) * i // POINTS for i in range(1, POINTS)]
            wanted += _around(self._crossing())
        top = self.most if self.yes is None else self.yes - 1
        return sorted({d for d in wanted if self.no < d <= top})

    def _crossing(self) -> int | None:
        """Where a straight line between the two ends reaches the limit."""
        yes = self.yes if self.yes is not None else self.most
        a, b = self.margins.get(self.no), self.margins.get(yes)
        if a is None or b is None or a == b:
            return None
        return math.ceil(self.no + (yes - self.no) * (-a) / (b - a))

    def variant(self, amount: int) -> Variant:
        """The household with this much more or less."""
        member = self.input.member
        at = member.p if member is not None else 0
        add = tuple((at, m, self.sign * amount) for m in self.input.measures)
        return Variant(self.view.row, add=add)


def changes(prepared: Prepared, views: Sequence[View]) -> dict[tuple[int, str], tuple[Change, ...]]:
    """By household (row) and test: what would meet the test, for tests that are not met."""
    wanted = [(v, t, inputs(v, t)) for v in views for t in v.plan.tests if v.state(t) not in MET]
    if not wanted:
        return {}
    searches = [s for v, t, tried in wanted for i in tried for s in _searches(v, t, i)]
    single = [(v, t, i, n) for v, t, tried in wanted for i in tried for n in _singles(i)]
    done = _run(prepared, searches, single)
    found: dict[tuple[int, str], tuple[Change, ...]] = {}
    for view, test, tried in wanted:
        mine = [(i, _result(view, test, i, searches, done)) for i in tried]
        if (of_value := _of_value(view, test)) is not None:
            mine.insert(0, of_value)
        # A circumstance that nobody claimed is worth a line only where it would help.
        kept = [(i, by) for i, by in mine if by is not None or i.claimed]
        found[(view.row, test.name)] = tuple(_change(view, test, i, by) for i, by in kept)
    return found


def _change(view: View, test: Test, one: Input, by: int | None) -> Change:
    return Change(
        kind=one.kind,
        person=one.member.person if one.member else "",
        quantity=one.quantity,
        present=one.present,
        by=by,
        unit=view.plan.unit_name(one.unit),
        text=worded(view, test, one, by),
    )


Key = tuple[int, str, Input, int]


def _run(
    prepared: Prepared,
    searches: Sequence[Search],
    single: Sequence[tuple[View, Test, Input, int]],
) -> dict[Key, bool]:
    """Narrow every search down; and which single variants meet their test."""
    done: dict[Key, bool] = {}
    first = True
    for _ in range(ROUNDS):
        tries = [(s, d) for s in searches if not s.found for d in s.points()]
        if not first and not tries:
            break
        variants = [s.variant(d) for s, d in tries]
        variants += [_single(v, i, n) for v, _, i, n in single] if first else []
        if not variants:
            break
        readings = Evaluated(evaluate(prepared, variants))
        _read(readings, tries)
        for at, (view, test, one, n) in enumerate(single if first else (), start=len(tries)):
            done[(view.row, test.name, one, n)] = readings.state(test.name, at) in MET
        first = False
        searches = [s for s in searches if s.yes is not None and not s.found]
    return done


def _read(readings: Evaluated, tries: Sequence[tuple[Search, int]]) -> None:
    for at, (search, amount) in enumerate(tries):
        search.margins[amount] = _margin(readings, search.test, at)
        met = readings.state(search.test.name, at) in MET
        if met and (search.yes is None or amount < search.yes):
            search.yes = amount
        elif not met and amount > search.no and (search.yes is None or amount < search.yes):
            search.no = amount


def _margin(readings: Evaluated, test: Test, at: int) -> Fraction | None:
    """How far the value is on the right side of the limit, at worst; None: unbounded."""
    low, high, low_den, high_den = readings.ends(test.model.value, at)
    least, most, least_den, most_den = readings.ends(f"{test.name}#limit", at)
    if test.operators[0] in ("<", "<=", "="):
        if high is None or least is None:
            return None
        return Fraction(least, least_den) - Fraction(high, high_den)
    if low is None or most is None:
        return None
    return Fraction(low, low_den) - Fraction(most, most_den)


def _guess(view: View, test: Test) -> int | None:
    """The distance to the limit, in units of the value's numerator: right for plain sums."""
    short = _margin(_as_evaluated(view), test, view.row)
    if short is None:
        return None
    _, _, low_den, high_den = view.readings.ends(test.model.value, view.row)
    return math.ceil(abs(short) * max(low_den, high_den))


def _as_evaluated(view: View) -> Evaluated:
    readings = view.readings
    assert isinstance(readings, Evaluated)  # noqa: S101 - changes are looked for while judging
    return readings


def _around(amount: int | None) -> list[int]:
    return [] if amount is None else [amount + d for d in (-1, 0, 1, 2)]


def _searches(view: View, test: Test, one: Input) -> Iterator[Search]:
    if one.kind is ChangeKind.AMOUNT and one.present is not None:
        if one.present > 0:
            yield Search(view, test, one, -1, one.present)
        yield Search(view, test, one, 1, CAPS[one.unit] - max(one.present, 0))


def _singles(one: Input) -> Iterator[int]:
    """Numbers to try of an input that is not money."""
    if one.kind is ChangeKind.THING:
        yield from range(1, len(one.rows) + 1)
    elif one.kind is not ChangeKind.AMOUNT:
        yield 1


def _single(view: View, one: Input, n: int) -> Variant:
    if one.kind is ChangeKind.COUNTED and one.member is not None:
        return Variant(view.row, counts={one.member.p: one.truth})
    gone = frozenset(at for rows in one.rows[:n] for at in rows)
    if one.kind is ChangeKind.CIRCUMSTANCE and one.truth and one.member is not None:
        return Variant(view.row, add=tuple((one.member.p, m, 1) for m in one.measures))
    return Variant(view.row, without=gone)


def _result(
    view: View, test: Test, one: Input, searches: Sequence[Search], done: Mapping[Key, bool]
) -> int | None:
    """The smallest signed change that does, if any."""
    if one.kind is ChangeKind.AMOUNT:
        mine = [
            s.sign * s.yes
            for s in searches
            if s.view is view and s.test is test and s.input is one and s.yes is not None
        ]
        return min(mine, key=lambda d: (abs(d), d), default=None)
    for n in _singles(one):
        if done[(view.row, test.name, one, n)]:
            return n if one.truth and one.kind is not ChangeKind.THING else -n
    return None


def _of_value(view: View, test: Test) -> tuple[Input, int] | None:
    """How far the compared value itself is from doing, in its own unit."""
    low, high, low_den, high_den = view.readings.ends(test.model.value, view.row)
    least, most, least_den, most_den = view.readings.ends(f"{test.name}#limit", view.row)
    operator = view.operator(test)
    if low is None or high is None or least is None or most is None:
        return None
    room = Fraction(least, least_den) - Fraction(high, high_den)
    lack = Fraction(most, most_den) - Fraction(low, low_den)
    by = {
        "<": math.ceil(room) - 1,
        "<=": math.floor(room),
        ">": math.floor(lack) + 1,
        ">=": math.ceil(lack),
    }.get(operator)
    if by is None:
        return None
    now = low // low_den if low == high and low % low_den == 0 else None
    return Input(ChangeKind.VALUE, None, test.model.value, test.unit, now), by
