"""How a process that judges many small batches uses the machine."""

from __future__ import annotations

import gc
import os

THREADS = "POLARS_MAX_THREADS"
LOOK_AFTER = 20_000
"""New objects before the collector looks for cycles; Python's own figure is 700."""


def for_small_batches() -> None:
    """Set this process, and those it starts, up for batches of a few hundred rows.

    Called before Polars is imported. One Polars thread: handing such small steps to a pool cost a
    fifth more processor time and made none of them faster, and the other cores have workers of
    their own. Judging makes thousands of objects a household, hardly ever in cycles: looking for
    them as often as by default was a tenth of its time. What the operator has set stays.
    """
    os.environ.setdefault(THREADS, "1")
    gc.set_threshold(LOOK_AFTER, *gc.get_threshold()[1:])
