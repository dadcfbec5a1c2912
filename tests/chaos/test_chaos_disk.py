"""The power goes, the disk is full or broken, at every single operation: nothing acknowledged lost.

`make chaos` takes 100,000 power losses and an error at every operation (VERIFY_LOSSES,
VERIFY_ERRORS).
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apsw
import chaos_desk
import pytest
from chaos_desk import Line

from support.disk import Disk, Operation, Power, ShortWrite, write_image
from verify.domain.errors import Conflict, NotFound, VerifyError
from verify.service.audit_cosigner import KEY_FILE, Cosigner
from verify.service.audit_keys import load_key
from verify.store import engines

COUNT = 2
LOSSES = int(os.environ.get("VERIFY_LOSSES", "3000"))
WHOLE = max(LOSSES // 50, 40)
"""Of the images so many are taken up by the store itself, which ends the day on them."""
ERRORS = os.environ.get("VERIFY_ERRORS", "")  # "all": at every operation


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'v.db'}"


@dataclass(frozen=True)
class Recording:
    """What a day did to its disk, and between which operations it acknowledged what."""

    lines: list[Operation | Line]
    origin: str

    @property
    def operations(self) -> int:
        return sum(isinstance(line, Operation) for line in self.lines)


def record(home: Path, synchronous: str = "FULL") -> Recording:
    home.mkdir()
    lines: list[Operation | Line] = []
    with Disk(home, lines.append).attached(synchronous):
        chaos_desk.day(url_of(home), home, COUNT, lines.append)
    origin = (home / "log.key").read_text().split("+")[2]
    return Recording(lines, origin)


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Recording:
    return record(tmp_path_factory.mktemp("disk") / "home")


@pytest.fixture
def place(tmp_path) -> Iterator[Path]:
    """A folder for thousands of short-lived images: in memory where there is such a disk."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else tmp_path
    folder = parent / f"verify-images-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


# -- power loss -------------------------------------------------------------------------------


def losses(
    recording: Recording, count: int
) -> Iterator[tuple[dict[str, bytes | None], list[Line]]]:
    """Images of the disk, evenly over the operations, with what was acknowledged by then."""
    chance = random.Random(20261125)
    each, rest = divmod(count, recording.operations)
    power, said = Power(), []
    for line in recording.lines:
        if not isinstance(line, Operation):
            said.append(line)
            continue
        power.after(line)
        extra = chance.random() < rest / recording.operations
        for number in range(each + extra):
            # The worst one, then random ones.
            yield power.image(chance if number or not each else None), list(said)


def damage(image: Path, origin: str, said: list[Line]) -> list[str]:
    """What is wrong with an image by its own tables and the witness's own file: a quick look."""
    wrong: list[str] = []
    if not (image / "v.db").exists():
        return [f"lost: {line}" for line in said]
    db = sqlite3.connect(image / "v.db", isolation_level=None)
    try:
        found = db.execute("PRAGMA integrity_check").fetchone()[0]
        wrong += [f"pages: {found}"] if found != "ok" else []
        wrong += [f"lost: {line}" for line in said if not _kept(db, line)]
        wrong += _witness_ahead(db, image / "witness", origin)
    except sqlite3.DatabaseError as error:
        wrong.append(f"lost: {error}") if said else None
    finally:
        db.close()
    return wrong


def _kept(db: sqlite3.Connection, line: Line) -> bool:
    queries = {
        "accepted": "SELECT count(*) FROM verifications WHERE id = ?2 AND ?1 >= 0",
        "answered": "SELECT count(*) FROM exchanges e JOIN blobs b ON e.bodies = '[\"' || b.digest "
        "|| '\"]' WHERE e.verification = ?1 AND e.source = ?2 AND e.status = 'done'",
        "sealed": "SELECT count(*) FROM verdicts v JOIN blobs b ON b.digest = v.verdict_digest "
        "JOIN ledger l ON l.verification = v.verification AND l.kind = 'verdict' "
        "WHERE v.verification = ?1 AND v.sequence = ?2",
    }
    return bool(db.execute(queries[line[0]], line[1:3]).fetchone()[0])


def _witness_ahead(db: sqlite3.Connection, folder: Path, origin: str) -> list[str]:
    """The witness remembers all that it confirmed, and knows nothing that the database has not."""
    leaves = db.execute("SELECT count(*) FROM tree_leaves").fetchone()[0]
    known = db.execute("SELECT max(size) FROM checkpoints WHERE witnessed").fetchone()[0] or 0
    try:
        latest = Cosigner(folder, load_key(folder / KEY_FILE)).latest(origin)
    except (NotFound, Conflict):
        latest = None  # no key yet, or the log is not registered yet
    except VerifyError as error:
        return [f"witness: {error.reason}"]
    size = latest.checkpoint.size if latest else 0
    return [] if known <= size <= leaves else [f"witness: {known} <= {size} <= {leaves}"]


