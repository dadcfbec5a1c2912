"""Tuning results as plain data, the same through every door: integers and text, no floats."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from verify.service.clock import iso
from verify.service.matching.evaluation import Evaluation, thinned
from verify.service.matching.flips import VerdictFlips
from verify.service.matching.tuning import Calibrated, Trial
from verify.store import LabelRow

Plain = dict[str, Any]
_POINTS = 100


def evaluation_view(evaluation: Evaluation) -> Plain:
    """An evaluation; of a long curve about a hundred points."""
    return {
        **asdict(evaluation),
        "curve": list(thinned(evaluation.curve, _POINTS)),
        "calibration": list(evaluation.calibration),
        "wrong": list(evaluation.wrong),
    }


def trial_view(trial: Trial) -> Plain:
    """A trial: both evaluations without their curves, and everything that flips."""
    return {
        "scoring": trial.scoring,
        "draft": trial.draft,
        "before": _figures(trial.before),
        "after": _figures(trial.after),
        "labelled": trial.labelled,
        "verdicts": None if trial.verdicts is None else _flips(trial.verdicts),
    }


def calibrated_view(made: Calibrated) -> Plain:
    """The suggested m, and what they would change."""
    return {
        "decisions": made.decisions,
        "same": made.same,
        "changes": made.changes,
        "odds": made.odds,
        "trial": trial_view(made.trial),
    }


def label_view(row: LabelRow) -> Plain:
    """A clerical decision; instants in ISO 8601."""
    data = asdict(row) | {"levels": dict(row.levels)}
    revoked = None if row.revoked_at is None else iso(row.revoked_at)
    return data | {"decided_at": iso(row.decided_at), "revoked_at": revoked}


def _figures(evaluation: Evaluation) -> Plain:
    kept = ("pairs", "table", "precision", "recall", "recall_with_unsure", "f1", "unsure")
    return {name: getattr(evaluation, name) for name in kept}


def _flips(flips: VerdictFlips) -> Plain:
    return {**asdict(flips), "skipped": list(flips.skipped), "flipped": list(flips.flipped)}
