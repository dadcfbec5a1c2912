"""The witness as a small HTTP service (c2sp.org/tlog-witness), without a database.

POST /add-checkpoint        cosign, or say where the witness stands (409)
GET  /checkpoint?origin=    the last checkpoint it cosigned
GET  /healthz
"""

from __future__ import annotations

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from verify.domain.errors import (
    InputError,
    IntegrityError,
    NotFound,
    NotPermitted,
    Overloaded,
    VerifyError,
)
from verify.service.audit_cosigner import Cosigner, Inconsistent, Stale
from verify.service.audit_witness import SIZE_TYPE, read_request
from verify.store.note import MAX_NOTE

log = structlog.get_logger("verify.witness")

_STATUS: tuple[tuple[type[VerifyError], int], ...] = (
    (Inconsistent, 422),
    (NotFound, 404),
    (NotPermitted, 403),
    (InputError, 400),
    (IntegrityError, 500),
    (Overloaded, 503),
)


def create_witness(cosigner: Cosigner) -> Starlette:
    """The application over a witness's folder."""

    async def add(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > 2 * MAX_NOTE:
                return PlainTextResponse("too large\n", 413)
        return await run_in_threadpool(_add, cosigner, body)

    def latest(request: Request) -> Response:
        try:
            note = cosigner.latest(request.query_params.get("origin", ""))
        except VerifyError as error:
            return _refusal(error)
        return Response(status_code=204) if note is None else PlainTextResponse(note.text)

    def health(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            Route("/add-checkpoint", add, methods=["POST"]),
            Route("/checkpoint", latest, methods=["GET"]),
            Route("/healthz", health, methods=["GET"]),
        ]
    )


def _add(cosigner: Cosigner, body: bytes) -> Response:
    try:
        old, proof, note = read_request(body.decode())
        given = cosigner.add(old, proof, note)
    except UnicodeDecodeError:
        return PlainTextResponse("the body is not text\n", 400)
    except Stale as stale:
        return Response(f"{stale.size}\n", 409, media_type=SIZE_TYPE)
    except VerifyError as error:
        return _refusal(error)
    log.info("witness.cosigned", size=note.checkpoint.size)
    return PlainTextResponse(given.line)


def _refusal(error: VerifyError) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if isinstance(error, Inconsistent | IntegrityError):
        log.error("witness.refused", code=error.code)
    return PlainTextResponse(f"{error.reason}\n", status)