def swept(recording: Recording, place: Path, count: int, whole: int) -> tuple[Counter[str], set]:
    """Faults by kind over `count` power losses, and how many images were different."""
    wrong: Counter[str] = Counter()
    seen: set[int] = set()
    every = max(count // whole, 1) if whole else count + 1
    for number, (image, said) in enumerate(losses(recording, count)):
        key = hash((tuple(sorted(image.items())), len(said)))
        if key in seen:
            continue
        seen.add(key)
        folder = place / f"image{number}"
        write_image(image, folder)
        faults = damage(folder, recording.origin, said)
        if number % every == 0 and not faults:
            faults = taken_up(folder, said)
        wrong.update(fault.partition(":")[0] for fault in faults)
        shutil.rmtree(folder)
    return wrong, seen


def taken_up(folder: Path, said: list[Line]) -> list[str]:
    """Begin the day again on what is left; whatever was acknowledged is in the end there, once."""
    chaos_desk.finish(url_of(folder), folder, COUNT)
    return chaos_desk.faults(url_of(folder), folder, said, ended=COUNT)


def test_the_power_may_go_after_any_operation(recording, place):
    wrong, different = swept(recording, place, LOSSES, WHOLE)
    print(
        f"\n{LOSSES} power losses over {recording.operations} operations, {len(different)} images"
    )
    assert len(different) > LOSSES / 4
    assert wrong == {}


def test_the_same_power_losses_with_a_weaker_setting_lose_what_was_acknowledged(
    tmp_path, place, monkeypatch
):
    """The control, with what the store refuses; if it passed, nothing would be proved."""
    monkeypatch.setattr(engines, "check_sqlite", lambda _connection: None)
    weak = record(tmp_path / "weak", "NORMAL")
    wrong, _ = swept(weak, place, min(LOSSES, 3000) // 3, 0)
    print(f"\ncontrol: {dict(wrong)}")
    assert wrong["lost"] > 10


# -- errors -----------------------------------------------------------------------------------

Fail = Callable[[Operation], None]


def full(operation: Operation) -> None:
    raise apsw.FullError("disk full") if operation.sqlite else OSError(errno.ENOSPC, "full")


def broken(operation: Operation) -> None:
    raise apsw.IOError("broken") if operation.sqlite else OSError(errno.EIO, "broken")


def short(operation: Operation) -> None:
    raise ShortWrite if operation.kind == "write" else OSError(errno.EIO, "broken")


class Faulty:
    """Lets the disk fail at one operation, or from it on for good."""

    def __init__(self, at: int, fail: Fail, *, lasting: bool) -> None:
        self._at, self._fail, self._lasting = at, fail, lasting
        self.count = 0

    def __call__(self, operation: Operation) -> None:
        self.count += 1
        if self.count == self._at or (self._lasting and self.count > self._at):
            self._fail(operation)


def failing(folder: Path, at: int, fail: Fail, *, lasting: bool) -> list[str]:
    """A day on a disk that fails, then one on the repaired disk; what is wrong in the end."""
    folder.mkdir()
    said: list[Line] = []
    faulty = Faulty(at, fail, lasting=lasting)
    # It says so in its own words, or the start fails with the system's; nothing else.
    with Disk(folder, faulty).attached(), contextlib.suppress(VerifyError, OSError):
        chaos_desk.day(url_of(folder), folder, COUNT, said.append)
    if said and faulty.count < at:
        return NOT_REACHED
    found = chaos_desk.faults(url_of(folder), folder, said) if said else []
    return found or taken_up(folder, said)


NOT_REACHED = ["the day ended before"]
"""Two days never take quite the same number of operations: the log is emptied when nobody reads."""

MODES = [
    partial(failing, fail=fail, lasting=lasting)
    for fail in (full, broken, short)
    for lasting in (False, True)
]


def test_a_disk_that_is_full_or_broken_at_any_operation_makes_no_false_promise(recording, place):
    last = recording.operations
    points = range(1, last + 1) if ERRORS == "all" else range(7, last + 1, max(last // 30, 1))
    tried = missed = 0
    for number in points:
        modes = MODES if ERRORS == "all" else [MODES[(number // 7) % len(MODES)]]
        for mode in modes:
            folder = place / f"error{tried}"
            wrong = mode(folder, number)
            assert wrong in ([], NOT_REACHED), (number, mode, wrong)
            missed += wrong == NOT_REACHED
            shutil.rmtree(folder)
            tried += 1
    print(f"\n{tried - missed} disk errors at {len(points)} of {last} operations")
    assert tried >= 30
    assert missed <= max(tried // 100, 1)
