"""Where sources say "ready"."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from verify.api.dependencies import Running
from verify.api.describe import refuses

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])


@router.post(
    "/{token}",
    operation_id="sourceReady",
    summary="A source says that an answer is ready",
    description="For sources, not for callers. The unguessable token in the address is the "
    "credential. The call only makes the engine ask that source again sooner; its body is never "
    "read and never evidence. The answer is the same for every token.",
    status_code=204,
    responses={204: {"description": "Noted."}, **refuses(413)},
    openapi_extra={"security": []},
)
def called_back(
    system: Running,
    token: Annotated[str, Path(description="The token from the callback address.")],
) -> Response:
    """Wake the question that the token stands for, if there is one."""
    system.verifications.called_back(token)
    return Response(status_code=204)
