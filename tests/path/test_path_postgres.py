"""The same path on PostgreSQL, with the API and the worker apart as in compose.yaml."""

from __future__ import annotations

import pytest

from support.live import household, installation
from verify.bootstrap import build
from verify.domain.access import LOCAL
from verify.domain.errors import Conflict
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.store.vault import MasterKeys


@pytest.mark.postgres
def test_an_api_without_a_worker_accepts_and_a_worker_elsewhere_finishes(postgres_url, tmp_path):
    # Every process of one database has its master key.
    master = tmp_path / "worker" / "master.key"
    front_settings = Settings(
        home=tmp_path / "api", database_url=postgres_url, master_key_file=master
    )
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


@pytest.mark.postgres
def test_a_process_with_another_master_key_is_refused_at_its_start(postgres_url, tmp_path):
    own = Settings(home=tmp_path / "one", database_url=postgres_url)
    with build(own, worker=False):
        for other in ("two", "three"):
            elsewhere = Settings(home=tmp_path / other, database_url=postgres_url)
            if other == "three":
                (tmp_path / other).mkdir()
                (tmp_path / other / "master.key").write_text(MasterKeys.new_text())
                (tmp_path / other / "master.key").chmod(0o600)
            with pytest.raises(Conflict, match="master key"):
                build(elsewhere, worker=False)
    assert not (tmp_path / "two" / "master.key").exists()
