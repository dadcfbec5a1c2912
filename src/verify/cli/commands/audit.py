"""`verify audit`: prove what is stored, to others and offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.commands import audit_queries
from verify.cli.options import Home, Json, StatedPurpose, VerificationId

if TYPE_CHECKING:
    from rich.console import Console

    from verify.bootstrap import System
    from verify.service.audit_trust import Trust

Plain = dict[str, Any]

app = typer.Typer(help="Checkpoints, proofs, archives: nothing altered, and nobody need trust us.")
for _question in (
    audit_queries.accesses,
    audit_queries.unread,
    audit_queries.caseless,
    audit_queries.asked,
):
    app.command()(_question)


def _system(home: Path | None) -> System:
    """The installation, opened beside a running service."""
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for

    logs.quiet()
    return build(settings_for(home), worker=False, read_only=True)


@app.command()
def keys(home: Home = None, as_json: Json = False) -> None:
    """Print the public keys of the log and its witnesses: what offline checks start from."""
    del as_json
    from verify.cli.output import emit

    with _system(home) as system:
        lines = list(system.audits.public_keys())
    emit({"keys": lines}, lambda console: console.print("\n".join(lines), soft_wrap=True))


@app.command()
def checkpoint(home: Home = None, as_json: Json = False) -> None:
    """Print the newest witnessed checkpoint: keep it somewhere else."""
    del as_json
    from verify.cli.output import emit
    from verify.domain.access import LOCAL

    with _system(home) as system:
        note = system.audits.checkpoint(LOCAL)
    emit({"checkpoint": note}, lambda console: console.print(note, soft_wrap=True, end=""))


@app.command()
def check(
    log_only: Annotated[
        bool, typer.Option("--log-only", help="The log and its witnesses, not every verification.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Check the whole database against the checkpoints that witnesses hold outside it.

    Finds every altered, removed, added or rewritten row, an older database put in place of the
    newest, and a forged checkpoint; names each. Exit code 7 when anything differs, 6 when a
    witness does not answer.
    """
    del as_json
    from verify.cli.output import emit
    from verify.domain.canonical import plain
    from verify.domain.errors import IntegrityError, Overloaded

    with _system(home) as system:
        found = system.audits.check(cases=not log_only)
    document: Plain = {"intact": not found.faults, **dict(plain(found))}  # type: ignore[arg-type]
    emit(document, lambda console: _show_check(document, console))
    if found.faults:
        raise typer.Exit(IntegrityError.exit_code)
    if found.unanswered:
        raise typer.Exit(Overloaded.exit_code)


def _show_check(document: Plain, console: Console) -> None:
    from rich.text import Text

    what = f"{document['verifications']} verifications, {document['leaves']} leaves of the log"
    if not document["faults"]:
        witnessed = f", {document['witnessed']} of them witnessed"
        console.print(Text(f"✔ {what}{witnessed}: every byte is as it was sealed", "green"))
    else:
        console.print(Text(f"✘ {what}: {len(document['faults'])} faults", "bold red"))
    for fault in document["faults"]:
        console.print(
            Text.assemble(f"  {fault['subject']}  ", (fault["thing"], "bold"), ": "),
            Text(fault["reason"]),
        )
    for name in document["unanswered"]:
        console.print(Text(f"  the witness {name} does not answer", "yellow"))


@app.command()
def export(
    verification: VerificationId,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write it (default: ID.zip)."),
    ] = None,
    purpose: StatedPurpose = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write one verification as a self-describing archive that anybody can check offline.

    It holds personal data: the file is readable by its owner only, and the purpose must be said.
    """
    del as_json
    from verify.cli.files import write_file
    from verify.cli.output import emit
    from verify.cli.reader import reader

    with _system(home) as system:
        data = system.audits.export(verification, reader(purpose))
    target = out or Path(f"{verification}.zip")
    write_file(target, data)
    document = {"verification": verification, "file": str(target), "bytes": len(data)}
    emit(document, lambda console: console.print(f"✔ {target}  ({len(data)} bytes)"))


@app.command()
def since(
    earlier: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A checkpoint, receipt or archive that was kept."),
    ],
    keys_file: Annotated[
        Path,
        typer.Option(
            "--keys", metavar="FILE", help="Public keys, one a line (see `verify audit keys`)."
        ),
    ],
    *,
    quorum: Annotated[
        int | None,
        typer.Option(
            "--quorum",
            min=1,
            metavar="N",
            help="Witnesses that must have signed (default: as many as the keys name).",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the proof, for others to check."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Prove that the log only grew since a checkpoint that somebody kept outside.

    Both checkpoints must be signed by the log and as many witnesses as the keys name (`--quorum`:
    fewer); one whose line begins with `retired` counts and is not asked for. Exit code 7 when the
    log is not what it was. `verify audit verify` checks the written proof offline.
    """
    del as_json
    import json

    from verify.cli.files import read_file, write_file
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.service.audit_growth import check_growth, note_in

    public = _keys(keys_file, quorum)
    kept = note_in(read_file(earlier))
    with _system(home) as system:
        document = system.audits.growth(kept, LOCAL)
    proven = check_growth(document, public)
    if out is not None:
        write_file(out, json.dumps(document, indent=1).encode())
    emit({"intact": True, "growth": proven}, lambda console: _show_growth(proven, console))


