"""A search in a DCI / G2P Connect registry.

The envelope follows the public DCI interfaces: a `header` that says who sends to whom, and a
`message` with one search by identity number. Asked synchronously; one page.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete, genuine
from verify.connectors.http import Failure
from verify.connectors.places import Mismatch, get_text
from verify.connectors.protocols import DciSearch
from verify.connectors.wire import Malformed, parse_json
from verify.domain.evidence import EvidenceState

VERSION = "1.0.0"


def run(channel: Channel, protocol: DciSearch, ticket: str) -> Outcome:
    """Search once; an answer to another transaction is not ours."""
    transaction = hashlib.sha256(channel.request_id.encode()).hexdigest()[:32]

    def content() -> bytes:
        letter = channel.gate.pass_through()
        return _request(channel, protocol, transaction, letter)

    reply = channel.send("POST", protocol.path, "application/json; charset=utf-8", content)
    body = genuine(channel, reply)
    try:
        answered = get_text(parse_json(body), "message.transaction_id")
    except (Malformed, Mismatch):
        return complete([body])  # decoding says what is wrong with it
    if answered != transaction:
        raise Failure(EvidenceState.MALFORMED, "transaction_id")
    return complete([body])


def _request(channel: Channel, protocol: DciSearch, transaction: str, letter: str) -> bytes:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    values = channel.values
    search = {
        "reference_id": transaction[:16],
        "timestamp": now,
        "search_criteria": {
            "version": VERSION,
            "reg_type": protocol.registry,
            "reg_record_type": protocol.record,
            "query_type": "idtype-value",
            "query": {"type": protocol.id_type, "value": values["id_number"]},
            "pagination": {"page_size": protocol.page_size, "page_number": 1},
            "purpose": {"code": values["purpose"], "text": letter},
            "authorize": {"ts": now, "purpose": {"code": values["purpose"]}},
        },
    }
    document = {
        "header": {
            "version": VERSION,
            "message_id": transaction,
            "message_ts": now,
            "action": "search",
            "sender_id": protocol.sender,
            "receiver_id": protocol.receiver,
            "total_count": 1,
            "is_msg_encrypted": False,
            "meta": {
                "requester": values["requester"],
                "letter": letter,
                "case": values["case_number"],
                "name": values["name"],
                "as_of": str(values["as_of"]),
            },
        },
        "message": {"transaction_id": transaction, "search_request": [search]},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
