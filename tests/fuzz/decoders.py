"""Hostile payloads for every decoder, and what must hold for each of them.

    python tests/fuzz/decoders.py --count 500000 --seed 1

A payload is a recorded answer after some damage. Some damage must never be accepted (a field
nobody declared, another person, a count that lies, a cut, broken text); of any other, whatever is
accepted must still be a frame of plausible records. Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import io
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from verify import frames
from verify.connectors import Connectors, Declaration, DecodeContext, Decoded, decode
from verify.connectors.grammar import Table
from verify.connectors.values import integer_amount
from verify.content import ContentSet

ROOT = Path(__file__).parents[2]
SLOW_SECONDS, MEMORY_MB = 1.0, 256
NEVER = "never"  # damage that must never be accepted
ANY = "any"


@dataclass(frozen=True)
class Seed:
    """A recorded answer and who it is about."""

    declaration: Declaration
    bodies: tuple[bytes, ...]
    context: DecodeContext
    name: str


def _body(recorded: Any) -> bytes:
    return base64.b64decode(recorded["base64"]) if isinstance(recorded, dict) else recorded.encode()


def seeds() -> list[Seed]:
    """Every recorded answer of every connector, and of the table forms no connector uses."""
    connectors = Connectors.from_content(ContentSet.load("connectors", ROOT))
    found = []
    for source in connectors.sources:
        text = (ROOT / f"fixtures/replies/{source}/replies.yaml").read_text(encoding="utf-8")
        for reply in yaml.safe_load(text)["replies"]:
            asked = reply["asked"]
            context = DecodeContext(
                "h", f"{source}/p1", "p1", asked["name"], asked["id_number"], asked["as_of"]
            )
            bodies = tuple(_body(b) for b in reply["bodies"])
            found.append(Seed(connectors.declaration(source), bodies, context, source))
    return [*found, *_tables(connectors.declaration("agriculture"), found)]


def _tables(agriculture: Declaration, found: list[Seed]) -> Iterator[Seed]:
    """The spreadsheet of the agriculture office as CSV in each encoding, and as Parquet."""
    from verify.connectors.tables import parse_table_file

    original = next(s for s in found if s.name == "agriculture")
    table = agriculture.answer.table
    assert table is not None
    tree, header = parse_table_file(original.bodies[0], table, 100)
    lines = [list(tree["head"].values()), header, *(list(r.values()) for r in tree["rows"])]
    text = "\r\n".join(",".join(line) for line in lines) + "\r\n"
    for encoding in ("utf-8", "utf-8-sig", "gbk", "gb18030"):
        form = Table(form="csv", encoding=encoding, head=table.head)
        yield replace(
            original,
            declaration=_as(agriculture, form),
            bodies=(text.encode(encoding),),
            name=f"csv {encoding}",
        )
    made = io.BytesIO()
    frame = pl.DataFrame(tree["rows"], schema=dict.fromkeys(header, pl.String))
    frame.write_parquet(made, metadata=tree["head"])
    form = Table(form="parquet", head=table.head)
    yield replace(
        original,
        declaration=_as(agriculture, form),
        bodies=(made.getvalue(),),
        name="parquet",
    )


def _as(declaration: Declaration, table: Table) -> Declaration:
    answer = declaration.answer.model_copy(update={"table": table})
    return declaration.model_copy(update={"answer": answer})


# -- damage -----------------------------------------------------------------------------------

Damage = Callable[[random.Random, Seed, bytes], bytes | None]


def _flip(dice: random.Random, seed: Seed, body: bytes) -> bytes:
    made = bytearray(body)
    for _ in range(dice.randint(1, 8)):
        made[dice.randrange(len(made))] = dice.randrange(256)
    return bytes(made)


def _slice(dice: random.Random, seed: Seed, body: bytes) -> bytes:
    a, b = sorted((dice.randrange(len(body)), dice.randrange(len(body))))
    piece = body[a:b]
    at = dice.randrange(len(body))
    if dice.random() < 0.5:
        return body[:a] + body[b:]
    return body[:at] + piece * dice.randint(1, 3) + body[at:]


_TOKENS = [b"NaN", b"1e400", b"-1", b"null", b"true", b"[]", b"{}", b'""', b"\x00", b"\xff\xfe",
           b"9" * 400, b"<a/>", b"&lt;", b"]]>", b"\xe2\x80\xae", b"\\ud800", b",", b'"', b"\r\n",
           "０".encode(), b"%s", b"PAR1", b"PK\x05\x06"]  # fmt: skip


def _token(dice: random.Random, seed: Seed, body: bytes) -> bytes:
    at = dice.randrange(len(body))
    return body[:at] + dice.choice(_TOKENS) + body[at + dice.randint(0, 4) :]


def _number(dice: random.Random, seed: Seed, body: bytes) -> bytes | None:
    """Another number where one stands."""
    digits = [i for i, c in enumerate(body) if 48 <= c <= 57]
    if not digits:
        return None
    at = dice.choice(digits)
    return body[:at] + str(dice.choice([0, 9, 10**12, 10**30])).encode() + body[at + 1 :]


def _cut(dice: random.Random, seed: Seed, body: bytes) -> bytes:
    whole = body.rstrip()
    return whole[: dice.randrange(1, len(whole))]


def _broken_text(dice: random.Random, seed: Seed, body: bytes) -> bytes | None:
    if seed.declaration.answer.format == "table":
        return None
    at = dice.randrange(1, len(body.rstrip()))
    return body[:at] + b"\xff" + body[at:]


def _places(tree: Any) -> list[dict[str, Any]]:
    """Every mapping of a document."""
    found, left = [], [tree]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            found.append(value)
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return found


def _json(seed: Seed, body: bytes) -> Any:
    return json.loads(body) if seed.declaration.answer.format == "json" else None


def _unknown_field(dice: random.Random, seed: Seed, body: bytes) -> bytes | None:
    tree = _json(seed, body)
    if tree is None:
        return None
    dice.choice(_places(tree))[f"x{dice.randrange(10**6)}"] = dice.choice(["1", 0, None, [], {}])
    return json.dumps(tree, ensure_ascii=False).encode()


def _other_person(dice: random.Random, seed: Seed, body: bytes) -> bytes | None:
    echo = seed.declaration.answer.subject
    return _put(seed, body, dice.choice([echo.name, echo.id]), "另一人")


def _count(dice: random.Random, seed: Seed, body: bytes) -> bytes | None:
    total = seed.declaration.answer.total
    return _put(seed, body, total, dice.randint(50, 99)) if total else None


def _put(seed: Seed, body: bytes, path: str, value: Any) -> bytes | None:
    tree = _json(seed, body)
    if tree is None:
        return None
    *above, last = path.split(".")
    place: Any = tree
    for key in above:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[last] = value
    return json.dumps(tree, ensure_ascii=False).encode()


DAMAGES: tuple[tuple[str, str, Damage], ...] = (
    ("flipped bytes", ANY, _flip),
    ("moved slices", ANY, _slice),
    ("strange tokens", ANY, _token),
    ("other numbers", ANY, _number),
    ("cut off", NEVER, _cut),
    ("broken text", NEVER, _broken_text),
    ("unknown field", NEVER, _unknown_field),
    ("another person", NEVER, _other_person),
    ("lying count", NEVER, _count),
)


# -- what must hold ---------------------------------------------------------------------------


def fault_of(seed: Seed, rule: str, decoded: Decoded) -> str:
    """Why a decoded payload is a fault of the decoder; empty where it is none."""
    if rule == NEVER and decoded.state.answered:
        return "wrongly accepted"
    if decoded.state in ("malformed", "schema_mismatch", "wrong_subject") and decoded.rows:
        return "rows of a refused answer"
    if decoded.state == "confirmed_empty" and decoded.rows:
        return "nothing found, with rows"
    if decoded.state == "ok" and not decoded.rows and not _may_drop(seed):
        return "ok without rows"
    try:
        frames.RECORDS.frame(decoded.rows)
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        return f"no frame: {type(error).__name__}"
    highest = _highest(seed.declaration)
    for row in decoded.rows:
        if highest and abs(row.get("amount") or 0) > highest:
            return "implausible amount accepted"
    return ""


def _may_drop(seed: Seed) -> bool:
    return any(s.drop_when or s.records[0].when for s in seed.declaration.answer.sections)


def _highest(declaration: Declaration) -> int:
    money = [
        integer_amount(e.unit)(e.max)
        for s in declaration.answer.sections
        for e in s.expect
        if e.unit != "m2"
    ]
    return max(money, default=0)


@dataclass
class Report:
    """What a run found."""

    payloads: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    memory_mb: int = 0

    @property
    def good(self) -> bool:
        return not self.faults and self.memory_mb <= MEMORY_MB


def run(count: int, seed: int, progress: Callable[[int], None] = lambda done: None) -> Report:
    """Decode `count` payloads. The same seed gives the same payloads."""
    dice = random.Random(seed)
    known = seeds()
    for s in known:  # what is imported and compiled once is not the payloads' memory
        decode(s.declaration, s.bodies, s.context)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = Report()
    started = time.monotonic()
    while report.payloads < count:
        one = dice.choice(known)
        name, rule, damage = dice.choice(DAMAGES)
        bodies = list(one.bodies)
        at = dice.randrange(len(bodies))
        made = damage(dice, one, bodies[at])
        if made is None or made == bodies[at]:
            continue
        bodies[at] = made
        report.payloads += 1
        if report.payloads % 5000 == 0:
            progress(report.payloads)
        _one(report, one, (name, rule), bodies)
    report.seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report.memory_mb = (after - before) // 1024
    return report


def _one(report: Report, seed: Seed, how: tuple[str, str], bodies: list[bytes]) -> None:
    began = time.process_time()
    try:
        decoded = decode(seed.declaration, bodies, seed.context)
        fault = fault_of(seed, how[1], decoded)
        report.states[decoded.state.value] += 1
    except Exception as error:  # noqa: BLE001 - that nothing escapes is what is tested
        fault = f"crash: {type(error).__name__}"
    took = time.process_time() - began
    report.slowest = max(report.slowest, took)
    if took > SLOW_SECONDS:
        fault = fault or "over a second"
    if fault:
        report.faults[fault] += 1
        report.examples.setdefault(fault, f"{seed.name}, {how[0]}: {bodies[0][:300]!r}")


def main() -> int:
    """Run from the command line; exit code 1 where a fault was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=20250520)
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}, {chosen.count} payloads", file=sys.stderr)
    report = run(
        chosen.count,
        chosen.seed,
        lambda done: print(f"  {done}", end="\r", file=sys.stderr, flush=True),
    )
    for state, number in report.states.most_common():
        print(f"{state:16} {number:9}", file=sys.stderr)
    for fault, number in report.faults.most_common():
        print(f"FAULT {fault}: {number}\n  {report.examples[fault]}", file=sys.stderr)
    print(
        json.dumps(
            {
                "payloads": report.payloads,
                "seed": chosen.seed,
                "faults": dict(report.faults),
                "seconds": round(report.seconds, 1),
                "slowest_ms": round(report.slowest * 1000),
                "memory_mb": report.memory_mb,
                "date": dt.datetime.now(dt.UTC).date().isoformat(),
            }
        )
    )
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
