"""What one dead source costs the others, and how hard a source in trouble is pressed.

    make bench-outage

Households are submitted at a fixed rate over the whole path, with the simulated sources asked
over sockets. Normal and outage runs take turns, so that both meet the same machine. In the outage
the vehicle office accepts connections and never answers.

- `slowdown`: time from submission to the answers of all *other* sources, outage over normal
  (median of the households' means); to be at most 1.05.
- `amplification`: requests that the dead source gets over those it gets in normal times; to be at
  most 1.2.

Readable table on standard error; the last line of standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from verify.bootstrap import build
from verify.content import content_root
from verify.domain.access import LOCAL
from verify.service.clock import now_ms
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.simulate.households import load_all, merge_registers
from verify.simulate.server import SimulatedSources

DEAD = "vehicle"
LATENCY_SECONDS = 0.05


@dataclass
class Run:
    """Milliseconds to the other sources' answers, and requests seen by the dead source."""

    others_ms: list[float]
    requests: int
    questions: int


def one_run(households: int, rate: float, *, outage: bool) -> Run:
    fixtures = load_all(content_root() / "fixtures/households")
    registers = merge_registers(f.registers for f in fixtures)
    with (
        tempfile.TemporaryDirectory() as home,
        SimulatedSources(registers) as sources,
    ):
        for source in sources.urls:
            sources.set_profile(source, latency_seconds=LATENCY_SECONDS, delay_seconds=0.1)
        if outage:
            sources.set_profile(DEAD, fault="timeout")
        settings = Settings(home=Path(home), answer_deadline_seconds=60, retry_seconds=600)
        with build(settings, environment=sources.environment()) as system:
            system.start()
            sent = {}
            begin = time.monotonic()
            for n in range(households):
                body = ApplicationIn.model_validate(fixtures[n % len(fixtures)].application)
                accepted = now_ms()
                sent[system.verifications.submit(body, LOCAL).id] = accepted
                time.sleep(max(0.0, begin + (n + 1) / rate - time.monotonic()))
            others, questions = _answers(system, sent)
        return Run(others, len(sources.requests(DEAD)), questions)


def _answers(system, sent: dict[str, int]) -> tuple[list[float], int]:
    """Wait for every answer of the living sources; the mean per household, from submission."""
    deadline = time.monotonic() + 60
    means, questions = [], 0
    for verification, accepted in sent.items():
        while True:
            rows = system.store.exchanges(verification)
            living = [r for r in rows if r.source != DEAD]
            if all(r.status == "done" for r in living) or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        questions += sum(1 for r in rows if r.source == DEAD)
        means.append(statistics.fmean(r.updated_at - accepted for r in living))
    return means, questions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=80)
    parser.add_argument("--rate", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    normal, outage = [], []
    for number in range(chosen.rounds):
        for into, dead in ((normal, False), (outage, True)):
            into.append(one_run(chosen.households, chosen.rate, outage=dead))
            shown = statistics.median(into[-1].others_ms)
            print(
                f"round {number + 1} {'outage' if dead else 'normal'}: others answer after "
                f"{shown:7.1f} ms; {DEAD} got {into[-1].requests} requests for "
                f"{into[-1].questions} questions",
                file=sys.stderr,
            )
    before = statistics.median(statistics.median(r.others_ms) for r in normal)
    after = statistics.median(statistics.median(r.others_ms) for r in outage)
    usual = statistics.median(r.requests for r in normal)
    pressed = statistics.median(r.requests for r in outage)
    print(
        json.dumps(
            {
                "households": chosen.households,
                "rounds": chosen.rounds,
                "others_normal_ms": round(before, 1),
                "others_outage_ms": round(after, 1),
                "slowdown": round(after / before, 3),
                "requests_normal": usual,
                "requests_outage": pressed,
                "amplification": round(pressed / usual, 3),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
