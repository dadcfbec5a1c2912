"""Wrap text that mixes Chinese and English.

Rich breaks lines at spaces only, so a Chinese sentence would jump to the next line whole. Here a
line may also end before or after a wide character, but never before closing punctuation nor
after opening punctuation (GB/T 15834 rules for line starts and ends).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

NOT_FIRST = frozenset("。,、;:?!)》」』】〕〉”’…—～%‰,.;:?!)]}/")
NOT_LAST = frozenset("(《「『【〔〈“‘([{")
MIN_WIDTH = 12


class Flow:
    """A paragraph (or several, at line feeds) that fills the width it is given."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for paragraph in self.text.split("\n", allow_blank=True):
            for line in paragraph.divide(breaks(paragraph.plain, max(options.max_width, 2))):
                line.rstrip()
                line.no_wrap = True
                yield line

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widest = max((cell_len(line) for line in self.text.plain.split("\n")), default=0)
        return Measurement(min(widest, MIN_WIDTH), min(widest, options.max_width))


def breaks(text: str, width: int) -> list[int]:
    """Offsets at which lines of at most `width` cells begin (the first line's 0 left out)."""
    found: list[int] = []
    start = used = 0
    chance = 0
    for offset, character in enumerate(text):
        if offset > start and _may_break(text, offset):
            chance = offset
        used += cell_len(character)
        if used > width and character != " ":
            start = chance if chance > start else offset
            found.append(start)
            used = cell_len(text[start : offset + 1])
            if used > width:
                # Spaces moved down before closing punctuation: cut right here after all.
                start, used = offset, cell_len(character)
                found.append(start)
    return found


def _may_break(text: str, offset: int) -> bool:
    """Whether a line may end before the character at `offset`."""
    before, after = text[offset - 1], text[offset]
    if after in NOT_FIRST or before in NOT_LAST or after == " ":
        return False
    return before == " " or cell_len(before) == 2 or cell_len(after) == 2


def lines(text: str, width: int) -> Iterator[str]:
    """The wrapped lines of a plain paragraph."""
    edges = [0, *breaks(text, width), len(text)]
    for left, right in itertools.pairwise(edges):
        yield text[left:right].rstrip()
