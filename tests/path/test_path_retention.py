"""Retention that runs by itself: a service erases what is due, and nothing else."""

from __future__ import annotations

import time

import pytest

from support.live import household, installation
from verify.domain.access import LOCAL
from verify.service.clock import now_ms
from verify.settings import Settings
from verify.store import EntryKind

DAY = 86_400_000


def scopes(live):
    rows = live.system.store.data_keys()
    return {row.scope for row in rows if row.scope.count("/") == 2 and row.erased_at is not None}


def later(live, seconds: float = 20.0):
    deadline = time.monotonic() + seconds
    while not scopes(live) and time.monotonic() < deadline:
        time.sleep(0.05)
    return scopes(live)


@pytest.mark.parametrize("runs", [True, False])
def test_a_service_that_was_told_to_erases_what_is_due_by_itself(tmp_path, runs):
    shift = [0]
    first, other = household("03").application, household("02").application
    terms = f"{first['region']}/*=1 {other['region']}/*=120"
    with installation(
        tmp_path,
        clock=lambda: now_ms() + shift[0],
        retention=terms,
        retention_runs=runs,
        retention_seconds=0.2,
    ) as live:
        gone, kept = live.check(first), live.check(other)
        assert scopes(live) == set()
        shift[0] += 100 * DAY
        found = later(live, 20 if runs else 1)
        if not runs:
            assert found == set()
            return
        assert {scope.split("/")[0] for scope in found} == {first["region"]}
        entries = live.system.store.ledger(gone, LOCAL)
        assert entries[-1].kind == EntryKind.ERASED
        assert entries[-1].payload["ground"] == f"{first['region']}/*=1"
        assert live.system.replays.replay(kept, LOCAL).identical
        assert live.system.replays.replay(gone, LOCAL).erased is not None


def test_terms_that_are_none_stop_the_start_of_a_service_that_would_erase_by_them(tmp_path):
    with (
        pytest.raises(Exception, match="not a retention term"),
        installation(tmp_path, retention="forever", retention_runs=True),
    ):
        pass
    assert Settings(home=tmp_path).retention_runs is False
