"""Recorded answers in place of a source: for trials, lessons and tests without a network.

The folder holds `<source>/replies.yaml` (`verify.connectors.recordings`). Only the environment
can put it in a source's place, and the letter is checked like for the source itself.
"""

from __future__ import annotations

from pathlib import Path

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete
from verify.connectors.http import Failure
from verify.connectors.recordings import read_recordings
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
    try:
        replies = read_recordings(folder / channel.declaration.id / "replies.yaml")
    except (OSError, ContentError):
        raise Failure(EvidenceState.UNAVAILABLE, "recording_unreadable") from None
    for reply in replies:
        if reply.id_number == channel.values["id_number"]:
            return complete(reply.bodies)
    raise Failure(EvidenceState.UNAVAILABLE, "not_recorded")
