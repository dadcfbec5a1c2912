"""The departments that are not asked over HTTP: folders for files, and a database with views."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from verify.simulate.dialects import agriculture, education, funeral
from verify.simulate.faults import ERROR_PAGE
from verify.simulate.registers import Enrolment, Registers
from verify.simulate.state import Asked, Holdings, SourceState

LOOK_SECONDS = 0.02


class FolderDepartment:
    """Reads request files, writes answer files after the delay of its profile."""

    def __init__(
        self,
        state: SourceState,
        holdings: Holdings,
        dialect: Any,
        suffix: str,
        pack: Callable[[bytes], bytes] = lambda body: body,
    ) -> None:
        self._state = state
        self._holdings = holdings
        self._dialect = dialect
        self._suffix = suffix
        self._pack = pack
        self.root = Path(tempfile.mkdtemp(prefix=f"verify-{state.source}-"))
        self._away = self.root.with_name(f"{self.root.name}-off")
        self._stop = threading.Event()
        self._seen: dict[str, float] = {}
        self._thread = threading.Thread(target=self._work, name=state.source, daemon=True)
        for name in ("requests", "answers"):
            (self.root / name).mkdir()

    @property
    def url(self) -> str:
        """Where its folders are."""
        return f"file://{self.root}"

    @property
    def is_on(self) -> bool:
        """Whether the folders are there."""
        return self.root.is_dir()

    def start(self) -> None:
        """Begin to look for requests."""
        self._thread.start()

    def stop(self) -> None:
        """End, and take the folders away."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        for folder in (self.root, self._away):
            shutil.rmtree(folder, ignore_errors=True)

    def switch(self, *, on: bool) -> None:
        """Take the folders away, as a share that is not mounted, or bring them back."""
        source, target = (self._away, self.root) if on else (self.root, self._away)
        if source.is_dir():
            source.rename(target)

    def _work(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            # A folder that is switched off in the middle of a look is looked at again.
            with contextlib.suppress(OSError):
                self._look()

    def _look(self) -> None:
        for path in (self.root / "requests").glob("[!.]*"):
            since = self._seen.setdefault(path.name, time.monotonic())
            profile = self._state.profile
            if time.monotonic() - since < profile.delay_seconds + profile.latency_seconds:
                continue
            try:
                asked = self._dialect.read(path.read_bytes())
            except (ValueError, KeyError, TypeError):
                path.unlink()
                continue
            fault = self._state.next_fault()
            if fault == "timeout":
                continue
            self._state.log(f"/{path.name}", path.stem, asked)
            body = self._answer(asked, fault)
            answer = self.root / "answers" / f"{path.stem}{self._suffix}"
            draft = answer.with_name(f".{answer.name}.part")
            draft.write_bytes(body)
            draft.replace(answer)
            path.unlink()

    def _answer(self, asked: Asked, fault: str) -> bytes:
        shown = asked
        if fault == "wrong_subject":
            name, number = self._holdings.somebody_else(asked)
            shown = replace(asked, name=name, id=number)
        day = asked.as_of - dt.timedelta(days=self._state.profile.stale_days)
        body: bytes = self._dialect.write(asked, self._holdings, day, shown)
        if fault in ("extra_field", "missing_field"):
            body = _drifted(body, self._suffix, fault)
        if fault == "html_error_page":
            return ERROR_PAGE
        packed = self._pack(body)
        if fault == "truncated":
            return packed[: len(packed) * 2 // 3]
        if fault == "bad_signature":
            return packed[:-1] + bytes([packed[-1] ^ 1])
        return packed


def _drifted(body: bytes, suffix: str, fault: str) -> bytes:
    """A column more or less."""
    if suffix != ".xlsx":
        extra = fault == "extra_field"
        lines = [line for line in body.split(b"\r\n") if line]
        return b"".join((line + b"  " if extra else line[:-2]) + b"\r\n" for line in lines)
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(body))
    cells = book.worksheets[0].iter_rows(values_only=True)
    head, *rows = [[str(c or "") for c in row] for row in cells]
    for number, row in enumerate(rows):
        if fault == "extra_field":
            row.append("1" if number else "xinzeng")
        else:
            row.pop()
    return agriculture.sheet([[c for c in head if c], *rows])


class DatabaseDepartment:
    """A database file with the view of the school register."""

    def __init__(self, state: SourceState, registers: Registers, day: dt.date) -> None:
        self._state = state
        self._rows: list[Enrolment] = list(registers.enrolments)
        self._more: list[Enrolment] = []
        self._day = day
        self.folder = Path(tempfile.mkdtemp(prefix="verify-education-"))
        self._path = self.folder / "school.db"
        self._away = self.folder / "school.db.off"
        self.refresh()

    @property
    def url(self) -> str:
        """An SQLAlchemy URL that can only read."""
        return f"sqlite:///file:{self._path}?mode=ro&uri=true"

    @property
    def is_on(self) -> bool:
        """Whether the database is there."""
        return self._path.is_file()

    def refresh(self) -> None:
        """Fill the view anew, as the department does every night."""
        profile = self._state.profile
        drift = "fee_year_yuan" if profile.fault == "missing_field" else ""
        day = self._day - dt.timedelta(days=profile.stale_days)
        target = self._path if self.is_on or not self._away.is_file() else self._away
        with contextlib.suppress(sqlite3.OperationalError):
            education.fill(target, [*self._rows, *self._more], day, drift=drift)

    def more(self, rows: Iterable[Enrolment]) -> None:
        """Hold these rows as well."""
        self._more = list(rows)
        self.refresh()

    def switch(self, *, on: bool) -> None:
        """Take the database away, or bring it back."""
        source, target = (self._away, self._path) if on else (self._path, self._away)
        if source.is_file():
            source.rename(target)

    def stop(self) -> None:
        """Take it away for good."""
        shutil.rmtree(self.folder, ignore_errors=True)


def folder_departments(
    states: dict[str, SourceState], holdings: Holdings, secrets: dict[str, str]
) -> dict[str, FolderDepartment]:
    """All departments that exchange files."""

    def pack(body: bytes) -> bytes:
        return funeral.pack(
            body,
            secrets["VERIFY_SOURCE_FUNERAL_SIGN_KEY"],
            secrets["VERIFY_SOURCE_FUNERAL_CIPHER_KEY"],
        )

    return {
        "agriculture": FolderDepartment(states["agriculture"], holdings, agriculture, ".xlsx"),
        "funeral": FolderDepartment(states["funeral"], holdings, funeral, ".bin", pack),
    }
