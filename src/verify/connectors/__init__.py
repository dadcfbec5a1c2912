"""Whom we ask and what they say: connectors/*.yaml -> raw answers -> source records.

Two halves that meet only in bytes: `Asker` asks (network, letters, deadlines), `decode` reads
what came back (pure; replay runs it again years later).
"""

from __future__ import annotations

from verify.connectors.asking import Answer, Asker, Question
from verify.connectors.catalogue import Connectors, read_declaration
from verify.connectors.declaration import Declaration
from verify.connectors.decoding import DecodeContext, Decoded, decode

__all__ = [
    "Answer",
    "Asker",
    "Connectors",
    "Declaration",
    "DecodeContext",
    "Decoded",
    "Question",
    "decode",
    "read_declaration",
]
