"""Submit a question, get a business number, poll until the answer is ready."""

from __future__ import annotations

import re
import time

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete, genuine
from verify.connectors.http import Failure, Reply
from verify.connectors.places import Mismatch, get_text
from verify.connectors.protocols import Job
from verify.connectors.wire import Malformed, parse_json, parse_xml
from verify.domain.evidence import EvidenceState

# A ticket becomes part of a path: nothing that could lead elsewhere, or hold a name.
_TICKET = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


def run(channel: Channel, protocol: Job, ticket: str) -> Outcome:
    """Poll on with the ticket of an earlier asking, or submit; then poll until the deadline.

    A ticket that the source no longer knows is submitted again, once.
    """
    resumed = bool(ticket)
    if not ticket:
        ticket = _submit(channel, protocol)
    polls = 0
    while True:
        polls += 1
        try:
            reply = channel.get(_path(protocol, ticket), f"-poll-{polls}")
        except Failure as failure:
            if failure.state is EvidenceState.UNAUTHORISED:
                raise
            return Outcome(
                failure.state, failure.detail, ticket=ticket, retry_after=failure.retry_after
            )
        if reply.status == 200:
            return complete([genuine(channel, reply)])
        if reply.status in (404, 410) and resumed:
            ticket, resumed = _submit(channel, protocol), False
            continue
        if reply.status != 202:
            raise Failure(EvidenceState.UNAVAILABLE, f"http_{reply.status}")
        pause = float(protocol.poll_seconds)
        if channel.left <= pause:
            return Outcome(
                EvidenceState.TIMEOUT,
                "still_working",
                ticket=ticket,
                pending=True,
                pause=protocol.poll_again_seconds,
            )
        time.sleep(pause)


def _submit(channel: Channel, protocol: Job) -> str:
    reply = channel.post()
    ticket = _ticket(reply, protocol)
    if not _TICKET.fullmatch(ticket):
        raise Failure(EvidenceState.SCHEMA_MISMATCH, "ticket")
    return ticket


def _ticket(reply: Reply, protocol: Job) -> str:
    try:
        if protocol.encoding == "json":
            return get_text(parse_json(reply.body), protocol.ticket)
        return get_text(parse_xml(reply.body, frozenset()), protocol.ticket)
    except (Malformed, Mismatch):
        raise Failure(EvidenceState.MALFORMED, "ticket") from None


def _path(protocol: Job, ticket: str) -> str:
    if not _TICKET.fullmatch(ticket):
        raise Failure(EvidenceState.SCHEMA_MISMATCH, "ticket")
    return protocol.status_path.replace("{ticket}", ticket)
