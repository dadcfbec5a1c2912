"""A submission that is repeated under its key is the check that it began, whatever day it is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from support.live import household
from verify.bootstrap import System, build
from verify.domain.access import LOCAL
from verify.domain.errors import Conflict, InputError
from verify.service.intake import ApplicationIn
from verify.settings import Settings

DAY_MS = 86_400_000


class Clock:
    def __init__(self) -> None:
        self.now = int(dt.datetime(2025, 11, 26, 4, tzinfo=dt.UTC).timestamp() * 1000)

    def __call__(self) -> int:
        return self.now


def application(letters_until: str) -> ApplicationIn:
    body: dict[str, Any] = household("01").application
    letters = [{**letter, "valid_until": letters_until} for letter in body["authorisations"]]
    return ApplicationIn.model_validate({**body, "authorisations": letters})


def opened(home: Path, database_url: str, clock: Clock) -> System:
    settings = Settings(home=home, database_url=database_url)
    return build(settings, environment={}, clock=clock, worker=False)


def test_repeated_when_its_letters_have_run_out_it_is_the_same_check(
    tmp_path: Path, database_url: str
) -> None:
    clock = Clock()
    body = application("2025-11-26")
    with opened(tmp_path, database_url, clock) as system:
        first = system.verifications.submit(body, LOCAL, "case-9")
        assert first.created
        clock.now += DAY_MS
        again = system.verifications.submit(body, LOCAL, "case-9")
        assert (again.id, again.created) == (first.id, False)
        with pytest.raises(Conflict, match="another body"):
            system.verifications.submit(application("2026-11-26"), LOCAL, "case-9")
        with pytest.raises(InputError, match="nothing was stored"):
            system.verifications.submit(body, LOCAL, "case-10")
        rows, _ = system.store.list(LOCAL, None, 10)
        assert [row.id for row in rows] == [first.id]
