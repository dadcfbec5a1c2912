"""Signals of auxiliary sources: only what is surely somebody's own, and at least how much."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from verify import frames
from verify.reconcile import auxiliary_signals


def record(number: int, kind: str, amount: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "household": "h",
        "record": f"x/p1/{number}",
        "evidence": "x/p1",
        "source": "x",
        "asked_person": "p1",
        "kind": kind,
        "granularity": "instant",
        "as_of": dt.date(2025, 5, 20),
        "amount": amount,
        "share_num": 1,
        "share_den": 1,
        "detail": "{}",
        **more,
    }


def signals(
    records: list[dict[str, Any]],
    judgement: str = "positive",
    *,
    weighs: bool = True,
    state: str = "ok",
    detail: str = "",
) -> list[tuple[str, int, int | None]]:
    matches = [
        {
            "household": "h",
            "record": r["record"],
            "person": "p1",
            "judgement": judgement,
            "weighs": weighs,
            "score": 0,
            "prior": 0,
            "rule": "r",
            "reasons": [],
        }
        for r in records
    ]
    coverage = {
        "household": "h",
        "evidence": "x/p1",
        "source": "x",
        "person": "p1",
        "mandatory": False,
        "state": state,
        "detail": detail,
        "yields": ["utility_use"],
        "records": len(records),
    }
    found = auxiliary_signals(
        frames.RECORDS.frame(records),
        frames.MATCHES.frame(matches),
        frames.COVERAGE.frame([coverage]),
    )
    assert found["code"].unique().to_list() in ([], ["auxiliary_signal"])
    return sorted(found.select("quantity", "found_lo", "found_hi").rows())


def test_of_amounts_it_says_at_least_the_largest_and_of_things_how_many() -> None:
    told = signals(
        [
            record(1, "securities", 500),
            record(2, "securities", 900),
            record(3, "vehicle", object_key="A"),
            record(4, "vehicle", object_key="B"),
            record(5, "vehicle", object_key="B"),
        ]
    )
    assert told == [("securities", 900, None), ("vehicle", 2, None)]


@pytest.mark.parametrize(
    ("judgement", "weighs"), [("unsure", True), ("negative", True), ("positive", False)]
)
def test_a_record_that_is_not_surely_hers_signals_nothing(judgement: str, weighs: bool) -> None:
    assert signals([record(1, "securities", 500)], judgement, weighs=weighs) == []


@pytest.mark.parametrize("state", ["stale", "wrong_subject"])
def test_records_that_may_not_be_used_signal_nothing(state: str) -> None:
    assert signals([record(1, "securities", 500)], state=state) == []


def test_an_indicator_signals_without_a_record() -> None:
    told = signals([], state="partial", detail="indicator_only")
    assert told == [("utility_use", 1, None)]
    assert signals([], state="partial", detail="pages_missing") == []


def test_no_auxiliary_evidence_no_signal() -> None:
    shape = frames.DISCREPANCIES
    empty = auxiliary_signals(
        frames.RECORDS.frame(), frames.MATCHES.frame(), frames.COVERAGE.frame()
    )
    assert empty.schema == pl.Schema(dict(shape.columns))
    assert empty.is_empty()
