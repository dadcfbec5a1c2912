"""`verify openapi`: the published API description, from the code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verify.cli.options import Json


def openapi(
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it to this file instead of standard output."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the OpenAPI 3.1 description of the REST API (JSON, with or without --json)."""
    del as_json
    import json
    import sys

    from verify.api.openapi import document
    from verify.cli.output import note

    text = json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        note(f"wrote {out}")
