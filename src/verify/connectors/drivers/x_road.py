"""One question through an X-Road-style security server (message protocol for REST)."""

from __future__ import annotations

import hashlib

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete, genuine
from verify.connectors.http import Failure
from verify.connectors.protocols import XRoad
from verify.domain.evidence import EvidenceState


def run(channel: Channel, protocol: XRoad, ticket: str) -> Outcome:
    """Ask once, under the service's path, and take only the answer to our own message."""
    message = hashlib.sha256(channel.request_id.encode()).hexdigest()[:32]
    reply = channel.post(
        path=f"/r1/{protocol.service}{protocol.path}",
        headers={
            "X-Road-Client": protocol.client,
            "X-Road-Id": message,
            "X-Road-Issue": str(channel.values["case_number"])[:120],
        },
    )
    if "x-road-error" in reply.headers:
        raise Failure(EvidenceState.UNAVAILABLE, "x_road_error", retryable=True)
    body = genuine(channel, reply)
    if reply.headers.get("x-road-id", "") != message:
        raise Failure(EvidenceState.MALFORMED, "x_road_id")
    return complete([body])
