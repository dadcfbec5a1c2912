"""`verify witness`: remember the log's checkpoints where the database's administrator cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verify.cli.options import Json

DEFAULT_PORT = 8480


def witness(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The witness's own folder: its key and its state.")
    ],
    logs: Annotated[
        list[str] | None,
        typer.Option(
            "--log", metavar="KEY", help="Public key of a log to witness (`verify audit keys`)."
        ),
    ] = None,
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0 takes a free one.")
    ] = DEFAULT_PORT,
    key_only: Annotated[
        bool, typer.Option("--key", help="Print the witness's public key and stop.")
    ] = False,
    address_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the service's address here once it answers."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Cosign the checkpoints of a log, each only if it adds to the one before.

    Run it on another host, under another administrator than the database's. Give its public key
    to the service as `VERIFY_WITNESSES="http://host:port#KEY"`.
    """
    del as_json
    from verify.cli.output import emit
    from verify.cli.witnessing import run_witness
    from verify.service.audit_cosigner import Cosigner
    from verify.store.note import PublicKey

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    cosigner = Cosigner.open(folder)
    for text in logs or []:
        cosigner.register(PublicKey.parse(text))
    if key_only:
        key = cosigner.key.text
        emit({"key": key}, lambda console: console.print(key, soft_wrap=True))
        return
    run_witness(cosigner, host, port, address_file)
