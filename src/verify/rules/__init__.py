"""The law as content: rulebooks compiled to interval expressions, findings, verdicts, traces."""

from verify.rules.assess import assess
from verify.rules.cases import Case, CaseResult, load_cases, run_cases
from verify.rules.columnar import Columnar, assess_chunks, assess_frames, tree
from verify.rules.declared import declared_facts
from verify.rules.described import described
from verify.rules.given import GivenHousehold
from verify.rules.given_frames import GivenFrames, facts_from_given
from verify.rules.law import Law
from verify.rules.rulebook import Rulebook
from verify.rules.trace_frame import TraceFrames

__all__ = [
    "Case",
    "CaseResult",
    "Columnar",
    "GivenFrames",
    "GivenHousehold",
    "Law",
    "Rulebook",
    "TraceFrames",
    "assess",
    "assess_chunks",
    "assess_frames",
    "declared_facts",
    "described",
    "facts_from_given",
    "load_cases",
    "run_cases",
    "tree",
]
