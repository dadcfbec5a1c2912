"""Several institutions behind one gateway: the same question to each, at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete, cut_short, genuine
from verify.connectors.http import Failure
from verify.connectors.protocols import Gateway
from verify.domain.evidence import EvidenceState


def run(channel: Channel, protocol: Gateway, ticket: str) -> Outcome:
    """Ask every part; a slow or broken one does not use up the time of the others."""

    def ask(part: str) -> bytes | Failure:
        try:
            return genuine(channel, channel.post(suffix=f"-{part}", values={"part": part}))
        except Failure as failure:
            return failure

    with ThreadPoolExecutor(len(protocol.parts), thread_name_prefix="part") as pool:
        results = list(pool.map(ask, protocol.parts))
    bodies = [r for r in results if isinstance(r, bytes)]
    failures = [r for r in results if isinstance(r, Failure)]
    if not failures:
        return complete(bodies)
    # A refusal for want of a letter or of credentials outweighs whatever else went wrong.
    refused = [f for f in failures if f.state is EvidenceState.UNAUTHORISED]
    return cut_short((refused or failures)[0], bodies)
