"""What a driver hands back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from verify.connectors.channel import Channel
from verify.connectors.http import Failure, Reply
from verify.domain.evidence import EvidenceState


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one asking ended. `pause` is the connector's own wish when to ask again (seconds)."""

    state: EvidenceState
    detail: str = ""
    bodies: Sequence[bytes] = ()
    ticket: str = ""
    pending: bool = False
    retry_after: str = ""
    pause: Decimal | None = None


def complete(bodies: Sequence[bytes]) -> Outcome:
    """All bodies came back; decoding says what they are worth."""
    return Outcome(EvidenceState.OK, bodies=bodies)


def cut_short(failure: Failure, bodies: Sequence[bytes]) -> Outcome:
    """Some bodies came back before asking failed.

    A letter that ended on the way ends the asking: what came before it is not kept either.
    """
    if failure.state is EvidenceState.UNAUTHORISED or not bodies:
        return Outcome(failure.state, failure.detail, retry_after=failure.retry_after)
    return Outcome(
        EvidenceState.PARTIAL, failure.detail, bodies=bodies, retry_after=failure.retry_after
    )


def genuine(channel: Channel, reply: Reply) -> bytes:
    """The body of an answer that is what it claims to be.

    Raises:
        Failure: an address that does not exist, or a signature that does not hold. A forged
            answer is never handed on: nobody could tell it from evidence later.
    """
    if reply.status in (404, 410):
        raise Failure(EvidenceState.UNAVAILABLE, f"http_{reply.status}", status=reply.status)
    if not channel.credentials.genuine(reply.body):
        raise Failure(EvidenceState.MALFORMED, "signature")
    return reply.body
