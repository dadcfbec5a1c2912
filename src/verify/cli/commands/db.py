"""`verify db`: the database's shape, and whether all that is in it is as it was sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from verify.cli.options import Home, Json

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]

app = typer.Typer(help="Upgrade the database; check that nothing in it was altered.")


@app.command()
def upgrade(home: Home = None, as_json: Json = False) -> None:
    """Create the database, or bring it to this version's tables. Safe to repeat."""
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.store import Store

    settings = settings_for(home)
    settings.home.mkdir(parents=True, exist_ok=True)
    Store.open(settings.resolved_database_url).close()
    emit(
        {"database": "ready"}, lambda console: console.print("✔ the database has the newest tables")
    )


@app.command()
def check(home: Home = None, as_json: Json = False) -> None:
    """Recompute every hash of every verification; name each thing that is not what was sealed.

    The chain of clerical decisions on matches is checked as well.

    Exit code 7 when anything differs. Opens the store for reading only.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.domain.errors import IntegrityError
    from verify.store import Store

    checked = 0
    faults: list[Plain] = []
    with Store.open(settings_for(home).resolved_database_url, read_only=True) as store:
        cursor: str | None = None
        while True:
            rows, cursor = store.list(LOCAL, cursor=cursor, limit=200)
            for row in rows:
                checked += 1
                faults += [
                    {"verification": row.id, "thing": f.thing, "reason": f.reason}
                    for f in store.check_integrity(row.id, LOCAL)
                ]
            if cursor is None:
                break
        faults += [
            {"verification": "", "thing": "clerical decisions", "reason": reason}
            for reason in store.check_labels()
        ]
    document = {"checked": checked, "intact": not faults, "faults": faults}
    emit(document, lambda console: _show(document, console))
    if faults:
        raise typer.Exit(IntegrityError.exit_code)


def _show(document: Plain, console: Console) -> None:
    from rich.text import Text

    checked = f"{document['checked']} verification{'s' if document['checked'] != 1 else ''}"
    if document["intact"]:
        console.print(Text(f"✔ {checked} checked: every byte is as it was sealed", "green"))
        return
    console.print(Text(f"✘ {checked} checked: {len(document['faults'])} altered", "bold red"))
    for fault in document["faults"]:
        console.print(
            Text.assemble(
                f"  {fault['verification']}  ", (fault["thing"], "bold"), ": ", fault["reason"]
            )
        )
