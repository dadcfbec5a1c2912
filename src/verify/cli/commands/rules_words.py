"""What the rules commands print for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]


def show_case(document: Plain, console: Console) -> None:
    """What the law makes of a case, sentence by sentence."""
    from rich.text import Text

    from verify.cli.symbols import bullet
    from verify.cli.tree import trace_tree

    console.print(Text(document["title"], "bold"))
    console.print(Text(document["where"], "dim"))
    for sentence in document["sentences"]:
        console.print(bullet(Text.assemble(sentence["zh"], "\n", (sentence["en"], "dim"))))
    for difference in document["differences"]:
        console.print(Text(f"✘ {difference}", "bold red"))
    if "trace" in document:
        console.print()
        console.print(trace_tree(document["trace"]))


def show_diff(document: Plain, console: Console) -> None:
    """Changes of law first, then what is only text."""
    from rich.text import Text

    if document["same_law"]:
        console.print(Text("✔ no change in law", "green"))
    for change in document["changes"]:
        days = (
            f"{change['from'] or '…'} to {change['to']}"
            if change["to"]
            else (f"from {change['from']}" if change["from"] else "")
        )
        console.print(
            Text.assemble(
                ("● ", "bold yellow"), (change["rulebook"], "bold"), f"  {change['what']}"
            )
        )
        console.print(Text(f"    {days}", "dim"))
        console.print(Text(f"    - {change['before']}", "red"))
        console.print(Text(f"    + {change['after']}", "green"))
    for place in document["text_only"]:
        console.print(Text(f"  text only: {place['in']}  {place['what']}", "dim"))


def show_impact(document: Plain, console: Console) -> None:
    """Flips, amounts and a few telling households."""
    from rich.table import Table
    from rich.text import Text

    n, same = document["households"], document["unchanged"]
    console.print(
        Text(f"{n} households ({document['sample']}), {' to '.join(document['days'])}", "bold")
    )
    console.print(Text(f"{same} judged the same, {n - same} differently"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("from", "to", "households"):
        table.add_column(name)
    for flip in document["flips"]:
        table.add_row(flip["from"], flip["to"], str(flip["households"]))
    if document["flips"]:
        console.print(table)
    for test in document["tests"]:
        console.print(Text(f"  decided by {test['rulebook']} {test['test']}: {test['households']}"))
    money = document["benefit"]
    for way in ("raised", "lowered"):
        console.print(
            Text(f"benefit {way}: {money[way]['households']} households, "
                 f"{money[way]['monthly']} a month")
        )  # fmt: skip
    console.print(Text(f"net: {money['net_monthly']} a month"))
    for example in document["examples"][:5]:
        console.print(
            Text(
                f"  {example['household']}: {example['from']} → {example['to']}, benefit "
                f"{example['benefit_before']} → {example['benefit_after']}",
                "dim",
            )
        )


def _runs(row: Plain, years: list[str]) -> str:
    """`◐2016-2017 ?2020-2024 →`: neighbouring years of one mark, put together."""
    from verify.rules.coverage import MARKS, Year

    runs: list[tuple[str, int, int]] = []
    for text in years:
        mark, year = MARKS[Year(row["years"][text])], int(text)
        if row["years"][text] == Year.NONE.value:
            continue
        if runs and runs[-1][0] == mark and runs[-1][2] == year - 1:
            runs[-1] = (mark, runs[-1][1], year)
        else:
            runs.append((mark, year, year))
    shown = [f"{m}{a}" if a == b else f"{m}{a}-{b}" for m, a, b in runs]
    return " ".join([*shown, "→"] if row["goes_on"] else shown)


def show_coverage(document: Plain, console: Console) -> None:
    """The table of what law is known."""
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    from verify.rules.coverage import MARKS, Year

    rows = document["rulebooks"]
    years = sorted({y for r in rows for y, s in r["years"].items() if s != Year.NONE.value})
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("region", "programme", *(y[2:] for y in years), ""):
        table.add_column(name, no_wrap=True)
    for row in rows:
        marks = [MARKS[Year(row["years"][y])] for y in years]
        goes_on = "→" if row["goes_on"] else ""
        name = f"{row['region_title']} {row['region']}"
        table.add_row(name, row["programme"], *marks, goes_on)
    if (
        Measurement.get(console, console.options.update(max_width=1000), table).maximum
        > console.width
    ):
        # Too narrow for a column per year: runs of years, so that no year is cut off.
        for row in rows:
            console.print(f"{row['region_title']} {row['region']}  {row['programme']}")
            console.print(Text(f"    {_runs(row, years)}"))
    else:
        console.print(table)
    legend = "● whole year  ? with a figure unknown  ◐ part of the year  · nothing  → goes on"
    console.print(Text(legend, "dim"))
