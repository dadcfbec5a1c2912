"""The only package that knows SQL. See `verify.store.store`."""

from verify.store.labels import LabelRow, NewLabel
from verify.store.rows import (
    Accepted,
    ApiKeyRow,
    Claim,
    EntryKind,
    ExchangeAnswer,
    ExchangeRow,
    ExchangeStatus,
    Fault,
    Filters,
    LeaseLost,
    LedgerRow,
    NewVerification,
    PlannedExchange,
    SealedVerdict,
    SealResult,
    SealStatus,
    State,
    VerdictRow,
    VerificationRow,
)
from verify.store.rule_events import RuleEventRow
from verify.store.store import Store

__all__ = [
    "Accepted",
    "ApiKeyRow",
    "Claim",
    "EntryKind",
    "ExchangeAnswer",
    "ExchangeRow",
    "ExchangeStatus",
    "Fault",
    "Filters",
    "LabelRow",
    "LeaseLost",
    "LedgerRow",
    "NewLabel",
    "NewVerification",
    "PlannedExchange",
    "RuleEventRow",
    "SealResult",
    "SealStatus",
    "SealedVerdict",
    "State",
    "Store",
    "VerdictRow",
    "VerificationRow",
]
