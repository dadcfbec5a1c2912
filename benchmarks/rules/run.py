"""Rules over a whole city: this engine beside hand-written Polars, ZEN and OpenFisca-core.

Usage: run.py [--households N] [--peers PYTHON] [--repeat K]

Every engine runs in a process of its own on the same Parquet files; reading them is not timed.
The same six conditions of the Shanghai dibao rulebook of 2025-05-20 are judged from the same
facts. Tables go to standard error, the key figures as one JSON line to standard output.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from handwritten import judge
from population import AS_OF, City, city

from verify import frames
from verify.content import ContentSet
from verify.rules import Law, assess, assess_chunks

HERE = Path(__file__).parent
TABLES = ("households", "persons", "facts", "doubts")
TESTS = ("composition", "income", "money_assets", "vehicles", "dwellings", "non_residential")
LIMIT_SECONDS, LIMIT_POLARS, LEAST_ZEN = 5, 2, 100


def say(text: str = "") -> None:
    """One line of the report for people."""
    print(text, file=sys.stderr, flush=True)


# -- in a process of their own ---------------------------------------------------------------------


class Took:
    """Seconds on the clock and of processor time; the best of several runs."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._cpu: list[float] = []

    def __enter__(self) -> None:
        self._started, self._used = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self._seconds.append(time.perf_counter() - self._started)
        self._cpu.append(time.process_time() - self._used)

    def best(self) -> dict[str, Any]:
        """The figures of a part."""
        return {"seconds": min(self._seconds), "cpu": min(self._cpu)}


def load(folder: Path) -> City:
    """The city from its files."""
    shapes = (frames.HOUSEHOLDS, frames.PERSONS, frames.FACTS, frames.DOUBTS)
    parts = [
        shape.check(pl.read_parquet(folder / f"{name}.parquet"))
        for name, shape in zip(TABLES, shapes, strict=True)
    ]
    return City(*parts)


def ours(folder: Path, repeat: int) -> dict[str, Any]:
    """Outcomes, findings and the whole trace as frames; the trace is handed on piece by piece."""
    law, them = Law.from_content(ContentSet.load("rules")), load(folder)
    took = Took()
    for _ in range(repeat):
        outcomes, findings, cells = [], [], 0
        with took:
            pieces = assess_chunks(law, them.households, them.persons, them.facts, them.doubts)
            for piece in pieces:
                outcomes.append(piece.outcomes["outcome"])
                findings.append(piece.findings)
                for trace in piece.traces.values():
                    for frame in (*trace.levels.values(), trace.parts, trace.facts):
                        cells += frame.height * frame.width
    every = pl.concat(findings)
    states = every["household", "test", "state"].pivot("test", index="household", values="state")
    states.write_parquet(folder / "ours.parquet")
    counts = pl.concat(outcomes).value_counts()
    return {
        **took.best(),
        "outcomes": dict(sorted(counts.iter_rows())),
        "trace_cells": cells,
    }


def bare(folder: Path, repeat: int) -> dict[str, Any]:
    """The outcome of every condition and household, without the trace."""
    law, them = Law.from_content(ContentSet.load("rules")), load(folder)
    took = Took()
    for _ in range(repeat):
        with took:
            for piece in assess_chunks(
                law, them.households, them.persons, them.facts, them.doubts, trace=False
            ):
                if piece.outcomes.is_empty() or piece.findings.is_empty():
                    raise SystemExit("a piece without outcomes")
    return took.best()


def polars_by_hand(folder: Path, repeat: int) -> dict[str, Any]:
    """The hand-written query."""
    them, took = load(folder), Took()
    for _ in range(repeat):
        with took:
            found = judge(them)
    found.select(
        "household",
        "composition",
        "money_assets",
        "non_residential",
        income="income_test",
        vehicles="vehicles_test",
        dwellings="dwellings_test",
    ).write_parquet(folder / "polars.parquet")
    return took.best()


