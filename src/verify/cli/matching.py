"""What the `verify match` commands share: the tuning verbs, figures read and shown."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.domain.errors import InputError, NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from verify.service.matching import Matching

Plain = dict[str, Any]
_BITS = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)


@contextlib.contextmanager
def tuning(home: Path | None, *, write: bool = False) -> Iterator[Matching]:
    """The verbs over the database in the home folder; without one, over the content alone.

    Raises:
        NotFound: there is no database, and `write` needs one.
    """
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for
    from verify.service.contents import Contents
    from verify.service.matching import Matching

    logs.quiet()
    settings = settings_for(home)
    try:
        system = build(settings, worker=False, read_only=not write)
    except NotFound:
        if write:
            raise
        yield Matching(None, Contents.load(_nothing_stored))
        return
    with system:
        yield system.matching


def _nothing_stored(digest: str) -> bytes:
    raise NotFound("there is no database here yet", where=digest)


def read_cutoffs(given: list[str]) -> dict[str, int]:
    """`positive=12.5` in bits as milli-bits.

    Raises:
        InputError: anything but positive and unsure, or no bits.
    """
    found: dict[str, int] = {}
    for part in given:
        name, _, bits = part.partition("=")
        if name not in ("positive", "unsure") or not _BITS.fullmatch(bits):
            raise InputError(
                f"{part!r} is not a cut-off",
                where="--to",
                remedy="give positive=BITS or unsure=BITS, with at most three decimals",
            )
        whole, _, rest = bits.partition(".")
        size = abs(int(whole)) * 1000 + int(rest.ljust(3, "0"))
        found[name] = -size if bits.startswith("-") else size
    return found


def percent(share: int | None) -> str:
    """A share per million for reading."""
    return "-" if share is None else f"{share / 10_000:.2f} %"


def bits(milli: int | None) -> str:
    """Milli-bits for reading."""
    return "-" if milli is None else f"{milli / 1000:.1f}"


def show_figures(figures: Plain, console: Console) -> None:
    """Judgements by label, and the shares that follow."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, border_style="dim", title_justify="left")
    table.add_column("a person says")
    judgements = ("positive", "unsure", "negative")
    for judgement in judgements:
        table.add_column(judgement, justify="right")
    for label in judgements:
        table.add_row(label, *(str(figures["table"][label][j]) for j in judgements))
    console.print(table)
    words = ("precision", "recall", "recall_with_unsure", "f1", "unsure")
    console.print(
        "  ".join(f"{w.replace('_', ' ')} {percent(figures[w])}" for w in words), highlight=False
    )


def show_trial(trial: Plain, console: Console) -> None:
    """What a draft would change."""
    from rich.text import Text

    console.print(Text("with the scoring in use", "bold"))
    show_figures(trial["before"], console)
    console.print(Text("with the draft", "bold"))
    show_figures(trial["after"], console)
    console.print(Text(f"labelled pairs that flip: {len(trial['labelled'])}", "bold"))
    styles = {"better": "green", "worse": "red", "other": "yellow"}
    for flip in trial["labelled"]:
        console.print(
            Text.assemble(
                (f"  {flip['effect']:<7}", styles[flip["effect"]]),
                f"{flip['title_zh']}  {flip['title_en']}: {flip['judgement']} → {flip['draft']} ",
                (f"(a person: {flip['label']}; {bits(flip['score'])} bits)", "dim"),
            )
        )
    _show_verdicts(trial["verdicts"], console)


def _show_verdicts(flips: Plain | None, console: Console) -> None:
    from rich.text import Text

    if flips is None:
        return
    changed = [f for f in flips["flipped"] if f["outcome"] != f["draft"]]
    console.print(
        Text(
            f"past verdicts judged again: {flips['examined']}; their outcome flips: "
            f"{len(changed)}; only matches move: {len(flips['flipped']) - len(changed)}",
            "bold",
        )
    )
    if flips["unreadable"]:
        console.print(Text(f"  {flips['unreadable']} could not be read", "red"))
    for flip in flips["flipped"]:
        moved = ", ".join(
            f"{m['record']}:{m['person']} {m['judgement']} → {m['draft']}" for m in flip["matches"]
        )
        style = "red" if flip["outcome"] != flip["draft"] else "dim"
        console.print(
            Text.assemble(
                (f"  {flip['verification']}  {flip['outcome']} → {flip['draft']}", style),
                (f"  {moved}", "dim"),
            )
        )
