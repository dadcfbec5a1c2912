"""Matched statements to facts with bounds, doubts and discrepancies. Pure; always a batch."""

from __future__ import annotations

from verify.reconcile.reconciliation import Reconciled, reconcile

__all__ = ["Reconciled", "reconcile"]
