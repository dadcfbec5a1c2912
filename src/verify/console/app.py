"""The console's addresses: log in with a key, see the list, read a report, replay it."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from verify.console import sources, what_if
from verify.console.door import (
    HEADERS,
    PREFIX,
    bar,
    check_origin,
    purpose_choices,
    system_of,
)
from verify.console.pages import render, report_page
from verify.console.sessions import IDLE_SECONDS, Sessions
from verify.domain.access import Caller, Purpose
from verify.domain.canonical import plain
from verify.domain.errors import InputError, NotAuthenticated, PurposeNeeded, VerifyError
from verify.service import wording
from verify.service.verification import READERS
from verify.settings import Settings
from verify.store.keyring import Erased

COOKIE = "verify_session"
PAGE_SIZE = 25
# Pages to go back to: those that a link opens.
_PAGE = re.compile(
    rf"{PREFIX}/(verifications/v_[0-9a-z]{{26}}(/what-if)?|sources(/\w+)?)?", re.ASCII
)
_KEY_REFUSED = {"zh": "密钥无效或已撤销。", "en": "The key is not valid, or has been revoked."}


def is_console(request: Request) -> bool:
    """Whether a request is for a page of the console."""
    path = request.url.path
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def error_response(request: Request, error: VerifyError) -> Response:
    """An error as a page; without a session, the log-in page."""
    del request
    if error.status == 401:
        page = _login_page()
        headers = {**HEADERS, "WWW-Authenticate": 'Bearer realm="verify"'}
        return HTMLResponse(page, 401, headers)
    page = render(
        "error.html",
        status=error.status,
        title=error.title,
        detail=error.reason,
        remedy=error.remedy,
        purposes=purpose_choices(error.purposes) if isinstance(error, PurposeNeeded) else [],
    )
    return HTMLResponse(page, error.status, HEADERS)


def _login_page(fault: dict[str, str] | None = None) -> str:
    return render("login.html", fault=fault, purposes=purpose_choices(Purpose))


def router(settings: Settings) -> APIRouter:
    """The console's routes, with sessions of their own."""
    doors = _Doors(Sessions(), secure=settings.public_url.startswith("https://"))
    routes = APIRouter(prefix=PREFIX)
    routes.add_api_route("", _to_list, methods=["GET"])
    routes.add_api_route("/login", doors.login_page, methods=["GET"], response_model=None)
    routes.add_api_route("/login", doors.login, methods=["POST"], response_model=None)
    routes.add_api_route("/purpose", doors.purpose, methods=["POST"], response_model=None)
    routes.add_api_route("/logout", doors.logout, methods=["POST"], response_model=None)
    routes.add_api_route("/", doors.listing, methods=["GET"], response_model=None)
    routes.add_api_route("/verifications/{id}", doors.report, methods=["GET"], response_model=None)
    routes.add_api_route(
        "/verifications/{id}/replay", doors.replay, methods=["POST"], response_model=None
    )
    what_if.add_routes(routes, doors.caller)
    sources.add_routes(routes, doors.caller)
    return routes


def _to_list() -> Response:
    return RedirectResponse(f"{PREFIX}/", 303)


class _Doors:
    """The handlers, over one set of sessions."""

    def __init__(self, sessions: Sessions, *, secure: bool) -> None:
        self._sessions = sessions
        self._secure = secure

    def login_page(self) -> Response:
        return HTMLResponse(_login_page(), headers=HEADERS)

    def login(
        self,
        request: Request,
        key: Annotated[str, Form(max_length=4096)] = "",
        purpose: Annotated[str, Form(max_length=40)] = "",
    ) -> Response:
        check_origin(request)
        try:
            caller = system_of(request).authenticator.authenticate(f"Bearer {key.strip()}", None)
        except NotAuthenticated:
            page = _login_page(_KEY_REFUSED)
            return HTMLResponse(page, 401, {**HEADERS, "WWW-Authenticate": "Bearer"})
        _reading_for(caller, purpose)
        # Who looks after sources and reads no cases begins with the sources.
        start = "/" if caller.may(*READERS) else "/sources"
        answer = RedirectResponse(f"{PREFIX}{start}", 303)
        answer.set_cookie(
            COOKIE,
            self._sessions.open(key.strip(), purpose),
            max_age=IDLE_SECONDS,
            path=PREFIX,
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    def purpose(
        self, request: Request, purpose: Annotated[str, Form(max_length=40)] = ""
    ) -> Response:
        """From now on the session reads for this purpose; back to where that was said."""
        check_origin(request)
        _reading_for(self.caller(request), purpose)
        self._sessions.change(request.cookies.get(COOKIE, ""), purpose)
        path = urlsplit(request.headers.get("referer", "")).path
        return RedirectResponse(path if _PAGE.fullmatch(path) else f"{PREFIX}/", 303)

    def logout(self, request: Request) -> Response:
        check_origin(request)
        self._sessions.close(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(f"{PREFIX}/login", 303)
        answer.delete_cookie(COOKIE, path=PREFIX)
        return answer

    def listing(self, request: Request, cursor: str | None = None) -> Response:
        caller = self.caller(request)
        rows, following = system_of(request).verifications.page(caller, cursor, PAGE_SIZE)
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
            console=bar(caller),
        )
        return HTMLResponse(page, headers=HEADERS)

    def report(self, request: Request, id: str) -> Response:  # noqa: A002 - the address's name
        caller = self.caller(request)
        try:
            data = system_of(request).verifications.report(id, caller)
        except Erased as error:
            return _erased_page(bar(caller, id), error)
        return HTMLResponse(report_page(data, bar(caller, id)), headers=HEADERS)

    def replay(self, request: Request, id: str) -> Response:  # noqa: A002
        check_origin(request)
        caller = self.caller(request)
        system = system_of(request)
        result = plain(system.replays.replay(id, caller))
        console = {**bar(caller, id), "replay": result}
        try:
            data = system.verifications.report(id, caller)
        except Erased as error:
            return _erased_page(console, error)
        return HTMLResponse(report_page(data, console), headers=HEADERS)

    def caller(self, request: Request) -> Caller:
        """Who is behind the session; the key is checked again at every click."""
        token = request.cookies.get(COOKIE, "")
        credential = self._sessions.credential(token)
        if credential is None:
            raise NotAuthenticated("there is no session; log in")
        caller = system_of(request).authenticator.authenticate(f"Bearer {credential}", None)
        return _reading_for(caller, self._sessions.purpose(token))


def _erased_page(console: dict[str, object], error: Erased) -> Response:
    """The page of a case that has no report any more; a replay names precisely what is gone."""
    page = render("erased.html", console=console, detail=error.reason)
    return HTMLResponse(page, error.status, HEADERS)


def _reading_for(caller: Caller, purpose: str) -> Caller:
    """The caller with what they said in a form; nothing said is nothing stated."""
    if not purpose:
        return caller
    if purpose not in list(Purpose):
        raise InputError("there is no such purpose", where="purpose", remedy="choose one")
    return caller.reading_for(Purpose(purpose))
