"""What the simulated departments know, how they misbehave, and who asked them what."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from verify.domain.identifiers import lift_15_to_18
from verify.simulate.registers import Account, Registers, Row, Title

SOURCES = (
    "agriculture",
    "bank",
    "disability",
    "education",
    "funeral",
    "household_register",
    "insurance",
    "internet_finance",
    "market",
    "marriage",
    "medical",
    "provident_fund",
    "real_estate",
    "securities",
    "social_insurance",
    "tax",
    "utilities",
    "vehicle",
)
# Those that are not asked over HTTP: folders and a database.
FOLDERS = ("agriculture", "funeral")
DATABASES = ("education",)
MAX_LOGGED = 20_000

Fault = Literal[
    "none",
    "http_500",
    "html_error_page",
    "truncated",
    "timeout",
    "slow_drip",
    "throttled",
    "refused",
    "redirect",
    "wrong_subject",
    "extra_field",
    "missing_field",
    "bad_signature",
    "lost_page",
]


@dataclass(frozen=True)
class Profile:
    """How one source behaves.

    `delay_seconds` is how long an asynchronous answer takes to be ready. `fault` happens to
    the next `fault_count` requests, or to all when that is None. `stale_days` shifts the day of
    which the data are. `parts_down` names banks that do not answer. `token_seconds` is the life
    of an access token.
    """

    latency_seconds: float = 0.0
    delay_seconds: float = 1.0
    fault: Fault = "none"
    fault_count: int | None = None
    stale_days: int = 0
    parts_down: tuple[str, ...] = ()
    retry_after: str = "2"
    token_seconds: int = 300


PRESETS: dict[str, dict[str, Profile]] = {
    "instant": {s: Profile(delay_seconds=0.0) for s in SOURCES},
    "demo": {s: Profile(latency_seconds=0.15, delay_seconds=1.0) for s in SOURCES},
    "realistic": {s: Profile(latency_seconds=0.6, delay_seconds=180.0) for s in SOURCES},
}


@dataclass(frozen=True)
class Asked:
    """A question as a source understood it, whatever its dialect."""

    name: str
    id: str
    as_of: dt.date
    letter: str
    purpose: str
    requester: str
    request_id: str
    former_names: tuple[str, ...] = ()
    window_start: dt.date | None = None
    part: str = ""
    page: int = 1
    page_size: int = 50
    callback_url: str = ""


@dataclass(frozen=True)
class LoggedRequest:
    """One request as the source saw it: the ground truth that tests compare with.

    `subject` is a keyed hash of the identity number; `stated` says whether requester, letter and
    purpose were all given.
    """

    source: str
    at: float
    path: str
    idempotency_key: str
    letter: str
    purpose: str
    requester: str
    subject: str
    part: str = ""

    @property
    def stated(self) -> bool:
        """Whether the request said who asks, with which letter and for what purpose."""
        return bool(self.letter and self.purpose and self.requester)


R = TypeVar("R")


class _Index:
    """Rows by identity number (15 digits lifted) and by name."""

    def __init__(self) -> None:
        self._by_id: dict[str, list[Any]] = {}
        self._by_name: dict[str, list[Any]] = {}

    def add(self, row: Any, holders: Iterable[Any]) -> None:
        for holder in holders:
            if holder.id:
                self._by_id.setdefault(_lifted(holder.id), []).append(row)
            self._by_name.setdefault(holder.name, []).append(row)

    def find(self, asked: Asked, *, by_name: bool) -> list[Any]:
        found = list(self._by_id.get(_lifted(asked.id), ()))
        if by_name:
            for name in (asked.name, *asked.former_names):
                found.extend(self._by_name.get(name, ()))
        return list({id(row): row for row in found}.values())


def _lifted(number: str) -> str:
    plain = number.isascii() and number.isdigit() and len(number) == 15
    return lift_15_to_18(number) if plain else number.upper()


class Holdings:
    """The registers of all departments, searchable as old systems search: by number or by name."""

    def __init__(self, registers: Registers) -> None:
        self._tables: dict[str, _Index] = {}
        self._people: dict[str, str] = {}
        self.more: Holdings | None = None
        for table in type(registers).model_fields:
            index = self._tables[table] = _Index()
            for row in getattr(registers, table):
                index.add(row, _holders(row))
                self._people.update((_lifted(h.id), h.name) for h in _holders(row) if h.id)

    def find(self, table: str, asked: Asked, kind: type[R], *, by_name: bool = True) -> list[R]:
        """Rows of `table` about the number asked for, or (old systems) about the name."""
        rows: list[R] = self._tables[table].find(asked, by_name=by_name)
        found = [r for r in rows if isinstance(r, kind)]
        more = self.more
        return found if more is None else found + more.find(table, asked, kind, by_name=by_name)

    def somebody_else(self, asked: Asked) -> tuple[str, str]:
        """Name and number of another registered person."""
        return next(
            ((n, i) for i, n in self._people.items() if i != _lifted(asked.id) and n != asked.name),
            ("错查", "11010519491231002X"),
        )


def _holders(row: Row | Title) -> list[Any]:
    if isinstance(row, Title):
        return list(row.owners)
    return [row, *row.joint_with] if isinstance(row, Account) else [row]


@dataclass
class SourceState:
    """One source at run time. All methods are safe to call from any thread."""

    source: str
    profile: Profile
    salt: bytes
    _log: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=MAX_LOGGED))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, **changes: Any) -> None:
        """Change the profile; takes effect with the next request.

        Raises:
            TypeError: a profile has no such setting.
        """
        with self._lock:
            self.profile = replace(self.profile, **changes)

    def next_fault(self) -> Fault:
        """The fault that this request meets; counts it."""
        with self._lock:
            now = self.profile
            if now.fault == "none" or now.fault_count is None:
                return now.fault
            if now.fault_count <= 0:
                return "none"
            self.profile = replace(now, fault_count=now.fault_count - 1)
            return now.fault

    def log(self, path: str, key: str, asked: Asked) -> None:
        """Remember who asked about whom, with which letter."""
        entry = LoggedRequest(
            source=self.source,
            at=time.time(),
            path=path,
            idempotency_key=key,
            letter=asked.letter,
            purpose=asked.purpose,
            requester=asked.requester,
            subject=subject_hash(self.salt, asked.id),
            part=asked.part,
        )
        with self._lock:
            self._log.append(entry)

    def requests(self) -> list[LoggedRequest]:
        """The requests so far, oldest first (the last 20,000)."""
        with self._lock:
            return list(self._log)


def subject_hash(salt: bytes, number: str) -> str:
    """A keyed hash of an identity number: the log itself holds no personal data."""
    return hmac.new(salt, _lifted(number).encode(), hashlib.sha256).hexdigest()[:16]
