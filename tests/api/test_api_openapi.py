"""The published description is what the code serves, and its examples are real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate as validate_openapi

from support.live import household
from verify.api.body import parse, validate
from verify.api.models import VerdictDocument
from verify.api.openapi import document, text
from verify.rules import GivenHousehold
from verify.service.intake import ApplicationIn

API = Path(__file__).parents[2] / "api"


def operations():
    return [
        pytest.param(operation, id=f"{method.upper()} {path}")
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_published_description_is_the_current_one():
    assert (API / "openapi.json").read_text(encoding="utf-8") == text(), "run `make openapi`"


def test_the_description_is_valid_openapi_3_1():
    described = document()
    assert described["openapi"].startswith("3.1")
    validate_openapi(described)


@pytest.mark.parametrize("operation", operations())
def test_every_operation_explains_itself_and_its_refusals(operation):
    assert operation["summary"]
    assert operation["description"]
    assert operation["operationId"]
    assert any(status.startswith("2") for status in operation["responses"])
    assert "security" in operation
    if operation["security"]:
        assert operation["security"] == [{"bearer": []}, {"apiKey": []}]
        assert "401" in operation["responses"]
    for status, answer in operation["responses"].items():
        if status >= "400" and status != "503":
            assert list(answer["content"]) == ["application/problem+json"], status


def test_only_the_open_addresses_are_described_as_open():
    found = {
        path
        for path, methods in document()["paths"].items()
        for operation in methods.values()
        if operation["security"] == []
    }
    assert found == {"/healthz", "/readyz", "/v1/callbacks/{token}", "/problems/{code}"}


def test_the_console_is_not_part_of_the_published_contract():
    assert not [path for path in document()["paths"] if path.startswith("/console")]


def test_the_example_application_is_the_first_household():
    raw = (API / "examples/application.json").read_bytes()
    parse(raw)
    published = validate(ApplicationIn, raw)
    assert published == ApplicationIn.model_validate(household("01").application)


def test_the_example_assessment_is_accepted_by_the_schema():
    validate(GivenHousehold, (API / "examples/assessment.json").read_bytes())


def test_the_example_verdict_is_the_verdict_on_the_example(live, judged):
    raw = (API / "examples/verdict.json").read_text(encoding="utf-8")
    example = json.loads(raw)
    VerdictDocument.model_validate(example)
    now = live.verdict(judged)
    # Digests, letters and days of asking belong to one run; what was found does not.
    for part in ("outcome", "programme", "region", "as_of", "final"):
        assert example[part] == now[part]
    assert found(example) == found(now), "save the verdict on the example application again"


def found(verdict):
    return [
        (f["test"], f["state"], f["value"], f["limit"]) for f in verdict["assessment"]["findings"]
    ]
