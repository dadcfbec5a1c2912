"""Run a driver and hold it to what it owes: an `Outcome` or a `Failure`, and nothing else.

A driver may come from another package, and any driver may have a fault. Whatever it raises, or
hands back in another form, ends that asking as an unavailable source, so that pauses, breaker and
health treat it like any other trouble. Only the kind of the error is told: its text may quote an
answer, and so a person.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import structlog

from verify import telemetry
from verify.connectors import drivers
from verify.connectors.channel import Channel
from verify.connectors.declaration import Declaration
from verify.connectors.drivers import Outcome
from verify.connectors.http import Failure
from verify.domain.evidence import EvidenceState

log = structlog.get_logger("verify.connectors")

DRIVER_ERROR = "driver_error"
"""How the detail of an answer begins where the driver failed; the kind of its error follows."""

# A detail is a code and is stored beside the answer: no text, and no number as long as an id.
_CODE = re.compile(r"(?!.*[0-9]{6})[A-Za-z0-9_.:/-]{0,120}", re.ASCII)
_NO_CODE = "driver_detail"


def drive(channel: Channel, declaration: Declaration, ticket: str) -> Outcome:
    """Ask in the way the connector declares; `ticket` is that of an earlier, unfinished asking.

    Never raises for what a driver does, short of an interrupt. Where it failed, the ticket it was
    given stays good.
    """
    try:
        return _sound(drivers.run(channel, declaration, ticket))
    except Failure as failure:
        detail = _code(failure.detail)
        return Outcome(failure.state, detail, retry_after=failure.retry_after)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is somebody else's code
        kind = f"{DRIVER_ERROR}:{_code(type(error).__name__)}"
        log.error(
            "source.driver_failed",
            source=declaration.id,
            code=kind,
            at=telemetry.place(error),
        )
        return Outcome(EvidenceState.UNAVAILABLE, kind, ticket=ticket)


def _sound(outcome: object) -> Outcome:
    """The outcome, if it is one: what comes after reads it without looking again.

    Raises:
        TypeError: a part of it has another form.
    """
    sound = (
        isinstance(outcome, Outcome)
        and isinstance(outcome.state, EvidenceState)
        and isinstance(outcome.bodies, (list, tuple))
        and all(type(body) is bytes for body in outcome.bodies)
        and all(type(t) is str for t in (outcome.detail, outcome.ticket, outcome.retry_after))
        and isinstance(outcome.pending, bool)
        and (outcome.pause is None or Decimal(outcome.pause).is_finite())
    )
    if not sound or not isinstance(outcome, Outcome):
        raise TypeError("a driver hands back an Outcome; the bodies in it are bytes")
    return replace(outcome, detail=_code(outcome.detail))


def _code(detail: str) -> str:
    return detail if _CODE.fullmatch(detail) else _NO_CODE
