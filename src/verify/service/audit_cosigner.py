"""A witness: cosigns checkpoints of a log, each only if it adds to the one before.

Its state lies in a folder of its own, which should be out of reach of whoever administers the
database: another disk, better another host (`verify witness`) under another administrator.

    witness.key            its private key
    <log>/log.vkey         the log's public key (trusted when it was registered)
    <log>/checkpoint       the last checkpoint it cosigned, with the log's and its own signature
    <log>/leaves           optionally a copy of the log's leaf hashes, 32 bytes each: with it a
                           rewritten history is not only found, but the first changed leaf named
    <log>/begun            there was a checkpoint: one that is gone is no beginning

The state is checked, signatures included, every time it is read: any changed byte stops the
witness, and so does a checkpoint that is gone. A copy of the leaves that ends too early (a service
on the same folder keeps none) is filled up from the log, if together they have the witnessed root.

It is written in this order, each durably: leaves, checkpoint, and the first time `begun`. Whatever
a crash leaves behind, the next checkpoint goes on from the one that stands there.

Follows c2sp.org/tlog-witness: exactly the checks, answers and their order.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from verify.domain.errors import (
    Conflict,
    InputError,
    IntegrityError,
    NotFound,
    NotPermitted,
    Overloaded,
)
from verify.service.audit_keys import (
    WITNESS_NAME,
    load_key,
    make_folder,
    make_key,
    sync_folder,
    write_durably,
)
from verify.service.clock import Clock, now_ms
from verify.store.merkle import Frontier, TreeHead, consistent
from verify.store.note import COSIGNATURE, Note, PublicKey, Signature, SigningKey
from verify.store.suites import SIZE

CHUNK = SIZE * 4096
KEY_FILE = "witness.key"
LOCK_SECONDS = 3
"""So long another process may be at work on a log's folder; then it counts as stopped."""
LOCK_PAUSE = 0.01

Leaves = Callable[[int, int], bytes]
"""Hashes of the log's leaves `[start, end)`."""


class Stale(Conflict):
    """The log thinks the witness stands elsewhere; `size` says where it does."""

    def __init__(self, size: int) -> None:
        super().__init__(
            "the witness stands at another size than the request says",
            where="old",
            remedy="prove consistency with the size that the witness names",
        )
        self.size = size


class Inconsistent(Conflict):
    """The log shows a history that contradicts what the witness saw: never cosigned."""

    code, title = "inconsistent-log", "The log contradicts what was witnessed"


