"""The report of a verdict on a terminal: the same data as the HTML report, from 80 columns up.

Everything shown here comes from `verify.service.report.build_report`; nothing is worked out
again, so terminal, JSON and HTML cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from verify.cli.flow import Flow
from verify.cli.render_evidence import coverage, discrepancies, foot, matches_summary, members
from verify.cli.sentences import laws
from verify.cli.symbols import FINDING, OUTCOME, both, bullet, mark, state_mark
from verify.service import wording

MOST_CHANGES = 3
"""Ways to meet a test that its row shows; `verify explain` lists all."""
Plain = dict[str, Any]


def show_report(report: Plain, console: Console) -> None:
    """Print the whole report."""
    console.print(report_view(report))


def show_assessment(label: str, outcome: str, parts: Plain, console: Console) -> None:
    """Print what the rules say of given facts; `parts` is `report.assessment_view`."""
    words = wording.word(wording.OUTCOME, outcome)
    console.print(Text.assemble((f"\n━━ {label}  ", "bold"), outcome_words(words)))
    for part in judgement_parts(parts):
        console.print(part)


def outcome_words(outcome: Plain) -> Text:
    """`✔ Eligible 符合`."""
    return mark(OUTCOME, outcome["code"], f"{outcome['en']}  {outcome['zh']}")


def brief(report: Plain) -> list[RenderableType]:
    """The verdict in a few lines: outcome, what is open, who did not answer, the questions."""
    final = "final" if report["final"] else "provisional"
    lines: list[RenderableType] = [
        Text.assemble(outcome_words(report["outcome"]), (f"  {final}", "bold"))
    ]
    lines += [
        Text.assemble(
            mark(FINDING, row["state"]["code"], row["state"]["en"]),
            f"  {row['title']['en']}: {row['value']['en']}, {row['operator']['en']} ",
            row["limit"]["en"],
        )
        for row in report["tests"]
        if row["state"]["code"] not in ("satisfied", "not_applicable")
    ]
    silent = {
        row["source"]["code"]: row["state"]
        for row in report["coverage"]
        if row["state"]["code"] not in ("ok", "confirmed_empty") and not row["auxiliary"]
    }
    lines += [
        Text.assemble(f"{source.replace('_', ' ')}: ", state_mark(state["code"], state["en"]))
        for source, state in sorted(silent.items())
    ]
    for item in report["questions"]:
        lines += question(item, remedy=True)
    return lines


def report_view(report: Plain, *, digests: bool = True) -> Group:
    """Banner, tests, questions, who was asked, differences, members, digests."""
    return Group(
        banner(report),
        *judgement_parts(report),
        *section("Who was asked about whom  查询情况", [coverage(report["coverage"])]),
        *section("Records judged  记录比对", [matches_summary(report["matches"])]),
        *section("Declared and found  申报与查得", discrepancies(report["discrepancies"])),
        *section("Household  家庭成员", [members(report["members"])]),
        foot(report, digests=digests),
    )


def judgement_parts(report: Plain) -> list[RenderableType]:
    """What the rules say: the tests, the benefit, the questions; shared with `verify assess`."""
    advisories = report["advisories"]
    return [
        *section("Tests  核对项目", tests(report["tests"])),
        *section("Benefit  救助金额", benefit(report["benefit"])),
        *section("To be paid  分担金额", charges(report["charges"])),
        *section("Questions that decide the case  需核实", questions(report)),
        *section(
            "Noted; cannot change the outcome  提示",
            [line for q in advisories for line in question(q, remedy=False)],
        ),
        *section("Notes  说明", [bullet(_two_lines(n)) for n in report["notes"]]),
    ]


def _two_lines(words: Plain) -> Text:
    return Text.assemble(words["en"], "\n", (words["zh"], "dim"))


def section(title: str, parts: Iterable[RenderableType]) -> list[RenderableType]:
    """A titled section, or nothing where there is nothing to say."""
    body = list(parts)
    if not body:
        return []
    return [Text(f"\n{title}", "bold"), *body]


def banner(report: Plain) -> Panel:
    """The outcome in one box: what, for which programme, where and when, final or not."""
    outcome = report["outcome"]
    symbol, style = OUTCOME[outcome["code"]]
    programme = report["programme"]
    final = (
        Text("final: no answer still to come could change it")
        if report["final"]
        else Text("provisional: it is judged again when the missing answers come in", "yellow")
    )
    return Panel(
        Group(
            Text(f"{symbol} {outcome['en'].upper()}  {outcome['zh']}", f"bold {style}"),
            Text.assemble(
                f"{programme['en']}  {programme['zh']}",
                ("  region ", "dim"),
                report["region"],
                ("  as of ", "dim"),
                report["as_of"],
            ),
            final,
        ),
        border_style=style,
        box=box.ROUNDED,
        title=Text("household economic-status check  经济状况核对", "dim"),
        title_align="left",
    )


# -- tests --------------------------------------------------------------------------------


def tests(rows: Sequence[Plain]) -> list[RenderableType]:
    """Each test with its state, value, operator, limit, gap, law, sources and doubts."""
    table = Table(box=box.ROUNDED, expand=True, show_lines=True, border_style="dim", pad_edge=True)
    for title, share in (("test", 5), ("found · limit · gap", 6), ("law, sources, doubts", 9)):
        table.add_column(title, ratio=share, overflow="fold")
    for row in rows:
        if row["state"]["code"] != "not_applicable":
            cells = (_test_name(row), _test_figures(row), _test_grounds(row))
            table.add_row(*(Flow(cell) for cell in cells))
    aside = [
        Text.assemble("  ", mark(FINDING, "not_applicable", "does not apply: "), both(row["title"]))
        for row in rows
        if row["state"]["code"] == "not_applicable"
    ]
    return [table, *aside]


def _test_name(row: Plain) -> Text:
    state = row["state"]
    name = Text()
    name.append_text(mark(FINDING, state["code"], state["en"]))
    name.append(f"  {state['zh']}\n", "dim")
    name.append(row["title"]["en"], "bold")
    name.append(f"\n{row['title']['zh']}", "dim")
    if row["effect"] == "refer":
        name.append("\nrefers to a person", "italic dim")
    return name


def _test_figures(row: Plain) -> Text:
    text = Text()
    text.append(row["value"]["en"], "bold")
    text.append(f"\n{row['operator']['en']} ", "dim")
    text.append(row["limit"]["en"])
    text.append(f"\n{gap_words(row)}", "dim")
    return text


def gap_words(row: Plain) -> str:
    """The distance to the limit in words: to spare, over, or between two bounds."""
    gap = row["gap"]
    lo, hi = gap["lo"], gap["hi"]
    if (lo, hi) == (None, None) or wording.is_unknown_limit(row["limit"]):
        return "gap unknown"
    if lo is not None and lo == hi:
        if lo == 0:
            return "exactly at the limit"
        return f"{gap['en'].replace('-', '')} {'under' if lo > 0 else 'over'} the limit"
    return f"gap {gap['en']}"


def _test_grounds(row: Plain) -> Text:
    parts = citations(row["citations"])
    until = row["effective_to"] or "now"
    parts.append(Text(f"in force {row['effective_from']} to {until}", "dim"))
    if row["evidence"]:
        parts.append(Text(f"sources: {', '.join(evidence_sources(row['evidence']))}"))
    else:
        parts.append(Text("sources: none holds anything", "dim"))
    doubts = len(row["doubts"])
    parts.append(
        Text(f"? {doubts} doubt{'s' if doubts > 1 else ''}", "yellow")
        if doubts
        else Text("no doubt", "dim")
    )
    parts += [Text(n["en"], "italic dim") for n in row["notes"]]
    parts += [Text(c["en"], "cyan") for c in row["changes"][:MOST_CHANGES]]
    if row["settles"] and row["state"]["code"] != "satisfied":
        parts.append(Text(f"settled by: {row['settles']['en']}", "yellow"))
    return Text("\n").join(parts)


def citations(rows: Sequence[Plain]) -> list[Text]:
    """One line a document, with how sure we are of its text."""
    return [Text.assemble(words, (f" ({sure['en']})", "dim")) for words, sure in laws(rows)]


def evidence_sources(evidence: Iterable[str]) -> list[str]:
    """`bank/p1`, `bank/p2` -> `bank (p1, p2)`."""
    people: dict[str, list[str]] = {}
    for item in evidence:
        source, _, person = item.partition("/")
        people.setdefault(source, []).append(person)
    return [f"{s} ({', '.join(p)})" if any(p) else s for s, p in people.items()]


def benefit(row: Plain | None) -> list[RenderableType]:
    """The indicative benefit; the authority sets the real one."""
    if row is None:
        return []
    text = Text.assemble(
        "  ", (row["monthly"]["en"], "bold"), ("  indicative: ", "dim"), row["formula"]["en"]
    )
    return [text]


def charges(rows: Sequence[Plain]) -> list[RenderableType]:
    """What the household would have to pay itself."""
    return [
        Text.assemble(
            "  ",
            (row["value"]["en"], "bold"),
            (f"  {row['title']['en']}: ", "dim"),
            row["formula"]["en"],
        )
        for row in rows
    ]


# -- questions ----------------------------------------------------------------------------


def questions(report: Plain) -> list[RenderableType]:
    """The fewest answers that settle the case, most decisive first."""
    parts = [line for q in report["questions"] for line in question(q, remedy=True)]
    if not report["questions_complete"]:
        parts.append(
            Text("  too many doubts to try every combination: this list may be too long", "dim")
        )
    return parts


def question(q: Plain, *, remedy: bool) -> list[RenderableType]:
    """One question in both languages, and what to do about it."""
    style = "bold yellow" if remedy else "dim"
    who = f"{q['name']}: " if q["name"] else ""
    lines: list[RenderableType] = [
        bullet(Text(f"{who}{q['question']['en']}"), "?", style),
        Padding(Flow(Text(f"{who}{q['question']['zh']}", "dim")), (0, 0, 0, 4)),
    ]
    if remedy:
        lines.append(Padding(bullet(Text(q["remedy"]["en"]), "→", "cyan"), (0, 0, 0, 2)))
    return lines
