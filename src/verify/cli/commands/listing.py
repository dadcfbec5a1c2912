"""`verify list`: the verifications in the store, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Home, Json, StatedPurpose

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]


def list_verifications(
    limit: Annotated[int, typer.Option(min=1, max=200, metavar="N", help="How many to show.")] = 20,
    cursor: Annotated[
        str | None,
        typer.Option(metavar="CURSOR", help="Go on after the page that gave this cursor."),
    ] = None,
    purpose: StatedPurpose = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List verifications, newest first. Opens the store for reading only."""
    del as_json
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.cli.reader import reader

    logs.quiet()
    me = reader(purpose)
    with build(settings_for(home), worker=False, read_only=True) as system:
        items, following = system.verifications.page(me, cursor, limit)
        views = [system.verifications.view(item["id"], me) for item in items]
    document = {"verifications": views, "cursor": following}
    emit(document, lambda console: _show(document, console))


def _show(document: Plain, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from verify.cli.symbols import OUTCOME, mark

    views = document["verifications"]
    if not views:
        console.print(Text("no verification yet; `verify check FILE` makes one", "dim"))
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("id", "outcome", "state", "programme", "region", "as of"):
        table.add_column(name, no_wrap=name != "programme", overflow="fold")
    for view in views:
        verdict = view["verdict"]
        table.add_row(
            view["id"],
            mark(OUTCOME, verdict["outcome"], verdict["outcome"]) if verdict else Text("–", "dim"),
            view["state"],
            view["programme"],
            view["region"],
            view["as_of"],
        )
    console.print(table)
    if document["cursor"]:
        console.print(Text(f"more: verify list --cursor {document['cursor']}", "dim"))
