"""`verify connectors`: whom we ask, on what legal basis, and whether they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import EnvFile, Home, Json

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]

app = typer.Typer(help="The sources: what they yield, and whether they answer.")


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """List the declared sources with purpose, legal basis, yields and freshness."""
    del as_json
    from verify.cli.asking import describe
    from verify.cli.output import emit
    from verify.connectors import Connectors
    from verify.content import ContentSet

    connectors = Connectors.from_content(ContentSet.load("connectors"))
    document: Plain = {
        "digest": connectors.digest,
        "connectors": [describe(connectors.declaration(s)) for s in connectors.sources],
    }
    emit(document, lambda console: _show_list(document["connectors"], console))


@app.command("test")
def try_source(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Id of the source, e.g. tax.")],
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Ask a source one question about an identity that belongs to nobody.

    Exit code 0 when it answers as declared, 6 when it does not: the state and its detail say
    how. Nothing is stored.
    """
    del as_json
    from verify.cli import logs
    from verify.cli.asking import ask_synthetic
    from verify.cli.environment import settings_for, source_environment
    from verify.cli.output import emit
    from verify.domain.errors import Overloaded
    from verify.domain.evidence import EvidenceState

    logs.quiet()
    settings = settings_for(home)
    document = ask_synthetic(source, source_environment(settings.home, env_file))
    emit(document, lambda console: _show_test(document, console))
    if not EvidenceState(document["state"]).answered:
        raise typer.Exit(Overloaded.exit_code)


def _show_list(rows: list[Plain], console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, border_style="dim")
    for name in ("source", "yields", "legal basis", "fresh", "deadline"):
        table.add_column(name)
    for row in rows:
        basis = "\n".join(
            f"{c['document']} {c['number']} {c['article']}".strip()
            for p in row["purposes"]
            for c in p["citations"]
        )
        table.add_row(
            Text.assemble(
                (row["id"], "bold"), f"\n{row['title']['en']}\n", (row["title"]["zh"], "dim")
            ),
            ", ".join(row["yields"]),
            basis,
            f"{row['max_age_days']} days",
            f"{row['deadline_seconds']} s",
        )
    console.print(table)


def _show_test(document: Plain, console: Console) -> None:
    from rich.text import Text

    from verify.cli.symbols import state_mark

    console.print(
        Text.assemble(
            (f"{document['source']}  ", "bold"),
            state_mark(document["state"], document["words"]["en"]),
            f"  {document['words']['zh']}  {document['milliseconds']} ms",
        )
    )
    if document["detail"]:
        console.print(Text(f"  detail: {document['detail']}", "dim"))
    for signal in document["signals"]:
        console.print(Text(f"  signal: {signal}", "yellow"))
