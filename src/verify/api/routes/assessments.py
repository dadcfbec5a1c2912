"""Ask the rules alone: given facts in, findings out, nothing stored."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.body import read_json, validate
from verify.api.dependencies import Authenticated, Running, authenticated
from verify.api.describe import json_answer, json_body, refuses
from verify.api.models import Assessments
from verify.domain.errors import InputError, Problem, VerifyError
from verify.rules import GivenHousehold

MAX_HOUSEHOLDS = 1000

router = APIRouter(prefix="/v1/assessments", tags=["rules"], dependencies=[Depends(authenticated)])

_ONE = {"$ref": "#/components/schemas/GivenHousehold"}
_MANY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["households"],
    "properties": {
        "households": {"type": "array", "items": _ONE, "minItems": 1, "maxItems": MAX_HOUSEHOLDS}
    },
}


@router.post(
    "",
    operation_id="assess",
    summary="Assess given households",
    description=f"One household, or up to {MAX_HOUSEHOLDS} as `households`. Only the rules are "
    "asked: no source, no letter, nothing stored.",
    responses={
        200: json_answer(Assessments, "One assessment per household, in order."),
        **refuses(400, 401, 403, 413, 415, 422),
    },
    openapi_extra=json_body(
        {"anyOf": [_ONE, _MANY]}, "One given household, or a list of them.", "assessment"
    ),
)
async def assess(request: Request, system: Running, caller: Authenticated) -> Response:
    """Assess one or many given households."""
    raw, value = await read_json(request)
    given = await run_in_threadpool(_households, raw, value)
    found = await run_in_threadpool(system.assessments.assess, given, caller)
    return json_response({"assessments": found})


def _households(raw: bytes, value: Any) -> list[GivenHousehold]:
    if not isinstance(value, dict) or "households" not in value:
        return [validate(GivenHousehold, raw)]
    _check_list(value)
    found: list[GivenHousehold] = []
    problems: list[Problem] = []
    for i, each in enumerate(value["households"]):
        text = json.dumps(each, ensure_ascii=False).encode("utf-8")
        try:
            found.append(validate(GivenHousehold, text, at=f"/households/{i}"))
        except VerifyError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(
            f"the households have {len(problems)} fault(s)",
            remedy="correct the named fields and send them again",
            problems=tuple(problems),
        )
    return found


def _check_list(value: dict[str, Any]) -> None:
    problems = [
        Problem(f"/{key}", "extra-forbidden", "no such field here.", "Remove it.")
        for key in value
        if key != "households"
    ]
    listed = value["households"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_HOUSEHOLDS:
        problems.append(
            Problem(
                "/households",
                "list-size",
                f"it is not a list of 1 to {MAX_HOUSEHOLDS} households.",
                "Send them in several requests.",
            )
        )
    if problems:
        raise InputError("the list of households cannot be read", problems=tuple(problems))
