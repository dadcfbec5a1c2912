"""What if: a case judged again under a supposition, beside what was sealed. Nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from verify.console.door import HEADERS, bar, check_origin, system_of
from verify.console.pages import render
from verify.domain.access import Caller
from verify.domain.errors import InputError, VerifyError
from verify.service import wording
from verify.service.what_if import Choices, Version, WhatIf

Plain = dict[str, Any]
Who = Callable[[Request], Caller]
Short = Annotated[str, Form(max_length=120)]


def add_routes(routes: APIRouter, who: Who) -> None:
    """The page over one verification; `who` says who is behind a request."""
    doors = _Doors(who)
    path = "/verifications/{id}/what-if"
    routes.add_api_route(path, doors.form, methods=["GET"], response_model=None)
    routes.add_api_route(path, doors.ask, methods=["POST"], response_model=None)


class _Doors:
    """The handlers."""

    def __init__(self, who: Who) -> None:
        self._who = who

    def form(self, request: Request, id: str) -> Response:  # noqa: A002 - the address's name
        caller = self._who(request)
        choices = system_of(request).what_ifs.choices(id, caller)
        return _page(caller, choices, {})

    def ask(  # noqa: PLR0917 - the fields of the form
        self,
        request: Request,
        id: str,  # noqa: A002
        rules: Short = "",
        scoring: Short = "",
        as_of: Short = "",
        without: Short = "",
    ) -> Response:
        check_origin(request)
        caller = self._who(request)
        what_ifs = system_of(request).what_ifs
        choices = what_ifs.choices(id, caller)
        given = {"rules": rules, "scoring": scoring, "as_of": as_of, "without": without}
        try:
            found = what_ifs.ask(id, what_ifs.named(**given), caller)
        except InputError as error:
            return _page(caller, choices, given, fault=error)
        return _page(caller, choices, given, found)


def _page(
    caller: Caller,
    choices: Choices,
    given: Plain,
    found: WhatIf | None = None,
    fault: VerifyError | None = None,
) -> Response:
    page = render(
        "what_if.html",
        c=choices,
        given={"rules": "", "scoring": "", "as_of": "", "without": "", **given},
        outcome=wording.word(wording.OUTCOME, choices.outcome),
        rules=[_version(v) for v in choices.rules],
        scoring=[_version(v) for v in choices.scoring],
        records=[_record(r) for r in choices.records],
        found=_found(found) if found else None,
        fault=fault,
        console=bar(caller),
    )
    return HTMLResponse(page, 422 if fault else 200, HEADERS)


def _version(version: Version) -> Plain:
    """A kept version as a choice: what it is, where that is known, and its digest."""
    words = ["现行 in force now"] if version.current else []
    words += ["封存 as sealed"] if version.sealed else []
    words += [f"{p['id']} {p['state']} {p['starts']}" for p in version.proposals]
    name = version.digest.removeprefix("sha256:")[:12]
    return {"digest": version.digest, "words": " · ".join([name, *words])}


def _record(record: Plain) -> Plain:
    """A record as a choice; an answer is all of its records."""
    if record["kind"] is None:
        return {"record": record["record"], "words": f"{record['record']} · 全部记录 all of it"}
    words = [record["record"], record["kind"]["zh"], record["kind"]["en"]]
    words += [record["amount"]["zh"]] if record["amount"] else []
    return {"record": record["record"], "words": " · ".join(words)}


def _found(found: WhatIf) -> Plain:
    changed = [t for t in found.tests if t.differs]
    return {
        "sides": [_side(found.sealed), _side(found.supposed)],
        "same": found.sealed == found.supposed and not found.differences,
        "changed": changed,
        "unchanged": len(found.tests) - len(changed),
        "differences": found.differences,
    }


def _side(summary: Plain) -> Plain:
    benefit = summary["benefit"]
    monthly = benefit and wording.interval(benefit["monthly"], benefit.get("unit", "fen_per_month"))
    return {"outcome": wording.word(wording.OUTCOME, summary["outcome"]), "monthly": monthly}
