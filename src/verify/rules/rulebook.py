"""One rulebook file, read, checked and compiled; and the regime in force on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from verify.content import Document, Loc
from verify.domain.errors import ContentError, LawNotInForce, Problem
from verify.domain.period import Period, add_months, months_before
from verify.domain.verdict import Citation, Text
from verify.domain.vocabulary import Nature
from verify.rules import dated
from verify.rules.compiler import Compiler
from verify.rules.dated import Entry, Limit, known_ranges, range_text
from verify.rules.expressions import Fault
from verify.rules.faults import located
from verify.rules.grammar import (
    ATTRIBUTES,
    THING_ATTRIBUTES,
    FactM,
    OperatorM,
    RulebookM,
    SpreadM,
    WindowM,
)
from verify.rules.plan import Measure, Plan, measure
from verify.rules.vocabulary import Vocabulary


@dataclass(frozen=True)
class Regime:
    """What is in force on one day, as far as it was published by another."""

    as_of: dt.date
    known_at: dt.date
    entries: Mapping[str, Entry]
    operators: Mapping[str, OperatorM | None]  # by test; None where the operator has no history
    clauses: Mapping[str, bool]
    windows: Mapping[str, Period]


class Rulebook:
    """The rules of one programme in one region, over all the time they are known for."""

    def __init__(self, path: str, document: Document, plan: Plan) -> None:
        model = plan.model
        self.id = path.removesuffix(".yaml")
        self.region = model.region
        self.programme = model.programme
        self.title: Text = model.title.text
        self.mandatory_sources: tuple[str, ...] = tuple(model.mandatory_sources)
        self.auxiliary_sources: tuple[str, ...] = tuple(model.auxiliary_sources)
        self.income_window_months = model.windows[model.income_window].months
        self.plan = plan
        self._document = document
        self._citations = {k: c.citation for k, c in model.citations.items()}
        self.currency = model.currency
        self.regime = lru_cache(maxsize=4096)(self._regime)
        self.citations = lru_cache(maxsize=4096)(self._cited)

    def _cited(self, keys: tuple[str, ...]) -> tuple[Citation, ...]:
        """The citations of the given keys, each once, in the order first named."""
        return tuple(self._citations[k] for k in dict.fromkeys(keys))

    @property
    def ranges(self) -> list[dated.Range]:
        """Periods for which this rulebook is known."""
        return known_ranges(self.plan.limits[self.plan.model.in_force_with])

    def dates(self) -> list[dt.date]:
        """Every day on which something in this rulebook changes while it is in force."""
        model = self.plan.model
        starts = {
            e.model.effective_from for limit in self.plan.limits.values() for e in limit.entries
        }
        starts |= {c.effective_from for c in model.composition if c.effective_from}
        for test in model.tests:
            if not isinstance(test.operator, str):
                starts |= {o.effective_from for o in test.operator}
        return sorted(d for d in starts if self.covers(d))

    def covers(self, day: dt.date) -> bool:
        """Whether the rulebook is known for `day`."""
        return any(a <= day and (b is None or day <= b) for a, b in self.ranges)

    def _regime(self, as_of: dt.date, known_at: dt.date, accepted: dt.date | None = None) -> Regime:
        """What is in force on `as_of` by what was published at `known_at`.

        `accepted` is the day on which the application was accepted (default: `as_of`).

        Raises:
            LawNotInForce: the rulebook has nothing for that day; names the known ranges.
        """
        if not self.covers(as_of):
            raise self._not_in_force(f"nothing is known for {as_of}")
        entries: dict[str, Entry] = {}
        accepted = accepted or as_of
        for name, limit in {**self.plan.limits, **self.plan.figures}.items():
            entry = limit.on(as_of, known_at, accepted)
            if entry is None:
                raise self._not_in_force(
                    f"the value of {name} for {as_of} had not been published by {known_at}"
                )
            entries[name] = entry
        model = self.plan.model
        operators: dict[str, OperatorM | None] = {}
        for test in model.tests:
            history = [] if isinstance(test.operator, str) else test.operator
            operators[test.test] = next((o for o in history if o.covers(as_of)), None)
        return Regime(
            as_of=as_of,
            known_at=known_at,
            entries=entries,
            operators=operators,
            clauses={
                c.code: (c.effective_from is None or c.effective_from <= as_of)
                and (c.effective_to is None or as_of <= c.effective_to)
                for c in model.composition
            },
            windows={k: _period(as_of, w) for k, w in model.windows.items()},
        )

    def _not_in_force(self, reason: str) -> LawNotInForce:
        ranges = range_text(self.ranges)
        return LawNotInForce(
            f"{self.id}: {reason}; the rulebook is known for {ranges}",
            where=self._document.path,
            remedy="give a day in one of these periods, or have the missing notice added to the "
            "rulebook; a neighbouring value is never used",
            problems=(
                Problem(
                    "/as_of",
                    "law-not-in-force",
                    f"{reason}; known: {ranges}.",
                    "Give a day in one of these periods.",
                ),
            ),
        )


def _period(as_of: dt.date, window: WindowM) -> Period:
    if window.in_years:
        return months_before(as_of.replace(month=1), window.months)
    anchor = as_of if window.through is None else add_months(as_of, 1)
    return months_before(anchor, window.months)


def read_rulebook(path: str, document: Document, vocabulary: Vocabulary) -> Rulebook:
    """Read, check and compile one rulebook file, in the words of a vocabulary.

    Raises:
        ContentError: any fault, with `file:line`.
    """
    plan = compile_rulebook(document, vocabulary)
    if plan is None:
        raise ContentError("the rulebook has faults", where=document.path)
    return Rulebook(path, document, plan)


def compile_rulebook(document: Document, vocabulary: Vocabulary) -> Plan | None:
    """Check and compile a rulebook.

    None: it has faults, and the document notes them instead of raising the first.

    Raises:
        ContentError: it does not fit the grammar, or (where faults are not noted) any fault.
    """
    model = document.model(RulebookM)
    _check_names(document, model)
    _check_citations(document, model)
    measures, lost = _measures(document, model, vocabulary.natures)
    limits, unread = _limits(document, model)
    needed = [] if model.in_force_with in unread else known_ranges(limits[model.in_force_with])
    for i, test in enumerate(model.tests):
        if not isinstance(test.operator, str):
            with located(document, ("tests", i, "operator")):
                dated.check_periods(test.operator, "the operator")
                if not test.operator:
                    raise Fault("no operator is given")
                _check_operators(test.operator, needed)
        if (test.effect == "refer" or test.refer_when) and test.settles is None:
            document.report(
                ContentError(
                    f"test {test.test} may refer but does not say which proof settles it",
                    where=document.where(("tests", i)),
                    remedy="add `settles` in both languages",
                )
            )
    return Compiler(document, model, measures, limits, lost | unread).compile()


def _check_operators(history: list[OperatorM], needed: list[dated.Range]) -> None:
    first = min(o.effective_from for o in history)
    last = history[-1].effective_to
    holes = any(
        b.effective_from != a.effective_to + dated.ONE_DAY
        for a, b in pairwise(history)
        if a.effective_to is not None
    )
    if not needed:
        return
    end = needed[-1][1]
    if holes or first > needed[0][0] or (last is not None and (end is None or last < end)):
        raise Fault("the operator's history has a gap while the rulebook is in force")


def _check_names(document: Document, model: RulebookM) -> None:
    seen = dict.fromkeys((*ATTRIBUTES, *THING_ATTRIBUTES), "attributes")
    groups: dict[str, Iterable[str]] = {
        "windows": [f"{w}_months" for w in model.windows],
        "facts": model.facts,
        "limits": model.limits,
        "things": model.things,
        "supporters": model.supporters,
        "persons": model.persons,
        "household": model.household,
    }
    for group, names in groups.items():
        for name in names:
            if name in seen:
                document.report(
                    ContentError(
                        f"the name {name} is used in {seen[name]} and in {group}",
                        where=document.where((group, name)),
                        remedy="give one of them another name",
                    )
                )
            seen[name] = group
    if model.income_window not in model.windows:
        document.report(
            ContentError(
                f"the window {model.income_window} is not listed",
                where=document.where(("income_window",)),
                remedy=f"name one of: {', '.join(model.windows)}",
            )
        )
    for i, source in enumerate(model.auxiliary_sources):
        if source in (*model.mandatory_sources, *model.auxiliary_sources[:i]):
            document.report(
                ContentError(
                    f"the source {source} is named twice",
                    where=document.where(("auxiliary_sources", i)),
                    remedy="a source either must be heard, or is a signal that decides nothing",
                )
            )
    codes = [c.code for c in model.composition]
    for i, code in enumerate(codes):
        if code in codes[:i]:
            document.report(
                ContentError(
                    f"two clauses have the code {code}",
                    where=document.where(("composition", i)),
                    remedy="give one of them another code",
                )
            )


def _check_citations(document: Document, model: RulebookM) -> None:
    places: list[tuple[Loc, Iterable[str]]] = []
    places += [(("windows", k, "cite"), w.cite) for k, w in model.windows.items()]
    places += [(("composition", i, "cite"), c.cite) for i, c in enumerate(model.composition)]
    places += [
        (("limits", k, "entries", i, "cite"), e.cite)
        for k, limit in model.limits.items()
        for i, e in enumerate(limit.entries)
    ]
    for name, limit in model.limits.items():
        for i, entry in enumerate(limit.entries):
            at: Loc = ("limits", name, "entries", i)
            for part in ("retroactive", "transitional"):
                if (clause := getattr(entry, part)) is not None:
                    places.append(((*at, part, "cite"), clause.cite))
    for name, fact in model.facts.items():
        if isinstance(fact.annual, SpreadM):
            places.append((("facts", name, "annual", "cite"), fact.annual.cite))
    places += [(("excluded", i, "cite"), x.cite) for i, x in enumerate(model.excluded)]
    for group in ("things", "supporters", "persons", "household"):
        places += [((group, k, "cite"), q.cite) for k, q in getattr(model, group).items()]
    places += [(("tests", i, "cite"), t.cite) for i, t in enumerate(model.tests)]
    places += [(("charges", i, "cite"), c.cite) for i, c in enumerate(model.charges)]
    if model.benefit is not None:
        places.append((("benefit", "cite"), model.benefit.cite))
        if model.benefit.exit is not None:
            places.append((("benefit", "exit", "cite"), model.benefit.exit.cite))
    for loc, keys in places:
        for key in keys:
            if key not in model.citations:
                document.report(
                    ContentError(
                        f"the citation {key} is not listed",
                        where=document.where(loc),
                        remedy="add it under `citations` with document, article and confidence",
                    )
                )


def _measures(
    document: Document, model: RulebookM, natures: Mapping[str, Nature]
) -> tuple[tuple[Measure, ...], set[str]]:
    """The measures of facts, and the names of those that are at fault."""
    measures: list[Measure] = []
    for name, fact in model.facts.items():
        with located(document, ("facts", name)):
            made = measure(name, len(measures), fact, natures)
            if fact.window is not None and fact.window not in model.windows:
                raise Fault(f"the window {fact.window} is not listed")
            _check_years(fact, model)
            others = fact.absent.arises_with if fact.absent else []
            for other in others:
                if other not in model.facts:
                    raise Fault(f"`{other}` in arises_with is not a fact measure")
            measures.append(made)
    return tuple(measures), set(model.facts) - {m.name for m in measures}


def _check_years(fact: FactM, model: RulebookM) -> None:
    """Amounts per year belong to windows of whole calendar years, or to words of the rule."""
    if fact.annual == "per_year" and not model.windows[str(fact.window)].in_years:
        raise Fault(
            "an amount known per year is used where the rule needs months",
            "use a window of whole calendar years (`before: year_of_application`), or "
            "`annual: upper_bound_only`; a yearly amount is never spread over months",
        )
    if isinstance(fact.annual, SpreadM) and not model.windows[str(fact.window)].in_years:
        raise Fault(
            "a yearly amount stands for its months only in a window of whole calendar years",
            "use `before: year_of_application`",
        )


def _limits(document: Document, model: RulebookM) -> tuple[dict[str, Limit], set[str]]:
    """The limits, and the names of those that are at fault."""
    limits: dict[str, Limit] = {}
    for name, limit in model.limits.items():
        at: Loc = ("limits", name)
        with located(document, (*at, "unit")):
            unit, den = dated.basis(limit, model.currency)
            entries = []
            for i, entry in enumerate(limit.entries):
                with located(document, (*at, "entries", i)):
                    entries.append(dated.read_entry(unit, entry, den, bool(limit.by)))
            if len(entries) == len(limit.entries):
                with located(document, at):
                    limits[name] = dated.limit_from(name, limit, unit, den, entries)
    lost = set(model.limits) - set(limits)
    if model.in_force_with not in model.limits:
        document.report(
            ContentError(
                f"in_force_with names {model.in_force_with}, which is not a limit",
                where=document.where(("in_force_with",)),
                remedy=f"name one of: {', '.join(model.limits)}",
            )
        )
    if model.in_force_with not in limits:
        return limits, lost | {model.in_force_with}
    needed = known_ranges(limits[model.in_force_with])
    for name, limit_read in limits.items():
        with located(document, ("limits", name)):
            dated.check_covers(limit_read, needed)
    return limits, lost
