"""The same path on PostgreSQL, with the API and the worker apart as in compose.yaml."""

from __future__ import annotations

import pytest

from support.live import household, installation
from verify.bootstrap import build
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.settings import Settings


@pytest.mark.postgres
def test_an_api_without_a_worker_accepts_and_a_worker_elsewhere_finishes(postgres_url, tmp_path):
    front_settings = Settings(home=tmp_path / "api", database_url=postgres_url)
    with (
        installation(tmp_path / "worker", postgres_url),
        build(front_settings, worker=False) as front,
    ):
        assert front.worker is None
        body = ApplicationIn.model_validate(household("01").application)
        accepted = front.verifications.submit(body, LOCAL)
        seen = front.verifications.wait(accepted.id, LOCAL, 60)
        assert seen["verdict"]["outcome"] == "eligible"
        assert seen["verdict"]["final"] is True
        assert front.replays.replay(accepted.id, LOCAL).identical
