"""The work of `verify connectors preview`: an answer on paper, read as the connector reads it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from verify.cli.asking import replies_in_use, sources_in_use
from verify.connectors import Connectors, Declaration
from verify.connectors.recordings import read_recordings, recordings_of
from verify.content import ContentSet
from verify.domain.errors import InputError
from verify.service.preview import mapping_of, preview

Plain = dict[str, Any]


def preview_files(
    source: str,
    files: list[Path],
    *,
    name: str,
    number: str,
    as_of: str,
    declared: Path | None,
    home: Path | None = None,
) -> Plain:
    """Read recorded replies (one YAML file), or raw bodies of one answer about `name`.

    Without files: the recorded replies that the version in force was checked against.

    `declared` is another declaration file to read them with.

    Raises:
        NotFound: no such source is declared.
        InputError: a file is not there, or raw bodies come without saying whom they are about.
        ContentError: the declaration or the recording is not of the form it has to be.
    """
    declaration = _declaration(source, declared, home)
    try:
        replies = [
            {
                "title": title,
                **preview(declaration, bodies, name=who, id_number=number_, as_of=day),
            }
            for title, bodies, who, number_, day in (
                _answers(files, name, number, as_of) if files else _recorded(source, home)
            )
        ]
    except OSError as error:
        raise InputError(
            f"a file cannot be read ({error.strerror})", where=str(error.filename)
        ) from None
    return {"source": source, "mapping": mapping_of(declaration), "replies": replies}


def _declaration(source: str, declared: Path | None, home: Path | None) -> Declaration:
    if declared is None:
        return sources_in_use(home).declaration(source)
    content = ContentSet("connectors", {f"{source}.yaml": declared.read_text(encoding="utf-8")})
    return Connectors.from_content(content).declaration(source)


def _recorded(
    source: str, home: Path | None
) -> list[tuple[str, tuple[bytes, ...], str, str, dt.date]]:
    text = replies_in_use(source, home)
    if text is None:
        raise InputError(
            "there are no recorded replies of this source", where=source, remedy="name a file"
        )
    found = recordings_of(f"replies/{source}/replies.yaml", text)
    return [(r.title, r.bodies, r.name, r.id_number, r.as_of) for r in found]


def _answers(
    files: list[Path], name: str, number: str, as_of: str
) -> list[tuple[str, tuple[bytes, ...], str, str, dt.date]]:
    if len(files) == 1 and files[0].suffix in (".yaml", ".yml"):
        return [
            (r.title, r.bodies, r.name, r.id_number, r.as_of) for r in read_recordings(files[0])
        ]
    if not (name and number and as_of):
        raise InputError(
            "a raw answer does not say whom it was asked about",
            where="--name, --number, --as-of",
            remedy="give all three, or a file of recorded replies (.yaml)",
        )
    try:
        day = dt.date.fromisoformat(as_of)
    except ValueError:
        raise InputError("not a day", where="--as-of", remedy="write YYYY-MM-DD") from None
    return [("raw", tuple(f.read_bytes() for f in files), name, number, day)]
