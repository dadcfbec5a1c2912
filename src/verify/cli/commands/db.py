"""`verify db`: the database's shape, its contents as sealed, its copies, what is kept how long."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Home, Json

if TYPE_CHECKING:
    from rich.console import Console

    from verify.service.retention import CarriedOut

Plain = dict[str, Any]

app = typer.Typer(help="Upgrade, check, back up, restore the database; erase what is due.")


@app.command()
def upgrade(home: Home = None, as_json: Json = False) -> None:
    """Create the database, or bring it to this version's tables. Safe to repeat.

    What an earlier version stored plainly is sealed; an interrupted run goes on where it was.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.service.master_key import open_protected

    settings = settings_for(home)
    settings.home.mkdir(parents=True, exist_ok=True)
    open_protected(settings, read_only=False).close()
    emit(
        {"database": "ready"}, lambda console: console.print("✔ the database has the newest tables")
    )


@app.command()
def check(home: Home = None, as_json: Json = False) -> None:
    """Recompute every hash of every verification; name each thing that is not what was sealed.

    What is of no verification is checked as well: API keys, data keys, content sets, how rules and
    sources were published, clerical decisions on matches.

    Exit code 7 when anything differs. Opens the store for reading only. `verify audit check`
    also asks the witnesses.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.domain.errors import IntegrityError
    from verify.service.master_key import open_protected

    checked = 0
    faults: list[Plain] = []
    with open_protected(settings_for(home), read_only=True) as store:
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
            {"verification": "", "thing": fault.thing, "reason": fault.reason}
            for fault in store.check_installation()
        ]
    document = {"checked": checked, "intact": not faults, "faults": faults}
    emit(document, lambda console: _show(document, console))
    if faults:
        raise typer.Exit(IntegrityError.exit_code)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a consistent copy of the database, also while the service runs.

    On PostgreSQL with its own pg_dump: the installed one of the server's version, or the one in
    VERIFY_POSTGRES_BIN. What was written is read back before the file gets its name.

    The keys (`master.key`, `log.key`) and the witness are not in it: keep them elsewhere.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.files import unwritable
    from verify.cli.output import emit
    from verify.store.backup import backup as copy

    settings = settings_for(home)
    try:
        copy(settings.resolved_database_url, file, settings.postgres_bin)
    except OSError as error:
        raise unwritable(file, error) from None
    document = {"file": str(file), "bytes": file.stat().st_size}
    emit(document, lambda console: console.print(f"✔ {file}  ({document['bytes']} bytes)"))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put a copy in the database's place; stop the service first.

    SQLite: in place of the file. PostgreSQL: into an empty database, all of it or nothing; one
    that holds anything stays as it is (exit code 4). A damaged copy changes nothing: exit code 7.

    A copy that is older than what the witnesses saw is recognised: no verdict becomes final until
    the newest one is restored, and `verify audit check` says what is missing.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.files import unwritable
    from verify.cli.output import emit
    from verify.store.backup import restore as put_back

    settings = settings_for(home)
    try:
        put_back(settings.resolved_database_url, file, settings.postgres_bin)
    except OSError as error:  # the copy can be read: it is the place to put it
        raise unwritable(Path(error.filename or settings.home), error) from None
    emit({"restored": str(file)}, lambda console: console.print(f"✔ restored from {file}"))


@app.command()
def erase(
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase; without it only say what is due.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Erase evidence whose retention (VERIFY_RETENTION) is over; the ledger keeps its proof.

    What is erased cannot be read or replayed again, by anybody. Old backups still hold the
    wrapped keys: destroy them, or rotate the master key and destroy the old one. Where something
    is still being worked on, that month is kept, and named, and all others are erased; exit code 4.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.domain.errors import Conflict
    from verify.service.clock import day_of, now_ms
    from verify.service.master_key import open_store
    from verify.service.retention import CarriedOut, carry_out, due

    settings = settings_for(home)
    now = now_ms()
    with open_store(settings, read_only=not yes) as store:
        if yes:
            found = carry_out(store, settings.retention, now)
        else:
            named = due(store, settings.retention, day_of(now))
            found = tuple(CarriedOut(item, None) for item in named)
    document = {"erased": yes, "scopes": [_scope(one) for one in found]}
    emit(document, lambda console: _show_due(document, console))
    if any(one.kept for one in found):
        raise typer.Exit(Conflict.exit_code)


@app.command()
def rotate(home: Home = None, as_json: Json = False) -> None:
    """Wrap every data key under the first master key; stop the service first on SQLite.

    Put the new master key on the first line of the file and leave the old one below it; run this;
    then remove the old line.
    """
    del as_json
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.domain.errors import NotFound
    from verify.service.master_key import key_file, open_store

    settings = settings_for(home)
    with open_store(settings) as store:
        if store.keyring is None:
            raise NotFound(
                "there is no master key",
                where=str(key_file(settings)),
                remedy="restore it from where you keep its copy, or set VERIFY_MASTER_KEY_FILE; "
                "where nothing was ever stored, the first start of the service makes it",
            )
        count = store.keyring.rotate()
    emit({"rewrapped": count}, lambda console: console.print(f"✔ {count} data keys wrapped anew"))


def _scope(one: CarriedOut) -> Plain:
    row = {"scope": one.due.scope, "term": one.due.ground, "verifications": one.verifications}
    return {**row, "kept": one.kept} if one.kept else row


def _show_due(document: Plain, console: Console) -> None:
    from rich.text import Text

    if not document["scopes"]:
        console.print(Text("nothing is due", "dim"))
    for item in document["scopes"]:
        what = "erased" if document["erased"] else "due (--yes erases it)"
        if "kept" in item:
            what = f"KEPT: {item['kept']}; let them end, or cancel them, then erase again"
        console.print(f"  {item['scope']}  {what}, term {item['term']}")


def _show(document: Plain, console: Console) -> None:
    from rich.text import Text

    checked = f"{document['checked']} verification{'s' if document['checked'] != 1 else ''}"
    if document["intact"] and not document["checked"]:
        console.print("– no verification was checked: there is none yet")
        return
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
