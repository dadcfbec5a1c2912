"""Is it up, can it work, how does it do? The first two ask for no credentials."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from prometheus_client import CollectorRegistry, generate_latest
from starlette.responses import Response

from verify import telemetry
from verify.api.answers import json_response
from verify.api.dependencies import Running, authenticated
from verify.api.describe import json_answer, refuses
from verify.api.models import Health, Readiness
from verify.bootstrap import System

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
    description="Per dependency: the database answers and has this version's tables, the master "
    "key and the log's key are here, the log is witnessed, the content is loaded, the disk has "
    "room, the worker runs (`absent` where this process leaves that to another). Beside them, how "
    "long the longest waiting check has been due without a worker that carries it.",
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
    checks = system.vitals.checks() if isinstance(system, System) else {"database": "failing"}
    ready = "failing" not in checks.values()
    waits = system.vitals.oldest_due_seconds() if isinstance(system, System) else None
    said = {"status": "ok" if ready else "failing", "checks": checks, "oldest_due_seconds": waits}
    return json_response(said, 200 if ready else 503)


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="How it does, for Prometheus",
    description="Counters and histograms of this process, gauges of the installation. Labels are "
    "states, outcomes, sources and route templates; nothing in it is about anybody.",
    response_class=Response,
    responses={
        200: {
            "description": "The text format of Prometheus.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **refuses(401),
    },
    dependencies=[Depends(authenticated)],
)
def metrics(system: Running) -> Response:
    """What was counted here, and what is stored."""
    now = CollectorRegistry(auto_describe=False)
    now.register(system.vitals)
    text = generate_latest(telemetry.REGISTRY) + generate_latest(now)
    return Response(text, media_type="text/plain; version=0.0.4")
