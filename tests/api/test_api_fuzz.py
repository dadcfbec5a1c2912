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
from schemathesis.checks import CHECKS

from verify.api.openapi import document

EXAMPLES_PER_OPERATION = 10
LEFT_OUT = {"positive_data_acceptance", "use_after_free", "ensure_resource_availability"}


@pytest.fixture(scope="module")
def described():
    return schemathesis.openapi.from_dict(document())


OPERATIONS = [
    pytest.param(path, method, id=f"{method.upper()} {path}")
    for path, methods in document()["paths"].items()
    for method in methods
]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_breaks_the_service_or_its_description(live, described, path, method):
    described.config.update(base_url=live.url)
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    assert {"not_a_server_error", "ignored_auth", "response_schema_conformance"} <= {
        check.__name__ for check in checks
    }
    statuses: Counter[int] = Counter()
    operation = described[path][method.upper()]

    @given(case=operation.as_strategy())
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
