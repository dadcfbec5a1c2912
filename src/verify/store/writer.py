"""How units of work reach the database: all or nothing each, durable before acknowledged.

A *unit of work* is a function of a connection. It may run more than once (after a deadlock), so
it has no effect outside the database; whatever it returns is handed over only after its commit.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from verify.domain.errors import Conflict, Overloaded, VerifyError

T = TypeVar("T")
Unit = Callable[[Connection], T]

SHED_MS = 500
"""So long readers are waited for, while nobody can write."""
SHED_AGAIN_SECONDS = 1.0
GROUP = 256
"""At most this many units share a commit, so that one commit stays short."""

RETRIES = 5
_TRANSIENT = {"40001", "40P01"}  # serialization failure, deadlock


class Writer(Protocol):
    """Runs units of work durably."""

    def run(self, unit: Unit[T]) -> T:
        """Run a unit, commit, and return its result.

        Raises:
            VerifyError: what the unit raised; nothing of it was stored.
            Overloaded: the database could not take it.
        """
        ...

    def shed(self) -> None:
        """Leave no older copies of what was overwritten, as far as the database can; never fails.

        What a reader still holds on to goes with a later commit, or when the writer is closed.
        """
        ...

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        ...


def unavailable() -> Overloaded:
    """The one answer for a database that cannot be reached or cannot write."""
    return Overloaded(
        "the database could not confirm this now",
        where="database",
        remedy="repeat it (a submission with the same Idempotency-Key); if it persists, check "
        "the database's disk space, log and address",
    )


def closed() -> Overloaded:
    """The answer to work that comes while the process is shutting down."""
    return Overloaded(
        "the store is closed", where="database", remedy="try again when the service is up"
    )


@dataclass(frozen=True)
class _Waiting:
    unit: Unit[Any]
    future: Future[Any]


def _shedding(_connection: Connection) -> None:
    """Stands in the queue for what is no unit: outside a transaction, see `Writer.shed`."""


class GroupWriter:
    """SQLite: one thread writes, and all units that wait share one commit (one fsync).

    Each unit runs in a savepoint, so a failing one leaves its neighbours alone.

    The first commit sheds as well: the process before may have been killed before it could.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._owed_from: float | None = 0.0
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self._thread.start()

    def run(self, unit: Unit[T]) -> T:
        """See `Writer.run`."""
        return self._handed(unit)

    def shed(self) -> None:
        """See `Writer.shed`: the write-ahead log is emptied, which else keeps what it held."""
        with contextlib.suppress(VerifyError):
            self._handed(_shedding)

    def _handed(self, unit: Unit[T]) -> T:
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise closed()
            self._queue.put(_Waiting(unit, future))
        return future.result()

    def close(self) -> None:
        """See `Writer.close`."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _loop(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            if units := [waiting for waiting in group if waiting.unit is not _shedding]:
                self._commit(units)
            asked = [waiting for waiting in group if waiting.unit is _shedding]
            if asked or (units and self._owes()):
                done = self._emptied(SHED_MS if asked else 0)
                self._owed_from = None if done else time.monotonic() + SHED_AGAIN_SECONDS
            for waiting in asked:
                waiting.future.set_result(None)

    def _owes(self) -> bool:
        return self._owed_from is not None and time.monotonic() >= self._owed_from

    def _emptied(self, wait_ms: int) -> bool:
        """Empty the write-ahead log; whether no reader was in the way."""
        try:
            with self._engine.connect() as connection:
                driver: Any = connection.connection.driver_connection
                (waits,) = driver.execute("PRAGMA busy_timeout").fetchone()
                driver.execute(f"PRAGMA busy_timeout={wait_ms}")
                try:
                    (blocked, *_) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                finally:
                    driver.execute(f"PRAGMA busy_timeout={waits}")
                return not blocked
        except Exception:  # noqa: BLE001 - with a later commit, or when it is closed
            return False

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Everything that waits now (blocking for the first), and whether to go on."""
        group: list[_Waiting] = []
        item = self._queue.get()
        while item is not None:
            group.append(item)
            if len(group) == GROUP:
                return group, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[_Waiting]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        try:
            with self._engine.begin() as connection:
                for waiting in group:
                    try:
                        with _savepoint(connection):
                            result = waiting.unit(connection)
                        done.append((waiting.future, result))
                    except (VerifyError, SQLAlchemyError) as error:
                        failed.append((waiting.future, _translated(error)))
                    except _GroupLost:
                        raise
                    except Exception as error:  # noqa: BLE001 - a fault of one unit, handed to it
                        failed.append((waiting.future, error))
        except BaseException:  # noqa: BLE001 - every waiting caller must hear of it
            # Nothing of the group was committed; nobody was told otherwise.
            for waiting in group:
                waiting.future.set_exception(unavailable())
            return
        for future, result in done:
            future.set_result(result)
        for future, fault in failed:
            future.set_exception(fault)


class _GroupLost(Exception):
    """The whole transaction is gone, with the units that had succeeded in it."""


@contextlib.contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    """One unit's part of the transaction, undone if it raises.

    Straight on the driver: SQLAlchemy's own costs a third of a typical unit.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("SAVEPOINT unit")
    try:
        yield
    except BaseException:
        # SQLite ends the whole transaction on some errors (disk full, I/O).
        if not driver.in_transaction:
            raise _GroupLost from None
        driver.execute("ROLLBACK TO unit")
        driver.execute("RELEASE unit")
        raise
    driver.execute("RELEASE unit")


class ReadOnly:
    """Refuses every unit: the store was opened for reading."""

    def run(self, unit: Unit[T]) -> T:
        """See `Writer.run`."""
        raise Conflict(
            "the store was opened read-only",
            where="database",
            remedy="open it for writing, or send the request to the server that does",
        )

    def shed(self) -> None:
        """Nothing was written."""

    def close(self) -> None:
        """Nothing to let go of."""


class PooledWriter:
    """PostgreSQL: each unit has its own connection and transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._closed = False

    def run(self, unit: Unit[T]) -> T:
        """See `Writer.run`. Deadlocks and serialization failures are run again."""
        if self._closed:
            raise closed()
        for attempt in range(RETRIES):
            try:
                with self._engine.begin() as connection:
                    return unit(connection)
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state not in _TRANSIENT or attempt == RETRIES - 1:
                    raise _translated(error) from None
                time.sleep(0.01 * 2**attempt)
            except SQLAlchemyError as error:
                raise _translated(error) from None
        raise unavailable()

    def shed(self) -> None:
        """The server's own business: vacuuming, and how long it keeps its write-ahead log."""

    def close(self) -> None:
        """Take no more units; the store disposes of the engine."""
        self._closed = True


def _translated(error: VerifyError | SQLAlchemyError) -> VerifyError:
    """Database trouble in our words: the database's own may quote values, so only a class name."""
    if isinstance(error, VerifyError):
        return error
    if not isinstance(error, DBAPIError):
        return unavailable()
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return unavailable()
    return VerifyError(
        f"the database refused a write ({type(error.orig).__name__}); nothing of it was stored",
        where="database",
        remedy="this is a defect of the software; report it with the steps that led here",
    )
