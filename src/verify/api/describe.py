"""Pieces of the published description that routes share."""

from __future__ import annotations

from typing import Any

from verify.api import problems

Responses = dict[int | str, dict[str, Any]]

PROBLEM_REF = {"$ref": "#/components/schemas/ProblemDocument"}
_WHEN = {
    400: "The body is not valid JSON, or the request breaks HTTP.",
    401: "No credentials, or credentials that do not hold.",
    403: "The role may not do this.",
    404: "No such thing, or not in your regions (the same answer for both).",
    409: "The request contradicts what is stored.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "A field or parameter is wrong; nothing was stored.",
    500: "The service could not do this.",
    503: "Try again later.",
}


def refuses(*statuses: int) -> Responses:
    """Problem responses for `statuses`, and for what can befall any route."""
    return {
        status: {
            "description": _WHEN[status],
            "content": {problems.MEDIA_TYPE: {"schema": PROBLEM_REF}},
        }
        for status in sorted({*statuses, 500, 503})
    }


def json_answer(model: type, description: str, **headers: str) -> dict[str, Any]:
    """A JSON response whose shape is `model`."""
    answer: dict[str, Any] = {
        "description": description,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
        },
    }
    if headers:
        answer["headers"] = {
            name.replace("_", "-"): {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        }
    return answer


def csv_answer(model: type, description: str) -> dict[str, Any]:
    """A response whose shape is `model`, or the same rows as CSV."""
    answer = json_answer(model, description, Link="Of CSV: the next page, if there is one.")
    answer["content"]["text/csv"] = {"schema": {"type": "string"}}
    return answer


def json_body(schema: dict[str, Any], description: str, example: str) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its JSON body itself."""
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {
                "application/json": {
                    "schema": schema,
                    "examples": {"example": {"externalValue": f"examples/{example}.json"}},
                }
            },
        }
    }
