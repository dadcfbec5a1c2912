"""Drivers of other packages: the entry point group `verify.drivers`.

    [project.entry-points."verify.drivers"]
    telegraph = "my_package:DRIVER"

`DRIVER` is a `Driver`; the entry point's name is the name that a declaration uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from verify.connectors.protocols import ProtocolSpec

if TYPE_CHECKING:
    from verify.connectors.channel import Channel
    from verify.connectors.drivers.outcome import Outcome

GROUP = "verify.drivers"


@dataclass(frozen=True)
class Driver:
    """A driver: the model of its part of the declaration, and how it asks.

    `run(channel, protocol, ticket)` returns an `Outcome` or raises `Failure`. It sends only
    through the channel, which checks the letter, the deadline and the address.
    """

    spec: type[ProtocolSpec]
    run: Callable[[Channel, Any, str], Outcome]


@cache
def third_party(name: str) -> Driver:
    """The driver that an installed package offers under this name.

    Raises:
        ValueError: none does, or what it offers is no `Driver`.
    """
    for point in entry_points(group=GROUP, name=name):
        driver = point.load()
        if not isinstance(driver, Driver):
            raise ValueError(f"the entry point {name!r} of {GROUP} is not a Driver")
        return driver
    raise ValueError(f"no driver {name!r}: none of ours, and no installed package offers it")
