"""Who a record is about: normalise, compare, score, judge, explain.

`resolve` judges the records of households against their members, for a verdict. `link` finds the
rows of one person in two registers, or in one; its steps can be called alone (`identity.link`).
"""

from verify.identity.evaluation import Quality, evaluate, true_pairs
from verify.identity.explain import explain
from verify.identity.link import Linked, link
from verify.identity.model import Model
from verify.identity.resolve import resolve

__all__ = ["Linked", "Model", "Quality", "evaluate", "explain", "link", "resolve", "true_pairs"]
