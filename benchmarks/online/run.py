"""What the engine costs per verification, and how many it carries per second.

    make bench-online            one minute at the target rate
    .venv/bin/python benchmarks/online/run.py --seconds 600 --rate 100

Three measurements on the embedded store (SQLite, `synchronous=FULL`), all over the real path
(`Verifications.submit` -> ask -> store -> judge -> seal):

1. *alone*: one verification at a time, sources answering at once from recorded bytes, so that
   everything except waiting for sources is left: the engine's overhead.
2. *load*: submissions at a fixed rate for a fixed time, never slowed by the engine; latency from
   acceptance to the durable, ledgered verdict; every one must come out.
3. *http*: the same households with the simulated sources asked over sockets on this machine.

`--postgres` adds the same load on PostgreSQL with two workers (`postgres.py`), and then once
more at three fifths of what it carried, where latency is not that of a queue that grows.

Readable table on standard error; the last line of standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import structlog

from verify.cli.process import for_small_batches

for_small_batches()  # as `verify serve` does

from verify.bootstrap import System, build
from verify.connectors import Answer, Asker, Question
from verify.content import content_root
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.simulate.households import load_all, merge_registers
from verify.simulate.server import SimulatedSources

TARGET_MEDIAN_MS, TARGET_RATE, TARGET_P99_MS = 25, 100, 100
STEADY_SHARE = 0.6


class Recorder:
    """Answers from the simulated sources, kept by source and person asked about."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.health = asker.health
        self.answers: dict[tuple[str, str], Answer] = {}

    def ask(self, question: Question, authorisations: object, *version: object) -> Answer:
        key = (question.source, question.id_number)
        if key not in self.answers:
            answer = self._asker.ask(question, authorisations, *version)  # type: ignore[arg-type]
            if answer.pending:
                return answer
            self.answers[key] = answer
        return self.answers[key]

    def close(self) -> None:
        self._asker.close()


class Durable:
    """When the commit of each first verdict had returned, in milliseconds of this machine's clock.

    Told by the store, not asked of it: a query every half millisecond took as much of the
    interpreter as judging did.
    """

    def __init__(self, system: System) -> None:
        self.at: dict[str, float] = {}
        self._news = threading.Condition()
        self._seal_many = system.store.seal_many
        system.store.seal_many = self._timed  # type: ignore[method-assign]

    def _timed(self, sealed: Any, now: int) -> Any:
        results = self._seal_many(sealed, now)
        done = time.time() * 1000
        with self._news:
            self.at.update((r.verification, done) for r in results if r.sequence == 1)
            self._news.notify_all()
        return results

    def wait(self, ids: list[str], seconds: float) -> list[float]:
        """The instants of all of them; ends the program if one never comes."""
        with self._news:
            if not self._news.wait_for(lambda: all(i in self.at for i in ids), seconds):
                missing = sum(i not in self.at for i in ids)
                sys.exit(f"{missing} of {len(ids)} verifications never got a verdict")
            return [self.at[i] for i in ids]


def fresh(home: Path, environment: dict[str, str]) -> System:
    return build(Settings(home=home, retry_seconds=1), environment=environment)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def alone(system: System, durable: Durable, bodies: list[ApplicationIn], count: int) -> list[float]:
    took = []
    for i in range(count):
        started = time.time() * 1000
        accepted = system.verifications.submit(bodies[i % len(bodies)], LOCAL)
        took.append(durable.wait([accepted.id], 60)[0] - started)
    return took


