"""A witness: cosigns checkpoints of a log, each only if it adds to the one before.

Its state lies in a folder of its own, which should be out of reach of whoever administers the
database: another disk, better another host (`verify witness`) under another administrator.

    witness.key            its private key
    <log>/log.vkey         the log's public key (trusted when it was registered)
    <log>/checkpoint       the last checkpoint it cosigned, with the log's and its own signature
    <log>/leaves           optionally a copy of the log's leaf hashes, 32 bytes each: with it a
                           rewritten history is not only found, but the first changed leaf named

The state is checked, signatures included, every time it is read: any changed byte stops the
witness. Follows c2sp.org/tlog-witness: exactly the checks, answers and their order.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from verify.domain.errors import Conflict, InputError, IntegrityError, NotFound, NotPermitted
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
        if not path.exists() and not any(folder.glob("*/checkpoint")):
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
            IntegrityError: a byte of its checkpoint file was changed.
        """
        log = self._log_key(origin)
        try:
            text = (self._of(origin) / "checkpoint").read_text(encoding="utf-8")
            note = Note.parse(text)
        except FileNotFoundError:
            return None
        except (InputError, UnicodeDecodeError):
            raise self._broken(origin) from None
        if note.checkpoint.origin != origin or not note.only_by((log, self.key)):
            raise self._broken(origin)
        return note

    def _broken(self, origin: str) -> IntegrityError:
        return IntegrityError(
            "the witness's own checkpoint was changed; its signatures do not hold",
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
        leaves: Callable[[int, int], bytes] | None = None,
    ) -> Signature:
        """Cosign a checkpoint, after its state is durably the new one.

        `leaves(start, end)` gives leaf hashes for the copy, where one is kept.

        Raises:
            NotFound: an unknown log.
            NotPermitted: the checkpoint is not signed by the log's key.
            InputError: it is smaller than `old`.
            Stale: the witness stands at another size.
            Inconsistent: it contradicts what was witnessed.
            IntegrityError: the witness's own state was changed.
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

    def _copy(
        self, origin: str, before: Note | None, note: Note, leaves: Callable[[int, int], bytes]
    ) -> Frontier:
        """Append to the copy of leaf hashes, if together they have the new root."""
        start, end = before.checkpoint.size if before else 0, note.checkpoint.size
        frontier = self._frontier(origin, before, note).copy()
        fresh = leaves(start, end)
        frontier.extend(fresh)
        if frontier.size != end or frontier.root() != note.checkpoint.root:
            raise Inconsistent(
                f"the log's new leaves, from {start}, are not those under its checkpoint",
                where=origin,
            )
        path = self._of(origin) / "leaves"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            # What a crash left beyond the last checkpoint was never vouched for.
            stream.truncate(start * SIZE)
            stream.seek(start * SIZE)
            stream.write(fresh)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(path.parent)
        return frontier

    def _frontier(self, origin: str, before: Note | None, note: Note) -> Frontier:
        """The right edge at the last checkpoint: remembered, or read again from the copy."""
        known = self._known.get(origin)
        if known is not None and before is not None and known[0] == before:
            return known[1]
        frontier = Frontier(note.checkpoint.suite)
        if before is None:
            return frontier
        frontier.extend(self.leaves(origin)[: before.checkpoint.size * SIZE])
        if frontier.root() != before.checkpoint.root:
            raise IntegrityError(
                "the witness's copy of the leaf hashes was changed; it does not have its root",
                where=f"witness leaves of {origin}",
                remedy="restore the witness's folder from its backup",
            )
        return frontier

    @contextlib.contextmanager
    def _alone(self, origin: str) -> Iterator[None]:
        """One checkpoint at a time, over threads and processes."""
        with self._lock:
            handle = os.open(
                self._of(origin) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)
