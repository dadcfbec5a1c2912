"""One question, one answer."""

from __future__ import annotations

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete, genuine
from verify.connectors.protocols import Query


def run(channel: Channel, protocol: Query, ticket: str) -> Outcome:
    """Ask once."""
    return complete([genuine(channel, channel.post())])
