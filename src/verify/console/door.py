"""What every page of the console needs: the system, the bar, the origin of a form."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from fastapi import Request

from verify.bootstrap import System
from verify.console.pages import PAGE_POLICY
from verify.domain.access import Caller
from verify.domain.errors import NotPermitted, Overloaded
from verify.service import wording
from verify.service.connector_publishing import READERS as SOURCES
from verify.service.verification import READERS as CASES

PREFIX = "/console"
HEADERS = {"Content-Security-Policy": PAGE_POLICY}


def system_of(request: Request) -> System:
    """The system behind the pages."""
    system = request.app.state.system
    if not isinstance(system, System):
        raise Overloaded("the service is not running")
    return system


def bar(caller: Caller, verification: str = "") -> dict[str, object]:
    """What the bar on top of every page shows, and which ways it offers."""
    roles = ", ".join(sorted(role.value for role in caller.roles))
    return {
        "who": roles,
        "verification": verification,
        "replay": None,
        "cases": caller.may(*CASES),
        "sources": caller.may(*SOURCES),
        "purpose": caller.purpose or "",
        "purposes": purpose_choices(caller.purposes) if caller.may(*CASES) else [],
    }


def purpose_choices(purposes: Iterable[str]) -> list[dict[str, object]]:
    """Purposes with their words, for a form."""
    return [{"code": str(p), "words": wording.word(wording.PURPOSE, str(p))} for p in purposes]


def check_origin(request: Request) -> None:
    """Refuse a form that another site sent; the cookie is `SameSite=Strict` besides.

    Raises:
        NotPermitted: the `Origin` (or `Sec-Fetch-Site`) says it is not from a page of ours.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site not in (None, "same-origin") or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise NotPermitted("the form was sent from another site", remedy="use the console's page")
