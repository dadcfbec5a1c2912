"""Publish rules by two people, and see beforehand what they would do."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.body import read_json, validate
from verify.api.dependencies import Authenticated, Running, authenticated
from verify.api.describe import json_answer, json_body, refuses
from verify.api.rules_models import (
    CoverageView,
    ImpactView,
    ProposalIn,
    ProposalPage,
    ProposalView,
)
from verify.domain.errors import NotFound
from verify.rules.coverage import coverage as cover
from verify.service.impacts import Sample

PROPOSAL_ID = re.compile(r"p_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)
MAX_SAMPLE = 2_000

router = APIRouter(prefix="/v1/rules", tags=["publishing"], dependencies=[Depends(authenticated)])


def proposal_id(
    proposal: Annotated[
        str,
        Path(
            description="The proposal's id.",
            json_schema_extra={"pattern": f"^{PROPOSAL_ID.pattern}$"},
        ),
    ],
) -> str:
    """The id in the address; one that cannot exist is answered like one that does not."""
    if not PROPOSAL_ID.fullmatch(proposal):
        raise NotFound("there is no such proposal", where="proposal")
    return proposal


ProposalId = Annotated[str, Depends(proposal_id)]


@router.post(
    "/proposals",
    operation_id="proposeRules",
    summary="Propose rules",
    description="Needs the role `policy`. The set is stored under its digest, linted and run "
    "against its golden cases; nothing changes before another person approves it and its first "
    "day comes. Proposing is not idempotent: repeat it only if no answer came.",
    status_code=201,
    responses={
        201: json_answer(ProposalView, "The proposal, with its checks and what it changes.",
                         Location="Where the proposal is."),
        **refuses(400, 401, 403, 404, 409, 413, 415, 422),
    },
    openapi_extra=json_body(
        {"$ref": "#/components/schemas/ProposalIn"}, "Changes to a stored set.", "proposal"
    ),
)  # fmt: skip
async def propose(request: Request, system: Running, caller: Authenticated) -> Response:
    """Store a proposal."""
    raw, _ = await read_json(request)
    body = validate(ProposalIn, raw)

    def work() -> dict[str, object]:
        base, content = system.publishing.patched(body.base, body.files, caller)
        return system.publishing.propose(content, body.starts, caller, note=body.note, base=base)

    view = await run_in_threadpool(work)
    return json_response(view, 201, {"Location": f"/v1/rules/proposals/{view['id']}"})


@router.get(
    "/proposals",
    operation_id="listProposals",
    summary="List proposed rules",
    description="All of them, newest first, and which set is applied now. For policy staff, "
    "auditors and administrators.",
    responses={200: json_answer(ProposalPage, "The proposals."), **refuses(401, 403)},
)
def proposals(system: Running, caller: Authenticated) -> Response:
    """The proposals."""
    return json_response(system.publishing.page(caller))


@router.get(
    "/proposals/{proposal}",
    operation_id="getProposal",
    summary="Look at a proposal",
    description="What it changes in law, its faults, the golden cases that come out differently, "
    "and its history.",
    responses={200: json_answer(ProposalView, "The proposal."), **refuses(401, 403, 404)},
)
def proposal(proposal_id: ProposalId, system: Running, caller: Authenticated) -> Response:
    """One proposal."""
    return json_response(system.publishing.view(proposal_id, caller))


@router.post(
    "/proposals/{proposal}/approve",
    operation_id="approveProposal",
    summary="Approve another person's proposal",
    description="Needs the role `policy`, held by another person than the one who proposed it. "
    "Refused with 409 unless lint and golden cases pass and it was written on the set before it.",
    responses={
        200: json_answer(ProposalView, "Approved: it starts on its day."),
        **refuses(401, 403, 404, 409),
    },
)
def approve(proposal_id: ProposalId, system: Running, caller: Authenticated) -> Response:
    """Approve a proposal."""
    return json_response(system.publishing.approve(proposal_id, caller))


@router.post(
    "/proposals/{proposal}/withdraw",
    operation_id="withdrawProposal",
    summary="Withdraw a proposal",
    description="Needs the role `policy`. Possible until its first day comes; the record stays.",
    responses={
        200: json_answer(ProposalView, "Withdrawn."),
        **refuses(401, 403, 404, 409),
    },
)
def withdraw(proposal_id: ProposalId, system: Running, caller: Authenticated) -> Response:
    """Withdraw a proposal."""
    return json_response(system.publishing.withdraw(proposal_id, caller))


@router.get(
    "/proposals/{proposal}/impact",
    operation_id="impactOfProposal",
    summary="Who would be judged differently",
    description="Compares the proposal with the set it was written on, on a sample of households. "
    "Nothing is stored and nothing of it is a verdict. Stored cases are counted within your "
    "regions; single ones are shown only to those who may read cases.",
    responses={
        200: json_answer(ImpactView, "Flips, amounts and decisive tests."),
        **refuses(401, 403, 404, 409, 422),
    },
)
def impact(  # noqa: PLR0917 - one parameter of the query each
    proposal_id: ProposalId,
    system: Running,
    caller: Authenticated,
    sample: Annotated[
        Literal["synthetic", "cases", "stored"], Query(description="Which households.")
    ] = "synthetic",
    size: Annotated[int, Query(ge=1, le=MAX_SAMPLE, description="How many.")] = 500,
    seed: Annotated[int, Query(ge=0, le=1_000_000, description="Of the synthetic ones.")] = 1,
    on: Annotated[
        dt.date | None, Query(description="Move them in time, as if they applied on this day.")
    ] = None,
) -> Response:
    """The impact of a proposal."""
    before, after = system.publishing.sides(proposal_id, caller)
    return json_response(system.impacts.of(before, after, Sample(sample), size, seed, on, caller))


@router.get(
    "/coverage",
    operation_id="ruleCoverage",
    summary="Which law is known",
    description="Region by programme by year, with figures declared unknown and gaps.",
    responses={200: json_answer(CoverageView, "One row per rulebook."), **refuses(401)},
)
def coverage(system: Running) -> Response:
    """The coverage of the rules in use."""
    law = system.contents.law
    return json_response({"digest": law.digest, "rulebooks": [r.plain() for r in cover(law)]})
