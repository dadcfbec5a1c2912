"""Recorded answers in place of a source: for trials, lessons and tests without a network.

The folder holds `<source>/replies.yaml` in the form of fixtures/replies. Only the environment
can put it in a source's place, and the letter is checked like for the source itself.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete
from verify.connectors.http import Failure
from verify.content import parse_yaml
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState

SCHEME = "recorded:"


def _body(recorded: Any) -> bytes:
    """Text, or `base64` of what is no text."""
    if isinstance(recorded, dict):
        return base64.b64decode(recorded["base64"])
    return str(recorded).encode()


def run(channel: Channel) -> Outcome:
    """The recorded bodies about the person asked for.

    Raises:
        Failure: nothing is recorded about that person, or the recording cannot be read. Never
            an answer that says "nothing found": that has to be recorded, too.
    """
    channel.gate.pass_through()
    folder = Path(channel.address.removeprefix(SCHEME))
    path = folder / channel.declaration.id / "replies.yaml"
    try:
        document = parse_yaml(path.name, path.read_text(encoding="utf-8"))
        for reply in document.value["replies"]:
            if reply["asked"]["id_number"] == channel.values["id_number"]:
                return complete([_body(b) for b in reply["bodies"]])
    except (OSError, ContentError, KeyError, TypeError, ValueError):
        raise Failure(EvidenceState.UNAVAILABLE, "recording_unreadable") from None
    raise Failure(EvidenceState.UNAVAILABLE, "not_recorded")
