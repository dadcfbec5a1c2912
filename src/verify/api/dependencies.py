"""What handlers are given: the running system, the authenticated caller, header values."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import Depends, Header, Query, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from verify.api.middleware import note_caller
from verify.bootstrap import System
from verify.domain.access import Caller, Purpose
from verify.domain.errors import InputError, Overloaded, Problem

MAX_WAIT_SECONDS = 60
_VISIBLE = re.compile(r"[\x21-\x7e]{1,128}")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*([0-9]{1,4})(?=$|[,;\s])", re.IGNORECASE)

# Both are read from the headers by the authenticator; here they only describe themselves.
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="A JSON Web Token (EdDSA, ES256, RS256), or an API key `vk_...`.",
)
_api_key = APIKeyHeader(
    name="X-API-Key", auto_error=False, scheme_name="apiKey", description="An API key `vk_...`."
)


def running_system(request: Request) -> System:
    """The system behind this application.

    Raises:
        Overloaded: the application was made for its description only.
    """
    system = request.app.state.system
    if not isinstance(system, System):
        raise Overloaded("the service is not running", remedy="start it with `verify serve`")
    return system


Running = Annotated[System, Depends(running_system)]


def authenticated(
    request: Request,
    system: Running,
    _token: Annotated[object, Depends(_bearer)],
    _key: Annotated[object, Depends(_api_key)],
) -> Caller:
    """The caller that the request's credentials stand for.

    Raises:
        NotAuthenticated: no credentials, or credentials that do not hold.
    """
    caller = system.authenticator.authenticate(
        request.headers.get("authorization"), request.headers.get("x-api-key")
    )
    note_caller(request.scope.setdefault("state", {}), caller.subject)
    return caller


Authenticated = Annotated[Caller, Depends(authenticated)]


def reading(
    caller: Authenticated,
    purpose: Annotated[
        str | None,
        Header(
            alias="X-Purpose",
            json_schema_extra={"enum": [purpose.value for purpose in Purpose]},
            description="What you read this for; it is on record with the read. Callers and "
            "caseworkers read for the check itself unless they say otherwise, but for raw answers. "
            "Auditors always say it, but for what is nothing but audit.",
        ),
    ] = None,
) -> Caller:
    """The caller of a route that shows personal data, with what they say they read it for.

    Raises:
        InputError: the purpose is none of those there are.
        NotPermitted: it is none of the caller's role.
    """
    if purpose is None:
        return caller
    try:
        return caller.reading_for(Purpose(purpose))
    except ValueError:
        raise InputError(
            "the stated purpose is unknown; nothing was shown",
            problems=(
                Problem(
                    "header:X-Purpose",
                    "purpose",
                    "it is none of the purposes there are.",
                    f"Send one of: {', '.join(caller.purposes)}.",
                ),
            ),
        ) from None


Reading = Annotated[Caller, Depends(reading)]


def idempotency_key(
    given: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            json_schema_extra={"pattern": "^[!-~]{1,128}$"},
            description="1 to 128 visible ASCII characters of your choice. The same key with the "
            "same body is the same verification; with another body it is refused with 409.",
        ),
    ] = None,
) -> str | None:
    """The idempotency key, checked.

    Raises:
        InputError: it is empty, too long, or not visible ASCII.
    """
    if given is None or _VISIBLE.fullmatch(given):
        return given
    raise InputError(
        "the idempotency key cannot be used; nothing was stored",
        problems=(
            Problem(
                "header:Idempotency-Key",
                "idempotency-key",
                "it is not 1 to 128 visible ASCII characters.",
                "Use a case number or a random UUID.",
            ),
        ),
    )


IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]


def preferred_wait(
    prefer: Annotated[
        str | None,
        Header(
            alias="Prefer",
            description="`wait=N`: answer when there is a verdict, after N seconds at the latest "
            f"(RFC 7240; more than {MAX_WAIT_SECONDS} counts as {MAX_WAIT_SECONDS}; anything "
            "else is ignored).",
        ),
    ] = None,
) -> int:
    """Seconds the caller would wait for a verdict (RFC 7240); 0 without the preference."""
    found = _WAIT.search(prefer or "")
    return min(int(found.group(1)), MAX_WAIT_SECONDS) if found else 0


PreferredWait = Annotated[int, Depends(preferred_wait)]


Format = Annotated[
    Literal["json", "csv"],
    Query(
        alias="format",
        description="`csv` for a spreadsheet; `Link` then leads to the next page (RFC 8288).",
    ),
]


def wants_html(request: Request, format: str | None) -> bool:  # noqa: A002 - the query's name
    """Whether the reader would rather have a page than data (RFC 9110 section 12.5.1)."""
    if format is not None:
        return format == "html"
    weights = {"text/html": 0.0, "application/json": 0.0}
    generic = 0.0
    for part in request.headers.get("accept", "").split(","):
        kind, _, parameters = part.strip().lower().partition(";")
        weight = _quality(parameters)
        if kind in weights:
            weights[kind] = max(weights[kind], weight)
        elif kind in ("*/*", "application/*"):
            generic = max(generic, weight)
    return weights["text/html"] > max(weights["application/json"], generic)


def _quality(parameters: str) -> float:
    found = re.search(r"(?:^|;)\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)", parameters)
    return float(found.group(1)) if found else 1.0
