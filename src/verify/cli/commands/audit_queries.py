"""`verify audit accesses | unread | caseless | asked`: an auditor's questions, also as CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Csv, Everything, Home, Json, StatedPurpose, VerificationId
from verify.domain.access import Purpose

if TYPE_CHECKING:
    from rich.console import Console

    from verify.bootstrap import System

Plain = dict[str, Any]
Page = tuple[list[Plain], str | None]

Limit = Annotated[int, typer.Option(min=1, max=500, metavar="N", help="How many on a page.")]


def accesses(
    *,
    verification: Annotated[
        str, typer.Option("--case", metavar="ID", help="Reads of this verification.")
    ] = "",
    by: Annotated[str, typer.Option("--by", metavar="CALLER", help="Reads by this caller.")] = "",
    what: Annotated[
        str, typer.Option("--what", metavar="KIND", help="`report`, `raw answer`, `list`, ...")
    ] = "",
    read_for: Annotated[
        Purpose | None, typer.Option("--read-for", metavar="PURPOSE", help="Reads for this.")
    ] = None,
    person: Annotated[
        bool,
        typer.Option(
            "--person",
            help="Reads about one person, whose id number is read from standard input; "
            "needs --purpose.",
        ),
    ] = False,
    limit: Limit = 100,
    everything: Everything = False,
    purpose: StatedPurpose = None,
    csv: Csv = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say who read what and what for, newest first: of a case, by a caller, about a person.

    An id number never appears on the command line: it would be seen by other users and stay in
    the shell's history.
    """
    del as_json
    from verify.cli.output import emit
    from verify.cli.reader import reader
    from verify.service.access_trail import ACCESS_COLUMNS, PERSON_COLUMNS, about_rows
    from verify.store.accesses import AccessFilters

    me = reader(purpose)
    columns: tuple[str, ...] = ACCESS_COLUMNS
    with _system(home) as system:
        if person:
            document = system.trail.about(_from_standard_input(), me)
            columns, rows = PERSON_COLUMNS, about_rows(document)
        else:
            filters = AccessFilters(
                (verification,) if verification else (), by, what, purpose=read_for or ""
            )
            rows, following = _pages(
                lambda cursor: system.trail.find(me, filters, cursor, limit), everything
            )
            document = {"accesses": rows, "next": following}
    if csv:
        _print_csv(columns, rows, document.get("next"))
    else:
        emit(document, lambda console: _show_accesses(document, console))


def unread(
    *,
    days: Annotated[
        int, typer.Option(min=0, max=3650, metavar="N", help="Unread for so many days.")
    ] = 30,
    limit: Limit = 500,
    everything: Everything = False,
    csv: Csv = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List checks without follow-up: a verdict that nobody read for days."""
    del as_json
    from verify.cli.reader import reader

    me = reader()
    _list(home, lambda s, c: s.trail.without_follow_up(me, days, c, limit), everything, csv)


def caseless(
    *,
    limit: Limit = 500,
    everything: Everything = False,
    csv: Csv = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List look-ups without a case: checks that name no case number."""
    del as_json
    from verify.cli.reader import reader

    me = reader()
    _list(home, lambda s, c: s.trail.without_case(me, c, limit), everything, csv)


def asked(
    verification: VerificationId,
    *,
    purpose: StatedPurpose = None,
    csv: Csv = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Prove that every member and source was asked, negatives included.

    Exit code 7 when a promised question was not put, or something is not as it was recorded.
    """
    del as_json
    from verify.cli.output import emit
    from verify.cli.reader import reader
    from verify.domain.errors import IntegrityError
    from verify.service.access_trail import ASKED_COLUMNS

    with _system(home) as system:
        found = system.trail.asked(verification, reader(purpose))
    if csv:
        _print_csv(ASKED_COLUMNS, found["asked"])
    else:
        emit(found, lambda console: _show_asked(found, console))
    if not (found["complete"] and found["intact"]):
        raise typer.Exit(IntegrityError.exit_code)


def _from_standard_input() -> str:
    import sys

    return sys.stdin.readline().strip()


def _list(home: Home, ask: Callable[[System, str], Page], everything: bool, csv: bool) -> None:
    from verify.cli.output import emit
    from verify.service.access_trail import CHECK_COLUMNS

    with _system(home) as system:
        rows, following = _pages(lambda cursor: ask(system, cursor), everything)
    if csv:
        _print_csv(CHECK_COLUMNS, rows, following)
        return
    emit({"checks": rows, "next": following}, lambda console: _show(rows, console))


def _pages(ask: Callable[[str], Page], everything: bool) -> Page:
    """The first page, or all of them together."""
    rows, following = ask("")
    while everything and following is not None:
        more, following = ask(following)
        rows += more
    return rows, following


def _system(home: Home) -> System:
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for

    logs.quiet()
    return build(settings_for(home), worker=False, read_only=True)


def _print_csv(columns: Sequence[str], rows: list[Plain], following: str | None = None) -> None:
    from verify.service.tabular import as_csv

    typer.echo(as_csv(columns, rows), nl=False)
    if following is not None:
        typer.echo("there is more: repeat it with --all", err=True)


def _show_accesses(document: Plain, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    for case in document.get("cases", ()):
        console.print(f"  {case['verification']}  {case['person']}")
    if not document["accesses"]:
        console.print(Text("no read on record", "dim"))
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("at", "caller", "purpose", "what", "case"):
        table.add_column(name, overflow="fold")
    for row in document["accesses"]:
        said = row["purpose"] or "–"
        case = row["verification"] or f"({len(row['shown'])} shown)"
        table.add_row(row["at"], row["caller"], said, row["what"], case)
    console.print(table)


def _show(rows: list[Plain], console: Console) -> None:
    if not rows:
        console.print("none on record")
    for row in rows:
        words = (row["verification"], row["caller"], row["region"], row["changed_at"])
        console.print("  ".join(words), soft_wrap=True, markup=False)


def _show_asked(found: Plain, console: Console) -> None:
    whole = found["complete"] and found["intact"]
    mark = "✔ every question was put" if whole else "✘ NOT every question was put, or not intact"
    console.print(f"{mark}  ({found['planned']} planned)")
    for row in found["asked"]:
        words = (row["evidence"], row["status"], row["state"] or "-", row["asked_on"] or "-")
        console.print("  " + "  ".join(words), soft_wrap=True, markup=False)
