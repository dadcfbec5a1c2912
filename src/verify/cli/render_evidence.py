"""The evidence side of a report: who was asked, what was found, who counts, what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from verify.cli.symbols import both, bullet, state_mark

Plain = dict[str, Any]


def coverage(rows: Sequence[Plain]) -> Table:
    """Members down, sources across: how each question ended."""
    sources = sorted({r["source"]["code"] for r in rows})
    people = list(dict.fromkeys((r["person"], r["name"]) for r in rows))
    cells = {(r["person"], r["source"]["code"]): r for r in rows}
    table = Table(box=box.SIMPLE_HEAD, border_style="dim")
    table.add_column("")
    auxiliary = {r["source"]["code"] for r in rows if r["auxiliary"]}
    for source in sources:
        signal = " (signal)" if source in auxiliary else ""
        table.add_column(f"{source.replace('_', ' ')}{signal}")
    for person, name in people:
        table.add_row(
            Text.assemble((person, "dim"), " ", name),
            *(_coverage_cell(cells.get((person, source))) for source in sources),
        )
    return table


def _coverage_cell(row: Plain | None) -> Text:
    if row is None:
        return Text("not asked", "dim")
    state = row["state"]
    if state["code"] == "ok":
        return state_mark("ok", f"{row['records']} found")
    if state["code"] == "confirmed_empty":
        return state_mark("ok", "none")
    return state_mark(state["code"], state["en"])


def matches_summary(rows: Sequence[Plain]) -> Text:
    """How many records were judged theirs, doubtful, and somebody else's."""
    best: dict[str, str] = {}
    rank = {"positive": 2, "unsure": 1, "negative": 0}
    for row in rows:
        code = row["judgement"]["code"]
        if rank[code] >= rank.get(best.get(row["record"], ""), -1):
            best[row["record"]] = code
    counts = {code: sum(1 for c in best.values() if c == code) for code in rank}
    return Text.assemble(
        ("  ✔ ", "green"),
        f"{counts['positive']} theirs   ",
        ("? ", "yellow"),
        f"{counts['unsure']} doubtful   ",
        ("✘ ", "dim"),
        f"{counts['negative']} somebody else's, not counted",
        ("   (verify explain ID --matches)", "dim"),
    )


def discrepancies(rows: Sequence[Plain]) -> list[RenderableType]:
    """What the family stated beside what the sources hold."""
    lines: list[RenderableType] = []
    for row in rows:
        stated = f"declared {row['declared']['en']}, " if row["declared"] else ""
        lines.append(
            bullet(
                Text.assemble(
                    f"{row['name']}: {row['quantity']['en']}: {row['code']['en']} ",
                    (f"({stated}found {row['found']['en']})", "dim"),
                )
            )
        )
    return lines


def members(rows: Sequence[Plain]) -> Table:
    """Who applied, and who counts under the rules."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(5):
        table.add_column()
    marks = {"counted": ("✔", "green"), "unsure": ("?", "yellow")}
    for row in rows:
        symbol, style = marks.get(row["counted"], ("–", "dim"))
        words = row["counted"].replace("_", " ")
        table.add_row(
            Text(f"  {row['person']}", "dim"),
            Text(row["name"], "bold"),
            both(row["relation"]),
            Text(row["id_masked"], "dim"),
            Text(f"{symbol} {words} ({row['reason'].replace('_', ' ')})", style),
        )
    return table


def foot(report: Plain, *, digests: bool) -> Group:
    """Where the rules and digests are, the right to object, and what this paper is not."""
    lines: list[RenderableType] = [Text("")]
    lines.append(
        Text.assemble(
            ("verification ", "dim"),
            report["verification"],
            ("  rulebook ", "dim"),
            report["rulebook"],
            ("  engine ", "dim"),
            report["engine"],
        )
    )
    if digests:
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(style="dim", overflow="fold")
        for name, value in sorted(report["digests"].items()):
            table.add_row(f" {name}", value)
        lines.append(table)
    lines += [
        Text(report["objection"]["en"], "dim"),
        Text(report["disclaimer"]["en"], "dim italic"),
    ]
    return Group(*lines)