def one_household(folder: Path, repeat: int) -> dict[str, Any]:
    """Median milliseconds of `assess` for one household, trace and all."""
    law, them = Law.from_content(ContentSet.load("rules")), load(folder)
    took = []
    for key in them.households["household"].head(40 * repeat):
        mine = [
            frame.filter(pl.col("household") == key)
            for frame in (them.households, them.persons, them.facts, them.doubts)
        ]
        started = time.perf_counter()
        assess(law, *mine)
        took.append((time.perf_counter() - started) * 1_000)
    return {"median_ms": statistics.median(took[5:])}


PARTS = {"ours": ours, "bare": bare, "polars": polars_by_hand, "one": one_household}


# -- the comparison --------------------------------------------------------------------------------


def write(folder: Path, them: City) -> None:
    """The city as files, with ages for the peers (they have no dates of birth)."""

    def digits(day: pl.Expr) -> pl.Expr:
        year, month, of_month = (
            part.cast(pl.Int64) for part in (day.dt.year(), day.dt.month(), day.dt.day())
        )
        return year * 10_000 + month * 100 + of_month

    folder.mkdir(parents=True)
    age = (digits(pl.lit(AS_OF)) - digits(pl.col("birth"))) // 10_000
    for name in TABLES:
        frame = getattr(them, name)
        frame = frame.with_columns(age=age) if name == "persons" else frame
        frame.write_parquet(folder / f"{name}.parquet")


