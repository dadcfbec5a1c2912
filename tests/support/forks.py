"""Children that start in some milliseconds: from a server that has imported everything once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from pathlib import Path

HERE = Path(__file__).parents[1]


def server(*modules: str) -> multiprocessing.context.ForkServerContext:
    """The fork server of this process, with `modules` of `tests/` loaded when it first starts."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    # It is given no search path of its own by Python 3.11, and would load nothing.
    before = os.environ.get("PYTHONPATH")
    folders = [str(HERE), str(HERE / "chaos"), *filter(None, sys.path)]
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return context
