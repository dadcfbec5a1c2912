"""`verify demo`: the newcomer's one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verify.cli.options import Json


def demo(
    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the demo, emptied each time (default: var/demo)."
        ),
    ] = None,
    keep: Annotated[
        int,
        typer.Option(
            min=0,
            max=24 * 60,
            metavar="MINUTES",
            help="Minutes that service and sources stay up; 0 ends them.",
        ),
    ] = 30,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop what an earlier demo left running.")
    ] = False,
    as_json: Json = False,
) -> None:
    """See a family verified: over HTTP, explained, with a department down, replayed.

    Starts the simulated departments and the service, makes its own keys, and tells each step.
    Everything is synthetic and on loopback.
    """
    from verify.cli.environment import settings_for
    from verify.cli.output import emit, err, out

    folder = (home or settings_for(None).home / "demo").absolute()
    if stop:
        _stop(folder)
        return
    from verify.cli.demo.run import run

    document = run(folder, keep, err() if as_json else out())
    if as_json:
        emit(document, lambda _: None)


def _stop(folder: Path) -> None:
    from verify.cli.demo import children
    from verify.cli.output import emit

    stopped = [c.name for c in children.stop(children.load(folder))]
    words = f"stopped: {', '.join(stopped)}" if stopped else "nothing of the demo is running"
    emit({"stopped": stopped}, lambda console: console.print(words))
