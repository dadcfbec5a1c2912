"""The trace of a verdict as a tree, and the matches as waterfalls of named weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from verify.cli.flow import Flow
from verify.cli.symbols import JUDGEMENT, mark
from verify.service import wording

Plain = dict[str, Any]

BAR_WIDTH = 12
_TRUTH = {(0, 0): "no", (1, 1): "yes"}
BITS_PER_CELL = 2_000  # milli-bits that one cell of a bar stands for


def trace_tree(trace: Sequence[Plain]) -> Tree:
    """Each test, what it is made of, down to the facts and the limits with their law."""
    root = Tree(Text("trace  推导过程", "bold"), guide_style="dim")
    for node in trace:
        _grow(root, node)
    return root


def _grow(tree: Tree, node: Plain) -> None:
    label = Text.assemble((node["title"]["en"], "bold"), "  ", (node["title"]["zh"], "dim"))
    label.append(f"  = {_value(node)}", "cyan")
    for key in ("period", "effective"):
        if node[key]:
            label.append(f"  {node[key]}", "dim")
    if node["evidence"]:
        label.append(f"  ← {', '.join(node['evidence'])}", "dim")
    if node["doubts"]:
        label.append(f"  ? {len(node['doubts'])} open", "yellow")
    branch = tree.add(Flow(label))
    for c in node["citations"]:
        words = " ".join(p for p in (c["document"], c["number"], c["article"]) if p)
        sure = wording.word(wording.CONFIDENCE, c["confidence"])["en"]
        branch.add(Flow(Text(f"{words} ({sure})", "dim")))
    if node["note"]:
        branch.add(Flow(Text(node["note"]["en"], "italic dim")))
    for child in node["children"]:
        _grow(branch, child)


def _value(node: Plain) -> str:
    if node["unit"] == "truth":
        return _TRUTH.get((node["value"]["lo"], node["value"]["hi"]), "open")
    is_limit = node["name"].startswith("limit/") or any(
        d.startswith("law:") for d in node["doubts"]
    )
    in_words = wording.limit if is_limit else wording.interval
    words: str = in_words(node["value"], node["unit"])["en"]
    return words


def show_matches(rows: Sequence[Plain], console: Console) -> None:
    """Every record and person compared: the judgement, the score and each reason's weight."""
    if not rows:
        console.print(Text("no source returned a record", "dim"))
    for row in rows:
        for line in match_lines(row):
            console.print(line)


def match_lines(row: Plain) -> list[Text]:
    """One record and person: the judgement, then what moved the score, from the prior on."""
    prior = {"field": "prior", "level": "any two people", "weight": row["prior"], "detail": ""}
    return [match_head(row), *(_reason(r) for r in (prior, *row["reasons"]))]


def match_head(row: Plain) -> Text:
    """`bank/p1/3  bank balance ↔ p1 …: ✔ theirs, +21.4 bits (rule)`."""
    judgement = row["judgement"]
    head = Text.assemble((row["record"], "dim"), f"  {row['kind']['en']}  ↔ {row['name']}: ")
    head.append_text(mark(JUDGEMENT, judgement["code"], f"{judgement['en']} {judgement['zh']}"))
    head.append(f"  {row['score_bits']} bits", "bold")
    head.append(f"  {row['rule'].replace('_', ' ')}", "dim")
    if judgement["code"] == "unsure" and not row["weighs"]:
        head.append("  never counts against anyone", "green")
    return head


def _reason(reason: Plain) -> Text:
    weight = reason["weight"]
    cells = min(BAR_WIDTH, max(1, abs(weight) // BITS_PER_CELL)) if weight else 0
    bar = ("▇" * cells).ljust(BAR_WIDTH)
    line = Text("    ")
    line.append(bar, "green" if weight > 0 else "red")
    line.append(f" {wording.bits(weight):>6}  ")
    line.append(f"{reason['field']}: {reason['level'].replace('_', ' ')}")
    if reason["detail"]:
        line.append(f"  {reason['detail']}", "dim")
    return line
