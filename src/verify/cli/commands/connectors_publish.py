"""`verify connectors propose | proposals | approve | withdraw | rollback`: change by two people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from verify.cli.options import EnvFile, Home, Json

if TYPE_CHECKING:
    from rich.console import Console

    from verify.bootstrap import System

Plain = dict[str, Any]

Source: TypeAlias = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Id of the source, e.g. tax.")
]
ProposalId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The proposal's id, `p_...`.")
]
Why: TypeAlias = Annotated[
    str, typer.Option("--note", metavar="TEXT", help="What changes, and why, in a sentence.")
]


def show(
    source: Source,
    digest: Annotated[
        str | None,
        typer.Argument(metavar="[DIGEST]", help="A version, as verdicts name it."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print the declaration of a source that is in force, or one version by its digest."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home, read_only=True) as system:
        caller = acting(system.store)
        chosen = digest or system.contents.connectors.declaration(source).digest
        document = system.connector_publishing.version(source, chosen, caller)
    emit(document, lambda console: _show_text(document, console))


def propose(
    source: Source,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The changed declaration (YAML).")],
    *,
    starts: Annotated[
        str,
        typer.Option(
            "--starts",
            metavar="TIME",
            help="From when on it counts, e.g. 2026-07-01T06:00 (China) or with a zone "
            "(default: from its approval on).",
        ),
    ] = "",
    note: Why = "",
    replies: Annotated[
        Path | None,
        typer.Option(
            "--replies",
            metavar="FILE",
            help="Its recorded replies (default: those of the version before it).",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="DIGEST", help="The version it was written on (default: in force)."
        ),
    ] = None,
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Propose a changed declaration; it is checked, and waits for another person's approval.

    Refused with `file:line` and remedy if it does not load, leaves the allow-list, takes a secret
    of another host or fails its contract. You are the holder of the key in VERIFY_KEY (role
    `administrator`), or else the user of this account. The embedded database has one writer:
    beside a running service, propose through its API.
    """
    del as_json
    from verify.cli.asking import read_text
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting
    from verify.domain.errors import InputError

    try:
        at = dt.datetime.fromisoformat(starts) if starts else None
    except ValueError:
        raise InputError(
            "it is not a time", where="--starts", remedy="give a time such as 2026-07-01T06:00"
        ) from None
    text = read_text(file)
    recorded = read_text(replies) if replies is not None else None
    with _system(home, env_file=env_file) as system:
        document = system.connector_publishing.propose(
            source,
            text,
            acting(system.store),
            starts=at,
            note=note,
            replies=recorded,
            base=base,
        )
    emit(document, lambda console: _show(document, console))


def proposals(
    source: Source,
    proposal: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One of them, with what it changes.")
    ] = None,
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """List the proposals for a source and what is in force, or show one with its history."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home, read_only=True, env_file=env_file) as system:
        caller = acting(system.store)
        if proposal is not None:
            one = system.connector_publishing.view(source, proposal, caller)
            emit(one, lambda console: _show(one, console))
            return
        page = system.connector_publishing.page(source, caller)
    emit(page, lambda console: _show_page(page, console))


def approve(
    source: Source,
    proposal: ProposalId,
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Approve another person's proposal; from its time on the source is asked so."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home, env_file=env_file) as system:
        document = system.connector_publishing.approve(source, proposal, acting(system.store))
    emit(document, lambda console: _show(document, console))


def withdraw(
    source: Source, proposal: ProposalId, home: Home = None, as_json: Json = False
) -> None:
    """Take a proposal back before its time."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home) as system:
        document = system.connector_publishing.withdraw(source, proposal, acting(system.store))
    emit(document, lambda console: _show(document, console))


def rollback(
    source: Source,
    digest: Annotated[
        str, typer.Argument(metavar="DIGEST", help="The published version in force.")
    ],
    note: Why = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """End the published version in force; the one before it counts again at once."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import acting

    with _system(home) as system:
        caller = acting(system.store)
        document = system.connector_publishing.roll_back(source, digest, caller, note)
    emit(document, lambda console: _show(document, console))


@contextmanager
def _system(
    home: Path | None, *, read_only: bool = False, env_file: Path | None = None
) -> Iterator[System]:
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for, source_environment

    logs.quiet()
    settings = settings_for(home)
    given = source_environment(settings.home, env_file)
    with build(settings, environment=given, worker=False, read_only=read_only) as system:
        yield system


def _show_text(document: Plain, console: Console) -> None:
    from rich.text import Text

    console.print(Text(document["declaration"].rstrip("\n")), soft_wrap=True)


def _show(document: Plain, console: Console) -> None:
    from rich.text import Text

    console.print(Text.assemble((document["id"], "bold"), f"  {document['state']}"))
    console.print(Text(f"starts {document['starts']}  {document['note']}"))
    for step in ("proposed", "approved", "withdrawn", "rolled_back"):
        if document[f"{step}_by"]:
            words = step.replace("_", " ")
            console.print(
                Text(f"{words} by {document[f'{step}_by']} {document[f'{step}_at']}", "dim")
            )
    if document["rolled_back_to"]:
        console.print(Text(f"back to {document['rolled_back_to']}", "dim"))
    console.print(Text(document["digest"], "dim"))
    for fault in document["faults"]:
        console.print(Text(f"✘ {fault['where']}  {fault['what']}", "red"))
    if not document["faults"]:
        checks = document["checks"]
        console.print(Text(f"✔ sound; {checks['contract']} checks of the contract pass", "green"))
    for line in document["changes"][2:]:
        style = {"+": "green", "-": "red"}.get(line[:1], "dim")
        console.print(Text(line, style), soft_wrap=True)


def _show_page(page: Plain, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    now = page["in_force"]
    origin = "published" if now["from"] == "store" else "of the content folder"
    console.print(Text(f"in force: {now['digest']} ({origin})", "bold"))
    if not page["proposals"]:
        words = f"no proposal yet; `verify connectors propose {page['source']} FILE`"
        console.print(Text(words, "dim"))
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("id", "state", "starts", "proposed by", "approved by"):
        table.add_column(name, no_wrap=name == "id")
    for p in page["proposals"]:
        table.add_row(p["id"], p["state"], p["starts"], p["proposed_by"], p["approved_by"] or "–")
    console.print(table)
