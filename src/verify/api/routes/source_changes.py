"""One source: try it, change it by two people, go back."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.body import read_json, validate
from verify.api.dependencies import Authenticated, Running, authenticated
from verify.api.describe import json_answer, json_body, refuses
from verify.api.routes.rule_proposals import ProposalId
from verify.api.routes.sources import DIGEST, SourceId
from verify.api.sources_models import (
    DraftIn,
    EncodedBody,
    NobodyIn,
    PreviewIn,
    PreviewView,
    RollbackIn,
    ShadowIn,
    ShadowView,
    SourceProposalIn,
    SourceProposalView,
    SourceVersionView,
    SourceView,
    TrialIn,
    TrialView,
)
from verify.bootstrap import System
from verify.domain.access import Caller
from verify.domain.errors import InputError, NotFound, Problem
from verify.service.source_trials import NOBODY, NOBODY_NAME, Subject

router = APIRouter(prefix="/v1/connectors", tags=["sources"], dependencies=[Depends(authenticated)])

M = TypeVar("M", bound=BaseModel)
REF = "#/components/schemas/"


def _body(model: type[BaseModel], description: str, example: str) -> dict[str, Any]:
    return json_body({"$ref": f"{REF}{model.__name__}"}, description, example)


def _version(
    digest: Annotated[
        str,
        Path(
            description="Digest of a version.",
            json_schema_extra={"pattern": f"^{DIGEST.pattern}$"},
        ),
    ],
) -> str:
    if not DIGEST.fullmatch(digest):
        raise NotFound("there is no such version of this source", where="digest")
    return digest


async def _answer(request: Request, kind: type[M], work: Callable[[M], Any]) -> Response:
    """Read the body, do the work beside the event loop, answer."""
    raw, _ = await read_json(request)
    body = validate(kind, raw)
    return json_response(await run_in_threadpool(work, body))


@router.get(
    "/{source}",
    operation_id="getSource",
    summary="Look at a source",
    description="The declaration in force with its digest, and every proposal. For administrators "
    "and auditors.",
    responses={200: json_answer(SourceView, "The source."), **refuses(401, 403, 404)},
)
def source(system: Running, source: SourceId, caller: Authenticated) -> Response:
    """One source."""
    return json_response(system.connector_publishing.page(source, caller))


@router.get(
    "/{source}/versions/{digest}",
    operation_id="getSourceVersion",
    summary="Look a version up",
    description="By the digest that a verdict names beside an answer: the text it was asked and "
    "read with, and the two people who brought it about. For administrators and auditors.",
    responses={200: json_answer(SourceVersionView, "The version."), **refuses(401, 403, 404)},
)
def version(
    system: Running,
    source: SourceId,
    digest: Annotated[str, Depends(_version)],
    caller: Authenticated,
) -> Response:
    """One version."""
    return json_response(system.connector_publishing.version(source, digest, caller))


@router.post(
    "/{source}/test",
    operation_id="testSource",
    summary="Ask a source about nobody",
    description="Needs the role `administrator`. One question with an identity that belongs to "
    "nobody; numbers that could be a real person's are refused. Nothing is stored.",
    responses={
        200: json_answer(TrialView, "How it ended."),
        **refuses(400, 401, 403, 404, 409, 413, 415, 422),
    },
    openapi_extra=_body(TrialIn, "Whom to ask about; `{}` for nobody.", "source-test"),
)
async def test(
    request: Request, system: Running, source: SourceId, caller: Authenticated
) -> Response:
    """Ask one question."""

    def work(body: TrialIn) -> Any:
        return system.trials.test(source, _subject(body), caller, body.proposal)

    return await _answer(request, TrialIn, work)


@router.post(
    "/{source}/preview",
    operation_id="previewSource",
    summary="See how answers are read",
    description="Needs the role `administrator`. Mapping, units, what is refused and why, and the "
    "digests under which the bodies would be evidence: for the recorded replies, for a pasted "
    "answer, or for one fetched now with the version in force. A draft itself never asks. Numbers "
    "that could be a real person's are refused. Nothing is stored.",
    responses={
        200: json_answer(PreviewView, "The answers as they are read."),
        **refuses(400, 401, 403, 404, 413, 415, 422),
    },
    openapi_extra=_body(PreviewIn, "Which declaration, which answer.", "source-preview"),
)
async def preview(
    request: Request, system: Running, source: SourceId, caller: Authenticated
) -> Response:
    """Read answers."""

    def work(body: PreviewIn) -> Any:
        text, replies = _draft(system, source, body, caller)
        subject = _subject(body.asked) if body.asked is not None else None
        if body.bodies is not None and subject is None:
            raise InputError(
                "a pasted answer does not say whom it was asked about",
                problems=(
                    Problem("/asked", "missing", "it is not there.", "Say who was asked about."),
                ),
            )
        bodies = None if body.bodies is None else [_raw(n, b) for n, b in enumerate(body.bodies)]
        chosen = body.replies if body.replies is not None else replies
        return system.trials.preview(source, text, chosen, bodies, subject, caller)

    return await _answer(request, PreviewIn, work)


@router.post(
    "/{source}/shadow",
    operation_id="shadowSource",
    summary="Run a draft beside the version in force",
    description="On the evidence of the newest verdicts in your regions: which answers would be "
    "read differently, which facts would come and go, which verdicts would turn. In numbers for "
    "administrators, one by one for auditors. Nothing is asked, stored or decided.",
    responses={
        200: json_answer(ShadowView, "What would differ."),
        **refuses(400, 401, 403, 404, 413, 415, 422),
    },
    openapi_extra=_body(ShadowIn, "Which draft, how many verdicts.", "source-shadow"),
)
async def shadow(
    request: Request, system: Running, source: SourceId, caller: Authenticated
) -> Response:
    """Compare."""

    def work(body: ShadowIn) -> Any:
        system.contents.connectors.declaration(source)
        text, _ = _draft(system, source, body, caller)
        if text is None:
            raise InputError(
                "there is nothing to compare",
                problems=(
                    Problem(
                        "/declaration", "missing", "there is no draft.", "Give it, or a proposal."
                    ),
                ),
            )
        system.connector_publishing.readable(source, text)
        return system.shadows.compare(source, text, caller, body.limit)

    return await _answer(request, ShadowIn, work)


@router.post(
    "/{source}/proposals",
    operation_id="proposeSource",
    summary="Propose a changed declaration",
    description="Needs the role `administrator`. Refused, each fault with `file:line` and remedy, "
    "if it does not load, goes to an address outside the allow-list, takes a secret of another "
    "host, or fails its contract on the recorded replies. Nothing changes before another person "
    "approves it and its time comes. Not idempotent: repeat it only if no answer came.",
    status_code=201,
    responses={
        201: json_answer(SourceProposalView, "The proposal.", Location="Where the proposal is."),
        **refuses(400, 401, 403, 404, 409, 413, 415, 422),
    },
    openapi_extra=_body(SourceProposalIn, "The changed declaration.", "source-proposal"),
)
async def propose(
    request: Request, system: Running, source: SourceId, caller: Authenticated
) -> Response:
    """Store a proposal."""
    raw, _ = await read_json(request)
    body = validate(SourceProposalIn, raw)

    def work() -> dict[str, Any]:
        return system.connector_publishing.propose(
            source,
            body.declaration,
            caller,
            starts=body.starts,
            note=body.note,
            replies=body.replies,
            base=body.base,
        )

    view = await run_in_threadpool(work)
    where = f"/v1/connectors/{source}/proposals/{view['id']}"
    return json_response(view, 201, {"Location": where})


@router.get(
    "/{source}/proposals/{proposal}",
    operation_id="getSourceProposal",
    summary="Look at a proposed declaration",
    description="Its text, how it differs from the version it was written on, what would refuse "
    "it now, and its history. For administrators and auditors.",
    responses={200: json_answer(SourceProposalView, "The proposal."), **refuses(401, 403, 404)},
)
def proposal(
    system: Running, source: SourceId, proposal_id: ProposalId, caller: Authenticated
) -> Response:
    """One proposal."""
    return json_response(system.connector_publishing.view(source, proposal_id, caller))


@router.post(
    "/{source}/proposals/{proposal}/approve",
    operation_id="approveSourceProposal",
    summary="Approve another person's declaration",
    description="Needs the role `administrator`, held by another person than the one who proposed "
    "it. It is checked again. From its time on new questions are asked with it, in every process; "
    "what was accepted before goes on with the version it was accepted with.",
    responses={
        200: json_answer(SourceProposalView, "Approved."),
        **refuses(401, 403, 404, 409),
    },
)
def approve(
    system: Running, source: SourceId, proposal_id: ProposalId, caller: Authenticated
) -> Response:
    """Approve a proposal."""
    return json_response(system.connector_publishing.approve(source, proposal_id, caller))


@router.post(
    "/{source}/proposals/{proposal}/withdraw",
    operation_id="withdrawSourceProposal",
    summary="Withdraw a proposed declaration",
    description="Needs the role `administrator`. Possible until its time comes; the record stays.",
    responses={
        200: json_answer(SourceProposalView, "Withdrawn."),
        **refuses(401, 403, 404, 409),
    },
)
def withdraw(
    system: Running, source: SourceId, proposal_id: ProposalId, caller: Authenticated
) -> Response:
    """Withdraw a proposal."""
    return json_response(system.connector_publishing.withdraw(source, proposal_id, caller))


@router.post(
    "/{source}/rollback",
    operation_id="rollBackSource",
    summary="Go back to the version before",
    description="Needs the role `administrator`; one person suffices, because two stood behind "
    "the version that counts again. One step, at once; what builds on the ended version falls.",
    responses={
        200: json_answer(SourceProposalView, "The version that ended."),
        **refuses(400, 401, 403, 404, 409, 413, 415, 422),
    },
    openapi_extra=_body(RollbackIn, "Which version ends.", "source-rollback"),
)
async def roll_back(
    request: Request, system: Running, source: SourceId, caller: Authenticated
) -> Response:
    """End the version in force."""

    def work(body: RollbackIn) -> Any:
        return system.connector_publishing.roll_back(source, body.digest, caller, body.note)

    return await _answer(request, RollbackIn, work)


def _draft(
    system: System, source: str, body: DraftIn, caller: Caller
) -> tuple[str | None, str | None]:
    """Text and recorded replies of the draft that a body names; None: the version in force."""
    if body.proposal is None:
        return body.declaration, None
    if body.declaration is not None:
        raise InputError(
            "two drafts at once",
            problems=(
                Problem("/proposal", "one-of", "a text is given, too.", "Give one of the two."),
            ),
        )
    text, replies, _ = system.connector_publishing.draft(source, body.proposal, caller)
    return text, replies


def _subject(given: NobodyIn) -> Subject:
    return Subject(given.name or NOBODY_NAME, given.id_number or NOBODY, given.as_of)


def _raw(number: int, body: str | EncodedBody) -> bytes:
    if isinstance(body, str):
        return body.encode("utf-8")
    try:
        return base64.b64decode(body.base64, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(
            "a body cannot be read",
            problems=(
                Problem(f"/bodies/{number}/base64", "base64", "it is not base64.", "Encode it."),
            ),
        ) from None
