"""How the sources do, and letting one go on after somebody has looked at it."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.dependencies import Authenticated, Running, authenticated
from verify.api.describe import json_answer, refuses
from verify.api.sources_models import SourceHealthView, SourcesHealth
from verify.domain.errors import NotFound
from verify.service.source_health import MAX_HOURS

router = APIRouter(prefix="/v1/connectors", tags=["sources"], dependencies=[Depends(authenticated)])

SOURCE = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def source_id(
    source: Annotated[
        str,
        Path(description="The source's id.", json_schema_extra={"pattern": f"^{SOURCE.pattern}$"}),
    ],
) -> str:
    """The id in the address; one that cannot exist is answered like one that does not."""
    if not SOURCE.fullmatch(source):
        raise NotFound("no connector with that id", where="source")
    return source


SourceId = Annotated[str, Depends(source_id)]


@router.get(
    "/health",
    operation_id="sourcesHealth",
    summary="How the sources do",
    description="Whether each source is asked now, held back by its breaker or in quarantine, "
    "and hour by hour how it answered, how fast, how fresh and how often it knew somebody.",
    responses={200: json_answer(SourcesHealth, "Every source."), **refuses(401, 422)},
)
def health(
    system: Running,
    hours: Annotated[int, Query(ge=1, le=MAX_HOURS, description="How far back.")] = 24,
) -> Response:
    """Every source."""
    return json_response(system.sources.view(hours))


@router.post(
    "/{source}/release",
    operation_id="releaseSource",
    summary="End a source's quarantine",
    description="Needs the role `administrator`. The source is asked again from now on; if it "
    "still is not like itself, it is quarantined again.",
    responses={
        200: json_answer(SourceHealthView, "The source as it stands."),
        **refuses(401, 403, 404),
    },
)
def release(system: Running, source: SourceId, caller: Authenticated) -> Response:
    """Ask it again."""
    return json_response(system.sources.release(source, caller))
