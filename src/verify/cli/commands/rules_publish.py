"""`verify rules propose | proposals | approve | withdraw`: publish rules by two people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from verify.cli.options import Home, Json

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from verify.bootstrap import System

Plain = dict[str, Any]

ProposalId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The proposal's id, `p_...`.")
]


def propose(
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="The proposed rules, as a whole folder.")
    ],
    starts: Annotated[
        str, typer.Option("--starts", metavar="DAY", help="First day on which they count.")
    ],
    *,
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="What changes, and why, in a sentence.")
    ] = "",
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="DIGEST",
            help="The rules they were written on (default: those in force when they start).",
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Propose rules: they are stored, checked, and wait for another person's approval.

    You are the holder of the key in VERIFY_KEY (role `policy`), or else the user of this account.
    The embedded database has one writer: beside a running service, propose through its API.
    """
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting, read_rules
    from verify.domain.errors import InputError

    try:
        day = dt.date.fromisoformat(starts)
    except ValueError:
        raise InputError(
            "it is not a day", where="--starts", remedy="give a day such as 2025-07-01"
        ) from None
    content = read_rules(folder, home)
    with _system(home) as system:
        caller = acting(system.store)
        document = system.publishing.propose(content, day, caller, note=note, base=base)
    emit(document, lambda console: _show(document, console))


def proposals(
    proposal: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One of them, with what it changes.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List the proposals and what is in force, or show one: changes in law, faults, history."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home, read_only=True) as system:
        caller = acting(system.store)
        if proposal is not None:
            one = system.publishing.view(proposal, caller)
            emit(one, lambda console: _show(one, console))
            return
        page = system.publishing.page(caller)
    emit(page, lambda console: _show_page(page, console))


def approve(proposal: ProposalId, home: Home = None, as_json: Json = False) -> None:
    """Approve another person's proposal; from its first day it is the law applied here."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home) as system:
        document = system.publishing.approve(proposal, acting(system.store))
    emit(document, lambda console: _show(document, console))


def withdraw(proposal: ProposalId, home: Home = None, as_json: Json = False) -> None:
    """Take a proposal back before its first day."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home) as system:
        document = system.publishing.withdraw(proposal, acting(system.store))
    emit(document, lambda console: _show(document, console))


@contextmanager
def _system(home: Path | None, *, read_only: bool = False) -> Iterator[System]:
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for

    logs.quiet()
    with build(settings_for(home), worker=False, read_only=read_only) as system:
        yield system


def _show(document: Plain, console: Console) -> None:
    from rich.text import Text

    from verify.cli.commands.rules_words import show_diff

    console.print(Text.assemble((document["id"], "bold"), f"  {document['state']}"))
    console.print(Text(f"starts {document['starts']}  {document['note']}"))
    console.print(Text(f"proposed by {document['proposed_by']} {document['proposed_at']}", "dim"))
    if document["approved_by"]:
        console.print(
            Text(f"approved by {document['approved_by']} {document['approved_at']}", "dim")
        )
    console.print(Text(document["digest"], "dim"))
    for fault in document["faults"]:
        console.print(Text(f"✘ {fault['file']}:{fault['line']}  {fault['what']}", "red"))
    for case in document["failed_cases"]:
        console.print(Text(f"✘ {case['title']}: {'; '.join(case['differences'])}", "red"))
    checks = document["checks"]
    if checks["passed"]:
        console.print(Text(f"✔ sound; {checks['cases']} golden cases pass", "green"))
    if document["changes"] is not None:
        show_diff(document["changes"], console)


def _show_page(page: Plain, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    now = page["in_force"]
    source = "published" if now["from"] == "store" else "of the content folder"
    console.print(Text(f"in force: {now['digest']} ({source})", "bold"))
    if not page["proposals"]:
        console.print(Text("no proposal yet; `verify rules propose DIR --starts DAY`", "dim"))
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("id", "state", "starts", "checks", "proposed by", "approved by"):
        table.add_column(name, no_wrap=name == "id")
    for p in page["proposals"]:
        checks = "✔" if p["checks"]["passed"] else "✘"
        table.add_row(
            p["id"], p["state"], p["starts"], checks, p["proposed_by"], p["approved_by"] or "–"
        )
    console.print(table)
