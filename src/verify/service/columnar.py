"""Rules-only assessment of very many households, from files to Parquet.

    out/law.json                          digest of the rules, and which rulebook has which folder
    out/outcomes/00000.parquet ...        one row per household
    out/findings/00000.parquet ...        one row per household and test
    out/trace/<rulebook>/plan.json        what the columns mean
    out/trace/<rulebook>/household/ person/ supporter/ ...     one folder a level, parts/, facts/:
                                                               see `TraceFrames`

Parts are numbered in the order of the households. Nothing else is stored, and no source is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from verify import frames
from verify.domain.canonical import canonical_bytes, plain
from verify.domain.errors import InputError
from verify.domain.verdict import TraceNode
from verify.rules import (
    Columnar,
    GivenHousehold,
    Law,
    TraceFrames,
    assess_chunks,
    described,
    facts_from_given,
    tree,
)

TABLES = ("households", "persons", "facts", "doubts")
PARTS, FACTS = "parts", "facts"
CHUNK = 100_000
"""Households assessed, and written, in one go."""
Plain = dict[str, Any]
Batch = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Written:
    """What was written: households by outcome."""

    households: int
    outcomes: dict[str, int]


def assess_to_files(
    law: Law, batches: Iterable[Batch], out: Path, tell: Callable[[int], None] = lambda _: None
) -> Written:
    """Assess batches in order and write the frames; `tell` hears of each number of households.

    Raises:
        InputError: `out` holds something already, or the households do.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError(
            "the folder is not empty",
            where=str(out),
            remedy="name a new folder: results are never overwritten",
        )
    counts: dict[str, int] = {}
    books: set[str] = set()
    number = 0
    for batch in batches:
        for found in assess_chunks(law, *batch, chunk=CHUNK):
            _write(found, out, number)
            books |= set(found.traces)
            number += 1
            for outcome, n in found.outcomes["outcome"].value_counts().iter_rows():
                counts[outcome] = counts.get(outcome, 0) + n
            tell(found.outcomes.height)
    for book in sorted(books):
        _put(out / "trace" / folder(book) / "plan.json", described(law.books[book]))
    _put(
        out / "law.json", {"rules": law.digest, "rulebooks": {b: folder(b) for b in sorted(books)}}
    )
    return Written(sum(counts.values()), dict(sorted(counts.items())))


def folder(book: str) -> str:
    """`cn/310000/dibao` as one folder name."""
    return book.replace("/", "-")


def _write(found: Columnar, out: Path, number: int) -> None:
    frames_of = {out / "outcomes": found.outcomes, out / "findings": found.findings}
    for book, trace in found.traces.items():
        place = out / "trace" / folder(book)
        frames_of |= {place / PARTS: trace.parts, place / FACTS: trace.facts}
        frames_of |= {place / level.replace(":", "-"): f for level, f in trace.levels.items()}
    for place, frame in frames_of.items():
        place.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(place / f"{number:05d}.parquet")


def _put(path: Path, value: Plain) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(canonical_bytes(value))


def tree_from_files(law: Law, out: Path, household: str) -> tuple[TraceNode, ...]:
    """The trace tree of one household, from what `assess_to_files` wrote.

    Only the rows of that household are read.

    Raises:
        InputError: the folder is not such a result.
        NotFound: no such household, or another version of the rules.
    """
    return tree(law, read(out, household), household)


def read(out: Path, household: str | None = None) -> Columnar:
    """The frames that were written; with `household`, its rows alone.

    Raises:
        InputError: the folder is not such a result.
    """
    try:
        said = json.loads((out / "law.json").read_bytes())
    except (OSError, ValueError):
        raise InputError(
            "there is no result of a batch here",
            where=str(out),
            remedy="name the folder that `verify assess --batch ... --out` wrote",
        ) from None

    def rows(place: Path) -> pl.DataFrame:
        frame = pl.scan_parquet(place / "*.parquet")
        if household is not None:
            frame = frame.filter(pl.col("household") == household)
        return frame.collect()

    return Columnar(
        said["rules"],
        rows(out / "outcomes"),
        rows(out / "findings"),
        {
            book: _trace(book, out / "trace" / place, rows)
            for book, place in said["rulebooks"].items()
        },
    )


def _trace(book: str, folder: Path, rows: Callable[[Path], pl.DataFrame]) -> TraceFrames:
    levels = sorted(p for p in folder.iterdir() if p.is_dir() and p.name not in (PARTS, FACTS))
    return TraceFrames(
        book,
        {p.name.replace("-", ":"): rows(p) for p in levels},
        rows(folder / PARTS),
        rows(folder / FACTS),
    )


def batches(law: Law, source: Path) -> Iterator[Batch]:
    """Households to assess: a folder of Parquet tables, or a file of one JSON document a line.

    The folder has `households`, `persons`, `facts` and (may be left out) `doubts`, each as one
    `.parquet` file in the shape of `verify.frames`. In a `.jsonl` file each line is a given
    household; its key is its line number.

    Raises:
        InputError: no such file, a table that is missing or has another shape, a line that is
            no given household.
    """
    if source.is_dir():
        yield _tables(source)
        return
    try:
        with source.open(encoding="utf-8") as lines:
            numbered = enumerate(lines, start=1)
            while some := list(islice(numbered, 10_000)):
                yield _given(law, source, some)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file cannot be read ({error})", where=str(source)) from None


def _tables(source: Path) -> Batch:
    shapes = (frames.HOUSEHOLDS, frames.PERSONS, frames.FACTS, frames.DOUBTS)
    found = []
    for name, shape in zip(TABLES, shapes, strict=True):
        path = source / f"{name}.parquet"
        if name == "doubts" and not path.exists():
            found.append(shape.frame())
            continue
        try:
            found.append(shape.filled(pl.read_parquet(path)))
        except (OSError, pl.exceptions.PolarsError, ValueError) as error:
            raise InputError(
                f"the table cannot be used: {error}",
                where=str(path),
                remedy="write it in the shape of `verify.frames`",
            ) from None
    return found[0], found[1], found[2], found[3]


def _given(law: Law, source: Path, lines: list[tuple[int, str]]) -> Batch:
    given = []
    for number, line in lines:
        if not line.strip():
            continue
        try:
            given.append((f"{number:09d}", GivenHousehold.model_validate_json(line)))
        except ValueError as error:
            raise InputError(
                f"the line is no given household ({type(error).__name__})",
                where=f"{source}:{number}",
                remedy="`verify assess` of that line alone names the field",
            ) from None
    parts = facts_from_given(given, law)
    return parts.households, parts.persons, parts.facts, parts.doubts


def as_plain(nodes: tuple[TraceNode, ...]) -> list[Any]:
    """A tree as JSON values."""
    return [plain(n) for n in nodes]
