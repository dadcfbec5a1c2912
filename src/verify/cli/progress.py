"""Live progress while sources answer: members down, sources across, states filling in.

On a terminal the table is redrawn in place; otherwise each change is one line. Both go to
standard error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from verify.cli.output import err
from verify.cli.symbols import OUTCOME, mark, state_mark
from verify.service import wording

Plain = dict[str, Any]

ENDED = ("completed", "cancelled", "failed")
MATRICES = 3  # more households than this are shown as one line each


@dataclass
class Watched:
    """A verification on the screen: its label and the members' names by person key."""

    label: str
    names: Mapping[str, str]
    view: Plain | None = None
    told: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether there is a verdict, or nothing left to wait for."""
        view = self.view
        return view is not None and (bool(view["verdict"]) or view["state"] in ENDED)


class Progress:
    """Shows a list of watched verifications until all are done."""

    def __init__(self, watched: Sequence[Watched], console: Console | None = None) -> None:
        self._watched = watched
        self._console = console or err()
        self._live: Live | None = None
        self._started = time.monotonic()

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live = Live(
                self._screen(), console=self._console, refresh_per_second=12, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, index: int, view: Plain) -> None:
        """Take in the newest state of one verification."""
        watched = self._watched[index]
        watched.view = view
        if self._live is not None:
            self._live.update(self._screen())
        else:
            self._tell(watched, view)

    def _tell(self, watched: Watched, view: Plain) -> None:
        for exchange in view["sources"]:
            words = exchange_words(exchange)
            if watched.told.get(exchange["evidence"]) != words and exchange["attempts"]:
                watched.told[exchange["evidence"]] = words
                self._console.print(
                    Text.assemble(
                        f"{watched.label:>4}  {exchange['evidence']:<22} ", _exchange_mark(exchange)
                    )
                )

    def _screen(self) -> RenderableType:
        if len(self._watched) > MATRICES:
            return Group(*(_line(w) for w in self._watched))
        seconds = time.monotonic() - self._started
        return Group(*(matrix(w, seconds) for w in self._watched))


def watch(
    progress: Progress,
    watched: Sequence[Watched],
    look: Callable[[int], Plain],
    seconds: float,
    *,
    until: Callable[[Watched], bool] = lambda w: w.done,
    pause: float = 0.08,
) -> bool:
    """Poll with `look` until every verification fulfils `until`; False when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        for index, item in enumerate(watched):
            if item.view is None or not until(item):
                progress.update(index, look(index))
        if all(until(w) for w in watched):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)


def matrix(watched: Watched, seconds: float) -> Table:
    """The member x source table of one verification."""
    table = Table(
        box=box.SIMPLE_HEAD,
        border_style="dim",
        title=Text(f"asking the sources {watched.label} {seconds:.1f} s", "cyan"),
        title_justify="left",
    )
    exchanges = watched.view["sources"] if watched.view else []
    sources = sorted({e["source"] for e in exchanges})
    people = sorted({e["person"] for e in exchanges})
    cells = {(e["person"], e["source"]): e for e in exchanges}
    table.add_column("")
    for source in sources:
        table.add_column(source.replace("_", " "), min_width=9)
    for person in people:
        name = Text.assemble((person, "dim"), " ", watched.names.get(person, ""))
        table.add_row(name, *(_cell(cells.get((person, source))) for source in sources))
    return table


def _cell(exchange: Plain | None) -> Text:
    return Text("") if exchange is None else _exchange_mark(exchange)


def _exchange_mark(exchange: Plain) -> Text:
    code = "asking" if exchange["status"] == "pending" else exchange["state"]
    return state_mark(code, exchange_words(exchange))


def exchange_words(exchange: Plain) -> str:
    """A few words for where a question stands."""
    if exchange["status"] == "pending":
        return "working" if exchange["attempts"] else "asking"
    words: str = wording.word(wording.STATE, exchange["state"])["en"]
    return words


def _line(watched: Watched) -> Text:
    view = watched.view
    if view is None:
        return Text(f"  … {watched.label}", "dim")
    if view["verdict"]:
        outcome = view["verdict"]["outcome"]
        return Text.assemble("  ", mark(OUTCOME, outcome, outcome), f"  {watched.label}")
    answered = sum(1 for e in view["sources"] if e["status"] != "pending")
    return Text(f"  … {watched.label}  {answered} of {len(view['sources'])} answered", "cyan")