@app.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="An archive, a receipt, or a proof of `since` (JSON)."),
    ],
    keys_file: Annotated[
        Path,
        typer.Option(
            "--keys", metavar="FILE", help="Public keys, one a line (see `verify audit keys`)."
        ),
    ],
    quorum: Annotated[
        int | None,
        typer.Option(
            "--quorum",
            min=1,
            metavar="N",
            help="Witnesses that must have signed (default: as many as the keys name).",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check an archive or a receipt with nothing but public keys: no database, no network.

    The log must have signed, and as many witnesses as the keys name (`--quorum`: fewer); one
    whose line begins with `retired` counts and is not asked for. Exit code 7 when anything differs.
    """
    del as_json
    from verify.cli.files import read_file
    from verify.cli.output import emit
    from verify.domain.canonical import plain
    from verify.domain.errors import IntegrityError
    from verify.service.audit_bundle import check_bundle
    from verify.service.audit_growth import SCHEMA, check_growth
    from verify.service.audit_receipt import check_receipt, read_document

    public = _keys(keys_file, quorum)
    data = read_file(file)
    if data.lstrip()[:1] == b"{":
        given = read_document(data)
        if given.get("schema") == SCHEMA:
            grown = check_growth(given, public)
            emit({"intact": True, "growth": grown}, lambda console: _show_growth(grown, console))
            return
        proven = check_receipt(given, public)
        emit({"intact": True, "proof": proven}, lambda console: _show_proof(proven, console))
        return
    found = check_bundle(data, public)
    document: Plain = {"intact": found.intact, **dict(plain(found))}  # type: ignore[arg-type]
    emit(document, lambda console: _show_bundle(document, console))
    if not found.intact:
        raise typer.Exit(IntegrityError.exit_code)


def _keys(path: Path, quorum: int | None) -> Trust:
    from verify.cli.files import read_file
    from verify.service.audit_trust import Trust

    return Trust.read(read_file(path).decode(errors="replace"), quorum)


def _show_proof(proven: Plain, console: Console) -> None:
    from rich.text import Text

    first = proven["first"]
    console.print(Text("✔ the receipt holds", "bold green"))
    console.print(f"  {proven['verification']}  entry {first['position']} ({first['kind']})")
    if "outcome" in first["payload"]:
        console.print(f"  outcome {first['payload']['outcome']}")
    _show_witnesses(proven, console)


def _show_growth(proven: Plain, console: Console) -> None:
    from rich.text import Text

    console.print(Text("✔ the log only grew", "bold green"))
    console.print(
        f"  {proven['origin']}, from {proven['from']} to {proven['to']} leaves", soft_wrap=True
    )


def _show_witnesses(proven: Plain, console: Console) -> None:
    from verify.service.clock import iso

    console.print(f"  log {proven['origin']}, {proven['size']} leaves", soft_wrap=True)
    for witness in proven["witnesses"]:
        console.print(f"  witnessed by {witness['name']} at {iso(witness['seconds'] * 1000)}")


def _show_bundle(document: Plain, console: Console) -> None:
    from rich.text import Text

    head = f"{document['verification']}  {document['entries']} ledger entries"
    if document["intact"]:
        console.print(
            Text.assemble(("✔ every byte is as it was sealed", "bold green"), f"  {head}")
        )
        _show_witnesses(document["proof"], console)
        return
    console.print(Text.assemble(("✘ NOT as it was sealed", "bold red"), f"  {head}"))
    for fault in document["faults"]:
        console.print(Text.assemble("  ", (fault["thing"], "bold"), ": ", fault["reason"]))
