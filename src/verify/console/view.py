"""Arrange a report for the eye: what stands where, nothing that is not in the report."""

from __future__ import annotations

from collections import Counter
from typing import Any

Plain = dict[str, Any]

_GOOD = frozenset({"ok", "confirmed_empty"})


def report_view(report: Plain) -> Plain:
    """Lists and lookups that the report template needs."""
    titles = {c["source"]["code"]: c["source"] for c in report["coverage"]}
    asked = {q["doubt"]: q for q in [*report["questions"], *report["advisories"]]}
    tests = [_test(t, titles, asked) for t in report["tests"]]
    return {
        "sources": titles,
        "auxiliary": {c["source"]["code"] for c in report["coverage"] if c["auxiliary"]},
        "matrix": _matrix(report, titles),
        "tests": [t for t in tests if t["state"]["code"] != "not_applicable"],
        "idle": [t for t in tests if t["state"]["code"] == "not_applicable"],
        "tally": _tally(report),
        "settled": [m for m in report["matches"] if m["judgement"]["code"] == "positive"],
        "open": [m for m in report["matches"] if m["judgement"]["code"] != "positive"],
        "counted": sum(m["counted"] == "counted" for m in report["members"]),
        "missing": _missing(report, titles),
    }


def _matrix(report: Plain, titles: dict[str, Plain]) -> list[Plain]:
    """Member by source: one row a person, one cell a source, `None` where nobody was asked."""
    cells = {(c["person"], c["source"]["code"]): c for c in report["coverage"]}
    people = {c["person"]: c["name"] for c in report["coverage"]}
    return [
        {
            "person": person,
            "name": name,
            "cells": [_cell(cells.get((person, source))) for source in titles],
        }
        for person, name in people.items()
    ]


def _cell(coverage: Plain | None) -> Plain | None:
    if coverage is None:
        return None
    return {**coverage, "good": coverage["state"]["code"] in _GOOD}


def _test(test: Plain, titles: dict[str, Plain], asked: dict[str, Plain]) -> Plain:
    """A test with its sources by title, and its doubts in words where there are words."""
    sources = Counter(e.partition("/")[0] for e in test["evidence"])
    return {
        **test,
        "sources": [titles[s] for s in sorted(sources) if s in titles],
        "asked": [asked[d] for d in test["doubts"] if d in asked],
        "bar": {
            "value": (test["value"]["lo"], test["value"]["hi"]),
            "limit": (test["limit"]["lo"], test["limit"]["hi"]),
        },
    }


def _tally(report: Plain) -> Plain:
    states = Counter(t["state"]["code"] for t in report["tests"])
    return {
        "met": states["satisfied"],
        "not_met": states["not_satisfied"],
        "open": states["undetermined"],
        "all": sum(n for state, n in states.items() if state != "not_applicable"),
    }


def _missing(report: Plain, titles: dict[str, Plain]) -> list[Plain]:
    """Sources that did not give a usable answer about someone."""
    codes = {
        c["source"]["code"]
        for c in report["coverage"]
        if c["state"]["code"] not in _GOOD and not c["auxiliary"]
    }
    return [titles[code] for code in sorted(codes)]
