"""Logs of a command go to standard error, so that standard output stays the result."""

from __future__ import annotations

import logging


def quiet() -> None:
    """A person is watching: only warnings and worse."""
    from verify.api import logs

    logs.configure(logging.WARNING)
    # A source that is tried again shows in the progress table as working.
    logging.getLogger("stamina").setLevel(logging.ERROR)
