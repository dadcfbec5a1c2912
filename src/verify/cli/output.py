"""What a command says: results on standard output, everything else on standard error.

With `--json` standard output holds exactly one JSON document, also when the command fails.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from verify.domain.errors import VerifyError

Plain = dict[str, Any]


@dataclass
class _Mode:
    as_json: bool = False


_MODE = _Mode()


def use_json(value: bool) -> bool:
    """Turn the `--json` form on (the option's callback)."""
    if value:
        _MODE.as_json = True
    return value


def wants_json() -> bool:
    """Whether the command was asked for one JSON document."""
    return _MODE.as_json


def speak_utf8() -> None:
    """Chinese text must survive a pipe whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")


def out() -> Console:
    """The console for results. Colours only on a terminal; `NO_COLOR` is honoured."""
    return Console(highlight=False, soft_wrap=False, emoji=False)


def err() -> Console:
    """The console for progress and messages."""
    return Console(stderr=True, highlight=False, emoji=False)


def emit(document: Any, show: Callable[[Console], None]) -> None:
    """The command's result: `document` under `--json`, otherwise what `show` prints."""
    if wants_json():
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        sys.stdout.flush()
    else:
        show(out())


def note(message: str, style: str = "dim", *, whole: bool = False) -> None:
    """A message for the person at the terminal, never part of the result.

    `whole`: it is to be copied, so that no line break is put into it.
    """
    err().print(Text(message, style), soft_wrap=whole)


def problem_document(error: VerifyError) -> Plain:
    """The JSON form of an error: the members of the API's problem documents, and the exit code."""
    return {
        "error": {
            "code": error.code,
            "title": error.title,
            "where": error.where,
            "detail": error.reason,
            "remedy": error.remedy,
            "errors": [
                {"pointer": p.pointer, "code": p.code, "reason": p.reason, "remedy": p.remedy}
                for p in error.problems
            ],
        },
        "exit_code": error.exit_code,
    }


def show_error(error: VerifyError, console: Console) -> None:
    """Print what is wrong, where, why it matters and what to do."""
    console.print(Text.assemble(("✘ ", "bold red"), (error.title, "bold red")))
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", min_width=5)
    grid.add_column(overflow="fold")
    if error.where:
        grid.add_row("where", error.where)
    grid.add_row("what", Text(error.reason))
    for problem in error.problems:
        grid.add_row("•", Text.assemble((problem.pointer or "/", "bold"), f"  {problem.reason}"))
        if problem.remedy:
            grid.add_row("", Text.assemble(("→ ", "cyan"), problem.remedy))
    if error.remedy:
        grid.add_row("to do", Text(error.remedy))
    console.print(Padding(grid, (0, 0, 0, 2)))


def fail(error: VerifyError) -> int:
    """Report an expected error; returns the exit status."""
    emit(problem_document(error), lambda _: show_error(error, err()))
    return error.exit_code


def fail_unexpected(error: Exception) -> int:
    """Report a fault of the program itself: its place, not its text, which may quote a value."""
    if os.environ.get("VERIFY_DEBUG"):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    wrapped = VerifyError(
        f"the program stopped at a fault of its own ({type(error).__name__})",
        where=place,
        remedy="set VERIFY_DEBUG=1 to see the trace (it may hold personal data), and report it",
    )
    return fail(wrapped)
