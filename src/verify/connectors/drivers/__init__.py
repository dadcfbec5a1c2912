"""How a source is talked to. A new source picks a driver in its YAML; a package may bring more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from verify.connectors.channel import Channel
from verify.connectors.declaration import Declaration
from verify.connectors.drivers import (
    dci_search,
    file_drop,
    gateway,
    job,
    paged,
    query,
    recorded,
    sql_view,
    x_road,
)
from verify.connectors.drivers.outcome import Outcome
from verify.connectors.plugins import third_party

__all__ = ["Outcome", "run"]

_RUN: Mapping[str, Callable[[Channel, Any, str], Outcome]] = {
    "dci_search": dci_search.run,
    "file_drop": file_drop.run,
    "gateway": gateway.run,
    "job": job.run,
    "paged": paged.run,
    "query": query.run,
    "sql_view": sql_view.run,
    "x_road": x_road.run,
}


def run(channel: Channel, declaration: Declaration, ticket: str) -> Outcome:
    """Ask in the way the connector declares; `ticket` is that of an earlier, unfinished asking.

    Raises:
        Failure: asking ended without a usable answer.
    """
    if channel.address.startswith(recorded.SCHEME):
        return recorded.run(channel)
    protocol = declaration.protocol
    ask = _RUN.get(protocol.driver) or third_party(protocol.driver).run
    return ask(channel, protocol, ticket)
