"""Submit verifications, follow them, cancel them."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.body import read_json, validate
from verify.api.dependencies import (
    IdempotencyKey,
    PreferredWait,
    Reading,
    Running,
    authenticated,
)
from verify.api.describe import json_answer, json_body, refuses
from verify.api.models import Verification, VerificationPage
from verify.bootstrap import System
from verify.domain.access import Caller
from verify.service.intake import ApplicationIn
from verify.store.ids import VERIFICATION_ID
from verify.store.scope import not_found

FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.01, 0.5

router = APIRouter(
    prefix="/v1/verifications", tags=["verifications"], dependencies=[Depends(authenticated)]
)


def verification_id(
    id: Annotated[  # noqa: A002 - the name in the address
        str,
        Path(
            description="The verification's id.",
            json_schema_extra={"pattern": f"^{VERIFICATION_ID.pattern}$"},
        ),
    ],
) -> str:
    """The id in the address; one that cannot exist is answered like one that does not."""
    if not VERIFICATION_ID.fullmatch(id):
        raise not_found()
    return id


VerificationId = Annotated[str, Depends(verification_id)]


@router.post(
    "",
    operation_id="submitVerification",
    summary="Submit a household for verification",
    description="Stores the application durably and answers at once; the sources are asked in "
    "the background. Nothing is stored of a request that is refused. Send an `Idempotency-Key` "
    "to be able to repeat the request safely.",
    status_code=202,
    responses={
        202: json_answer(
            Verification,
            "Accepted; the sources are being asked.",
            Location="Where the verification is.",
            Preference_Applied="The wait that was granted.",
        ),
        200: json_answer(
            Verification,
            "It exists already under this key, or the wait ended with a verdict.",
            Location="Where the verification is.",
            Preference_Applied="The wait that was granted.",
        ),
        **refuses(400, 401, 403, 409, 413, 415, 422),
    },
    openapi_extra=json_body(
        {"$ref": "#/components/schemas/ApplicationIn"}, "One household.", "application"
    ),
)
async def submit(
    request: Request,
    system: Running,
    caller: Reading,
    key: IdempotencyKey,
    seconds: PreferredWait,
) -> Response:
    """Accept an application, or refuse it whole."""
    raw, _ = await read_json(request)
    body = validate(ApplicationIn, raw)
    accepted = await run_in_threadpool(system.verifications.submit, body, caller, key)
    view = await _view_after(system, accepted.id, caller, seconds)
    fresh = accepted.created and view["verdict"] is None
    if not fresh:  # otherwise it holds nothing but what the caller has just sent
        await run_in_threadpool(system.verifications.shown, view, caller)
    return json_response(
        view,
        202 if fresh else 200,
        {"Location": f"/v1/verifications/{accepted.id}", **_applied(seconds)},
    )


@router.get(
    "",
    operation_id="listVerifications",
    summary="List your verifications",
    description="Those in your regions, newest first. Follow `next` for more; a page is never "
    "changed by what is added later.",
    responses={
        200: json_answer(VerificationPage, "One page."),
        **refuses(400, 401, 403, 422),
    },
)
def listing(
    system: Running,
    caller: Reading,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before.", max_length=200)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Verifications on a page.")] = 25,
) -> Response:
    """One page of the caller's verifications."""
    rows, following = system.verifications.page(caller, cursor, limit)
    return json_response({"verifications": rows, "next": following})


@router.get(
    "/{id}",
    operation_id="getVerification",
    summary="Where a verification stands",
    description="Its state, every question to every source, and the latest verdict in brief. "
    "With `Prefer: wait=N` the answer waits for a verdict.",
    responses={
        200: json_answer(
            Verification, "Its state.", Preference_Applied="The wait that was granted."
        ),
        **refuses(401, 403, 404, 422),
    },
)
async def one(
    system: Running, caller: Reading, verification: VerificationId, seconds: PreferredWait
) -> Response:
    """The state of one verification."""
    view = await _view_after(system, verification, caller, seconds)
    shown = await run_in_threadpool(system.verifications.shown, view, caller)
    return json_response(shown, headers=_applied(seconds))


@router.post(
    "/{id}/cancel",
    operation_id="cancelVerification",
    summary="Stop asking",
    description="No source is asked any more. What was sealed stays sealed.",
    responses={
        200: json_answer(Verification, "Its state afterwards."),
        **refuses(401, 403, 404, 409, 422),
    },
)
def cancel(system: Running, caller: Reading, verification: VerificationId) -> Response:
    """Cancel one verification."""
    return json_response(system.verifications.cancel(verification, caller))


async def _view_after(
    system: System, verification: str, caller: Caller, seconds: int
) -> dict[str, Any]:
    """The state, at once or as soon as there is a verdict; waiting holds no thread."""
    deadline = time.monotonic() + seconds
    pause = FIRST_LOOK_SECONDS
    while True:
        view = await run_in_threadpool(system.verifications.view, verification, caller)
        ended = view["verdict"] or view["state"] in ("completed", "cancelled", "failed")
        left = deadline - time.monotonic()
        if ended or left <= 0:
            return view
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LAST_LOOK_SECONDS)


def _applied(seconds: int) -> dict[str, str]:
    return {"Preference-Applied": f"wait={seconds}"} if seconds else {}
