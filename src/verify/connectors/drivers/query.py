"""One question, one answer."""

from __future__ import annotations

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete, genuine


def run(channel: Channel) -> Outcome:
    """Ask once."""
    return complete([genuine(channel, channel.post())])
