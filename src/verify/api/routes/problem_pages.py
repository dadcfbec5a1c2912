"""A short page for each kind of problem, where the `type` of a problem document leads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from verify.api import problems
from verify.api.describe import refuses
from verify.console.pages import PAGE_POLICY, problem_page
from verify.domain.errors import NotFound

router = APIRouter(prefix="/problems", tags=["problems"])


@router.get(
    "/{code}",
    operation_id="explainProblem",
    summary="What a problem means",
    description="The page that the `type` of a problem document names.",
    responses={
        200: {
            "description": "A short page.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
        **refuses(404),
    },
    openapi_extra={"security": []},
)
def page(code: Annotated[str, Path(description="The problem's `code`.")]) -> Response:
    """The page of one kind of problem."""
    kind = problems.known_errors().get(code)
    if kind is None:
        raise NotFound("there is no such problem", remedy="use a code that a problem document gave")
    body = problem_page(code, kind.status, kind.title, problems.meaning(kind))
    return Response(
        body,
        media_type="text/html",
        headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "max-age=86400"},
    )
