"""What one dead source costs the others, and how hard a source in trouble is pressed.

    make bench-outage

Households are submitted at a fixed rate over the whole path, with the simulated sources asked
over sockets. Normal and outage runs come in pairs, each next to the other and in alternating
order, so that both meet the same machine; every figure is a ratio within a pair, and the median
over the pairs is what counts. A machine that is busy with something else moves both runs of a
pair, and its odd pair is not the median. In the outage the vehicle office accepts connections and
never answers.

All figures are of what the simulated servers counted: who was asked by whom, and when.

- `slowdown`: from the submission of a verification to the last request of it at the *other*
  sources, outage over normal (mean over the verifications); at most 1.05.
- `throughput`: other sources' requests a second while verifications were coming in, outage over
  normal; at least 0.95.
- `amplification`: requests that the dead source gets, over those it gets in normal times; at most
  1.2.

Readable table on standard error; the last line of standard output is one JSON object. `judged` is
false where the machine was too busy to tell: two normal runs then differ more than the limit, or
a verification is with the others forty times as long as one of them takes.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import structlog

from verify.bootstrap import System, build
from verify.content import content_root
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.simulate.households import load_all, merge_registers
from verify.simulate.server import SimulatedSources
from verify.simulate.state import LoggedRequest

DEAD = "vehicle"
LATENCY_SECONDS = 0.05
SLOWDOWN, THROUGHPUT, AMPLIFICATION = 1.05, 0.95, 1.2


@dataclass(frozen=True)
class Run:
    """What the servers counted in one run.

    `spans` are milliseconds, one a verification: from its submission to its last request at a
    living source. `others` and `dead` count requests; `seconds` is over which the others came.
    """

    spans: Sequence[float]
    others: int
    dead: int
    seconds: float

    @property
    def span(self) -> float:
        """Mean milliseconds."""
        return statistics.fmean(self.spans)

    @property
    def rate(self) -> float:
        """Requests a second at the living sources."""
        return self.others / self.seconds


def counted(logs: dict[str, list[LoggedRequest]], sent: Mapping[str, float]) -> Run:
    """The figures of a run out of the servers' own logs.

    A request names its verification in its idempotency key; `sent` says when each was submitted.
    """
    living: dict[str, list[float]] = {}
    for source, log in logs.items():
        for request in log:
            verification = request.idempotency_key.split(f"-{source}-")[0]
            if source != DEAD and verification in sent:
                living.setdefault(verification, []).append(request.at)
    moments = [at for times in living.values() for at in times]
    return Run(
        spans=[1000 * (max(times) - sent[v]) for v, times in living.items()],
        others=len(moments),
        dead=len(logs[DEAD]),
        seconds=max(moments) - min(moments),
    )


def one_run(households: int, rate: float, *, outage: bool) -> Run:
    """Submit so many households at so many a second, until the living sources have answered."""
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
            sent: dict[str, float] = {}
            begin = time.monotonic()
            for n in range(households):
                body = ApplicationIn.model_validate(fixtures[n % len(fixtures)].application)
                moment = time.time()
                sent[system.verifications.submit(body, LOCAL).id] = moment
                time.sleep(max(0.0, begin + (n + 1) / rate - time.monotonic()))
            _wait(system, sent)
        return counted({s: sources.requests(s) for s in sources.urls}, sent)


def _wait(system: System, sent: Iterable[str]) -> None:
    """Until every answer of the living sources is there."""
    deadline = time.monotonic() + 120
    for verification in sent:
        while time.monotonic() < deadline:
            rows = system.store.exchanges(verification)
            if all(r.status == "done" for r in rows if r.source != DEAD):
                break
            time.sleep(0.05)


def _ratio(pairs: Sequence[tuple[Run, Run]], of: Any) -> float:
    """Median over the pairs of outage over normal."""
    return statistics.median(of(outage) / of(normal) for normal, outage in pairs)


def _noise(pairs: Sequence[tuple[Run, Run]]) -> float:
    """How far two normal runs one after the other are from each other (median)."""
    spans = [normal.span for normal, _ in pairs]
    steps = [max(a, b) / min(a, b) for a, b in pairwise(spans)]
    return statistics.median(steps) if steps else float("inf")


def main() -> int:
    """Measure and print; exit code 1 where a limit is broken and the machine was quiet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=80)
    parser.add_argument("--rate", type=float, default=8.0)
    parser.add_argument("--pairs", type=int, default=5)
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    one_run(min(10, chosen.households), chosen.rate, outage=False)  # compiles and imports
    pairs: list[tuple[Run, Run]] = []
    for number in range(chosen.pairs):
        order = (False, True) if number % 2 == 0 else (True, False)
        runs = {dead: one_run(chosen.households, chosen.rate, outage=dead) for dead in order}
        pairs.append((runs[False], runs[True]))
        for dead in order:
            run = runs[dead]
            print(
                f"pair {number + 1} {'outage' if dead else 'normal'}: a verification is with the "
                f"others for {run.span:7.1f} ms; they got {run.rate:6.1f} requests/s; {DEAD} got "
                f"{run.dead}",
                file=sys.stderr,
            )
    figures = {
        "slowdown": round(_ratio(pairs, lambda r: r.span), 3),
        "throughput": round(_ratio(pairs, lambda r: r.rate), 3),
        "amplification": round(_ratio(pairs, lambda r: r.dead), 3),
    }
    noise = _noise(pairs)
    within = (
        figures["slowdown"] <= SLOWDOWN
        and figures["throughput"] >= THROUGHPUT
        and figures["amplification"] <= AMPLIFICATION
    )
    # Where the sources' own latency is lost in the queue, the machine is what is measured.
    idle = statistics.median(normal.span for normal, _ in pairs) < 40_000 * LATENCY_SECONDS
    judged = idle and (within or noise <= SLOWDOWN)
    print(
        json.dumps(
            {
                "households": chosen.households,
                "pairs": chosen.pairs,
                **figures,
                "noise": round(noise, 3) if noise < float("inf") else None,
                "within": within,
                "judged": judged,
            }
        )
    )
    return 1 if judged and not within else 0


if __name__ == "__main__":
    sys.exit(main())
