"""One symbol and one colour for each kind of answer, always beside a word."""

from __future__ import annotations

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from verify.cli.flow import Flow

OUTCOME = {
    "eligible": ("✔", "green"),
    "ineligible": ("✘", "red"),
    "undetermined": ("?", "yellow"),
}
FINDING = {
    "satisfied": ("✔", "green"),
    "not_satisfied": ("✘", "red"),
    "undetermined": ("?", "yellow"),
    "not_applicable": ("–", "dim"),
}
JUDGEMENT = {"positive": ("✔", "green"), "unsure": ("?", "yellow"), "negative": ("✘", "dim")}
STATE = {"ok": ("✔", "green"), "confirmed_empty": ("✔", "green"), "asking": ("…", "cyan")}
_BAD_STATE = ("✘", "red")


def mark(table: dict[str, tuple[str, str]], code: str, words: str) -> Text:
    """`✔ met` in the code's colour."""
    symbol, style = table.get(code, ("?", "yellow"))
    return Text(f"{symbol} {words}", style)


def state_mark(code: str, words: str) -> Text:
    """How an exchange with a source ended: every state but an answer is marked as trouble."""
    symbol, style = STATE.get(code, _BAD_STATE)
    return Text(f"{symbol} {words}", style)


def both(words: dict[str, str]) -> Text:
    """English, and the Chinese term beside it."""
    if words["en"] == words["zh"]:
        return Text(words["en"])
    return Text.assemble(words["en"], "  ", (words["zh"], "dim"))


def bullet(text: Text, symbol: str = "•", style: str = "dim") -> RenderableType:
    """A line with a hanging indent, so that long sentences stay readable at 80 columns."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column()
    grid.add_row(Text(symbol, style), Flow(text))
    return Padding(grid, (0, 0, 0, 2))
