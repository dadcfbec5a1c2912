"""Tell the demo's steps: a spinner while one is under way, one line when it is done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

Plain = dict[str, Any]


class Narrator:
    """Numbers the steps, times them and keeps what they found for `--json`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.steps: list[Plain] = []

    @contextlib.contextmanager
    def step(self, doing: str) -> Iterator[Plain]:
        """One step; the block fills in `done` (the line to print) and any facts for `--json`."""
        facts: Plain = {"done": doing}
        started = time.monotonic()
        number = len(self.steps) + 1
        spinner = (
            self.console.status(Text(f"{number}  {doing} ...", "cyan"))
            if self.console.is_terminal
            else contextlib.nullcontext()
        )
        try:
            with spinner:
                yield facts
        except BaseException:
            self.console.print(Text(f"✘ {number}  {doing}: failed", "bold red"))
            raise
        seconds = time.monotonic() - started
        self.steps.append({"step": number, "milliseconds": int(seconds * 1000), **facts})
        self.console.print(
            Text.assemble(
                ("✔ ", "bold green"),
                (f"{number}  ", "bold"),
                facts["done"],
                (f"  {seconds:.1f} s", "dim"),
            )
        )

    def say(self, *lines: RenderableType) -> None:
        """Something under the last step, indented."""
        for line in lines:
            self.console.print(Padding(line, (0, 0, 0, 5)))

    def show(self, thing: RenderableType) -> None:
        """Something across the whole width."""
        self.console.print(thing)
