"""`verify audit unread | caseless | asked`: an auditor's questions, also as CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Home, Json, VerificationId

if TYPE_CHECKING:
    from rich.console import Console

    from verify.bootstrap import System

Plain = dict[str, Any]

Csv = Annotated[bool, typer.Option("--csv", help="Print CSV instead, for a spreadsheet.")]
Limit = Annotated[int, typer.Option(min=1, max=500, metavar="N", help="How many.")]


def unread(
    *,
    days: Annotated[
        int, typer.Option(min=0, max=3650, metavar="N", help="Unread for so many days.")
    ] = 30,
    limit: Limit = 500,
    csv: Csv = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List checks without follow-up: a verdict that nobody read for days."""
    del as_json
    from verify.domain.access import LOCAL

    _list(home, lambda system: system.trail.without_follow_up(LOCAL, days, "", limit), csv)


def caseless(
    *, limit: Limit = 500, csv: Csv = False, home: Home = None, as_json: Json = False
) -> None:
    """List look-ups without a case: checks that name no case number."""
    del as_json
    from verify.domain.access import LOCAL

    _list(home, lambda system: system.trail.without_case(LOCAL, "", limit), csv)


def asked(
    verification: VerificationId, *, csv: Csv = False, home: Home = None, as_json: Json = False
) -> None:
    """Prove that every member and source was asked, negatives included.

    Exit code 7 when a promised question was not put, or something is not as it was recorded.
    """
    del as_json
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.domain.errors import IntegrityError

    with _system(home) as system:
        found = system.trail.asked(verification, LOCAL)
    if csv:
        _print_csv(found["asked"])
    else:
        emit(found, lambda console: _show_asked(found, console))
    if not (found["complete"] and found["intact"]):
        raise typer.Exit(IntegrityError.exit_code)


def _list(home: Home, ask: Callable[[System], tuple[list[Plain], str | None]], csv: bool) -> None:
    from verify.cli.output import emit

    with _system(home) as system:
        rows, following = ask(system)
    if csv:
        _print_csv(rows)
        return
    emit({"checks": rows, "next": following}, lambda console: _show(rows, console))


def _system(home: Home) -> System:
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for

    logs.quiet()
    return build(settings_for(home), worker=False, read_only=True)


def _print_csv(rows: list[Plain]) -> None:
    from verify.service.access_trail import as_csv

    typer.echo(as_csv(rows), nl=False)


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
