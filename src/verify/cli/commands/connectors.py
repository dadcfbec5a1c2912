"""`verify connectors`: whom we ask, on what legal basis, and whether they answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.commands import connectors_publish
from verify.cli.options import EnvFile, Home, Json

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]

app = typer.Typer(help="The sources: what they yield, and whether they answer.")


@app.command("list")
def list_sources(home: Home = None, as_json: Json = False) -> None:
    """List the sources as declared now, with purpose, legal basis, yields and freshness."""
    del as_json
    from verify.cli import logs
    from verify.cli.asking import describe, sources_in_use
    from verify.cli.output import emit

    logs.quiet()
    connectors = sources_in_use(home)
    document: Plain = {
        "digest": connectors.digest,
        "connectors": [describe(connectors.declaration(s)) for s in connectors.sources],
    }
    emit(document, lambda console: _show_list(document["connectors"], console))


@app.command("test")
def try_source(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Id of the source, e.g. tax.")],
    *,
    name: Annotated[str, typer.Option(help="A name that belongs to nobody.")] = "",
    number: Annotated[
        str,
        typer.Option(
            help="An identity number that belongs to nobody (10..., or VERIFY_SYNTHETIC_IDS)."
        ),
    ] = "",
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Ask a source one question about an identity that belongs to nobody.

    Exit code 0 when it answers as declared, 6 when it does not: the state and its detail say
    how. A number that could be a real person's is refused. Nothing is stored.
    """
    del as_json
    from verify.cli import logs
    from verify.cli.asking import sources_in_use
    from verify.cli.environment import settings_for, source_environment
    from verify.cli.output import emit
    from verify.domain.errors import Overloaded
    from verify.domain.evidence import EvidenceState
    from verify.service.clock import day_of, now_ms
    from verify.service.source_trials import NOBODY, NOBODY_NAME, Subject, try_source

    logs.quiet()
    settings = settings_for(home)
    declaration = sources_in_use(home).declaration(source)
    document = try_source(
        declaration,
        source_environment(settings.home, env_file),
        Subject(name or NOBODY_NAME, number or NOBODY),
        settings.synthetic_ranges,
        day_of(now_ms()),
    )
    emit(document, lambda console: _show_test(document, console))
    if not EvidenceState(document["state"]).answered:
        raise typer.Exit(Overloaded.exit_code)


