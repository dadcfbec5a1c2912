"""The control endpoint: look at the simulated sources and change them while they run.

    GET   /sources                    profiles, and whether each source is on
    PATCH /sources/{source}           change settings of its profile (see `Profile`)
    POST  /sources/{source}/off       close its listener: connections are refused
    POST  /sources/{source}/on        open it again
    GET   /sources/{source}/requests  who asked (subjects as keyed hashes)

All with `Authorization: Bearer <VERIFY_SIMULATE_CONTROL_TOKEN>`.
"""

from __future__ import annotations

import dataclasses
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from verify.simulate.state import LoggedRequest, Profile

_PROFILE = TypeAdapter(Profile)


class Controlled(Protocol):
    """What the control endpoint may do."""

    def profile(self, source: str) -> Profile:
        """The present profile."""

    def is_on(self, source: str) -> bool:
        """Whether it accepts connections."""

    def set_profile(self, source: str, **changes: Any) -> None:
        """Change settings."""

    def requests(self, source: str) -> list[LoggedRequest]:
        """The requests so far."""

    async def switch(self, source: str, *, on: bool) -> None:
        """Open or close the listener."""


def control_app(sources: Controlled, names: tuple[str, ...], token: str) -> Starlette:
    """The control application."""

    def guarded(handler: Callable[[Request], Awaitable[Response]]) -> Any:
        async def checked(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return JSONResponse({"error": "token needed"}, 401)
            if request.path_params.get("source", names[0]) not in names:
                return JSONResponse({"error": f"sources are {', '.join(names)}"}, 404)
            return await handler(request)

        return checked

    def view(source: str) -> dict[str, Any]:
        return {"on": sources.is_on(source), **dataclasses.asdict(sources.profile(source))}

    async def show(request: Request) -> Response:
        return JSONResponse({s: view(s) for s in names})

    async def change(request: Request) -> Response:
        source = request.path_params["source"]
        try:
            changes = json.loads(await request.body())
            merged = {**dataclasses.asdict(sources.profile(source)), **changes}
            read = _PROFILE.validate_python(merged)
            unknown = changes.keys() - {f.name for f in dataclasses.fields(Profile)}
        except (ValueError, TypeError, ValidationError):
            return JSONResponse({"error": "not a profile"}, 422)
        if unknown:
            return JSONResponse({"error": "unknown settings"}, 422)
        sources.set_profile(source, **{k: getattr(read, k) for k in changes})
        return JSONResponse(view(source))

    async def switch(request: Request) -> Response:
        source, to = request.path_params["source"], request.path_params["to"]
        if to not in ("on", "off"):
            return JSONResponse({"error": "switch a source `on` or `off`"}, 404)
        await sources.switch(source, on=to == "on")
        return JSONResponse(view(source))

    async def log(request: Request) -> Response:
        source = request.path_params["source"]
        return JSONResponse([dataclasses.asdict(r) for r in sources.requests(source)])

    return Starlette(
        routes=[
            Route("/sources", guarded(show), methods=["GET"]),
            Route("/sources/{source}", guarded(change), methods=["PATCH"]),
            Route("/sources/{source}/requests", guarded(log), methods=["GET"]),
            Route("/sources/{source}/{to}", guarded(switch), methods=["POST"]),
        ]
    )
