"""Who a record is about: normalise, compare, score, judge, explain."""

from verify.identity.explain import explain
from verify.identity.resolve import resolve

__all__ = ["explain", "resolve"]
