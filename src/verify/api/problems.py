"""Every error as an RFC 9457 problem document; never a value that was sent, never internals."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from verify.api.body import MalformedBody, UnsupportedMediaType
from verify.domain.errors import (
    ContentError,
    InputError,
    IntegrityError,
    NotAuthenticated,
    NotFound,
    Overloaded,
    Problem,
    TooLarge,
    VerifyError,
)

MEDIA_TYPE = "application/problem+json"


class MethodNotAllowed(VerifyError):
    """The address exists, but not for this method; the `Allow` header names those it has."""

    code, status, exit_code = "method-not-allowed", 405, 2
    title = "Not a method of this address"


class BadRequest(VerifyError):
    """The request breaks the rules of HTTP."""

    code, status, exit_code, title = "bad-request", 400, 2, "Bad request"


_BY_STATUS: dict[int, type[VerifyError]] = {
    400: BadRequest,
    401: NotAuthenticated,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: InputError,
    503: Overloaded,
}
_PLAIN: dict[int, tuple[str, str]] = {
    404: ("there is nothing at this address", "see api/openapi.json for the addresses"),
    405: ("this address does not take this method", "use a method of the Allow header"),
}


def known_errors() -> dict[str, type[VerifyError]]:
    """Every error class that can reach a caller, by its public code."""

    def below(kind: type[VerifyError]) -> Iterator[type[VerifyError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    # A subclass without a code of its own (`LeaseLost`) is its parent to the outside.
    found = {k.code: k for k in below(VerifyError) if "code" in vars(k)}
    return dict(sorted(found.items()))


def meaning(kind: type[VerifyError]) -> str:
    """The first paragraph of an error's docstring."""
    text = inspect.getdoc(kind) or kind.title
    if kind is VerifyError:
        text = "Something went wrong inside the service; nothing half was stored."
    return " ".join(text.split("\n\n")[0].split())


def document(error: VerifyError) -> dict[str, Any]:
    """The problem document of an error."""
    detail = error.reason
    if isinstance(error, IntegrityError) and error.where:
        detail = f"{error.where}: {detail}"
    if isinstance(error, ContentError):
        # Where the installation keeps its files is no caller's business.
        detail = "the service cannot read its own content"
    return {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": detail,
        "code": error.code,
        "remedy": error.remedy,
        "errors": [
            {"pointer": p.pointer, "code": p.code, "reason": p.reason, "remedy": p.remedy}
            for p in error.problems
        ],
    }


def response(error: VerifyError, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an HTTP response."""
    sent = dict(headers or {})
    if error.status == 401:
        sent.setdefault("WWW-Authenticate", 'Bearer realm="verify"')
    if error.status == 503:
        sent.setdefault("Retry-After", "5")
    body = json.dumps(document(error), ensure_ascii=False).encode("utf-8")
    return Response(body, error.status, sent, MEDIA_TYPE)


def internal() -> VerifyError:
    """What a caller is told of an unexpected fault: nothing but that it happened."""
    return VerifyError(
        "the service could not do this", remedy="try again; tell the operator if it stays"
    )


def from_http(error: HTTPException) -> VerifyError:
    """The framework's own errors, in our words."""
    reason, remedy = _PLAIN.get(error.status_code, ("the request cannot be handled", ""))
    kind = _BY_STATUS.get(error.status_code)
    return kind(reason, remedy=remedy) if kind else internal()


def from_parameters(error: RequestValidationError) -> InputError:
    """Faults in path, query, header or form parameters: `query:limit`, never their values."""
    return InputError(
        "a parameter of the request is not as described",
        remedy="correct the named parameters",
        problems=tuple(
            Problem(
                pointer=f"{fault['loc'][0]}:{'.'.join(str(p) for p in fault['loc'][1:])}",
                code=str(fault["type"]).replace("_", "-"),
                reason=f"{fault['msg']}.",
                remedy="See api/openapi.json.",
            )
            for fault in error.errors()
        ),
    )


def to_verify_error(error: Exception) -> VerifyError:
    """Any exception as one of ours."""
    if isinstance(error, VerifyError):
        return error
    if isinstance(error, RequestValidationError):
        return from_parameters(error)
    if isinstance(error, HTTPException):
        return from_http(error)
    return internal()


async def handle(request: Request, error: Exception) -> Response:
    """Exception handler of the application."""
    del request
    headers = dict(getattr(error, "headers", None) or {})
    return response(to_verify_error(error), headers)


__all__ = [
    "BadRequest",
    "MalformedBody",
    "MethodNotAllowed",
    "UnsupportedMediaType",
    "document",
    "handle",
    "internal",
    "known_errors",
    "meaning",
    "response",
    "to_verify_error",
]
