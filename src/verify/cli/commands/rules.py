"""`verify rules`: is the law in the content folder sound, and does it do what its cases say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from verify.cli.options import Json

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]

app = typer.Typer(help="The law as content: lint it, run its golden cases.")


@app.command()
def lint(as_json: Json = False) -> None:
    """Load every rulebook; a fault is named with file and line (exit code 2)."""
    del as_json
    from verify.cli.output import emit
    from verify.content import ContentSet
    from verify.rules import Law

    content = ContentSet.load("rules")
    law = Law.from_content(content)
    document: Plain = {"digest": law.digest, "files": sorted(content.files)}
    emit(document, lambda console: _show_lint(document, console))


@app.command("test")
def run_cases(as_json: Json = False) -> None:
    """Run the golden cases beside the rulebooks; exit code 2 when one comes out differently."""
    del as_json
    from verify.cli.output import emit
    from verify.content import ContentSet
    from verify.domain.errors import ContentError
    from verify.rules import Law
    from verify.rules.cases import run

    content = ContentSet.load("rules")
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
    from rich.text import Text

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
