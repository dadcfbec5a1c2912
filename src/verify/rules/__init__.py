"""The law as content: rulebooks compiled to interval expressions, findings, verdicts, traces."""

from verify.rules.assess import assess
from verify.rules.given import GivenFrames, GivenHousehold, facts_from_given
from verify.rules.law import Law
from verify.rules.rulebook import Rulebook

__all__ = ["GivenFrames", "GivenHousehold", "Law", "Rulebook", "assess", "facts_from_given"]
