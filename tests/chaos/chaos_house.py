"""The processes of one installation, each of which a test may kill at any moment.

API and worker in one process on SQLite; an API and two workers on PostgreSQL; a witness of its
own. They are the product's parts, put together by `verify.bootstrap`; only the sources are
recorded answers, and leases are short. Loaded once into the server that forks them.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import pypinyin  # noqa: F401 - in every child otherwise, on the first name
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite  # noqa: F401
import structlog
import uvicorn

from support.live import household
from verify import bootstrap
from verify.api.app import create_app
from verify.api.server import server
from verify.api.witness import create_witness
from verify.connectors import Answer, Question
from verify.connectors.health import HealthBook
from verify.domain.evidence import EvidenceState
from verify.service import worker as working
from verify.service.audit_cosigner import Cosigner
from verify.service.clock import Clock, now_ms
from verify.service.contents import Contents
from verify.service.intake import ApplicationIn
from verify.settings import Settings

HOUSEHOLDS = ("03", "05", "01", "06", "02")


def _as_sent(value: Any, name: str = "") -> Any:
    """JSON has whole numbers, a household's file has text."""
    if isinstance(value, dict):
        return {key: _as_sent(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_sent(part) for part in value]
    return int(value) if name in ("vehicles", "dwellings", "grade") else value


APPLICATIONS = {n: _as_sent(household(n).application) for n in HOUSEHOLDS}
BODIES = {n: ApplicationIn.model_validate(a) for n, a in APPLICATIONS.items()}
MASTER = "bWFzdGVyIGtleSBvZiBzeW50aGV0aWMgdGVzdCBkYXQ="
LEASE_MS, HEARTBEAT_SECONDS, UNDER_WAY = 1500, 0.3, 5

Answers = Mapping[tuple[str, str], Answer]

CONTENTS = Contents.load(lambda _digest: b"")
CONTENTS.law.load()


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@dataclass(frozen=True)
class Plan:
    """What all processes of a house are told."""

    url: str
    home: Path
    answers: Path
    witnesses: str
    away_until: int = 0
    """Until then (epoch ms) one source does not answer for the household it is asked about."""
    naive: bool = False
    masters: str = MASTER

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.home,
            database_url=self.url,
            master_key=self.masters,
            witnesses=self.witnesses,
            checkpoint_seconds=0.05,
            retry_seconds=1,
            auxiliary_grace_seconds=60,  # a loaded machine must not make two verdicts of one
            judge_batch=3,
        )


class Recorded:
    """Answers as the simulated departments gave them once.

    The land register takes a ticket first, as it does; one household's bank is away for a while.
    """

    def __init__(self, answers: Answers, away_until: int, health: HealthBook) -> None:
        self.health = health
        self._answers = answers
        self._away_until = away_until
        self._unlucky = BODIES["05"].household.members[0].id_number

    def ask(self, question: Question, *_: object) -> Answer:
        found = self._answers[question.source, question.id_number]
        if question.source == "real_estate" and not question.ticket:
            ticket = f"ticket-{question.request_id}"
            return Answer(
                EvidenceState.TIMEOUT, (), "", found.letter, ticket, pending=True,
                retry_after_seconds=0,
            )  # fmt: skip
        away = question.source == "bank" and question.id_number == self._unlucky
        if away and now_ms() < self._away_until:
            return Answer(EvidenceState.UNAVAILABLE, (), "refused", found.letter)
        return found

    def close(self) -> None:
        """Nothing is open."""


def system(
    plan: Plan, *, worker: bool, read_only: bool = False, clock: Clock = now_ms
) -> bootstrap.System:
    """An installation's parts; the content is the one loaded already."""
    load = Contents.load
    Contents.load = staticmethod(lambda *_, **__: CONTENTS)  # type: ignore[method-assign] # for speed
    try:
        made = bootstrap.build(
            plan.settings, environment={}, clock=clock, worker=worker, read_only=read_only
        )
    finally:
        Contents.load = load  # type: ignore[method-assign] # as it was
    if made.worker is not None:
        answers: Answers = pickle.loads(plan.answers.read_bytes())
        assert made.asker is not None
        stand_in = Recorded(answers, plan.away_until, made.asker.health)
        made.worker.ask_with(stand_in)  # type: ignore[arg-type] # asks nobody
    return made


def _prepare(plan: Plan) -> None:
    _quiet()
    working.LEASE_MS = LEASE_MS
    working.HEARTBEAT_SECONDS = HEARTBEAT_SECONDS  # type: ignore[assignment] # seconds either way
    working.MAX_UNDER_WAY = UNDER_WAY
    if plan.naive:
        import chaos_naive

        chaos_naive.install()


def serve(plan: Plan, listener: socket, worker: bool) -> None:
    """The API, with a worker beside it where the database has one writing process."""
    _prepare(plan)
    with system(plan, worker=worker) as running:
        running.start()
        server(create_app(running)).run(sockets=[listener])


def work(plan: Plan) -> None:
    """A worker on its own."""
    _prepare(plan)
    with system(plan, worker=True) as running:
        running.start()
        while True:
            time.sleep(60)


def witness(folder: Path, log_key: str, listener: socket) -> None:
    """A witness that keeps its state in a folder of its own."""
    _quiet()
    from verify.store.note import PublicKey

    cosigner = Cosigner.open(folder)
    cosigner.register(PublicKey.parse(log_key))
    config: dict[str, Any] = {"access_log": False, "log_config": None, "lifespan": "off"}
    uvicorn.Server(uvicorn.Config(create_witness(cosigner), **config)).run(sockets=[listener])