def load(
    system: System, durable: Durable, bodies: list[ApplicationIn], rate: int, seconds: int
) -> tuple[list[float], float]:
    ids, accepted, started = [], [], time.monotonic()
    for i in range(rate * seconds):
        due = started + i / rate
        if (pause := due - time.monotonic()) > 0:
            time.sleep(pause)
        ids.append(system.verifications.submit(bodies[i % len(bodies)], LOCAL).id)
        accepted.append(time.time() * 1000)
    took = [d - a for d, a in zip(durable.wait(ids, 600), accepted, strict=True)]
    return took, len(ids) / (time.monotonic() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=TARGET_RATE)
    parser.add_argument("--alone", type=int, default=200)
    parser.add_argument("--http", type=int, default=100)
    parser.add_argument("--postgres", action="store_true", help="PostgreSQL and two workers too")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

    households = [
        h
        for h in load_all(content_root() / "fixtures" / "households")
        if h.application["programme"] == "dibao"
    ]
    bodies = [ApplicationIn.model_validate(h.application) for h in households]
    registers = merge_registers(h.registers for h in households)
    result: dict[str, object] = {"households": len(bodies)}
    say = lambda text: print(text, file=sys.stderr)  # noqa: E731

    with SimulatedSources(registers) as sources, tempfile.TemporaryDirectory() as folder:
        for source in sources.urls:
            sources.set_profile(source, latency_seconds=0, delay_seconds=0)
        environment = sources.environment()

        with fresh(Path(folder) / "http", environment) as system:
            durable = Durable(system)
            system.start()
            started = time.monotonic()
            ids = [
                system.verifications.submit(bodies[i % len(bodies)], LOCAL).id
                for i in range(options.http)
            ]
            durable.wait(ids, 300)
            result["http_per_second"] = round(options.http / (time.monotonic() - started), 1)

        with fresh(Path(folder) / "engine", environment) as system:
            recorder = Recorder(system.asker)
            system.worker.ask_with(recorder)
            durable = Durable(system)
            system.start()
            durable.wait([system.verifications.submit(b, LOCAL).id for b in bodies], 120)
            one = alone(system, durable, bodies, options.alone)
            result["alone_median_ms"] = round(statistics.median(one), 1)
            result["alone_p99_ms"] = round(percentile(one, 0.99), 1)
            took, rate = load(system, durable, bodies, options.rate, options.seconds)
            result["load_seconds"] = options.seconds
            result["load_offered_per_second"] = options.rate
            result["load_done_per_second"] = round(rate, 1)
            result["load_median_ms"] = round(statistics.median(took), 1)
            result["load_p99_ms"] = round(percentile(took, 0.99), 1)
            result["lost"] = options.rate * options.seconds - len(took)

    if options.postgres:
        import postgres

        result |= postgres.measure(options.rate, options.seconds, 2)
        # Once more where there is room: the latency of a queue that grows says nothing else.
        steady = max(1, int(result["postgres_done_per_second"] * STEADY_SHARE))  # type: ignore[operator]
        again = postgres.measure(steady, options.seconds, 2)
        result |= {name.replace("postgres_", "steady_", 1): v for name, v in again.items()}

    say(f"{'measurement':<44}{'seen':>10}{'aim':>10}")
    for label, key, aim in (
        ("engine overhead alone, median ms", "alone_median_ms", f"<= {TARGET_MEDIAN_MS}"),
        ("engine overhead alone, p99 ms", "alone_p99_ms", ""),
        (
            f"verdicts per second, {options.rate}/s offered",
            "load_done_per_second",
            f">= {TARGET_RATE}",
        ),
        ("accepted to durable verdict at that load, median ms", "load_median_ms", ""),
        ("accepted to durable verdict at that load, p99 ms", "load_p99_ms", f"<= {TARGET_P99_MS}"),
        ("lost", "lost", "0"),
        ("verdicts per second, sources asked over HTTP", "http_per_second", ""),
        ("PostgreSQL, two workers: verdicts per second", "postgres_done_per_second", ""),
        ("  answers to durable verdict, median ms", "postgres_collected_to_durable_median_ms", ""),
        (
            "  answers to durable verdict, p99 ms",
            "postgres_collected_to_durable_p99_ms",
            f"<= {TARGET_P99_MS}",
        ),
        ("  processor time each, ms: accepting", "postgres_accepting_cpu_ms", ""),
        ("    both workers", "postgres_workers_cpu_ms", ""),
        ("    database server", "postgres_server_cpu_ms", ""),
        ("    all together", "postgres_all_cpu_ms", "<= 14"),
        ("  judged together, mean", "postgres_judged_together_mean", ""),
        ("  lost", "postgres_lost", "0"),
        ("PostgreSQL below its limit: offered per second", "steady_offered_per_second", ""),
        ("  verdicts per second", "steady_done_per_second", ""),
        ("  answers to durable verdict, median ms", "steady_collected_to_durable_median_ms", ""),
        ("  answers to durable verdict, p99 ms", "steady_collected_to_durable_p99_ms", ""),
        ("  acceptance to durable verdict, median ms", "steady_accepted_to_verdict_median_ms", ""),
        ("  acceptance to durable verdict, p99 ms", "steady_accepted_to_verdict_p99_ms", ""),
        ("  lost", "steady_lost", "0"),
    ):
        if key in result:
            say(f"{label:<52}{result[key]!s:>10}{aim:>10}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
