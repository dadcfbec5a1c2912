"""Data keys as stored: made when a scope is first used, wrapped, re-wrapped, erased."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, select, update

from verify.domain.errors import Conflict, IntegrityError
from verify.store import blobs
from verify.store.tables import data_keys
from verify.store.vault import DataKey, MasterKeys, no_master

_k = data_keys.c
_REST = 4096
FRESH_SECONDS = 60.0
"""So long a key is used without looking whether another process erased it meanwhile."""
INDEX = "index"

Run = Callable[[Callable[[Connection], Any]], Any]


ERASED_REASON = "this evidence was erased when its retention ended"


class Erased(Conflict):
    """What is asked for was erased on purpose; the ledger still proves what it was."""

    code, title = "erased", "The evidence was erased"


@dataclass(frozen=True, slots=True)
class DataKeyRow:
    """A data key as stored; `wrapped` is empty once it is erased."""

    scope: str
    master: str
    wrapped: bytes
    created_at: int
    erased_at: int | None


Again = Callable[[], MasterKeys | None]
"""Reads the master keys anew, from where they came; `None` if they cannot change."""


class Keyring:
    """The data keys of an open store.

    Another process may wrap them under a new master key meanwhile (`verify db rotate`). Then the
    master keys are read `again`; until the new one is found there, nothing new is sealed: it would
    be under a key that is about to be thrown away.

    Another process may erase a scope, too. An open key is looked for anew every `FRESH_SECONDS`, by
    one caller while the others go on, and whenever something does not open (`require_there`).
    """

    def __init__(
        self, masters: MasterKeys, read: Run, write: Run, again: Again = lambda: None
    ) -> None:
        self._again = again
        self._masters = masters
        self._read = read
        self._write = write
        self._lock = threading.Lock()
        self._open: dict[str, tuple[DataKey, float]] = {}

    def sealing(self, scope: str, now_ms: int) -> DataKey:
        """The key to seal under; made, and durably stored, when the scope is new.

        Raises:
            Erased: the scope's evidence was erased; nothing new may be sealed under it.
        """
        known = self._known(scope)
        if known is not None:
            return known
        if self._row(scope) is None:
            self._make(scope, now_ms)
        return self.opening(scope)

    def opening(self, scope: str) -> DataKey:
        """The key that a scope's blobs open under.

        Raises:
            Erased: it was erased.
            Conflict: the master key that wrapped it is not here.
            IntegrityError: it was changed, or is missing.
        """
        known = self._known(scope)
        if known is not None:
            return known
        row = self._row(scope)
        if row is None or row.erased_at is not None:
            self._drop(scope)
            raise missing(scope) if row is None else erased(scope)
        if not self._masters.has(row.master):
            self._renew()
        key = self._masters.unwrap(scope, row.wrapped, row.master)
        with self._lock:
            if len(self._open) >= _REST:
                self._open.clear()
            self._open[scope] = key, time.monotonic() + FRESH_SECONDS
        return key

    def require_there(self, scope: str) -> None:
        """Look for a key anew, whatever is remembered: something under it did not open.

        Raises:
            Erased: it was erased, perhaps by another process; then nothing was changed.
        """
        row = self._row(scope)
        if row is not None and row.erased_at is not None:
            self._drop(scope)
            raise erased(scope)

    def _known(self, scope: str) -> DataKey | None:
        """The remembered key; `None`, to one caller, when it is time to look for it anew."""
        key, until = self._open.get(scope, (None, 0.0))
        if key is None or time.monotonic() < until:
            return key
        with self._lock:
            if self._open.get(scope, (None, 0.0))[1] != until:
                return key
            self._open[scope] = key, time.monotonic() + FRESH_SECONDS
        return None

    def _drop(self, scope: str) -> None:
        with self._lock:
            self._open.pop(scope, None)

    def forget(self) -> None:
        """Read every key again when it is next needed."""
        with self._lock:
            self._open.clear()

    def blind(self, kind: str, value: str) -> str:
        """Blind index of a value: equal values give equal text; nothing else can be told."""
        return self.sealing(INDEX, 0).blind(kind, value)

    def _row(self, scope: str) -> DataKeyRow | None:
        row = self._read(lambda c: c.execute(select(data_keys).where(_k.scope == scope)).first())
        return None if row is None else DataKeyRow(*row)

    def _make(self, scope: str, now_ms: int) -> None:
        for _ in range(2):
            masters = self._masters
            _, wrapped = masters.new_data_key(scope)
            row = {
                "scope": scope,
                "master": masters.name,
                "wrapped": wrapped,
                "created_at": now_ms,
                "erased_at": None,
            }
            if self._write(partial(_made, row=row, masters=masters)):
                return
            self._renew()
        raise no_master()

    def _renew(self) -> None:
        found = self._again()
        if found is not None:
            self._masters = found

    def rows(self) -> tuple[DataKeyRow, ...]:
        """Every data key, by scope."""
        found: tuple[DataKeyRow, ...] = self._read(every)
        return found

    def fault(self, row: DataKeyRow) -> str:
        """Why a data key does not open as it stands in the database; empty if it does."""
        try:
            self._masters.unwrap(row.scope, row.wrapped, row.master)
        except (Conflict, IntegrityError) as error:
            return error.reason
        return ""

    def require_masters(self) -> None:
        """Raise `Conflict` if some key is wrapped under a master key that is not here."""
        for row in self.rows():
            if row.erased_at is None and not self._masters.has(row.master):
                raise no_master()

    def require_some_master(self) -> None:
        """Raise `Conflict` if every key is under a master key that is not here.

        That is another installation's key. A single one that does not open is for the checks to
        name: somebody may have changed it.
        """
        live = [row.master for row in self.rows() if row.erased_at is None]
        if live and not any(self._masters.has(master) for master in live):
            raise no_master()

    def claim(self) -> None:
        """Leave a key in the database at once, so that a process with another master key notices.

        Raises:
            Conflict: another process was first, with another master key.
        """
        self.sealing(INDEX, 0)

    def rotate(self) -> int:
        """Wrap every data key that is under an older master key under the first; how many."""
        changed = 0
        # The index key goes first: whoever makes a key looks at it, so none is made unseen.
        for row in itertools.chain(self._index(), self._others()):
            if row.erased_at is None and row.master != self._masters.name:
                wrapped = self._masters.rewrap(row.scope, row.wrapped, row.master)
                self._write(
                    partial(_rewrapped, row=row, wrapped=wrapped, master=self._masters.name)
                )
                changed += 1
        return changed

    def _index(self) -> Iterator[DataKeyRow]:
        row = self._row(INDEX)
        if row is not None:
            yield row

    def _others(self) -> Iterator[DataKeyRow]:
        yield from self.rows()


def _made(connection: Connection, row: dict[str, Any], masters: MasterKeys) -> bool:
    """Store a new data key, unless all are wrapped under a master key that is not known here."""
    query = select(_k.master).where(_k.scope == INDEX).with_for_update(read=True)
    newest = connection.execute(query).scalar()
    if newest is not None and not masters.has(newest):
        return False
    # Of several processes the first one's key stays.
    blobs.insert_new(connection, data_keys, row)
    return True


def _rewrapped(connection: Connection, row: DataKeyRow, wrapped: bytes, master: str) -> None:
    connection.execute(
        update(data_keys)
        .where(_k.scope == row.scope, _k.master == row.master, _k.erased_at.is_(None))
        .values(wrapped=wrapped, master=master)
    )


def every(connection: Connection) -> tuple[DataKeyRow, ...]:
    """Every data key, by scope."""
    rows = connection.execute(select(data_keys).order_by(_k.scope)).all()
    return tuple(DataKeyRow(*row) for row in rows)


def in_use(connection: Connection) -> bool:
    """Whether any data key is stored that is not erased."""
    query = select(_k.scope).where(_k.erased_at.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def erased(scope: str) -> Erased:
    """The error for evidence whose key is gone on purpose."""
    return Erased(
        ERASED_REASON,
        where=f"key {scope}",
        remedy="the ledger still proves what was asked, answered and decided, and when",
    )


def missing(scope: str) -> Conflict:
    """The error for a key that ought to be there."""
    return Conflict(
        "the key of this evidence is not in the database",
        where=f"key {scope}",
        remedy="restore the database from a backup",
    )