@app.command("health")
def show_health(
    hours: Annotated[int, typer.Option(min=1, max=336, metavar="N", help="How far back.")] = 24,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show how the sources do: breaker, quarantine, answers, latency, freshness, matches by hour.

    The last column: of the records judged, how many were theirs / doubtful / somebody else's.

    Opens the store for reading only.
    """
    del as_json
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for
    from verify.cli.output import emit

    logs.quiet()
    with build(settings_for(home), worker=False, read_only=True) as system:
        document = system.sources.view(hours)
    emit(document, lambda console: _show_health(document, console))


def _show_health(document: Plain, console: Console) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, border_style="dim")
    for name in (
        "source",
        "now",
        "asked",
        "answered",
        "mean",
        "95 %",
        "knew",
        "filled",
        "data age",
        "matched",
    ):
        table.add_column(name)
    for row in document["sources"]:
        spent = row["hours"]
        asked = sum(h["asked"] for h in spent)
        good = sum(h["states"].get(s, 0) for h in spent for s in ("ok", "confirmed_empty"))
        latest: Plain = spent[0] if spent else {}
        table.add_row(
            row["id"],
            f"{row['state']} {row['reason']}".strip(),
            str(asked),
            f"{100 * good // asked} %" if asked else "",
            f"{latest['mean_ms']} ms" if latest else "",
            f"≤ {latest['p95_ms_at_most']} ms" if latest.get("p95_ms_at_most") else "",
            f"{latest['found_permille']} ‰" if latest.get("found_permille") is not None else "",
            f"{latest['filled_permille']} ‰" if latest.get("filled_permille") is not None else "",
            f"{latest['mean_age_days']} d" if latest.get("mean_age_days") is not None else "",
            _matched(row["matches"]),
        )
    console.print(table)


def _matched(hours: list[Plain]) -> str:
    """Of all records judged in these hours, how many were theirs, doubtful, somebody else's."""
    records = sum(h["records"] for h in hours)
    kinds = ("positive", "unsure", "negative")
    sums = [sum(h["records"] * h[f"{k}_permille"] for h in hours) for k in kinds]
    return f"{' / '.join(str(s // records) for s in sums)} ‰ of {records}" if records else ""


@app.command("shadow")
def shadow(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Id of the source, e.g. tax.")],
    declared: Annotated[
        Path, typer.Argument(metavar="DRAFT", help="The changed declaration (YAML).")
    ],
    *,
    limit: Annotated[
        int, typer.Option(min=1, max=2000, metavar="N", help="Newest verdicts to compare.")
    ] = 200,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run a changed declaration beside the live one, on the evidence in the store.

    Says which answers would be read differently and which verdicts would turn. Nothing is asked
    and nothing is stored.
    """
    del as_json
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.asking import read_text
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.cli.reader import reader

    logs.quiet()
    text = read_text(declared)
    with build(settings_for(home), worker=False, read_only=True) as system:
        document = system.shadows.compare(source, text, reader(), limit)
    emit(document, lambda console: _show_shadow(document, console))


def _show_shadow(document: Plain, console: Console) -> None:
    from rich.text import Text

    compared = document["compared"]
    console.print(
        f"{compared['answers']} answers in {compared['verdicts']} verdicts: "
        f"{document['differ']['answers']} would be read differently, "
        f"{document['differ']['verdicts']} verdicts would turn"
    )
    for row in document["states"]:
        if row["live"] != row["draft"]:
            console.print(Text(f"  {row['live']} -> {row['draft']}: {row['answers']}", "yellow"))
    for row in document["facts"]:
        console.print(f"  {row['kind']}: -{row['lost']} +{row['gained']}")
    for row in document["verdicts"]:
        console.print(f"  {row['verification']}: {row['live']} -> {row['draft']}")


@app.command("preview")
def preview_answer(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Id of the source, e.g. tax.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="Recorded replies (.yaml), or the raw bodies of one answer in order "
            "(default: the recorded replies of the version in force).",
        ),
    ] = None,
    *,
    name: Annotated[str, typer.Option(help="Whom a raw answer was asked about.")] = "",
    number: Annotated[str, typer.Option(help="The identity number asked about.")] = "",
    as_of: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The day in question.")] = "",
    declared: Annotated[
        Path | None, typer.Option(help="Read with this declaration instead of the one in use.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what a connector makes of an answer: mapping, units, what is refused and why.

    Nothing is asked and nothing is stored. Exit code 6 when an answer does not fit.
    """
    del as_json
    from verify.cli.output import emit
    from verify.cli.previewing import preview_files
    from verify.domain.errors import Overloaded
    from verify.domain.evidence import EvidenceState

    document = preview_files(
        source, files or [], name=name, number=number, as_of=as_of, declared=declared, home=home
    )
    emit(document, lambda console: _show_preview(document, console))
    if not all(EvidenceState(r["state"]).answered for r in document["replies"]):
        raise typer.Exit(Overloaded.exit_code)


def _show_preview(document: Plain, console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from verify.cli.symbols import state_mark

    for reply in document["replies"]:
        console.print(
            Text.assemble(
                (f"{reply['title']}  ", "bold"),
                state_mark(reply["state"], reply["words"]["en"]),
                f"  {reply['detail']}",
            )
        )
        for signal in reply["signals"]:
            console.print(Text(f"  signal: {signal}", "yellow"))
        table = Table(box=box.SIMPLE_HEAD, border_style="dim")
        for column in ("kind", "amount (fen)", "period", "object", "category"):
            table.add_column(column)
        for r in reply["records"]:
            period = "..".join(
                str(d) for d in (r.get("period_start"), r.get("period_end")) if d is not None
            )
            cells = (r["kind"], r.get("amount", ""), period, r.get("object_key", ""))
            table.add_row(*(Text(str(c)) for c in (*cells, r.get("category", ""))))
        if reply["records"]:
            console.print(table)


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


app.command()(connectors_publish.show)
app.command()(connectors_publish.propose)
app.command()(connectors_publish.proposals)
app.command()(connectors_publish.approve)
app.command()(connectors_publish.withdraw)
app.command()(connectors_publish.rollback)
