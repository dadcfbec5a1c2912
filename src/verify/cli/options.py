"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from verify.cli.output import use_json
from verify.domain.access import Purpose

Json: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document on standard output and nothing else there.",
        callback=use_json,
        is_eager=True,
    ),
]
Home: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="DIR", help="Folder of the database and keys (VERIFY_HOME; default: var)."
    ),
]
EnvFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="File with the sources' addresses and secrets as NAME=value lines "
        "(default: sources.env in the home folder, if it is there). "
        "The environment itself goes before the file.",
    ),
]
StatedPurpose: TypeAlias = Annotated[
    Purpose | None,
    typer.Option(
        "--purpose",
        metavar="PURPOSE",
        help=f"What you read it for ({', '.join(Purpose)}): it is on record with the read.",
    ),
]
Csv: TypeAlias = Annotated[
    bool, typer.Option("--csv", help="Print CSV instead, for a spreadsheet.")
]
Everything: TypeAlias = Annotated[
    bool, typer.Option("--all", help="Every page, not only the first.")
]
VerificationId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The verification's id, `v_...`.")
]
Sequence: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--sequence",
        min=1,
        metavar="N",
        help="Which verdict, where there are several (default: the latest).",
    ),
]
