"""Which statement kinds become facts, and of what nature.

`RANK` turns the text of a kind into its place in one fixed order, in which each nature is a run:
comparing small integers is several times cheaper than looking texts up in lists.
"""

from __future__ import annotations

import polars as pl

from verify.domain.vocabulary import Circumstance, Nature, StatementKind


def _of(nature: Nature) -> tuple[str, ...]:
    return tuple(k.value for k in StatementKind if k.nature is nature)


WAGE = StatementKind.WAGE.value
SUPPORT = StatementKind.SUPPORT_RECEIVED.value
DEATH = StatementKind.DEATH_NOTICE.value
CONTRIBUTION = StatementKind.CONTRIBUTION.value
MOVEMENT = StatementKind.ACCOUNT_MOVEMENT.value
DECEASED = Circumstance.DECEASED.value

_FLOWS = (*_of(Nature.FLOW), *_of(Nature.SPENDING))
_STOCKS, _ITEMS = _of(Nature.STOCK), _of(Nature.ITEM)

# A source that does not answer leaves these open. Deaths are not here: a source's silence is no
# reason to think that an applicant has died.
MEANS = (*_FLOWS, *_STOCKS, *_ITEMS)

_ORDER = pl.Enum([*MEANS, DEATH, *(k for k in _of(Nature.SIGNAL) if k != DEATH), DECEASED])
_FLOW_END = len(_FLOWS)
_MONEY_END = _FLOW_END + len(_STOCKS)
_ITEM_END = _MONEY_END + len(_ITEMS)
_FACT_END = len(MEANS) + 1

# Of a kind or quantity; of any other text (a circumstance) null, which no test below accepts.
KIND_RANK = pl.col("kind").cast(_ORDER, strict=False).to_physical().cast(pl.Int16)
QUANTITY_RANK = pl.col("quantity").cast(_ORDER, strict=False).to_physical().cast(pl.Int16)


def is_flow(rank: pl.Expr) -> pl.Expr:
    """Money received or paid over a period."""
    return rank < _FLOW_END


def is_money(rank: pl.Expr) -> pl.Expr:
    """A flow or a stock."""
    return rank < _MONEY_END


def is_item(rank: pl.Expr) -> pl.Expr:
    """A thing one owns, counted."""
    return (rank >= _MONEY_END) & (rank < _ITEM_END)


def is_counted(rank: pl.Expr) -> pl.Expr:
    """A thing or a death: one of it, never an amount."""
    return (rank >= _MONEY_END) & (rank < _FACT_END)


def is_factual(rank: pl.Expr) -> pl.Expr:
    """Statements that become facts; contributions and account movements never do."""
    return rank < _FACT_END
