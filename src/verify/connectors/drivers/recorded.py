"""Recorded answers in place of a source: for trials, lessons and tests without a network.

The folder holds `<source>/replies.yaml` in the form of fixtures/replies. Only the environment
can put it in a source's place, and the letter is checked like for the source itself.
"""

from __future__ import annotations

from pathlib import Path

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete
from verify.connectors.http import Failure
from verify.content import parse_yaml
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState

SCHEME = "recorded:"


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
                return complete([str(b).encode() for b in reply["bodies"]])
    except (OSError, ContentError, KeyError, TypeError):
        raise Failure(EvidenceState.UNAVAILABLE, "recording_unreadable") from None
    raise Failure(EvidenceState.UNAVAILABLE, "not_recorded")
