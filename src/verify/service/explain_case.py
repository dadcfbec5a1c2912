"""A golden case, or a household as given, in plain Chinese and English with its law."""

from __future__ import annotations

from typing import Any

from verify.content import ContentSet
from verify.domain.canonical import plain, plain_fields
from verify.domain.errors import InputError, NotFound
from verify.domain.verdict import Assessment
from verify.rules import Case, GivenHousehold, Law, assess, facts_from_given, load_cases
from verify.service import wording
from verify.service.report import assessment_view

Plain = dict[str, Any]


def find_case(content: ContentSet, name: str) -> Case:
    """A golden case by its title (or a part of it that no other has), or by `file:line`.

    Raises:
        NotFound: no case.
        InputError: several.
    """
    cases = load_cases(content)
    path, _, line = name.rpartition(":")
    if line.isdigit() and path.endswith(".yaml"):
        return _at(cases, path, int(line))
    exact = [c for c in cases if c.title == name]
    found = exact or [c for c in cases if name.casefold() in c.title.casefold()]
    if not found:
        raise NotFound(
            "no golden case has this title",
            where=name,
            remedy="give a title, a part of one, or FILE:LINE; `verify rules test` lists them all",
        )
    if len(found) > 1:
        raise InputError(
            f"{len(found)} cases have it in their title, among them: "
            + "; ".join(c.title for c in found[:5]),
            where=name,
            remedy="give more of the title, or FILE:LINE",
        )
    return found[0]


def _at(cases: list[Case], path: str, line: int) -> Case:
    """The case that a line of a file belongs to: the last one that starts on or before it."""
    wanted = path.removeprefix("./").removeprefix("rules/")
    best: Case | None = None
    for case in cases:
        file, _, start = case.where.rpartition(":")
        if file.endswith(f"/{wanted}") and int(start) <= line:
            best = case
    if best is None:
        raise NotFound(
            "no golden case is there",
            where=f"{path}:{line}",
            remedy="name the file as it lies under rules/, and a line of the case",
        )
    return best


def explain_given(law: Law, given: GivenHousehold) -> Plain:
    """What the rules make of a household: everything a reader needs to follow it.

    `report` has the members that `verify.cli.sentences` words; `composition` says who counts and
    by which clause; `trace` is the whole reasoning.
    """
    parts = facts_from_given([("0", given)], law)
    found = assess(law, parts.households, parts.persons, parts.facts, parts.doubts)[0]
    book = law.rulebook(given.region, given.programme, given.as_of, given.known_at or given.as_of)
    view = plain_fields(found, without=frozenset({"household", "trace"}))
    region = law.region_title(book.region)
    return {
        "report": {
            "programme": {"code": book.programme, "zh": book.title.zh, "en": book.title.en},
            "region": {"code": book.region, "zh": region.zh, "en": region.en},
            "rulebook": found.rulebook,
            "as_of": given.as_of.isoformat(),
            "outcome": wording.word(wording.OUTCOME, found.outcome.value),
            **assessment_view(view, {}),
        },
        "composition": _composition(law, found, given),
        "trace": plain(found.trace),
    }


def _composition(law: Law, found: Assessment, given: GivenHousehold) -> list[Plain]:
    book = law.books[found.rulebook]
    clauses = {c.code: c for c in book.plan.model.composition}
    relations = {m.person: m.relation.value for m in given.members}
    rows = []
    for person, counted, code in found.composition:
        clause = clauses.get(code)
        note = clause.note if clause is not None else None
        rows.append(
            {
                "person": person,
                "relation": wording.word(wording.RELATION, relations.get(person, "other")),
                "counted": wording.word(wording.COUNTED, counted),
                "clause": code,
                "note": None if note is None else {"zh": note.zh, "en": note.en},
                "citations": [
                    plain(c) for c in (book.citations(tuple(clause.cite)) if clause else ())
                ],
            }
        )
    return rows
