"""Matched statements to facts with bounds, doubts and discrepancies. Pure; always a batch."""

from __future__ import annotations

from verify.reconcile.auxiliary import auxiliary_signals
from verify.reconcile.reconciliation import Reconciled, reconcile

__all__ = ["Reconciled", "auxiliary_signals", "reconcile"]
