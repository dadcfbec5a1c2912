"""The corpus of bad rulebooks (tests/rules/bad_rulebooks/*.yaml) as content sets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from support.commandline import ROOT
from support.rules import BOOK, small_rules
from verify.content import ContentSet

FOLDER = ROOT / "tests/rules/bad_rulebooks"


@dataclass(frozen=True)
class Expected:
    """A fault that must be found."""

    file: str
    line: int
    code: str  # `any`: whatever kind
    level: str
    what: str  # pattern

    def matches(self, flaw: Any) -> bool:
        return (
            (flaw.path, flaw.line, flaw.level) == (f"rules/{self.file}", self.line, self.level)
            and self.code in ("any", flaw.code)
            and re.search(self.what, flaw.what) is not None
        )


@dataclass(frozen=True)
class BadRules:
    """One bad set of rules and everything that lint must say of it."""

    title: str
    content: ContentSet
    expected: tuple[Expected, ...]


def corpus() -> list[BadRules]:
    """All of them, by file and place."""
    return [
        _read(entry)
        for path in sorted(FOLDER.glob("*.yaml"))
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def _read(entry: dict[str, Any]) -> BadRules:
    files = dict(small_rules().files)
    main = entry.get("file", BOOK)
    removed = entry.get("remove", [])
    for path in [removed] if isinstance(removed, str) else removed:
        del files[path]
    for path, change in entry.get("add", {}).items():
        files[path] = _changed(files[change["from"]], change)
    if "text" in entry or "text_repeated" in entry:
        files[main] = _repeated(entry.get("text_repeated")) or entry["text"]
    elif "old" in entry:
        files[main] = _changed(files[main], entry)
    content = ContentSet("rules", files)
    expected = tuple(_expected(content, main, f) for f in entry["faults"])
    return BadRules(entry["title"], content, expected)


def _changed(text: str, change: dict[str, Any]) -> str:
    for edit in (change, *change.get("and", [])):
        new = _repeated(edit.get("new_repeated")) or edit["new"]
        count = text.count(edit["old"])
        assert count == 1, f"{edit['old']!r} is there {count} times"
        text = text.replace(edit["old"], new)
    return text


def _repeated(part: dict[str, Any] | None) -> str:
    return part["before"] + part["text"] * part["times"] + part["after"] if part else ""


def _expected(content: ContentSet, main: str, fault: dict[str, Any]) -> Expected:
    file = fault.get("file", main)
    line = fault.get("line")
    if line is None:
        wanted = fault["at"].split(" or ")
        lines = content.files[file].split("\n")
        found = [n for n, text in enumerate(lines, 1) if any(w in text for w in wanted)]
        assert found, f"no line of {file} has {fault['at']!r}"
        line = found[-1] if fault.get("last") else found[0]
    return Expected(file, line, fault["code"], fault.get("level", "error"), fault["what"])
