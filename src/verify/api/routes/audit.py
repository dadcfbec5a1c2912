"""The log: its checkpoint, the proofs that go with it, and archives for auditors."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.dependencies import Authenticated, Running, authenticated
from verify.api.describe import json_answer, refuses
from verify.api.models import ConsistencyProof, InclusionProof
from verify.api.routes.verifications import VerificationId

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
    description="One a line (c2sp.org/signed-note). Compare them with what you got elsewhere: "
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
    caller: Authenticated,
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
        **refuses(401, 403, 404, 409),
    },
)
def bundle(system: Running, caller: Authenticated, verification: VerificationId) -> Response:
    """The archive of a verification."""
    return Response(
        system.audits.export(verification, caller),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{verification}.zip"'},
    )
