"""Several institutions behind one gateway: the same question to each."""

from __future__ import annotations

from verify.connectors.channel import Channel
from verify.connectors.declaration import Gateway
from verify.connectors.drivers.outcome import Outcome, complete, cut_short, genuine
from verify.connectors.http import Failure
from verify.domain.evidence import EvidenceState


def run(channel: Channel, protocol: Gateway) -> Outcome:
    """Ask every part; one that fails does not keep the others from being asked."""
    bodies: list[bytes] = []
    failures: list[Failure] = []
    for part in protocol.parts:
        try:
            reply = channel.post(suffix=f"-{part}", part=part)
            bodies.append(genuine(channel, reply))
        except Failure as failure:
            failures.append(failure)
            if failure.state is EvidenceState.UNAUTHORISED or channel.left <= 0:
                break
    if not failures:
        return complete(bodies)
    # A refusal for want of a letter outweighs whatever else went wrong before it.
    refused = [f for f in failures if f.state is EvidenceState.UNAUTHORISED]
    return cut_short((refused or failures)[0], bodies)
