"""One side of the comparison: this engine, in a process of its own.

Usage: ours.py OUT A [B]. Writes judged pairs to OUT and prints seconds and counts as JSON.
Reading the registers is not timed, on either side.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl

from verify.content import ContentSet
from verify.identity import link
from verify.scoring.linking import link_settings

HIDDEN = ("cluster", "household", "source")


def main(out: str, *paths: str) -> None:
    families = link_settings(ContentSet.load("scoring"))
    frames = [pl.read_parquet(path) for path in paths]
    registers = [f.drop([c for c in HIDDEN if c in f.columns]) for f in frames]
    started = time.perf_counter()
    found = link(registers[0], registers[1] if len(registers) > 1 else None, families)
    seconds = time.perf_counter() - started
    found.pairs.select("unique_id_l", "unique_id_r", "score", "judgement").write_parquet(out)
    said = {
        "seconds": seconds,
        "compared": found.blocked.pairs.height,
        "family": found.family,
        "how": found.how,
        "missed_at_least": float(found.missed.lower_bound),
    }
    Path(out + ".json").write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
