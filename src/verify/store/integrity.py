"""Find every stored thing of a verification that is not what was sealed, and name it.

Everything is recomputed from the bytes: the hash chain, then what each ledger entry commits to
(`verify.store.forms`), then the blobs and content sets by their digests. Scheduling columns are
not sealed (`verify.store.tables`). Somebody who may rewrite the whole database can rebuild a chain
too; that is found from a checkpoint held elsewhere, not here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from verify.domain.access import Caller
from verify.domain.canonical import digest_bytes
from verify.domain.errors import NotFound
from verify.store import forms
from verify.store.ledger import GENESIS, entry_hash
from verify.store.rows import EntryKind, Fault
from verify.store.tables import (
    blobs,
    content,
    exchanges,
    idempotency,
    ledger,
    verdicts,
    verifications,
)

Row = Mapping[str, Any]

_CHANGED = "a column differs from what the ledger recorded"


def check(connection: Connection, verification: str, caller: Caller) -> tuple[Fault, ...]:
    """All faults of a verification, in a fixed order; empty when all is as sealed."""
    case = _load(connection, verification)
    return tuple(
        fault
        for part in (
            _ledger_faults,
            _header_faults,
            _idempotency_faults,
            _application_faults,
            _content_faults,
            _exchange_faults,
            _body_faults,
            _verdict_faults,
        )
        for fault in part(case)
    )
