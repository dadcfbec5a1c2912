"""`verify match` on a roster: evaluate, train and move cut-offs of the linking of registers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.cli.linking import read_families
from verify.cli.matching import bits, percent
from verify.identity import Model
from verify.service.matching.rosters import (
    Roster,
    evaluate_roster,
    link_roster,
    move_cutoffs,
)

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]


def evaluate_folder(folder: Path, model: Path | None) -> Plain:
    """How well the records of a roster find their people; raises as `Roster.load`."""
    roster = Roster.load(folder)
    weights = Model.load(model) if model else None
    return evaluate_roster(roster, link_roster(roster, read_families(None), weights))


def train_on_folder(folder: Path, out: Path | None) -> Plain:
    """Learn weights from people and records alone, save them, and say how good they are."""
    roster = Roster.load(folder)
    linked = link_roster(roster, read_families(None), None)
    document = evaluate_roster(roster, linked)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        linked.model.save(out / "model.json")
        document["files"] = ["model.json"]
    return document


def move_in_folder(folder: Path, model: Path | None, wanted: dict[str, int]) -> Plain:
    """What other cut-offs would do to a roster."""
    weights = Model.load(model) if model else None
    return move_cutoffs(
        Roster.load(folder),
        read_families(None),
        weights,
        positive=wanted.get("positive"),
        unsure=wanted.get("unsure"),
    )


def show_roster(document: Plain, console: Console) -> None:
    """Figures, then what became of each kind of damage."""
    from rich import box
    from rich.table import Table

    console.print(
        f"{document['records']:,} records, {document['people']:,} people, family "
        f"{document['family']}; cut-offs {bits(document['cutoffs']['positive'])} and "
        f"{bits(document['cutoffs']['unsure'])} bits"
    )
    _figures(document, console)
    for name, lines in document["damage"].items():
        table = Table(box=box.SIMPLE_HEAD, border_style="dim")
        table.add_column(name.replace("_", " "))
        for column in ("positive", "unsure", "negative", "right"):
            table.add_column(column, justify="right")
        for line in lines:
            counts = (f"{line[c]:,}" for c in ("positive", "unsure", "negative", "right"))
            table.add_row(line["damage"], *counts)
        console.print(table)


def show_moves(document: Plain, console: Console) -> None:
    """What flips, and the figures before and after."""
    for name in ("before", "after"):
        cut = document[name]["cutoffs"]
        console.print(f"{name}: cut-offs {bits(cut['positive'])} and {bits(cut['unsure'])} bits")
        _figures(document[name], console)
    console.print(f"{document['flipped']:,} records flip")
    for move in document["moves"]:
        truth = "the right person" if move["right"] or move["draft_right"] else "another or nobody"
        console.print(f"  {move['judgement']} → {move['draft']}: {move['records']:,} ({truth})")


def _figures(figures: Plain, console: Console) -> None:
    names = ("precision", "recall", "recall_with_unsure", "f1", "unsure")
    console.print(
        "  ".join(f"{n.replace('_', ' ')} {percent(figures[n])}" for n in names), highlight=False
    )
