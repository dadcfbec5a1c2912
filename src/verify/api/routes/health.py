"""Is it up, and can it work? The only addresses besides callbacks that ask for no credentials."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.describe import json_answer, refuses
from verify.api.models import Health, Readiness
from verify.bootstrap import System
from verify.service.clock import now_ms

log = structlog.get_logger("verify.health")

router = APIRouter(tags=["health"])
OPEN: dict[str, Any] = {"security": []}


@router.get(
    "/healthz",
    operation_id="health",
    summary="Is the process up?",
    description="Touches nothing.",
    responses={200: json_answer(Health, "It is.")},
    openapi_extra=OPEN,
)
def healthz() -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


@router.get(
    "/readyz",
    operation_id="readiness",
    summary="Can it work?",
    description="Per part: the store answers, the content is loaded, the worker runs here, the "
    "log is signed and witnessed (`absent` where this process leaves that to another).",
    responses={
        200: json_answer(Readiness, "It can."),
        503: json_answer(Readiness, "A part is failing; it is named."),
        500: refuses(500)[500],
    },
    openapi_extra=OPEN,
)
def readyz(request: Request) -> Response:
    """Whether each part that the service depends on works."""
    system = request.app.state.system
    checks = _checks(system) if isinstance(system, System) else {"store": "failing"}
    ready = "failing" not in checks.values()
    return json_response(
        {"status": "ok" if ready else "failing", "checks": checks}, 200 if ready else 503
    )


def _checks(system: System) -> dict[str, str]:
    return {
        "store": _store(system),
        "content": "ok" if system.contents.digests.rules else "failing",
        "worker": "absent" if system.worker is None else "ok",
        "audit": _audit(system),
    }


def _audit(system: System) -> str:
    """Whether verdicts can become final: the log is signed and witnessed."""
    if not system.notary.running:
        return "absent"
    return "ok" if system.notary.may_finish(now_ms()) else "failing"


def _store(system: System) -> str:
    try:
        system.store.ping()
    except Exception as error:  # noqa: BLE001 - whatever ails it, the answer is "not ready"
        log.error("readiness.store", kind=type(error).__name__)
        return "failing"
    return "ok"
