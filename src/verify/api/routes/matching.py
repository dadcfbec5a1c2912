"""Tune the matching: how good it is, what a change would flip, what people decided."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.body import read_json, validate
from verify.api.dependencies import Authenticated, Running, authenticated
from verify.api.describe import json_answer, json_body, refuses
from verify.api.models_matching import (
    CalibrateIn,
    Calibration,
    ClericalDecision,
    ClericalDecisions,
    DecideIn,
    MatchingEvaluation,
    ScoringTrial,
    ThresholdIn,
)
from verify.console import plots
from verify.service.matching.tuning import FAMILY
from verify.service.matching.view import (
    calibrated_view,
    evaluation_view,
    label_view,
    trial_view,
)

router = APIRouter(prefix="/v1/matching", tags=["matching"], dependencies=[Depends(authenticated)])

_REF = "#/components/schemas/{}"
FamilyName = Annotated[
    str,
    Query(
        description="The script family.",
        max_length=32,
        json_schema_extra={"pattern": "^[a-z][a-z0-9_]*$"},
    ),
]


@router.get(
    "/evaluation",
    operation_id="evaluateMatching",
    summary="How good the matching is",
    description="The scoring in use, held against the labelled pairs: judgements by label, "
    "precision, recall, the curve over all cut-offs, and whether odds mean what they say. Shares "
    "are per million. For administrators and auditors; no name and no number is shown.",
    responses={
        200: json_answer(MatchingEvaluation, "The evaluation."),
        **refuses(401, 403, 422),
    },
)
def evaluation(system: Running, caller: Authenticated, family: FamilyName = FAMILY) -> Response:
    """Evaluate the scoring in use."""
    return json_response(evaluation_view(system.matching.evaluation(caller, family)))


@router.get(
    "/evaluation/{plot}.svg",
    operation_id="plotMatching",
    summary="The evaluation as a drawing",
    description="Precision over recall with the cut-off in use, or claimed against found odds.",
    responses={
        200: {
            "description": "An SVG drawing.",
            "content": {"image/svg+xml": {"schema": {"type": "string"}}},
        },
        **refuses(401, 403, 422),
    },
)
def plot(
    system: Running,
    caller: Authenticated,
    plot: Annotated[Literal["precision-recall", "calibration"], Path(description="Which drawing.")],
    family: FamilyName = FAMILY,
) -> Response:
    """Draw the evaluation of the scoring in use."""
    found = system.matching.evaluation(caller, family)
    drawing = (
        plots.precision_recall(found.curve)
        if plot == "precision-recall"
        else plots.calibration(found.calibration)
    )
    return Response(drawing.encode("utf-8"), media_type="image/svg+xml")


@router.post(
    "/threshold",
    operation_id="tryThreshold",
    summary="Move a cut-off and see what flips",
    description="Judges the labelled pairs, and the newest completed verifications in your "
    "regions from their sealed evidence, with the cut-offs moved. Nothing is stored and no "
    "verdict changes.",
    responses={
        200: json_answer(ScoringTrial, "What the change would do."),
        **refuses(400, 401, 403, 413, 415, 422),
    },
    openapi_extra=json_body(
        {"$ref": _REF.format("ThresholdIn")}, "The cut-offs, in milli-bits.", "threshold"
    ),
)
async def threshold(request: Request, system: Running, caller: Authenticated) -> Response:
    """Try other cut-offs."""
    raw, _ = await read_json(request)
    wanted = validate(ThresholdIn, raw)
    trial = await run_in_threadpool(
        system.matching.try_cutoffs,
        caller,
        positive=wanted.positive,
        unsure=wanted.unsure,
        family=wanted.family,
        verdicts=wanted.verdicts,
    )
    return json_response(trial_view(trial))


@router.post(
    "/calibration",
    operation_id="calibrateMatching",
    summary="What the clerical decisions suggest",
    description="Counts levels of agreement among pairs that caseworkers found to be the same "
    "person and gives the shares m they suggest, with what would flip. Nothing is stored: to use "
    "them, write them into the scoring content and have it reviewed.",
    responses={
        200: json_answer(Calibration, "The suggestion."),
        **refuses(400, 401, 403, 413, 415, 422),
    },
    openapi_extra=json_body(
        {"$ref": _REF.format("CalibrateIn")}, "How much the declared figures count.", "calibration"
    ),
)
async def calibrate(request: Request, system: Running, caller: Authenticated) -> Response:
    """Suggest m from the decisions."""
    raw, _ = await read_json(request)
    wanted = validate(CalibrateIn, raw)
    made, _ = await run_in_threadpool(
        system.matching.calibrate,
        caller,
        family=wanted.family,
        strength=wanted.strength,
        verdicts=wanted.verdicts,
    )
    return json_response(calibrated_view(made))


@router.get(
    "/labels",
    operation_id="listClericalDecisions",
    summary="The clerical decisions",
    description="Every decision in your regions, oldest first, revoked ones too. Levels of "
    "agreement only: no name, no number.",
    responses={200: json_answer(ClericalDecisions, "The decisions."), **refuses(401, 403)},
)
def labels(system: Running, caller: Authenticated) -> Response:
    """List the decisions."""
    return json_response({"labels": [label_view(row) for row in system.matching.labels(caller)]})


@router.post(
    "/labels",
    operation_id="decideMatch",
    summary="Keep what you found of a match",
    description="Says whether a record of a sealed verdict is the person's. The verdict stays as "
    "it is; the decision helps to calibrate the scoring. For caseworkers.",
    status_code=201,
    responses={
        201: json_answer(ClericalDecision, "Kept."),
        **refuses(400, 401, 403, 404, 409, 413, 415, 422),
    },
    openapi_extra=json_body(
        {"$ref": _REF.format("DecideIn")}, "The match and what you found.", "label"
    ),
)
async def decide(request: Request, system: Running, caller: Authenticated) -> Response:
    """Append a decision."""
    raw, _ = await read_json(request)
    wanted = validate(DecideIn, raw)
    row = await run_in_threadpool(
        system.matching.decide,
        caller,
        wanted.verification,
        wanted.record,
        wanted.person,
        wanted.judgement,
    )
    return json_response(label_view(row), 201)


@router.post(
    "/labels/{label}/revoke",
    operation_id="revokeClericalDecision",
    summary="Take a decision back",
    description="It no longer counts; it stays on record with who took it back and when.",
    responses={
        200: json_answer(ClericalDecision, "Revoked."),
        **refuses(401, 403, 404, 409, 422),
    },
)
def revoke(
    system: Running,
    caller: Authenticated,
    label: Annotated[str, Path(description="The decision's id, `l_...`.", max_length=40)],
) -> Response:
    """Revoke a decision."""
    return json_response(label_view(system.matching.revoke(caller, label)))
