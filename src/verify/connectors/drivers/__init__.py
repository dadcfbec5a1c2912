"""How a source is talked to: four exchange patterns. A new source picks one in its YAML."""

from __future__ import annotations

from verify.connectors.channel import Channel
from verify.connectors.declaration import Declaration, Gateway, Job, Paged
from verify.connectors.drivers import gateway, job, paged, query
from verify.connectors.drivers.outcome import Outcome

__all__ = ["Outcome", "run"]


def run(channel: Channel, declaration: Declaration, ticket: str) -> Outcome:
    """Ask in the way the connector declares; `ticket` is that of an earlier, unfinished asking.

    Raises:
        Failure: asking ended without a usable answer.
    """
    match declaration.protocol:
        case Gateway() as protocol:
            return gateway.run(channel, protocol)
        case Job() as protocol:
            return job.run(channel, protocol, ticket)
        case Paged() as protocol if declaration.answer.paging is not None:
            return paged.run(channel, protocol, declaration.answer.paging)
        case _:
            return query.run(channel)
