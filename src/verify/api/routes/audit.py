"""The log: its checkpoint, the proofs that go with it, and archives for auditors."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from verify.api.answers import csv_or_json, json_response
from verify.api.dependencies import Authenticated, Format, Reading, Running, authenticated
from verify.api.describe import csv_answer, json_answer, refuses
from verify.api.models import AccessPage, ConsistencyProof, InclusionProof
from verify.api.routes.verifications import VerificationId
from verify.domain.access import Purpose
from verify.service.access_trail import ACCESS_COLUMNS
from verify.store.accesses import AccessFilters

router = APIRouter(prefix="/v1", tags=["audit"], dependencies=[Depends(authenticated)])

_TEXT = {"text/plain": {"schema": {"type": "string"}}}


@router.get(
    "/audit/checkpoint",
    operation_id="getCheckpoint",
    summary="The newest witnessed checkpoint of the log",
    description="A signed note (c2sp.org/tlog-checkpoint): origin, number of leaves, root, the "
    "log's signature and the witnesses' cosignatures.",
    response_class=Response,
    responses={200: {"description": "The note.", "content": _TEXT}, **refuses(401, 403, 404)},
)
def checkpoint(system: Running, caller: Authenticated) -> Response:
    """The newest witnessed checkpoint."""
    return Response(system.audits.checkpoint(caller), media_type="text/plain")


@router.get(
    "/audit/keys",
    operation_id="getLogKeys",
    summary="Public keys of the log and its witnesses",
    description="One a line (c2sp.org/signed-note), with the word `retired` before a witness that "
    "was replaced. Compare them with what you got elsewhere: "
    "keys from the service that is to be checked prove nothing.",
    response_class=Response,
    responses={200: {"description": "The keys.", "content": _TEXT}, **refuses(401, 403)},
)
def keys(system: Running, caller: Authenticated) -> Response:
    """The public keys."""
    del caller
    return Response(
        "".join(f"{key}\n" for key in system.audits.public_keys()), media_type="text/plain"
    )


@router.get(
    "/audit/inclusion",
    operation_id="getInclusion",
    summary="Proof that a verification's newest witnessed entry is in the log",
    description="The entry, the log's leaf that binds it, the RFC 6962 inclusion proof and the "
    "witnessed checkpoint.",
    responses={200: json_answer(InclusionProof, "The proof."), **refuses(401, 403, 404, 422)},
)
def inclusion(
    system: Running,
    caller: Reading,
    verification: Annotated[str, Query(max_length=64, description="The verification's id.")],
) -> Response:
    """An inclusion proof."""
    return json_response(system.audits.inclusion(verification, caller))


@router.get(
    "/audit/consistency",
    operation_id="getConsistency",
    summary="Proof that the log only grew",
    description="The RFC 6962 consistency proof between two numbers of leaves.",
    responses={200: json_answer(ConsistencyProof, "The proof."), **refuses(401, 403, 404, 422)},
)
def consistency(
    system: Running,
    caller: Authenticated,
    old: Annotated[int, Query(alias="from", ge=0, le=10**15, description="The smaller size.")],
    new: Annotated[int, Query(alias="to", ge=0, le=10**15, description="The larger size.")],
) -> Response:
    """A consistency proof."""
    return json_response(system.audits.consistency(old, new, caller))


@router.get(
    "/audit/accesses",
    operation_id="listAccesses",
    summary="Who read what",
    description="For auditors: every read of personal data, newest first, narrowed by case, "
    "caller, kind, purpose or day; lists that showed a case, too. Each is a leaf of the log.",
    responses={200: csv_answer(AccessPage, "A page."), **refuses(401, 403, 422)},
)
def accesses(
    request: Request,
    system: Running,
    caller: Reading,
    *,
    verification: Annotated[str, Query(max_length=64, description="Reads of this case.")] = "",
    by: Annotated[str, Query(max_length=200, description="Reads by this caller.")] = "",
    what: Annotated[str, Query(max_length=40, description="`report`, `raw answer`, ...")] = "",
    purpose: Annotated[Purpose | None, Query(description="Reads for this purpose.")] = None,
    since: Annotated[dt.date | None, Query(description="From this day on (UTC).")] = None,
    until: Annotated[dt.date | None, Query(description="Before this day (UTC).")] = None,
    cursor: Annotated[str, Query(max_length=64, description="From a page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=500, description="How many.")] = 100,
    form: Format = "json",
) -> Response:
    """A page of the access trail."""
    filters = AccessFilters(
        verifications=(verification,) if verification else (),
        caller=by,
        what=what,
        since=_start(since),
        until=_start(until),
        purpose=purpose.value if purpose else "",
    )
    found, following = system.trail.find(caller, filters, cursor, limit)
    page = {"accesses": found, "next": following}
    return csv_or_json(request, form, ACCESS_COLUMNS, found, page)


def _start(day: dt.date | None) -> int:
    if day is None:
        return 0
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)


@router.get(
    "/verifications/{id}/bundle",
    operation_id="getBundle",
    summary="The whole verification as one archive",
    description="For auditors: rows, documents, content sets and the proof, checked offline with "
    "`verify audit verify`. Holds personal data.",
    response_class=Response,
    responses={
        200: {
            "description": "A zip archive.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **refuses(401, 403, 404, 409, 422),
    },
)
def bundle(system: Running, caller: Reading, verification: VerificationId) -> Response:
    """The archive of a verification."""
    return Response(
        system.audits.export(verification, caller),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{verification}.zip"'},
    )
