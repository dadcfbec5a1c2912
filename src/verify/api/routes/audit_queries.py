"""An auditor's questions: checks that stand out, who looked at a person, who was asked; what if."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from verify.api.answers import csv_or_json, json_response
from verify.api.body import read_json, validate
from verify.api.dependencies import Format, Reading, Running, authenticated
from verify.api.describe import csv_answer, json_answer, json_body, refuses
from verify.api.models_audit import (
    Asked,
    CheckList,
    PersonAccesses,
    PersonIn,
    SupposeIn,
    Supposition,
)
from verify.api.routes.verifications import VerificationId
from verify.bootstrap import System
from verify.domain.access import Caller
from verify.domain.canonical import plain
from verify.service.access_trail import (
    ASKED_COLUMNS,
    CHECK_COLUMNS,
    PERSON_COLUMNS,
    about_rows,
)
from verify.service.what_if import WhatIf

router = APIRouter(prefix="/v1", tags=["audit"], dependencies=[Depends(authenticated)])
_REF = "#/components/schemas/{}"
After = Annotated[str, Query(max_length=64, description="From a page before.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many.")]


def _checks(
    request: Request, found: tuple[list[dict[str, Any]], str | None], form: str
) -> Response:
    rows, following = found
    page = {"checks": rows, "next": following}
    return csv_or_json(request, form, CHECK_COLUMNS, rows, page)


@router.get(
    "/audit/unread",
    operation_id="listUnread",
    summary="Checks without follow-up",
    description="For auditors: checks whose verdict nobody read for so many days. Somebody's "
    "registers were looked at, and then nobody wanted to know.",
    responses={200: csv_answer(CheckList, "A page."), **refuses(401, 403, 422)},
)
def unread(
    request: Request,
    system: Running,
    caller: Reading,
    *,
    days: Annotated[int, Query(ge=0, le=3650, description="Unread for so many days.")] = 30,
    cursor: After = "",
    limit: Limit = 500,
    form: Format = "json",
) -> Response:
    """Checks without follow-up."""
    found = system.trail.without_follow_up(caller, days, cursor, limit)
    return _checks(request, found, form)


@router.get(
    "/audit/caseless",
    operation_id="listCaseless",
    summary="Look-ups without a case",
    description="For auditors: checks that name no case number.",
    responses={200: csv_answer(CheckList, "A page."), **refuses(401, 403, 422)},
)
def caseless(
    request: Request,
    system: Running,
    caller: Reading,
    *,
    cursor: After = "",
    limit: Limit = 500,
    form: Format = "json",
) -> Response:
    """Checks that name no case."""
    return _checks(request, system.trail.without_case(caller, cursor, limit), form)


@router.post(
    "/audit/person",
    operation_id="findPersonAccesses",
    summary="Who looked at this person",
    description="For auditors: the cases that name a person, and every read of them. The question "
    "itself is on record, also when it finds nothing. The number travels in the body only.",
    responses={
        200: csv_answer(PersonAccesses, "Cases and reads."),
        **refuses(400, 401, 403, 409, 413, 415, 422),
    },
    openapi_extra=json_body({"$ref": _REF.format("PersonIn")}, "The person.", "person"),
)
async def person(
    request: Request, system: Running, caller: Reading, *, form: Format = "json"
) -> Response:
    """Who looked at a person."""
    raw, _ = await read_json(request)
    wanted = validate(PersonIn, raw)
    found = await run_in_threadpool(system.trail.about, wanted.id_number.strip(), caller)
    return csv_or_json(request, form, PERSON_COLUMNS, about_rows(found), found)


@router.get(
    "/verifications/{id}/asked",
    operation_id="getAsked",
    summary="Proof that everybody was asked",
    description="For auditors: each member and source with how asking ended, negatives included, "
    "and the ledger entry that proves it.",
    responses={200: csv_answer(Asked, "Every question."), **refuses(401, 403, 404, 422)},
)
def asked(
    request: Request,
    system: Running,
    caller: Reading,
    verification: VerificationId,
    *,
    form: Format = "json",
) -> Response:
    """Every question of a verification."""
    found = system.trail.asked(verification, caller)
    return csv_or_json(request, form, ASKED_COLUMNS, found["asked"], found)


@router.post(
    "/verifications/{id}/what-if",
    operation_id="askWhatIf",
    summary="What would it come to?",
    description="Judges the sealed evidence under other rules, another scoring or day, or without "
    "one record. Rules and scoring are named by the digest of a set that is kept here. The answer "
    "is never stored and never a verdict.",
    tags=["documents"],
    responses={
        200: json_answer(Supposition, "What it would come to."),
        **refuses(400, 401, 403, 404, 413, 415, 422),
    },
    openapi_extra=json_body({"$ref": _REF.format("SupposeIn")}, "The supposition.", "what-if"),
)
async def what_if(
    request: Request, system: Running, caller: Reading, verification: VerificationId
) -> Response:
    """Judge under a supposition."""
    # Before the body is looked at: another's case is answered like one that does not exist.
    await run_in_threadpool(system.what_ifs.require, verification, caller)
    raw, _ = await read_json(request)
    wanted = validate(SupposeIn, raw)
    found = await run_in_threadpool(_suppose, system, verification, wanted, caller)
    return json_response(plain(found))


def _suppose(system: System, verification: str, wanted: SupposeIn, caller: Caller) -> WhatIf:
    supposed = system.what_ifs.named(
        rules=wanted.rules, scoring=wanted.scoring, as_of=wanted.as_of, without=wanted.without
    )
    return system.what_ifs.ask(verification, supposed, caller)
