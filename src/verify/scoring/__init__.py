"""scoring/*.yaml read, checked and turned into integer weights with named levels."""

from verify.scoring.declared import PairDeclared, Side
from verify.scoring.frequencies import NameFrequencies
from verify.scoring.scoring import Family, FieldScoring, Scoring

__all__ = ["Family", "FieldScoring", "NameFrequencies", "PairDeclared", "Scoring", "Side"]
