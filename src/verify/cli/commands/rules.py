"""`verify rules`: write law, check it, see what a change does, publish it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from verify.cli.commands import rules_publish, rules_tools
from verify.cli.options import Json

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]

app = typer.Typer(help="The law as content: check it, try a change, publish it by two people.")

Folder: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="[DIR]", help="Rules to look at (default: those of this installation)."),
]


@app.command()
def lint(where: Folder = None, as_json: Json = False) -> None:
    """Name every fault with file and line: what, why it matters, what to do (exit code 2)."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import connectors_beside, read_rules
    from verify.domain.errors import ContentError
    from verify.rules import Law
    from verify.rules.lint import errors
    from verify.rules.lint import lint as find_flaws
    from verify.service.rule_checks import source_flaws

    content = read_rules(where)
    flaws = find_flaws(content)
    if not errors(flaws):
        found = source_flaws(Law.from_content(content), content, connectors_beside(where))
        flaws = (*flaws, *found)
    faults = errors(flaws)
    document: Plain = {
        "digest": content.digest,
        "files": sorted(content.files),
        "errors": len(faults),
        "warnings": len(flaws) - len(faults),
        "flaws": [f.plain() for f in flaws],
    }
    emit(document, lambda console: _show_lint(document, console))
    if faults:
        raise typer.Exit(ContentError.exit_code)


@app.command("test")
def run_cases(where: Folder = None, as_json: Json = False) -> None:
    """Run the golden cases beside the rulebooks; exit code 2 when one comes out differently."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import read_rules
    from verify.domain.errors import ContentError
    from verify.rules import Law
    from verify.rules.cases import run

    content = read_rules(where)
    results = run(Law.from_content(content), content)
    cases = [
        {"title": r.title, "where": r.where, "passed": r.passed, "differences": list(r.differences)}
        for r in results
    ]
    failed = sum(1 for c in cases if not c["passed"])
    document: Plain = {"cases": len(cases), "failed": failed, "results": cases}
    emit(document, lambda console: _show_cases(document, console))
    if failed:
        raise typer.Exit(ContentError.exit_code)


def _show_lint(document: Plain, console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for flaw in document["flaws"]:
        place = f"{flaw['file']}:{flaw['line']}" if flaw["line"] else flaw["file"]
        mark = ("✘ ", "bold red") if flaw["level"] == "error" else ("! ", "bold yellow")
        console.print(Text.assemble(mark, (place, "bold"), f"  {flaw['code']}"))
        for label, style in (("what", ""), ("why", "dim"), ("remedy", "cyan")):
            console.print(Padding(Text(flaw[label], style), (0, 0, 0, 4), expand=False))
    if document["errors"]:
        console.print(Text(f"{document['errors']} faults in {len(document['files'])} files", "red"))
        return
    console.print(Text(f"✔ {len(document['files'])} files are sound", "green"))
    console.print(Text(f"  {document['digest']}", "dim"))


def _show_cases(document: Plain, console: Console) -> None:
    from rich.text import Text

    for case in document["results"]:
        if case["passed"]:
            console.print(Text.assemble(("✔ ", "green"), case["title"]))
            continue
        console.print(Text.assemble(("✘ ", "bold red"), (case["title"], "bold")))
        console.print(Text(f"    {case['where']}", "dim"))
        for difference in case["differences"]:
            console.print(Text(f"    {difference}"))
    passed = document["cases"] - document["failed"]
    console.print(
        Text(
            f"{passed} of {document['cases']} cases pass", "red" if document["failed"] else "green"
        )
    )


app.command()(rules_tools.explain)
app.command()(rules_tools.diff)
app.command()(rules_tools.impact)
app.command()(rules_tools.coverage)
app.command()(rules_tools.schema)
app.command()(rules_tools.export)
app.command()(rules_publish.propose)
app.command()(rules_publish.proposals)
app.command()(rules_publish.approve)
app.command()(rules_publish.withdraw)
