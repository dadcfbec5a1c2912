"""What a connector makes of an answer, shown to the person who tunes it. Nothing is stored."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from verify.connectors import Declaration, DecodeContext, decode
from verify.connectors.grammar import RecordSpec, ValueSpec
from verify.domain.canonical import digest_bytes
from verify.service import wording

Plain = dict[str, Any]

_HIDDEN = ("household", "evidence", "source", "asked_person")


def preview(
    declaration: Declaration,
    bodies: Sequence[bytes],
    *,
    name: str,
    id_number: str,
    as_of: dt.date,
) -> Plain:
    """How bodies are read: state, signals, records in the units they are kept in, and the digests
    under which they would be evidence."""
    context = DecodeContext(
        household="preview",
        evidence=f"{declaration.id}/p1",
        person="p1",
        name=name,
        id_number=id_number,
        as_of=as_of,
    )
    decoded = decode(declaration, bodies, context)
    return {
        "source": declaration.id,
        "connector": declaration.digest,
        "state": decoded.state.value,
        "words": wording.word(wording.STATE, decoded.state.value),
        "detail": decoded.detail,
        "signals": list(decoded.signals),
        "as_of": decoded.as_of.isoformat() if decoded.as_of else None,
        "bodies": [digest_bytes(b) for b in bodies],
        "records": [_record(r) for r in decoded.rows],
    }


def _record(row: Plain) -> Plain:
    shown = {k: v for k, v in row.items() if k not in _HIDDEN and v is not None}
    shown["detail"] = json.loads(row["detail"])
    return {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in sorted(shown.items())}


def mapping_of(declaration: Declaration) -> list[Plain]:
    """The declared mapping as rows: which field becomes what, by which unit, format or table."""
    rows: list[Plain] = []
    for section in declaration.answer.sections:
        for record in section.records:
            kinds = sorted(k.value for k in record.kinds)
            rows += [{"rows": section.rows, "kinds": kinds} | line for line in _lines(record)]
    return rows


def _lines(record: RecordSpec) -> list[Plain]:
    named: dict[str, ValueSpec] = {str(k): v for k, v in record.columns.items()}
    named |= {f"detail.{k}": v for k, v in record.detail.items()}
    return [_origin(spec) | {"becomes": name} for name, spec in sorted(named.items())]


def _origin(spec: ValueSpec) -> Plain:
    plain = spec.model_dump(exclude_none=True, exclude_defaults=True)
    how: Plain = {
        k: v for k, v in plain.items() if k in ("unit", "format", "edge", "table", "function")
    }
    if spec.join is not None:
        return {"from": [_origin(s)["from"] for s in spec.join], **how}
    origin = spec.field or (f"={spec.constant}" if spec.constant is not None else None)
    return {"from": origin or f"answer:{spec.answer}", **how}
