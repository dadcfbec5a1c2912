"""Recorded replies: `<source>/replies.yaml`, in the form of fixtures/replies.

synthetic: true
source: tax
replies:
  - title: something is found
    asked: {name: ..., id_number: ..., as_of: 2025-05-20}
    bodies: ["text", {base64: ...}]
    expect: {state: ok, as_of: 2025-05-20, records: [...]}
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from verify.connectors.grammar import Closed
from verify.content import parse_yaml
from verify.domain.errors import ContentError


class _Asked(Closed):
    name: str
    id_number: str
    as_of: dt.date


class _Reply(Closed):
    title: str
    asked: _Asked
    bodies: list[Any] = Field(min_length=1)
    expect: dict[str, Any]


class _File(Closed):
    synthetic: str
    source: str
    replies: list[_Reply]


@dataclass(frozen=True)
class Recorded:
    """One recorded reply: who was asked about, the raw bodies, and what decoding must give."""

    title: str
    name: str
    id_number: str
    as_of: dt.date
    bodies: tuple[bytes, ...] = field(repr=False)
    expect: dict[str, Any]


def read_recordings(path: Path) -> list[Recorded]:
    """Every reply of a file.

    Raises:
        ContentError: it is not of this form, or does not say that it is synthetic.
        OSError: it is not there.
    """
    return recordings_of(path.as_posix(), path.read_text(encoding="utf-8"))


def recordings_of(where: str, text: str) -> list[Recorded]:
    """Every reply of a file's text; raises `ContentError` as `read_recordings`."""
    document = parse_yaml(where, text)
    read = document.model(_File)
    if read.synthetic != "true":
        raise ContentError(
            "recorded replies are synthetic and say so",
            where=document.where(("synthetic",)),
            remedy="never record what a source said about a real person",
        )
    return [
        Recorded(
            r.title,
            r.asked.name,
            r.asked.id_number,
            r.asked.as_of,
            tuple(_body(b, document.where(("replies", n))) for b in r.bodies),
            r.expect,
        )
        for n, r in enumerate(read.replies)
    ]


def _body(recorded: Any, where: str) -> bytes:
    """Text, or `base64` of what is no text."""
    if isinstance(recorded, dict):
        try:
            return base64.b64decode(recorded["base64"])
        except (KeyError, binascii.Error, ValueError, TypeError):
            raise ContentError("a body is text, or has `base64`", where=where) from None
    return str(recorded).encode()
