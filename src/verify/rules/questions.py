"""Questions that decide a case, and advisories that do not, in words a caseworker can act on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from verify.domain.verdict import DecisiveQuestion, DoubtKind, Finding, Text
from verify.rules.completions import Item, Settled
from verify.rules.grammar import UnknownM, UnstatedM
from verify.rules.units import Unit
from verify.rules.view import View
from verify.rules.wording import fill

LAW, REFER = "law:", "refer:"
NOBODY = Text("", "")


def questions(
    view: View, settled: Settled | None, findings: tuple[Finding, ...], open_outcome: bool
) -> tuple[tuple[DecisiveQuestion, ...], tuple[DecisiveQuestion, ...]]:
    """Decisive questions, most turning first; then everything else worth a look."""
    decisive: list[DecisiveQuestion] = []
    if settled is not None and open_outcome:
        for item in settled.items:
            if settled.complete and item.doubt not in settled.turns:
                continue
            turns = settled.turns.get(item.doubt, 0)
            decisive.append(_question(view, item, turns, settled.of))
    asked = {q.doubt for q in decisive}
    mentioned = {d for f in findings for d in f.doubts}
    rest = [
        d
        for d in sorted({*view.doubts, *mentioned} - asked)
        if d in mentioned or not d.startswith(LAW)
    ]
    touched = {d: tuple(f.test for f in findings if d in f.doubts) for d in rest}
    advisories = [_question(view, Item(d, True, "", touched[d]), 0, 0) for d in rest]
    decisive.sort(key=lambda q: (-q.turns, q.doubt))
    return tuple(decisive), tuple(advisories)


def _question(view: View, item: Item, turns: int, of: int) -> DecisiveQuestion:
    doubt = view.doubts.get(item.doubt)
    if doubt is None:
        question, remedy = _about_law_or_referral(view, item.doubt)
        kind = DoubtKind.LAW if item.doubt.startswith(LAW) else DoubtKind.ATTESTATION
        return DecisiveQuestion(
            item.doubt, kind, "", "", "", question, remedy, item.tests, turns, of
        )
    kind = DoubtKind(doubt["kind"])
    person = view.person_titles.get(doubt["person"], view.wording.person(None))
    if doubt["asks"]:
        unknown = next(u for u in _own_questions(view) if u.doubt == doubt["asks"])
        question, remedy = (
            fill(unknown.question, person=person),
            fill(unknown.remedy, person=person),
        )
    else:
        source = view.wording.source(doubt["source"])
        named = _things(view, item.doubt, doubt["quantities"])
        things = view.wording.things(named, view.plan.model.currency)
        question, remedy = view.wording.ask(kind, doubt["code"], person, source, things)
    return DecisiveQuestion(
        doubt=item.doubt,
        kind=kind,
        person=doubt["person"],
        source=doubt["source"],
        record=doubt["record"],
        question=question,
        remedy=remedy,
        tests=item.tests,
        turns=turns,
        of=of,
    )


def _own_questions(view: View) -> Iterator[UnknownM | UnstatedM]:
    """Questions that the rulebook itself words."""
    for measure in view.plan.measures:
        if measure.model.absent is not None:
            yield measure.model.absent.unknown
        if measure.model.unstated is not None:
            yield measure.model.unstated


def _about_law_or_referral(view: View, doubt: str) -> tuple[Text, Text]:
    if doubt.startswith(LAW):
        unknown = view.plan.unknowns[doubt.removeprefix(LAW)]
        return unknown.question.text, unknown.remedy.text
    name = doubt.removeprefix(REFER)
    test = next(t for t in view.plan.tests if t.name == name)
    settles = test.model.settles.text if test.model.settles else NOBODY
    words = view.wording.refer
    title = test.model.title.text
    return (
        fill(words.question, test=title, settles=settles),
        fill(words.remedy, test=title, settles=settles),
    )


def _things(view: View, doubt: str, named: Iterable[str]) -> list[tuple[str, int | None]]:
    """The quantities a doubt is about, with their amount in fen where it is known."""
    totals: dict[str, int | None] = dict.fromkeys(sorted(named))
    seen: set[tuple[object, ...]] = set()
    for c in view.contributions:
        if c["doubt"] != doubt or c["quantity"] not in totals or c["hi"] is None:
            continue
        if view.plan.measures[c["m"]].unit is not Unit.FEN:
            continue
        key = (c["quantity"], c["m"])
        if any(k[0] == c["quantity"] and k != key for k in seen):
            continue  # the same money seen through a second measure
        seen.add(key)
        totals[c["quantity"]] = (totals[c["quantity"]] or 0) + int(c["hi"])
    return list(totals.items())
