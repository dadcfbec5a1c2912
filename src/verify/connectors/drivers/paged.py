"""One question whose answer comes in pages."""

from __future__ import annotations

from verify.connectors.channel import Channel
from verify.connectors.declaration import Paged
from verify.connectors.drivers.outcome import Outcome, complete, cut_short, genuine
from verify.connectors.grammar import Paging
from verify.connectors.http import Failure
from verify.connectors.mapping import Mismatch, get_text
from verify.connectors.wire import Malformed, parse_json
from verify.domain.evidence import EvidenceState


def run(channel: Channel, protocol: Paged, paging: Paging) -> Outcome:
    """Ask page by page, as many as the first page says there are.

    A page that cannot be read ends the paging; decoding then says why.
    """
    bodies: list[bytes] = []
    pages = 1
    try:
        while len(bodies) < pages:
            page = len(bodies) + 1
            reply = channel.post(suffix=f"-{page}", page=page, page_size=protocol.page_size)
            bodies.append(genuine(channel, reply))
            pages = _pages(paging, bodies[0])
            if pages > protocol.max_pages:
                return Outcome(EvidenceState.PARTIAL, "too_many_pages", bodies)
    except Failure as failure:
        return cut_short(failure, bodies)
    return complete(bodies)


def _pages(paging: Paging, body: bytes) -> int:
    try:
        text = get_text(parse_json(body), paging.pages)
    except (Malformed, Mismatch):
        return 1
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
