"""The console's addresses: log in with a key, see the list, read a report, replay it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from verify.bootstrap import System
from verify.console.pages import PAGE_POLICY, render, report_page
from verify.console.sessions import IDLE_SECONDS, Sessions
from verify.domain.access import Caller
from verify.domain.canonical import plain
from verify.domain.errors import NotAuthenticated, NotPermitted, Overloaded, VerifyError
from verify.service import wording
from verify.settings import Settings

PREFIX = "/console"
COOKIE = "verify_session"
PAGE_SIZE = 25
_HEADERS = {"Content-Security-Policy": PAGE_POLICY}
_KEY_REFUSED = {"zh": "密钥无效或已撤销。", "en": "The key is not valid, or has been revoked."}


def is_console(request: Request) -> bool:
    """Whether a request is for a page of the console."""
    path = request.url.path
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def error_response(request: Request, error: VerifyError) -> Response:
    """An error as a page; without a session, the log-in page."""
    del request
    if error.status == 401:
        page = render("login.html", fault=None)
        headers = {**_HEADERS, "WWW-Authenticate": 'Bearer realm="verify"'}
        return HTMLResponse(page, 401, headers)
    page = render(
        "error.html",
        status=error.status,
        title=error.title,
        detail=error.reason,
        remedy=error.remedy,
    )
    return HTMLResponse(page, error.status, _HEADERS)


def router(settings: Settings) -> APIRouter:
    """The console's routes, with sessions of their own."""
    doors = _Doors(Sessions(), secure=settings.public_url.startswith("https://"))
    routes = APIRouter(prefix=PREFIX)
    routes.add_api_route("", _to_list, methods=["GET"])
    routes.add_api_route("/login", doors.login_page, methods=["GET"], response_model=None)
    routes.add_api_route("/login", doors.login, methods=["POST"], response_model=None)
    routes.add_api_route("/logout", doors.logout, methods=["POST"], response_model=None)
    routes.add_api_route("/", doors.listing, methods=["GET"], response_model=None)
    routes.add_api_route("/verifications/{id}", doors.report, methods=["GET"], response_model=None)
    routes.add_api_route(
        "/verifications/{id}/replay", doors.replay, methods=["POST"], response_model=None
    )
    return routes


def _to_list() -> Response:
    return RedirectResponse(f"{PREFIX}/", 303)


class _Doors:
    """The handlers, over one set of sessions."""

    def __init__(self, sessions: Sessions, *, secure: bool) -> None:
        self._sessions = sessions
        self._secure = secure

    def login_page(self) -> Response:
        return HTMLResponse(render("login.html", fault=None), headers=_HEADERS)

    def login(self, request: Request, key: Annotated[str, Form(max_length=4096)] = "") -> Response:
        _check_origin(request)
        try:
            _system(request).authenticator.authenticate(f"Bearer {key.strip()}", None)
        except NotAuthenticated:
            page = render("login.html", fault=_KEY_REFUSED)
            return HTMLResponse(page, 401, {**_HEADERS, "WWW-Authenticate": "Bearer"})
        answer = RedirectResponse(f"{PREFIX}/", 303)
        answer.set_cookie(
            COOKIE,
            self._sessions.open(key.strip()),
            max_age=IDLE_SECONDS,
            path=PREFIX,
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    def logout(self, request: Request) -> Response:
        _check_origin(request)
        self._sessions.close(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(f"{PREFIX}/login", 303)
        answer.delete_cookie(COOKIE, path=PREFIX)
        return answer

    def listing(self, request: Request, cursor: str | None = None) -> Response:
        caller = self._caller(request)
        rows, following = _system(request).verifications.page(caller, cursor, PAGE_SIZE)
        page = render(
            "list.html",
            rows=[
                {
                    **row,
                    "state": wording.word(wording.VERIFICATION_STATE, row["state"]),
                    "outcome": row["outcome"] and wording.word(wording.OUTCOME, row["outcome"]),
                }
                for row in rows
            ],
            following=following,
            console=_bar(caller),
        )
        return HTMLResponse(page, headers=_HEADERS)

    def report(self, request: Request, id: str) -> Response:  # noqa: A002 - the address's name
        caller = self._caller(request)
        data = _system(request).verifications.report(id, caller)
        return HTMLResponse(report_page(data, _bar(caller, id)), headers=_HEADERS)

    def replay(self, request: Request, id: str) -> Response:  # noqa: A002
        _check_origin(request)
        caller = self._caller(request)
        system = _system(request)
        result = plain(system.replays.replay(id, caller))
        data = system.verifications.report(id, caller)
        page = report_page(data, {**_bar(caller, id), "replay": result})
        return HTMLResponse(page, headers=_HEADERS)

    def _caller(self, request: Request) -> Caller:
        """Who is behind the session; the key is checked again at every click."""
        credential = self._sessions.credential(request.cookies.get(COOKIE, ""))
        if credential is None:
            raise NotAuthenticated("there is no session; log in")
        return _system(request).authenticator.authenticate(f"Bearer {credential}", None)


def _system(request: Request) -> System:
    system = request.app.state.system
    if not isinstance(system, System):
        raise Overloaded("the service is not running")
    return system


def _bar(caller: Caller, verification: str = "") -> dict[str, object]:
    roles = ", ".join(sorted(role.value for role in caller.roles))
    return {"who": roles, "verification": verification, "replay": None}


def _check_origin(request: Request) -> None:
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
