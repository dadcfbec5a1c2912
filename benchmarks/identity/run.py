"""Identity resolution beside Splink and recordlinkage: quality, time, memory, worst cases.

Usage: run.py [--peers PYTHON] [--data DIR] [--sizes N,N] [--scaling N,N] [--u-pairs N]

    make bench-identity                  everything below; 10 to 20 minutes, 16 GB for 5M records
    ... run.py --peers PYTHON --sizes 100000 --scaling 10000,100000      a first look, two minutes

1. *Labelled sets* (a folder for each, `a.parquet` and perhaps `b.parquet`, truth in `cluster`):
   precision, recall and F1 at the one cut-off each side ships, on every set of DIR.
2. *Synthetic Chinese roster* (`verify simulate roster`; its README.json states what was damaged and
   how often): the same, with wall time, processor time and peak memory of all sides on the same
   files, in turns. Splink runs twice: with the rules of a first attempt (`light`) and with those
   its guides lead to (`documented`, see peer_splink.py), whose recall is comparable with ours.
   The ratio claimed is the one to `documented`; the other is printed beside it.
3. *Scaling* of this engine, 10,000 to 5,000,000 records.
4. *A household* of five against sixty records of six sources, and the worst texts we could find.

Every run is a process of its own; its peak memory and processor time are those of the process,
reading included. `s` is linking alone: of Splink without reading, cleaning and loading, of ours
with normalising. On a busy machine wall time says little: compare processor seconds (`cpu`).
Tables go to standard error, the key figures as one JSON line to standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from household import household, worst

from verify.identity import evaluate, true_pairs
from verify.simulate.city.roster import generate_roster

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SEED = 20250520
Figures = dict[str, Any]


def say(text: str = "") -> None:
    """One line of the report for people."""
    print(text, file=sys.stderr, flush=True)


def run(python: str, script: str, out: Path, *words: str) -> Figures:
    """Run one side; its own account, wall seconds of the process and peak memory in MB."""
    out.unlink(missing_ok=True)
    started = time.perf_counter()
    process = subprocess.Popen(
        [python, str(HERE / script), str(out), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")} if python == sys.executable else None,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    errors = process.stderr.read() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{script} failed:\n{errors[-2000:]}")
    account = json.loads(Path(f"{out}.json").read_text(encoding="utf-8"))
    return {
        **account,
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def quality(out: Path, truth: pl.DataFrame) -> Figures:
    found = evaluate(pl.read_parquet(out), truth)
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in found.to_dict().items()}


HEAD = (
    f"{'set':<12} {'side':<18} {'F1':>7} {'P':>8} {'R':>8} {'R+unsure':>9} {'unsure':>7} "
    f"{'s':>7} {'cpu':>7} {'MB':>6}"
)


def line(name: str, side: str, figures: Figures) -> None:
    say(
        f"{name:<12} {side:<18} {figures['f1']:7.4f} {figures['precision']:8.5f} "
        f"{figures['recall']:8.5f} {figures['recall_with_unsure']:9.5f} {figures['unsure']:7d} "
        f"{figures['seconds']:7.1f} {figures['cpu']:7.1f} {figures['peak_mb']:6.0f}"
    )


def labelled(data: Path, peers: str, u_pairs: str, work: Path) -> dict[str, dict[str, Figures]]:
    found: dict[str, dict[str, Figures]] = {}
    folders = sorted(p.parent for p in data.glob("*/a.parquet"))
    if not folders:
        say(f"no labelled sets in {data}: give --data DIR; this part is left out")
        return found
    say(HEAD)
    for folder in folders:
        paths = [str(p) for p in (folder / "a.parquet", folder / "b.parquet") if p.exists()]
        frames = [pl.read_parquet(p) for p in paths]
        truth = true_pairs(frames[0], frames[1] if len(frames) > 1 else None)
        sides = [("ours", sys.executable, "ours.py", paths)]
        if peers:
            sides.append(("splink", peers, "peer_splink.py", ["documented", u_pairs, *paths]))
            sides.append(("recordlinkage", peers, "peer_recordlinkage.py", paths))
        found[folder.name] = {}
        for side, python, script, words in sides:
            out = work / f"{folder.name}-{side}.parquet"
            figures = run(python, script, out, *words)
            figures |= quality(out, truth)
            found[folder.name][side] = figures
            line(folder.name, side, figures)
    return found


def roster(people: int, work: Path) -> tuple[list[str], pl.DataFrame]:
    folder = work / f"roster-{people}"
    if not folder.exists():
        summary = generate_roster(people, people, SEED, folder)
        say(f"roster of {people:,}: {summary.counts['kind']}")
        say(f"  numbers: {summary.counts['id_mishap']}")
        say(f"  names: {summary.counts['name_mishap']}")
    truth = pl.read_parquet(folder / "truth.parquet").filter(pl.col("person").is_not_null())
    pairs = truth.select(unique_id_l="record", unique_id_r="person")
    return [str(folder / "records.parquet"), str(folder / "people.parquet")], pairs


def synthetic(sizes: list[int], peers: str, u_pairs: str, work: Path) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    for size in sizes:
        paths, truth = roster(size, work)
        say(HEAD)
        sides = [("ours", sys.executable, "ours.py", paths)]
        if peers:
            for recipe in RECIPES:
                words = [recipe, u_pairs, *paths]
                sides.append((f"splink {recipe}", peers, "peer_splink.py", words))
            if size <= 100_000:  # it holds every comparison in pandas
                sides.append(("recordlinkage", peers, "peer_recordlinkage.py", paths))
            sides.append(("ours, again", sys.executable, "ours.py", paths))
        runs: dict[str, Figures] = {}
        for side, python, script, words in sides:
            out = work / f"{size}-{side.replace(' ', '-')}.parquet"
            runs[side] = run(python, script, out, *words) | quality(out, truth)
            line(f"{size:,}", side, runs[side])
        ours = runs["ours"]
        ours["unsure_share"] = ours["unsure"] / size
        say(f"  unsure: {100 * ours['unsure_share']:.3f} % of the records")
        found[str(size)] = runs
        if peers:
            runs["ratios"] = ratios(runs)
    return found


RECIPES = ("light", "documented")


def ratios(runs: dict[str, Figures]) -> Figures:
    """How many times the time and memory of ours each recipe of Splink takes."""
    mine = [figures for side, figures in runs.items() if side.startswith("ours")]
    found: Figures = {}
    for recipe in RECIPES:
        peer = runs[f"splink {recipe}"]
        times = {
            name: peer[name] / statistics.mean(figures[name] for figures in mine)
            for name in ("seconds", "cpu", "peak_mb")
        }
        found[recipe] = {
            "speed_ratio": times["seconds"],
            "cpu_ratio": times["cpu"],
            "memory_ratio": 1 / times["peak_mb"],
            "f1": mine[0]["f1"],
            "peer_f1": peer["f1"],
            "recall": mine[0]["recall"],
            "peer_recall": peer["recall"],
        }
        say(
            f"  Splink {recipe}: {times['seconds']:.1f} x our time (processor time "
            f"{times['cpu']:.1f} x), our peak memory is {1 / times['peak_mb']:.2f} of its; "
            f"F1 {peer['f1']:.4f} beside {mine[0]['f1']:.4f}, "
            f"recall {peer['recall']:.5f} beside {mine[0]['recall']:.5f}"
        )
    return found


def scaling(sizes: list[int], work: Path) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    say(
        f"{'people':>10} {'records':>10} {'s':>7} {'cpu':>7} {'records/s':>10} {'MB':>6} "
        f"{'compared':>10} {'F1':>7}"
    )
    for size in sizes:
        paths, truth = roster(size, work)
        out = work / f"scaling-{size}.parquet"
        figures = run(sys.executable, "ours.py", out, *paths) | quality(out, truth)
        found[str(size)] = figures
        rate = size / figures["seconds"]
        say(
            f"{size:10,} {size:10,} {figures['seconds']:7.1f} {figures['cpu']:7.1f} "
            f"{rate:10,.0f} {figures['peak_mb']:6.0f} {figures['compared']:10,} "
            f"{figures['f1']:7.4f}"
        )
    return found


def labelled_folder() -> Path:
    """`shared/linkage_data` beside the repository, or beside a folder that holds it."""
    places = [above / "shared" / "linkage_data" for above in ROOT.parents]
    return next((place for place in places if place.is_dir()), places[0])


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default="", help="Python that has the peers installed")
    parser.add_argument("--data", type=Path, default=labelled_folder())
    parser.add_argument("--sizes", type=numbers, default=[100_000, 1_000_000])
    parser.add_argument("--scaling", type=numbers, default=[10_000, 100_000, 1_000_000, 5_000_000])
    parser.add_argument("--u-pairs", default="1e6", help="random pairs from which Splink takes u")
    parser.add_argument("--work", type=Path, help="folder to keep rosters and pairs in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        if not options.peers:
            say("no peers: `make bench-identity` installs and asks them")
        say(f"load average of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        result: Figures = {
            "labelled": labelled(options.data, options.peers, options.u_pairs, work),
            "roster": synthetic(options.sizes, options.peers, options.u_pairs, work),
            "scaling": scaling(options.scaling, work),
            "household_ms": household(),
            "worst": worst(),
        }
    say(f"household of 5, 60 records of 6 sources: {result['household_ms']:.1f} ms (limit 10)")
    for name, milliseconds in result["worst"].items():
        say(f"worst {name}: {milliseconds:.1f} ms")
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
