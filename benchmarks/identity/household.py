"""One household on the judging path: how long it takes, and the worst texts found so far."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from typing import Any

import polars as pl

from verify import frames
from verify.content import ContentSet
from verify.domain.identifiers import check_digit
from verify.identity import resolve
from verify.scoring import Scoring

NAMES = ("王秀兰", "李大明", "王小红", "王建国", "阿不都·买买提")
ROUNDS = 200


def _number(serial: int) -> str:
    first17 = f"31010119800305{serial:03d}"
    return first17 + check_digit(first17)


def _persons(texts: tuple[str, ...] = NAMES) -> list[dict[str, Any]]:
    return [
        {
            "household": "h", "person": f"p{i}", "role": "member", "relation": "self",
            "name": name, "former_names": [], "id_number": _number(i * 7),
            "birth": dt.date(1980, 3, 5), "phone": f"1000000123{i}",
            "address": f"示例路8号10{i}室",
        }
        for i, name in enumerate(texts)
    ]  # fmt: skip


def _record(at: int, **subject: Any) -> dict[str, Any]:
    return {
        "household": "h", "record": f"s{at % 6}/r{at:03d}", "evidence": f"s{at % 6}/p{at % 5}",
        "source": f"s{at % 6}", "asked_person": f"p{at % 5}", "kind": "bank_balance",
        "granularity": "instant", "share_num": 1, "share_den": 1, "detail": "{}",
        **{f"subject_{name}": value for name, value in subject.items()},
    }  # fmt: skip


def _frames(
    persons: list[dict[str, Any]], records: list[dict[str, Any]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    return frames.PERSONS.frame(persons), frames.RECORDS.frame(records)


def household() -> float:
    """Median milliseconds of 200 resolutions of five persons and sixty different records."""
    scoring = Scoring.from_content(ContentSet.load("scoring"))
    records = [
        _record(
            at,
            name=NAMES[at % 5] if at % 3 else "张伟",
            id=_number(at % 5 * 7) if at % 4 else None,
            birth=dt.date(1980, 3, 5) if at % 2 else None,
            phone=f"1000000123{at % 5}",
            address=f"示例路8号10{at % 5}室",
        )
        for at in range(60)
    ]
    people, rows = _frames(_persons(), records)
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        resolve(people, rows, scoring)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


TEXTS = (
    "王" * 100_000, "an" * 50_000, "\ufdfa" * 5_000, "·" * 100_000 + "王伟", "\u0301" * 100_000,
    "1" * 100_000, "*" * 100_000, "310101" + "*" * 10_000 + "1025", "O" * 50_000 + "I" * 50_000,
    "".join(chr(0x4E00 + i % 20_000) for i in range(400)), "安昂啊阿" * 100, "ang" * 130,
    "a" + "\u0300\u0301" * 40_000, "ﷺ" * 400, "\u200b" * 99_999 + "李",
)  # fmt: skip


def worst() -> dict[str, float]:
    """Milliseconds of the most expensive pair and household among hostile texts, best of three."""
    scoring = Scoring.from_content(ContentSet.load("scoring"))

    def cost(persons: list[dict[str, Any]], records: list[dict[str, Any]]) -> float:
        people, rows = _frames(persons, records)
        spent = []
        for _ in range(3):
            started = time.process_time()
            resolve(people, rows, scoring)
            spent.append(time.process_time() - started)
        return min(spent) * 1000

    def entry(at: int, text: str) -> dict[str, Any]:
        return _record(at, name=text + str(at), id=text + str(at), phone=text, address=text + "x")

    pairs = [cost(_persons((text[:400],)), [entry(0, text)]) for text in TEXTS]
    homes = [
        cost(
            _persons(tuple(text[i : i + 300] for i in range(5))),
            [entry(i, text) for i in range(60)],
        )
        for text in TEXTS
    ]
    return {"pair_ms": max(pairs), "household_ms": max(homes)}
