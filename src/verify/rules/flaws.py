"""What is wrong in a set of rules: where, what, why it matters, what to do.

`code` is stable and says which kind of fault it is; the reason why it matters belongs to the
kind. Faults come from the loader as `ContentError`; `Flaw.of` finds their kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.domain.errors import ContentError

ERROR, WARNING = "error", "warning"

WHY = {
    "yaml": "text that can be read in more than one way is not law: a rule has one reading",
    "size": "a file nobody can read is a file nobody has checked",
    "field": "an unknown or misspelt field would be a rule that silently does not exist",
    "missing": "what is not written would have to be guessed",
    "value": "a value in the wrong form would be read as something else",
    "citation": "a figure or clause nobody can look up cannot be defended in an objection",
    "unit": "amounts of different units compared give a verdict that looks right and is wrong",
    "months": "an amount known for a year says nothing about any month of it (the Robodebt error)",
    "expression": "only the closed list of operators is ever computed; nothing else may run",
    "name": "a name that stands for nothing, or for two things, makes the rule a guess",
    "circle": "a quantity defined by itself has no value",
    "unused": "a condition that no test reaches is one somebody wrongly believes to be applied",
    "overflow": "beyond 64 bits a sum would wrap round to a small or negative amount",
    "overlap": "two values for one day: which family gets which would depend on the order of lines",
    "gap": "for the days in the gap there is no law here, and a neighbouring value is never used",
    "dates": "a family must be judged by what was in force, and known, on its day",
    "band": "a household between two bands would be judged by neither",
    "equality": "a household exactly at the limit falls into neither class",
    "retroactive": "families were judged before it was published; the law must say it reaches back",
    "check": "the published figure and the arithmetic given for it disagree; one of them is a slip",
    "place": "the file would never be found, or found for another region or programme",
    "settles": "a person asked to decide must be told which proof decides it",
    "source": "nobody can be found eligible where a source that must answer is not connected",
    "unread_source": "its silence would change nothing: a family is found eligible without it, and "
    "people are asked about for nothing",
    "case": "a change of law without an example is a change nobody has tried",
    "rule": "a rulebook that cannot be compiled judges nobody",
}

_EXPRESSION = (
    r"closed list|not one expression|comments|over \d+ characters|nested|too many steps|quotes|"
    r"small letters|whole and has|ELSE|swallow|IN takes"
)
_UNIT = (
    r"cannot be (added|multiplied|divided)|declared in|where a truth|truth is|a truth|text|"
    r"division by zero|divisor|quotient|no meaning|per month|household quantity|whole number|"
    r"each person|each (member|supporter|thing)|adds? .*up|needs a number|not a unit of"
)
_KINDS = [
    ("months", r"yearly|per year|declared in fen_per_month but computes fen\b|without a `window`"),
    ("size", r"file is over|over \d+ values|^nested deeper"),
    ("yaml", r"not YAML|file is empty|anchors|tags are|given twice or is not text"),
    ("citation", r"citation"),
    ("missing", r"is missing"),
    ("check", r"the published value|check is plain"),
    ("circle", r"defined by itself|decides; it cannot be used in it"),
    ("unused", r"never used"),
    ("overflow", r"overflow|largest magnitude"),
    ("band", r"\bbands?\b|nothing is said|table l|go(es)? by|different words|a word is needed"),
    ("overlap", r"overlap"),
    ("gap", r"\bgap\b|\bhole\b"),
    ("retroactive", r"published|retroactive"),
    ("dates", r"ends before it starts|in_force_with|valid date|transitional"),
    ("place", r"region|file says|folder says"),
    ("settles", r"proof settles"),
    ("name", r"not known|is not listed|used in|two (tests|clauses|cases)|not a fact measure"),
    ("expression", _EXPRESSION),
    ("unit", _UNIT),
    ("value", r"should|match|greater|less|Input|valid|exactly one of|decimals|doubt"),
]


@dataclass(frozen=True)
class Flaw:
    """One fault. `where` is `file:line`; an error keeps the rules from being used."""

    where: str
    what: str
    remedy: str
    code: str
    level: str = ERROR

    @property
    def why(self) -> str:
        """Why it matters."""
        return WHY[self.code]

    @property
    def path(self) -> str:
        """The file."""
        return self.where.rpartition(":")[0] if self.line else self.where

    @property
    def line(self) -> int:
        """The line, from 1; 0 where the file as a whole is meant."""
        _, _, number = self.where.rpartition(":")
        return int(number) if number.isdigit() else 0

    @classmethod
    def of(cls, error: ContentError) -> Flaw:
        """A fault the loader found."""
        remedy = error.remedy or "correct the named line; docs/reference/rules.md describes it"
        return cls(error.where, error.reason, remedy, kind_of(error.reason))

    def sentence(self) -> str:
        """In one line."""
        return f"{self.where}: {self.what}"

    def plain(self) -> dict[str, str | int]:
        """As JSON data."""
        return {
            "file": self.path,
            "line": self.line,
            "code": self.code,
            "level": self.level,
            "what": self.what,
            "why": self.why,
            "remedy": self.remedy,
        }


def kind_of(reason: str) -> str:
    """The kind of a fault by the loader's words."""
    for code, pattern in _KINDS:
        if re.search(pattern, reason):
            return code
    return "rule"
