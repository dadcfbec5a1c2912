"""One question whose answer comes in pages: by number, by offset, by cursor."""

from __future__ import annotations

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete, cut_short, genuine
from verify.connectors.grammar import Paging
from verify.connectors.http import Failure
from verify.connectors.places import Mismatch, get, get_text
from verify.connectors.protocols import Paged
from verify.connectors.wire import Malformed, parse_json
from verify.domain.evidence import EvidenceState

MAX_CURSOR = 500


def run(channel: Channel, protocol: Paged, ticket: str) -> Outcome:
    """Ask page by page until the source says that there are no more.

    A page that cannot be read ends the paging; decoding then says why. A cursor that comes back
    a second time, and more pages than declared, end it as partial.
    """
    bodies: list[bytes] = []
    where: dict[str, object] = {"page": 1, "offset": 0, "cursor": ""}
    seen = {""}
    try:
        while True:
            number = len(bodies) + 1
            reply = channel.post(
                suffix=f"-{number}", values={**where, "page_size": protocol.page_size}
            )
            bodies.append(genuine(channel, reply))
            after = _after(channel, protocol, bodies, where)
            if after is None:
                return complete(bodies)
            if after.get("cursor") and after["cursor"] in seen:
                return Outcome(EvidenceState.PARTIAL, "page_loop", bodies)
            if len(bodies) >= protocol.max_pages:
                return Outcome(EvidenceState.PARTIAL, "too_many_pages", bodies)
            seen.add(str(after.get("cursor", "")))
            where = {**where, **after}
    except Failure as failure:
        return cut_short(failure, bodies)


def _after(
    channel: Channel, protocol: Paged, bodies: list[bytes], where: dict[str, object]
) -> dict[str, object] | None:
    """Where the next page is, or nothing after the last."""
    answer = channel.declaration.answer
    paging = answer.paging or Paging()
    try:
        # How many pages there are is what the first one said.
        tree = parse_json(bodies[0] if protocol.by == "page" else bodies[-1])
        if protocol.by == "page":
            total = _count(get_text(tree, paging.pages or ""))
            return {"page": len(bodies) + 1} if len(bodies) < total else None
        if protocol.by == "offset":
            rows = sum(len(get(tree, s.rows)) for s in answer.sections)
            offset = int(str(where["offset"])) + rows
            more = rows > 0 and offset < _count(get_text(tree, answer.total or ""))
            return {"offset": offset} if more else None
        cursor = get_text(tree, paging.next or "")
        return {"cursor": cursor} if 0 < len(cursor) <= MAX_CURSOR else None
    except (Malformed, Mismatch, TypeError):
        return None


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
