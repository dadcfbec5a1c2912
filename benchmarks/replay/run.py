"""How many sealed verifications are replayed per minute, and whether all are byte-identical.

    make bench-replay
    .venv/bin/python benchmarks/replay/run.py --count 2000 --jobs 2

Seals verifications over the real path (sources answered from recorded bytes), closes the service,
opens the store read-only and replays all, in as many processes as there are cores: integrity of
every byte first, then identity, matching, rules. Starting the processes counts. Readable lines
on standard error; the last line of standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
import tempfile
import time
from pathlib import Path

import structlog

from verify.bootstrap import build
from verify.cli.replaying import replay_all, usable_cores
from verify.connectors import Answer, Question
from verify.content import content_root
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.simulate.households import load_all, merge_registers
from verify.simulate.server import SimulatedSources

TARGET_PER_MINUTE = 10_000


class Recorder:
    """Answers from the simulated sources, asked once and then given from memory."""

    def __init__(self, asker) -> None:
        self._asker = asker
        self.health = asker.health
        self.answers: dict[tuple[str, str], Answer] = {}

    def ask(self, question: Question, authorisations: object, declaration: object) -> Answer:
        key = (question.source, question.id_number)
        if key not in self.answers:
            answer = self._asker.ask(question, authorisations, declaration)
            if answer.pending:
                return answer
            self.answers[key] = answer
        return self.answers[key]

    def close(self) -> None:
        self._asker.close()


def seal(home: Path, count: int) -> None:
    households = [
        h
        for h in load_all(content_root() / "fixtures" / "households")
        if h.application["programme"] == "dibao"
    ]
    bodies = [ApplicationIn.model_validate(h.application) for h in households]
    with SimulatedSources(merge_registers(h.registers for h in households)) as sources:
        for source in sources.urls:
            sources.set_profile(source, latency_seconds=0, delay_seconds=0)
        settings = Settings(home=home, retry_seconds=1)
        with build(settings, environment=sources.environment()) as system:
            system.worker.ask_with(Recorder(system.asker))
            system.start()
            ids = [
                system.verifications.submit(bodies[i % len(bodies)], LOCAL).id for i in range(count)
            ]
            deadline = time.monotonic() + 60 + count
            waiting = set(ids)
            while waiting:
                if time.monotonic() > deadline:
                    sys.exit(f"{len(waiting)} of {count} never got a verdict")
                waiting = {i for i in waiting if not system.store.verdicts(i, LOCAL)}
                time.sleep(0.2)


def spent() -> float:
    """Processor seconds of this process and of its children that ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=usable_cores())
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        seal(home, options.count)
        with build(Settings(home=home), worker=False, read_only=True) as system:
            next(iter(system.replays.replay_many(LOCAL, 1)))  # compiles the rules
            started, cpu = time.monotonic(), spent()
            results = list(replay_all(system, LOCAL, jobs=options.jobs))
            took, cpu = time.monotonic() - started, spent() - cpu
    identical = sum(r.identical for r in results)
    found = {
        "jobs": options.jobs,
        "replayed": len(results),
        "identical": identical,
        "per_minute": round(len(results) / took * 60),
        "cpu_ms_each": round(cpu / len(results) * 1000, 2),
    }
    say = lambda text: print(text, file=sys.stderr)  # noqa: E731
    say(f"{'measurement':<44}{'seen':>12}{'aim':>12}")
    say(f"{'verdicts replayed per minute':<44}{found['per_minute']:>12}{TARGET_PER_MINUTE:>12}")
    say(f"{'processes':<44}{options.jobs:>12}")
    say(f"{'processor time of each, ms':<44}{found['cpu_ms_each']:>12}")
    say(f"{'byte-identical':<44}{identical:>12}{len(results):>12}")
    print(json.dumps(found))
    if identical != len(results):
        sys.exit(1)


if __name__ == "__main__":
    main()
