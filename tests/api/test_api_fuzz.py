"""Schemathesis against the running service, by the published description.

Left out of its checks, each for a reason:
- `positive_data_acceptance`: a body that fits the schema may still be refused by meaning (an
  identity number whose check digit is wrong, a day without law).
- `use_after_free`, `ensure_resource_availability`: nothing is ever deleted here.
"""

from __future__ import annotations

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from verify.api.openapi import document

EXAMPLES_PER_OPERATION = 5
LEFT_OUT = {"positive_data_acceptance", "use_after_free", "ensure_resource_availability"}


@pytest.fixture(scope="module")
def described():
    return schemathesis.openapi.from_dict(document())


def can_be_wrong(operation) -> bool:
    """Whether a request to it can break the description: any text is a good path parameter."""
    constrained = [
        p for p in operation.get("parameters", []) if set(p["schema"]) - {"type", "title"}
    ]
    return "requestBody" in operation or bool(constrained)


ATTACKS = [
    pytest.param(path, method, mode, id=f"{method.upper()} {path} {mode.value}")
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or can_be_wrong(operation)
]


@pytest.mark.parametrize(("path", "method", "mode"), ATTACKS)
def test_no_request_breaks_the_service_or_its_description(live, described, path, method, mode):
    described.config.update(base_url=live.url)
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    assert {"not_a_server_error", "ignored_auth", "response_schema_conformance"} <= {
        check.__name__ for check in checks
    }
    statuses: Counter[int] = Counter()
    operation = described[path][method.upper()]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def attack(case):
        answer = case.call_and_validate(
            checks=checks, headers={"Authorization": f"Bearer {live.caseworker_key}"}
        )
        statuses[answer.status_code] += 1

    attack()
    assert statuses
    assert not [status for status in statuses if status >= 500]
