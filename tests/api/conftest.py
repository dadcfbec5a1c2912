from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from support.live import household, installation
from verify.domain.access import RoleName
from verify.service.access import create_key
from verify.service.clock import now_ms

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """One installation for this folder; tests only add to it."""
    with installation(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="session")
def key_for(live):
    """Make a key with the given roles, for Shanghai unless said otherwise."""

    def make(*roles: RoleName, regions: tuple[str, ...] = ("310000",)) -> str:
        return create_key(
            live.system.store, label="test", roles=list(roles), regions=list(regions), now=now_ms()
        )

    return make


@pytest.fixture(scope="session")
def caseworker(live):
    with live.client() as client:
        yield client


@pytest.fixture(scope="session")
def auditor(live):
    with live.client(live.auditor_key) as client:
        yield client


@pytest.fixture(scope="session")
def elsewhere(live):
    with live.client(live.elsewhere_key) as client:
        yield client


@pytest.fixture(scope="session")
def nobody(live):
    with live.client() as client:
        client.headers.pop("Authorization")
        yield client


@pytest.fixture(scope="session")
def example():
    """The published example application, as parsed JSON; copies may be changed."""
    return json.loads((ROOT / "api/examples/application.json").read_text(encoding="utf-8"))


@pytest.fixture
def application(example):
    return copy.deepcopy(example)


@pytest.fixture(scope="session")
def judged(live):
    """The id of a verification that has its verdict."""
    return live.check(household("01").application)


def problem(response, status, code=None):
    """The problem document of a response, after checking that it is one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["type"] == f"/problems/{body['code']}"
    if code is not None:
        assert body["code"] == code
    return body


@pytest.fixture(scope="session")
def refusal():
    return problem
