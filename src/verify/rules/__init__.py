"""The law as content: rulebooks compiled to interval expressions, findings, verdicts, traces."""

from verify.rules.assess import assess
from verify.rules.cases import Case, CaseResult, load_cases, run_cases
from verify.rules.given import GivenHousehold
from verify.rules.given_frames import GivenFrames, facts_from_given
from verify.rules.law import Law
from verify.rules.rulebook import Rulebook

__all__ = [
    "Case",
    "CaseResult",
    "GivenFrames",
    "GivenHousehold",
    "Law",
    "Rulebook",
    "assess",
    "facts_from_given",
    "load_cases",
    "run_cases",
]
