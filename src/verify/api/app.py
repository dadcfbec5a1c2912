"""The web application: REST API, problem pages and the console on one port."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from verify import __version__
from verify.api import problems
from verify.api.middleware import BodyLimit, Surround
from verify.api.routes import (
    assessments,
    audit,
    audit_queries,
    callbacks,
    content,
    documents,
    health,
    matching,
    problem_pages,
    rule_proposals,
    source_changes,
    sources,
    verifications,
)
from verify.bootstrap import System
from verify.console.app import error_response, is_console
from verify.console.app import router as console_router
from verify.domain.errors import VerifyError
from verify.settings import Settings

SUMMARY = "Household economic-status verification (居民家庭经济状况核对)"
DESCRIPTION = """\
Submit a household, have the registers asked, read a verdict that explains itself and can be
replayed byte for byte. Verdicts are findings for the authority, never its decision.

Every request but the health checks carries a bearer token or an API key. Errors are RFC 9457
problem documents that never repeat what was sent. Personal data travels in bodies only.
"""
TAGS = [
    {"name": "verifications", "description": "From an application to a verdict."},
    {"name": "documents", "description": "What a verdict says and rests on."},
    {"name": "audit", "description": "Proof that nothing was altered."},
    {"name": "rules", "description": "Ask the rules alone."},
    {"name": "content", "description": "What is in use."},
    {"name": "publishing", "description": "New rules, by two people, from a day on."},
    {"name": "sources", "description": "How sources do; try them; change them by two people."},
    {"name": "matching", "description": "How sure is sure: measure, try, decide."},
    {"name": "callbacks", "description": "For sources."},
    {"name": "health", "description": "For operators."},
    {"name": "problems", "description": "What went wrong, in words."},
]


def create_app(system: System | None) -> FastAPI:
    """The application over a running system.

    It starts and closes nothing: whoever built the system does. Without a system it can only
    describe itself (`verify.api.openapi.document`); every other request is refused with 503.
    """
    settings = system.settings if system is not None else Settings()
    app = FastAPI(
        title="verify",
        version=__version__,
        summary=SUMMARY,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,  # published as api/openapi.json; nothing is served without credentials
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.system = system
    parts = (
        verifications,
        documents,
        audit,
        audit_queries,
        assessments,
        content,
        rule_proposals,
        sources,
        source_changes,
        matching,
        callbacks,
        health,
        problem_pages,
    )
    for part in parts:
        app.include_router(part.router)
    app.include_router(console_router(settings), include_in_schema=False)
    for kind in (VerifyError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _explain)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.add_middleware(Surround, explain=_explain)
    return app


async def _explain(request: Request, error: Exception) -> Response:
    """An error as a page to people in the console, as a problem document to everyone else."""
    if is_console(request):
        return error_response(request, problems.to_verify_error(error))
    return await problems.handle(request, error)
