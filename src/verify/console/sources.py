"""The administrators' pages: how sources do, one source with its versions, a proposal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from verify.bootstrap import System
from verify.console.door import HEADERS, PREFIX, bar, check_origin, system_of
from verify.console.pages import render
from verify.console.source_view import HOUR_MS, HOURS, diff_lines, health_row, proposal_row, steps
from verify.domain.access import Caller, RoleName
from verify.domain.errors import InputError, NotFound, Problem
from verify.service.clock import now_ms
from verify.service.connector_publishing import READERS
from verify.service.proposing import permit
from verify.service.source_trials import Subject

Plain = dict[str, Any]
Who = Callable[[Request], Caller]
Text = Annotated[str, Form(max_length=600_000)]
Short = Annotated[str, Form(max_length=2000)]

SHADOW_LIMIT = 50


def add_routes(routes: APIRouter, who: Who) -> None:
    """The pages under `/console/sources`; `who` says who is behind a request."""
    doors = _SourceDoors(who)
    one = "/sources/{source}"
    for path, handler, method in (
        ("/sources", doors.listing, "GET"),
        (one, doors.page, "GET"),
        (f"{one}/draft", doors.draft, "POST"),
        (f"{one}/test", doors.test, "POST"),
        (f"{one}/rollback", doors.roll_back, "POST"),
        (f"{one}/release", doors.release, "POST"),
        (f"{one}/proposals/{{proposal}}", doors.proposal, "GET"),
        (f"{one}/proposals/{{proposal}}/{{step}}", doors.step, "POST"),
    ):
        routes.add_api_route(path, handler, methods=[method], response_model=None)


class _SourceDoors:
    """The handlers."""

    def __init__(self, who: Who) -> None:
        self._who = who

    # -- looking --------------------------------------------------------------------------

    def listing(self, request: Request) -> Response:
        caller = self._who(request)
        permit(caller, READERS)
        found = system_of(request).sources.view(HOURS)
        rows = [health_row(s, now_ms() // HOUR_MS) for s in found["sources"]]
        rows.sort(key=lambda r: (r["state"] != "quarantined", r["state"] == "asked", r["id"]))
        return _page("sources.html", caller, rows=rows)

    def page(self, request: Request, source: str) -> Response:
        return self._source(request, source)

    def proposal(self, request: Request, source: str, proposal: str) -> Response:
        return self._proposal(request, source, proposal)

    # -- one source -----------------------------------------------------------------------

    def draft(  # noqa: PLR0917 - the fields of the form
        self,
        request: Request,
        source: str,
        declaration: Text = "",
        action: Short = "preview",
        note: Short = "",
        starts: Short = "",
    ) -> Response:
        """Preview a draft, run it beside the live version, or propose it."""
        check_origin(request)
        caller = self._who(request)
        system = system_of(request)
        # A browser sends the lines of a form with carriage returns.
        text = declaration.replace("\r\n", "\n")
        given = {"text": text, "note": note, "starts": starts}
        try:
            if action == "propose":
                made = system.connector_publishing.propose(
                    source, text, caller, starts=_time(starts), note=note
                )
                return _go(source, f"/proposals/{made['id']}")
            result = _tried(system, source, text, None, action, caller)
        except InputError as error:
            return self._source(request, source, draft=given, error=error)
        return self._source(request, source, draft=given, **result)

    def test(self, request: Request, source: str) -> Response:
        """Ask one question about nobody."""
        check_origin(request)
        caller = self._who(request)
        told = system_of(request).trials.test(source, Subject(), caller)
        return self._source(request, source, trial=told)

    def roll_back(
        self, request: Request, source: str, digest: Short = "", note: Short = ""
    ) -> Response:
        """End the version in force."""
        check_origin(request)
        caller = self._who(request)
        publishing = system_of(request).connector_publishing
        ended = publishing.roll_back(source, digest, caller, note)
        return _go(source, f"/proposals/{ended['id']}")

    def release(self, request: Request, source: str) -> Response:
        """End a quarantine."""
        check_origin(request)
        system_of(request).sources.release(source, self._who(request))
        return _go(source)

    # -- one proposal ---------------------------------------------------------------------

    def step(self, request: Request, source: str, proposal: str, step: str) -> Response:
        """Approve or withdraw a proposal, preview it, or run it beside the live version."""
        check_origin(request)
        caller = self._who(request)
        system = system_of(request)
        publishing = system.connector_publishing
        if step == "approve":
            publishing.approve(source, proposal, caller)
        elif step == "withdraw":
            publishing.withdraw(source, proposal, caller)
        elif step in ("preview", "shadow"):
            text, replies, _ = publishing.draft(source, proposal, caller)
            result = _tried(system, source, text, replies, step, caller)
            return self._proposal(request, source, proposal, **result)
        else:
            raise NotFound("there is no such step", where="step")
        return _go(source, f"/proposals/{quote(proposal)}")

    # -- inside ---------------------------------------------------------------------------

    def _source(  # noqa: PLR0917 - what the page may show besides
        self,
        request: Request,
        source: str,
        draft: Plain | None = None,
        error: InputError | None = None,
        preview: Plain | None = None,
        shadow: Plain | None = None,
        trial: Plain | None = None,
    ) -> Response:
        caller = self._who(request)
        system = system_of(request)
        page = system.connector_publishing.page(source, caller)
        health = next((s for s in system.sources.view(HOURS)["sources"] if s["id"] == source), None)
        current = page["declaration"] or ""
        return _page(
            "source.html",
            caller,
            422 if error is not None else 200,
            p={**page, "proposals": [proposal_row(p) for p in page["proposals"]]},
            health=health and health_row(health, now_ms() // HOUR_MS),
            draft=draft or {"text": current, "note": "", "starts": ""},
            problems=list(error.problems) if error is not None else [],
            preview=preview,
            shadow=shadow,
            trial=trial,
        )

    def _proposal(
        self,
        request: Request,
        source: str,
        proposal: str,
        preview: Plain | None = None,
        shadow: Plain | None = None,
    ) -> Response:
        caller = self._who(request)
        view = system_of(request).connector_publishing.view(source, proposal, caller)
        return _page(
            "proposal.html",
            caller,
            source=source,
            p=proposal_row(view),
            lines=diff_lines(view["changes"]),
            steps=steps(view["events"]),
            mine=view["proposed_by"] == caller.subject,
            preview=preview,
            shadow=shadow,
        )


def _page(template: str, caller: Caller, status: int = 200, **values: Any) -> Response:
    acts = caller.may(RoleName.ADMINISTRATOR)
    page = render(template, console=bar(caller), acts=acts, **values)
    return HTMLResponse(page, status, HEADERS)


def _go(source: str, below: str = "") -> Response:
    return RedirectResponse(f"{PREFIX}/sources/{quote(source)}{below}", 303)


def _tried(  # noqa: PLR0917 - which draft, what is tried, for whom
    system: System, source: str, text: str, replies: str | None, action: str, caller: Caller
) -> Plain:
    if action == "shadow":
        system.connector_publishing.readable(source, text)
        return {"shadow": system.shadows.compare(source, text, caller, SHADOW_LIMIT)}
    return {"preview": system.trials.preview(source, text, replies, None, None, caller)}


def _time(starts: str) -> dt.datetime | None:
    """The field of a form; China's time."""
    if not starts:
        return None
    try:
        return dt.datetime.fromisoformat(starts)
    except ValueError:
        raise InputError(
            "it is not a time",
            problems=(
                Problem("/starts", "time", "it is not a time.", "Use the field's calendar."),
            ),
        ) from None
