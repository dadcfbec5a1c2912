"""Who a record is about: normalise, compare, score, judge, explain.

`resolve` judges the records of households against their members, for a verdict. `link` finds the
rows of one person in two registers, or in one; its steps can be called alone (`identity.linkage`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verify.identity.explain import explain
from verify.identity.resolve import resolve

if TYPE_CHECKING:
    from verify.identity.evaluation import Quality, evaluate, true_pairs
    from verify.identity.linkage import Linked, link
    from verify.identity.model import Model

__all__ = ["Linked", "Model", "Quality", "evaluate", "explain", "link", "resolve", "true_pairs"]

_LATER = {
    "Linked": "linkage",
    "link": "linkage",
    "Model": "model",
    "Quality": "evaluation",
    "evaluate": "evaluation",
    "true_pairs": "evaluation",
}


def __getattr__(name: str) -> Any:
    """Linking needs numpy, which a verdict does not: it is imported when asked for."""
    from importlib import import_module

    if name not in _LATER:
        raise AttributeError(name)
    return getattr(import_module(f"verify.identity.{_LATER[name]}"), name)
