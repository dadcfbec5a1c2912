"""A few thousand hostile payloads for every decoder; `make fuzz` runs half a million."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import decoders


def test_no_hostile_payload_crashes_a_decoder_or_is_wrongly_accepted() -> None:
    report = decoders.run(4_000, seed=20250520)
    assert report.faults == {}, report.examples
    assert report.slowest < decoders.SLOW_SECONDS
    assert report.memory_mb < decoders.MEMORY_MB


def test_every_source_and_every_table_form_is_fuzzed() -> None:
    names = {s.name for s in decoders.seeds()}
    assert {"csv gbk", "csv gb18030", "csv utf-8", "csv utf-8-sig", "parquet"} < names
    assert {s.declaration.id for s in decoders.seeds()} <= names


def test_a_decoder_that_accepts_too_much_would_be_found() -> None:
    """The oracle can fail: an answer about another person that came through is a fault."""
    seed = next(s for s in decoders.seeds() if s.name == "tax")
    accepted = decoders.decode(seed.declaration, seed.bodies, seed.context)
    assert decoders.fault_of(seed, decoders.ANY, accepted) == ""
    assert decoders.fault_of(seed, decoders.NEVER, accepted) == "wrongly accepted"
