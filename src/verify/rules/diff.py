"""What changed in law between two sets of rules, not in text.

Both sides are compared in compiled form (`verify.rules.lawform`); a limit and an operator are
compared day by day, so splitting an entry in two or closing one where the next begins with the
same value is no change. Whatever is left of the difference is listed apart as text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from verify.content import ContentSet
from verify.rules import expressions as ex
from verify.rules.diff_tables import diff_regions, diff_words, region_words, word_titles
from verify.rules.law import WORDING, Law
from verify.rules.lawform import Formulas, leaves
from verify.rules.rulebook import Rulebook
from verify.rules.stepwise import NOTHING, Change, both, compare, limit_steps, operator_steps

Plain = dict[str, Any]
_STEPS = ("limits", "composition", "tests", "title")
_NAMED = ("persons", "household", "supporters", "things")  # law as far as tests rest on them


@dataclass(frozen=True)
class LawDiff:
    """Changes of law, and places where only words changed."""

    before: str
    after: str
    changes: tuple[Change, ...]
    text_only: tuple[tuple[str, str], ...]  # rulebook or file, and the place in it

    @property
    def same_law(self) -> bool:
        """Whether no household could be judged differently."""
        return not self.changes

    def days(self) -> list[dt.date]:
        """Days from which something differs."""
        return sorted({c.start for c in self.changes if c.start is not None})

    def plain(self) -> Plain:
        """As JSON data."""
        return {
            "before": self.before,
            "after": self.after,
            "same_law": self.same_law,
            "changes": [c.plain() for c in self.changes],
            "text_only": [{"in": where, "what": what} for where, what in self.text_only],
        }


def diff_laws(before: Law, after: Law) -> LawDiff:
    """Compare two compiled laws."""
    changes: list[Change] = []
    texts: list[tuple[str, str]] = []
    for name in sorted({*before.books, *after.books}):
        old, new = before.books.get(name), after.books.get(name)
        if old is None or new is None:
            changes.append(_whole(name, old, new))
            continue
        found, words = _diff_books(old, new)
        changes += found
        texts += words
    changes += [*diff_regions(before, after), *diff_words(before, after)]
    texts += [*region_words(before, after), *word_titles(before, after)]
    return LawDiff(before.digest, after.digest, tuple(changes), tuple(texts))


def diff_content(before: ContentSet, after: ContentSet) -> LawDiff:
    """Compare two sets of files; also names files in which only layout, words or cases differ.

    Raises:
        ContentError: one of them is not sound.
    """
    found = diff_laws(Law.from_content(before), Law.from_content(after))
    named = {c.rulebook for c in found.changes} | {where for where, _ in found.text_only}
    texts = list(found.text_only)
    for path in sorted({*before.files, *after.files}):
        book = path.removesuffix(".yaml")
        if before.files.get(path) == after.files.get(path) or {path, book} & named:
            continue
        if "/cases/" in path:
            texts.append((path, "golden cases"))
        elif path == WORDING:
            texts.append((path, "wording of questions"))
        else:
            texts.append((path, "layout, order, names or comments"))
    return LawDiff(found.before, found.after, found.changes, tuple(texts))


def _whole(name: str, old: Rulebook | None, new: Rulebook | None) -> Change:
    book = new or old
    first = book.ranges[0][0] if book is not None and book.ranges else None
    return Change(
        name,
        "place",
        "rulebook",
        _known(old) if old else NOTHING,
        _known(new) if new else NOTHING,
        first,
    )


def _known(book: Rulebook) -> str:
    return ", ".join(f"{a} to {b}" if b else f"from {a}" for a, b in book.ranges)


# -- one rulebook ------------------------------------------------------------------------------


def _diff_books(old: Rulebook, new: Rulebook) -> tuple[list[Change], list[tuple[str, str]]]:
    renamed = _renamings(old, new)
    mine, theirs = Formulas(old, {}), Formulas(new, renamed)
    changes = [
        *_limits(old, new, renamed),
        *_composition(old, new, mine, theirs),
        *_tests(old, new, mine, theirs),
        *_benefit(old, new, mine, theirs),
    ]
    a, b = (dict(_leaves(book, f, r)) for book, f, r in ((old, mine, {}), (new, theirs, renamed)))
    texts = []
    for path in sorted({*a, *b}):
        kind = (a.get(path) or b[path])[0]
        x, y = a.get(path), b.get(path)
        if (x and x[1]) == (y and y[1]):
            continue
        what = ".".join(path[:2] if path[0] == "citations" else path)
        if kind == "text":
            texts.append((new.id, what))
        elif path[0] not in (*_STEPS, *_NAMED) and path != ("benefit", "monthly"):
            field = {"facts": "fact", "windows": "period"}.get(path[0], "other")
            before, after = (str(v[2]) if v else NOTHING for v in (x, y))
            changes.append(Change(new.id, field, what, before, after, _first(new)))
    texts += [(new.id, f"{old_name} is now called {name}") for name, old_name in renamed.items()]
    return changes, list(dict.fromkeys(texts))


def _leaves(
    book: Rulebook, formulas: Formulas, renamed: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], tuple[str, str, Any]]]:
    """The leaves of the file by path, under the names of the older one."""
    for path, kind, form, written in leaves(book.plan.model, formulas):
        named = path if len(path) < 2 else (path[0], renamed.get(path[1], path[1]), *path[2:])
        same = renamed.get(form, form) if named == ("in_force_with",) else form
        yield named, (kind, same, written)


def _first(book: Rulebook) -> dt.date | None:
    return book.ranges[0][0] if book.ranges else None


def _renamings(old: Rulebook, new: Rulebook) -> dict[str, str]:
    """Limits and facts of the newer file that are those of the older under another name."""
    found: dict[str, str] = {}
    a, b = old.plan, new.plan
    for name, limit in b.limits.items():
        if name in a.limits:
            continue
        form = (limit.unit, limit_steps(limit))
        twins = [
            n
            for n, other in a.limits.items()
            if n not in b.limits and (other.unit, limit_steps(other)) == form
        ]
        if len(twins) == 1:
            found[name] = twins[0]
    empty = (Formulas(old, {}), Formulas(new, {}))
    facts = [
        {n: _law_of(f, formulas) for n, f in plan.model.facts.items()}
        for plan, formulas in ((a, empty[0]), (b, empty[1]))
    ]
    for name, fact in facts[1].items():
        if name in facts[0]:
            continue
        twins = [n for n, other in facts[0].items() if n not in facts[1] and other == fact]
        if len(twins) == 1:
            found[name] = twins[0]
    return found


def _law_of(model: Any, formulas: Formulas) -> list[tuple[Any, str]]:
    return [(path, form) for path, kind, form, _ in leaves(model, formulas) if kind == "law"]


def _limits(old: Rulebook, new: Rulebook, renamed: Mapping[str, str]) -> Iterator[Change]:
    a = old.plan.limits
    b = {renamed.get(name, name): limit for name, limit in new.plan.limits.items()}
    for name in sorted({*a, *b}):
        x, y = a.get(name), b.get(name)
        if x is not None and y is not None and x.unit is not y.unit:
            yield Change(
                new.id, "value", f"limits.{name}.unit", x.unit.value, y.unit.value, _first(new)
            )
        yield from compare(
            new.id,
            "value",
            f"limits.{name}",
            limit_steps(x) if x else (),
            limit_steps(y) if y else (),
        )


# -- composition, tests, benefit ---------------------------------------------------------------


def _composition(
    old: Rulebook, new: Rulebook, mine: Formulas, theirs: Formulas
) -> Iterator[Change]:
    """Clauses in runs: within a run of clauses that all count (or all do not), order is nothing."""
    a, b = _runs(old, mine), _runs(new, theirs)
    forms_a, forms_b = ([sorted(f for _, f in run) for run in runs] for runs in (a, b))
    if forms_a == forms_b:
        return
    by_form = [{form: code for run in runs for code, form in run} for runs in (a, b)]
    codes = [{c: f for f, c in forms.items()} for forms in by_form]
    shown = [{c.code: _clause(c) for c in book.plan.model.composition} for book in (old, new)]
    found = False
    for code in sorted({*codes[0], *codes[1]}):
        x, y = codes[0].get(code), codes[1].get(code)
        if x != y and not (x is None and y in by_form[0]) and not (y is None and x in by_form[1]):
            found = True
            yield Change(
                new.id,
                "composition",
                f"composition.{code}",
                shown[0].get(code, NOTHING),
                shown[1].get(code, NOTHING),
                _clause_day(new, code) or _clause_day(old, code) or _first(new),
            )
    if not found:
        before, after = (
            " > ".join(c.code for c in book.plan.model.composition) for book in (old, new)
        )
        yield Change(new.id, "composition", "composition: order", before, after, _first(new))


def _runs(book: Rulebook, formulas: Formulas) -> list[list[tuple[str, str]]]:
    runs: list[list[tuple[str, str]]] = []
    counts: Any = None
    for clause in book.plan.model.composition:
        form = str(
            [
                (p, f)
                for p, kind, f, _ in leaves(clause, formulas)
                if kind == "law" and p != ("code",)
            ]
        )
        if clause.counts != counts:
            runs.append([])
            counts = clause.counts
        runs[-1].append((clause.code, form))
    return runs


def _clause(clause: Any) -> str:
    words = {True: "counts", False: "does not count"}
    counts = words.get(clause.counts, "counts if that favours the household")
    since = f" from {clause.effective_from}" if clause.effective_from else ""
    until = f" to {clause.effective_to}" if clause.effective_to else ""
    return f"{counts} when {' '.join(clause.when.split())}{since}{until}"


def _clause_day(book: Rulebook, code: str) -> dt.date | None:
    return next((c.effective_from for c in book.plan.model.composition if c.code == code), None)


def _tests(old: Rulebook, new: Rulebook, mine: Formulas, theirs: Formulas) -> Iterator[Change]:
    a, b = ({t.test: t for t in book.plan.model.tests} for book in (old, new))
    days = both(old.ranges, new.ranges)
    for name in sorted({*a, *b}):
        x, y = a.get(name), b.get(name)
        if x is None or y is None:
            before, after = (
                f"{t.value} {_operators(t)} {t.limit}" if t else NOTHING for t in (x, y)
            )
            yield Change(new.id, "test", f"tests.{name}", before, after, _first(new))
            continue
        forms = [_test_forms(t, f) for t, f in ((x, mine), (y, theirs))]
        for field in sorted({*forms[0], *forms[1]}):
            if forms[0].get(field) == forms[1].get(field):
                continue
            kind = "formula" if field in ("value", "limit") else "test"
            before, after = (_written(book, t, field) for book, t in ((old, x), (new, y)))
            yield Change(new.id, kind, f"tests.{name}.{field}", before, after, _first(new))
        yield from compare(
            new.id,
            "operator",
            f"tests.{name}.operator",
            operator_steps(x.operator, days),
            operator_steps(y.operator, days),
        )


def _operators(test: Any) -> str:
    if isinstance(test.operator, str):
        return test.operator
    return "/".join(dict.fromkeys(o.operator for o in test.operator))


def _test_forms(test: Any, formulas: Formulas) -> dict[str, str]:
    """The law of a test field by field; its value is a name, taken apart."""
    forms = {
        ".".join(path): form
        for path, kind, form, _ in leaves(test, formulas)
        if kind == "law" and path[0] not in ("test", "operator", "value")
    }
    return {**forms, "value": formulas.of_name(test.value)}


def _written(book: Rulebook, test: Any, field: str) -> str:
    """A field of a test as written; a name with the formulas it stands for."""
    value = getattr(test, field.partition(".")[0], None)
    return NOTHING if value is None else _explained(book, str(value))


def _explained(book: Rulebook, text: str) -> str:
    model = book.plan.model
    shown = " ".join(text.split())
    seen: list[str] = []
    pending = list(ex.names(ex.parse(text)))
    while pending:
        name = pending.pop(0)
        groups = (getattr(model, group) for group in _NAMED)
        quantity = next((g[name] for g in groups if name in g), None)
        if quantity is None or name in seen:
            continue
        seen.append(name)
        formula = getattr(quantity, "formula", None)
        if formula:
            shown += f"; {name} = {' '.join(formula.split())}"
            pending += list(ex.names(ex.parse(formula)))
    return shown


def _benefit(old: Rulebook, new: Rulebook, mine: Formulas, theirs: Formulas) -> Iterator[Change]:
    x, y = old.plan.model.benefit, new.plan.model.benefit
    forms = [f.of_name(m.monthly) if m else None for m, f in ((x, mine), (y, theirs))]
    if forms[0] != forms[1]:
        before, after = (
            _explained(book, m.monthly) if m else NOTHING for book, m in ((old, x), (new, y))
        )
        yield Change(new.id, "formula", "benefit", before, after, _first(new))
    yield from _charges(old, new, mine, theirs)


def _charges(old: Rulebook, new: Rulebook, mine: Formulas, theirs: Formulas) -> Iterator[Change]:
    before = {c.charge: mine.of_name(c.charge) for c in old.plan.model.charges}
    after = {c.charge: theirs.of_name(c.charge) for c in new.plan.model.charges}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            shown = [
                _explained(book, name) if name in found else NOTHING
                for book, found in ((old, before), (new, after))
            ]
            yield Change(new.id, "formula", f"charges.{name}", shown[0], shown[1], _first(new))
