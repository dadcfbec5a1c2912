"""The published description of the REST API (`api/openapi.json`), made from the code."""

from __future__ import annotations

import json
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from verify.api import models, models_audit, models_matching, rules_models, sources_models
from verify.api.app import create_app
from verify.rules import GivenHousehold
from verify.service.intake import ApplicationIn

REF = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description; the same code gives the same document, and needs no store."""
    app = create_app(None)
    described = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "http://127.0.0.1:8470", "description": "`verify serve` at home"}],
    )
    components = described["components"]
    components["schemas"] = _schemas()
    for path in described["paths"].values():
        for operation in path.values():
            _tidy(operation)
    return described


def text() -> str:
    """The document as it stands in `api/openapi.json`."""
    return json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _schemas() -> dict[str, Any]:
    answers = dict.fromkeys(
        kind
        for part in (models, models_audit, rules_models, models_matching, sources_models)
        for kind in vars(part).values()
        if isinstance(kind, type) and issubclass(kind, models.Out) and kind is not models.Out
    )
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (ApplicationIn, "validation"),
        (GivenHousehold, "validation"),
        (rules_models.ProposalIn, "validation"),
        (sources_models.SourceProposalIn, "validation"),
        (sources_models.RollbackIn, "validation"),
        (sources_models.TrialIn, "validation"),
        (sources_models.PreviewIn, "validation"),
        (sources_models.ShadowIn, "validation"),
        (models_audit.PersonIn, "validation"),
        (models_audit.SupposeIn, "validation"),
        (models_matching.ThresholdIn, "validation"),
        (models_matching.CalibrateIn, "validation"),
        (models_matching.DecideIn, "validation"),
        *((kind, "serialization") for kind in answers),
    ]
    _, found = models_json_schema(wanted, ref_template=REF)
    return dict(sorted(found["$defs"].items()))


def _tidy(operation: dict[str, Any]) -> None:
    """Say that either credential will do; drop the framework's own error shape and nulls."""
    if operation.get("security"):
        operation["security"] = [{"bearer": []}, {"apiKey": []}]
    for parameter in operation.get("parameters", []):
        _without_null(parameter)
    for status, answer in list(operation["responses"].items()):
        for content in answer.get("content", {}).values():
            if content.get("schema", {}).get("$ref", "").endswith("/HTTPValidationError"):
                del operation["responses"][status]
                break


def _without_null(parameter: dict[str, Any]) -> None:
    """A parameter that may be left out is optional; there is no null in a query or a header."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    for kind in kinds:
        schema.update(kind)
    schema.pop("description", None)  # it stands beside the schema already