def run(*command: str) -> dict[str, Any]:
    """Run a process to its end and read its last line; raises if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def agreement(folder: Path, other: str) -> tuple[int, int]:
    """States that both engines decide, and those on which they differ."""
    mine = pl.read_parquet(folder / "ours.parquet")
    theirs = pl.read_parquet(folder / f"{other}.parquet")
    both = mine.join(theirs, on="household", suffix="_theirs")
    compared = differing = 0
    for test in TESTS:
        decided = both.filter(pl.col(test) != "undetermined")
        good = decided[test].is_in(["satisfied", "not_applicable"])
        compared += decided.height
        differing += int((good != decided[f"{test}_theirs"]).sum())
    return compared, differing


def sizes(households: int) -> list[int]:
    """Sizes at which the cost per household is shown."""
    return sorted({n for n in (1_000, 10_000, 100_000) if n < households} | {households})


def main() -> None:
    """Run everything, print the tables, fail where the engines disagree."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--households", type=int, default=1_000_000)
    parser.add_argument("--peers", default=sys.executable, help="Python that has the peers")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sample", type=int, default=5_000, help="households given to ZEN")
    parser.add_argument("--part", nargs=2, metavar=("NAME", "FOLDER"))
    options = parser.parse_args()
    if options.part:
        name, folder = options.part
        result = PARTS[name](Path(folder), options.repeat)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
        print(json.dumps(result | {"peak_mb": peak}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        compare(Path(temporary), options)


def compare(root: Path, options: argparse.Namespace) -> None:
    """The comparison itself."""
    n, peers = options.households, options.peers

    def mine(part: str, folder: Path) -> dict[str, Any]:
        return run(
            sys.executable, str(HERE / "run.py"), "--repeat", str(options.repeat),
            "--part", part, str(folder),
        )  # fmt: skip

    say(
        f"{'households':>12}{'facts':>14}{'seconds':>10}{'processor':>11}"
        f"{'microseconds each':>20}{'peak MB':>10}"
    )
    own: dict[int, dict[str, Any]] = {}
    for size in sizes(n):
        folder = root / str(size)
        them = city(size)
        write(folder, them)
        found = own[size] = mine("ours", folder)
        say(
            f"{size:>12,}{them.facts.height:>14,}{found['seconds']:>10.2f}{found['cpu']:>11.2f}"
            f"{found['seconds'] / size * 1e6:>20.2f}{found['peak_mb']:>10,}"
        )
    folder, whole = root / str(n), own[n]
    some = min(n, options.sample)
    engines = {
        "hand-written Polars": (mine("polars", folder), "polars"),
        "ZEN, from facts": (run(peers, "peer_zen.py", str(folder), str(some)), "zen"),
        "ZEN, without trace": (run(peers, "peer_zen.py", str(folder), str(some), "bare"), ""),
        "ZEN, amounts added up": (
            run(peers, "peer_zen.py", str(folder), str(some), "presummed"),
            "zen_presummed",
        ),
        "OpenFisca, arrays": (run(peers, "peer_openfisca.py", str(folder)), "openfisca"),
        "OpenFisca, JSON": (
            run(peers, "peer_openfisca.py", str(folder), "json", str(min(n, 2_000))),
            "",
        ),
    }
    say()
    say(
        f"{'engine':<24}{'households':>11}{'seconds':>9}{f'for {n:,}':>15}{'times':>8}"
        f"{'processor':>11}{'times':>8}{'differ':>8}"
    )
    engines = {"verify, with trace": (whole, "")} | engines
    ratios: dict[str, float] = {}
    processor: dict[str, float] = {}
    disagreements = 0
    for label, (found, file) in engines.items():
        judged = found.get("households", n)
        scaled, cpu = (found[k] * n / judged for k in ("seconds", "cpu"))
        ratios[label], processor[label] = scaled / whole["seconds"], cpu / whole["cpu"]
        compared, differing = agreement(folder, file) if file else (0, 0)
        disagreements += differing
        say(
            f"{label:<24}{judged:>11,}{found['seconds']:>9.2f}{scaled:>15.1f}{ratios[label]:>8.2f}"
            f"{cpu:>11.1f}{processor[label]:>8.2f}{differing if compared else '-':>8}"
        )
    without = mine("bare", folder)
    bare_ratio = ratios["ZEN, without trace"] * whole["seconds"] / without["seconds"]
    say(f"without trace: verify {without['seconds']:.2f} s, ZEN {bare_ratio:.1f} times that")
    say("`for` of ZEN and of OpenFisca's JSON is scaled up from their sample.")
    doubtful = root / "doubtful"
    write(doubtful, city(min(n, 100_000), doubtful=5))
    unsure = mine("ours", doubtful)
    rate = unsure["seconds"] / min(n, 100_000) * 1e6
    one = mine("one", root / str(sizes(n)[0]))
    say()
    say(f"one household alone, with trace, median: {one['median_ms']:.1f} ms")
    say(f"with 5 % doubtful accounts: {rate:.2f} microseconds each; {unsure['outcomes']}")
    say(f"outcomes: {whole['outcomes']}; cells of trace: {whole['trace_cells']:,}")
    say(
        f"aims: {LIMIT_SECONDS} s; hand-written at least 1/{LIMIT_POLARS}; ZEN at least {LEAST_ZEN}"
    )
    figures = {
        "households": n,
        "seconds": round(whole["seconds"], 2),
        "processor_seconds": round(whole["cpu"], 2),
        "peak_mb": whole["peak_mb"],
        "speed_ratio": round(ratios["ZEN, from facts"], 1),
        "seconds_without_trace": round(without["seconds"], 2),
        "zen_without_trace_ratio": round(bare_ratio, 1),
        "zen_presummed_ratio": round(ratios["ZEN, amounts added up"], 1),
        "openfisca_ratio": round(ratios["OpenFisca, arrays"], 2),
        "openfisca_json_ratio": round(ratios["OpenFisca, JSON"], 1),
        "polars_ratio": round(ratios["hand-written Polars"], 2),
        "zen_processor_ratio": round(processor["ZEN, from facts"], 1),
        "polars_processor_ratio": round(processor["hand-written Polars"], 2),
        "openfisca_processor_ratio": round(processor["OpenFisca, arrays"], 2),
        "states_differing": disagreements,
        "doubtful_us_each": round(rate, 2),
        "one_household_ms": round(one["median_ms"], 1),
    }
    print(json.dumps(figures))
    if disagreements:
        raise SystemExit("the engines differ on states that they all decide")


if __name__ == "__main__":
    main()
