"""What surrounds every request, as plain ASGI: guard, log, headers, body limit.

Plain ASGI rather than `BaseHTTPMiddleware`, which runs each request in a task of its own and
hides the size of a body that is still arriving.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verify import telemetry
from verify.api import problems
from verify.domain.errors import TooLarge
from verify.telemetry import place

access_log = structlog.get_logger("verify.access")
error_log = structlog.get_logger("verify.error")

Explain = Callable[[Request, Exception], Awaitable[Response]]

JSON_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Surround:
    """Turn unexpected exceptions into a problem, write one access line, set the headers.

    An exception's text may quote a value, so only its type and place are logged; `explain` makes
    the answer of it.
    """

    def __init__(self, app: ASGIApp, explain: Explain) -> None:
        self.app = app
        self.explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter_ns()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            with telemetry.span("request") as span:
                await self.app(scope, receive, noting)
                span.update_name(f"{_method(scope)} {route_template(scope)}")
        except Exception as error:  # noqa: BLE001 - the last net before the server's own log
            error_log.error("request.failed", kind=type(error).__name__, at=place(error))
            if status == 0:
                answer = await self.explain(Request(scope), error)
                await answer(scope, receive, noting)
        finally:
            telemetry.REQUESTS.labels(route_template(scope), _method(scope), str(status)).inc()
            micros = (time.perf_counter_ns() - started) // 1000
            telemetry.REQUEST_SECONDS.labels(route_template(scope)).observe(micros / 1_000_000)
            access_log.info(
                "request",
                route=route_template(scope),
                method=_method(scope),
                status=status,
                ms=micros // 1000,
                caller=scope.get("state", {}).get("caller", ""),
            )


class BodyLimit:
    """Refuse bodies over `limit` bytes, by the declared length or while they arrive."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        # A server has already refused a length that is not a number.
        if declared.isdigit() and int(declared) > self.limit:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise self._error()
            return message

        await self.app(scope, counting, send)

    def _error(self) -> TooLarge:
        return TooLarge(
            f"the body is over {self.limit} bytes; nothing was stored",
            remedy="send households one by one, or in smaller lists",
        )

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The rest of the body is not read: the connection ends with the answer.
        refusal: Response = problems.response(self._error(), {"Connection": "close"})
        await refusal(scope, receive, send)


def _add_headers(scope: Scope, headers: MutableHeaders) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Content-Security-Policy", JSON_POLICY)
    headers.setdefault("Referrer-Policy", "same-origin")
    if not scope["path"].startswith("/problems/"):
        headers.setdefault("Cache-Control", "no-store")


def note_caller(state: MutableMapping[str, Any], subject: str) -> None:
    """Remember who calls for the access line: a hash, so that the log names nobody."""
    state["caller"] = hashlib.sha256(subject.encode("utf-8")).hexdigest()[:12]


def route_template(scope: Scope) -> str:
    """The address with its parameters unnamed (`/v1/verifications/{id}`); never the real path."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "(none)"


def _method(scope: Scope) -> str:
    # A client may send any token as a method; only known ones reach the log.
    method = str(scope["method"])
    return method if method in _METHODS else "(other)"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
