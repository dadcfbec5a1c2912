"""One symbol and one colour for each kind of answer, always beside a word."""

from __future__ import annotations

from rich.text import Text

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