class Cosigner:
    """A witness with its folder. Safe for many threads and processes."""

    def __init__(self, folder: Path, key: SigningKey, clock: Clock = now_ms) -> None:
        self._folder = folder
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Note, Frontier]] = {}

    @classmethod
    def open(cls, folder: Path, clock: Clock = now_ms) -> Cosigner:
        """Open a witness's folder, with a new key where there is none and no state either.

        Raises:
            Conflict: its key is gone while its state is there.
        """
        path = folder / KEY_FILE
        state = (*folder.glob("*/checkpoint"), *folder.glob("*/begun"))
        if not path.exists() and not state:
            with contextlib.suppress(Conflict):  # another process was faster
                make_key(path, WITNESS_NAME, COSIGNATURE)
        return cls(folder, load_key(path), clock)

    @property
    def key(self) -> PublicKey:
        """What its cosignatures are checked with."""
        return self._key.public

    def register(self, log: PublicKey) -> None:
        """Trust a log's key from now on.

        Raises:
            Conflict: this log is known with another key.
        """
        path = self._of(log.name) / "log.vkey"
        make_folder(path.parent)
        if path.exists():
            if self._log_key(log.name) != log:
                raise Conflict(
                    "this log is known with another key",
                    where=log.name,
                    remedy="give the key that `verify audit keys` prints; a log that really has "
                    "a new key is a new log, under another name",
                )
            return
        write_durably(path, log.text.encode() + b"\n")

    def _of(self, origin: str) -> Path:
        # An origin may hold slashes and dots; its hash is a safe name for a folder.
        return self._folder / hashlib.sha256(origin.encode()).hexdigest()[:32]

    def _log_key(self, origin: str) -> PublicKey:
        path = self._of(origin) / "log.vkey"
        if not path.exists():
            raise NotFound(
                "this witness does not know this log",
                where=origin,
                remedy="start it with --log and the key that `verify audit keys` prints",
            )
        return PublicKey.parse(path.read_text(encoding="utf-8"))

    # -- reading --------------------------------------------------------------------------

    def latest(self, origin: str) -> Note | None:
        """The last checkpoint it cosigned; `None` before the first.

        Raises:
            NotFound: it does not know this log.
            IntegrityError: a byte of its checkpoint file was changed, or the file is gone.
        """
        log = self._log_key(origin)
        begun = self._begun(origin).exists()  # looked at first: the checkpoint comes before it
        try:
            text = (self._of(origin) / "checkpoint").read_text(encoding="utf-8")
            note = Note.parse(text)
        except FileNotFoundError:
            if begun:
                raise self._broken(origin, "the witness's own checkpoint is gone") from None
            return None
        except (InputError, UnicodeDecodeError):
            raise self._broken(origin) from None
        if note.checkpoint.origin != origin or not note.only_by((log, self.key)):
            raise self._broken(origin)
        return note

    def _begun(self, origin: str) -> Path:
        return self._of(origin) / "begun"

    @staticmethod
    def _broken(
        origin: str,
        reason: str = "the witness's own checkpoint was changed; its signatures do not hold",
    ) -> IntegrityError:
        return IntegrityError(
            reason,
            where=f"witness checkpoint of {origin}",
            remedy="restore the witness's folder from its backup; it cosigns nothing until then",
        )

    def leaves(self, origin: str) -> bytes:
        """The copied leaf hashes; empty where it keeps none."""
        try:
            return (self._of(origin) / "leaves").read_bytes()
        except FileNotFoundError:
            return b""

    # -- cosigning ------------------------------------------------------------------------

    def add(
        self,
        old: int,
        proof: Sequence[bytes],
        note: Note,
        leaves: Leaves | None = None,
    ) -> Signature:
        """Cosign a checkpoint, after its state is durably the new one.

        `leaves` is for the copy, where one is kept.

        Raises:
            NotFound: an unknown log.
            NotPermitted: the checkpoint is not signed by the log's key.
            InputError: it is smaller than `old`.
            Stale: the witness stands at another size.
            Inconsistent: it contradicts what was witnessed.
            IntegrityError: the witness's own state was changed.
            Overloaded: another process holds the witness's folder and does not go on.
        """
        origin, size = note.checkpoint.origin, note.checkpoint.size
        log = self._log_key(origin)
        signed = note.by(log)
        if signed is None:
            raise NotPermitted("the checkpoint is not signed by the log's key", where=origin)
        if old > size:
            raise InputError(
                "the checkpoint is smaller than the one before",
                where="old",
                remedy="send a checkpoint of at least `old` leaves; a log never shrinks",
            )
        with self._alone(origin):
            before = self.latest(origin)
            self._must_extend(before, old, proof, note)
            frontier = self._copy(origin, before, note, leaves) if leaves is not None else None
            cosigned = self._key.sign(note.checkpoint.text, self._clock() // 1000)
            kept = Note(note.checkpoint, (signed, cosigned))
            write_durably(self._of(origin) / "checkpoint", kept.text.encode())
            if not self._begun(origin).exists():
                write_durably(self._begun(origin), b"")
            if frontier is not None:
                self._known[origin] = (kept, frontier)
            return cosigned

    @staticmethod
    def _must_extend(before: Note | None, old: int, proof: Sequence[bytes], note: Note) -> None:
        new = note.checkpoint
        known = before.checkpoint if before is not None else None
        if (known.size if known else 0) != old:
            raise Stale(known.size if known else 0)
        if known is not None and known.suite != new.suite:
            raise Inconsistent("the log changed its hash", where=new.origin)
        stands = known.head if known else TreeHead(0, new.suite.empty())
        if not consistent(stands, new.head, proof, new.suite):
            raise Inconsistent(
                f"the log's checkpoint of {new.size} leaves does not add to the {old} that were "
                "witnessed",
                where=new.origin,
                remedy="run `verify audit check`; somebody rewrote the log, or an older database "
                "was put in its place",
            )

    def _copy(self, origin: str, before: Note | None, note: Note, leaves: Leaves) -> Frontier:
        """Append to the copy of leaf hashes, if together they have the new root."""
        start, end = before.checkpoint.size if before else 0, note.checkpoint.size
        path = self._of(origin) / "leaves"
        there = path.stat().st_size // SIZE if path.exists() else 0
        missing = leaves(there, start) if there < start else b""
        if len(missing) != max(start - there, 0) * SIZE:
            raise Inconsistent(f"the log has not all leaves from {there} to {start}", where=origin)
        frontier = self._frontier(origin, before, note, missing).copy()
        fresh = leaves(start, end)
        frontier.extend(fresh)
        if frontier.size != end or frontier.root() != note.checkpoint.root:
            raise Inconsistent(
                f"the log's new leaves, from {start}, are not those under its checkpoint",
                where=origin,
            )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            # What a crash left beyond the last checkpoint was never vouched for.
            stream.truncate(min(there, start) * SIZE)
            stream.seek(min(there, start) * SIZE)
            stream.write(missing + fresh)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(path.parent)
        return frontier

    def _frontier(self, origin: str, before: Note | None, note: Note, missing: bytes) -> Frontier:
        """The right edge at the last checkpoint: remembered, or read again from the copy.

        `missing` is what the log says the end of a copy that is too short should be.
        """
        known = self._known.get(origin)
        if not missing and known is not None and before is not None and known[0] == before:
            return known[1]
        frontier = Frontier(note.checkpoint.suite)
        if before is None:
            return frontier
        size = before.checkpoint.size
        frontier.extend(self.leaves(origin)[: size * SIZE - len(missing)] + missing)
        if frontier.size != size or frontier.root() != before.checkpoint.root:
            raise IntegrityError(
                "the witness's copy of the leaf hashes was changed; it does not have its root"
                + (", whatever the log adds to it" if missing else ""),
                where=f"witness leaves of {origin}",
                remedy="restore the witness's folder from its backup",
            )
        return frontier

    @contextlib.contextmanager
    def _alone(self, origin: str) -> Iterator[None]:
        """One checkpoint at a time, over threads and processes."""
        until = time.monotonic() + LOCK_SECONDS
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            raise _held(origin)
        try:
            handle = os.open(
                self._of(origin) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                _lock(handle, until, origin)
                yield
            finally:
                os.close(handle)
        finally:
            self._lock.release()


def _lock(handle: int, until: float, origin: str) -> None:
    """Lock a file; the system's own waiting would have no end."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise _held(origin) from None
            time.sleep(LOCK_PAUSE)
        else:
            return


def _held(origin: str) -> Overloaded:
    return Overloaded(
        "another process holds the witness's folder and does not go on",
        where=f"witness lock of {origin}",
        remedy="see which process that is (a stopped one holds it too) and end it",
    )
