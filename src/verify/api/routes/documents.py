"""The documents of a verification: verdict, trace, evidence, report, receipt, events, replay."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.dependencies import Reading, Running, authenticated, wants_html
from verify.api.describe import json_answer, refuses
from verify.api.models import (
    Events,
    EvidenceDocument,
    Receipt,
    Replay,
    TraceDocument,
    VerdictDocument,
)
from verify.api.routes.verifications import VerificationId
from verify.console.pages import PAGE_POLICY, report_page
from verify.domain.canonical import plain

router = APIRouter(
    prefix="/v1/verifications/{id}", tags=["documents"], dependencies=[Depends(authenticated)]
)

Sequence = Annotated[
    int | None,
    Query(ge=1, le=1_000_000, description="Which verdict, from 1; the latest without it."),
]
ETAG = "The document's digest in quotes."


@router.get(
    "/verdict",
    operation_id="getVerdict",
    summary="The sealed verdict",
    description="Exactly the bytes that were sealed: their SHA-256 is the `ETag`.",
    responses={
        200: json_answer(VerdictDocument, "The sealed bytes.", ETag=ETAG),
        **refuses(401, 403, 404, 422),
    },
)
def verdict(
    system: Running,
    caller: Reading,
    verification: VerificationId,
    sequence: Sequence = None,
) -> Response:
    """The canonical bytes of one verdict."""
    found = system.verifications.documents(verification, caller, sequence)
    return _sealed(found.verdict_bytes, found.verdict_row.verdict_digest)


@router.get(
    "/trace",
    operation_id="getTrace",
    summary="The reasoning behind a verdict",
    description="Every quantity with its value, the limits with their citations, the facts and "
    "the records each number came from. Sealed like the verdict.",
    responses={
        200: json_answer(TraceDocument, "The sealed bytes.", ETag=ETAG),
        **refuses(401, 403, 404, 422),
    },
)
def trace(
    system: Running,
    caller: Reading,
    verification: VerificationId,
    sequence: Sequence = None,
) -> Response:
    """The canonical bytes of one trace."""
    found = system.verifications.documents(verification, caller, sequence, "trace")
    return _sealed(found.trace_bytes, found.verdict_row.trace_digest)


@router.get(
    "/evidence",
    operation_id="getEvidence",
    summary="What every source was asked and answered",
    description="Every exchange, those without an answer included, with the raw answers by digest.",
    responses={
        200: json_answer(EvidenceDocument, "The exchanges."),
        **refuses(401, 403, 404, 422),
    },
)
def evidence(system: Running, caller: Reading, verification: VerificationId) -> Response:
    """The exchanges of a verification."""
    return json_response(system.verifications.evidence(verification, caller))


@router.get(
    "/evidence/{digest}",
    operation_id="getRawAnswer",
    summary="One raw answer of a source",
    description="The bytes as they came. For caseworkers and auditors.",
    response_class=Response,
    responses={
        200: {
            "description": "The bytes as received.",
            "headers": {
                "Digest-Salt": {
                    "description": "Hexadecimal. The digest is the SHA-256 of salt and bytes, so "
                    "that nobody can find an answer by guessing.",
                    "schema": {"type": "string"},
                }
            },
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        },
        **refuses(401, 403, 404, 422),
    },
)
def raw_answer(
    system: Running,
    caller: Reading,
    verification: VerificationId,
    digest: Annotated[str, Path(description="The answer's digest, `sha256:...`.")],
) -> Response:
    """One raw answer."""
    body, salt = system.verifications.raw_answer(verification, digest, caller)
    # Whatever a source sent is never shown by a browser as a page of ours.
    return Response(
        body,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": 'attachment; filename="answer.bin"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Digest-Salt": salt.hex(),
        },
    )


@router.get(
    "/report",
    operation_id="getReport",
    summary="The readable report (核对报告)",
    description="As data, or as a page to read and print (`Accept: text/html` or "
    "`?format=html`): each test with value, limit, citation, source and doubt.",
    responses={
        200: {
            "description": "The report.",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/html": {"schema": {"type": "string"}},
            },
        },
        **refuses(401, 403, 404, 422),
    },
)
def report(
    request: Request,
    system: Running,
    caller: Reading,
    verification: VerificationId,
    format: Annotated[  # noqa: A002 - the name in the query
        Literal["json", "html"] | None, Query(description="Overrides the `Accept` header.")
    ] = None,
) -> Response:
    """The report as data or as a page."""
    data = system.verifications.report(verification, caller)
    if not wants_html(request, format):
        return json_response(data, headers={"Vary": "Accept"})
    return Response(
        report_page(data),
        media_type="text/html",
        headers={"Content-Security-Policy": PAGE_POLICY, "Vary": "Accept"},
    )


@router.get(
    "/receipt",
    operation_id="getReceipt",
    summary="Proof of what was sealed",
    description="The ledger leaf of the latest verdict: keep it outside this system.",
    responses={200: json_answer(Receipt, "The receipt."), **refuses(401, 403, 404, 422)},
)
def receipt(system: Running, caller: Reading, verification: VerificationId) -> Response:
    """The receipt of the latest verdict."""
    return json_response(system.verifications.receipt(verification, caller))


@router.get(
    "/events",
    operation_id="getEvents",
    summary="The verification's ledger",
    description="Everything that happened to it, oldest first, as a hash chain of digests and "
    "codes.",
    responses={200: json_answer(Events, "The entries."), **refuses(401, 403, 404, 422)},
)
def events(system: Running, caller: Reading, verification: VerificationId) -> Response:
    """The ledger of a verification."""
    entries = system.verifications.events(verification, caller)
    return json_response({"verification": verification, "events": entries})


@router.post(
    "/replay",
    operation_id="replayVerdict",
    summary="Judge the sealed evidence again",
    description="Rebuilds rules, scoring and connectors from their stored text, decodes the raw "
    "answers again, judges again and compares every byte. Writes nothing.",
    responses={
        200: json_answer(Replay, "Identical, or what differs."),
        **refuses(401, 403, 404, 422),
    },
)
def replay(
    system: Running,
    caller: Reading,
    verification: VerificationId,
    sequence: Sequence = None,
) -> Response:
    """Replay one verdict."""
    return json_response(plain(system.replays.replay(verification, caller, sequence)))


def _sealed(body: bytes, digest: str) -> Response:
    return Response(body, media_type="application/json", headers={"ETag": f'"{digest}"'})
