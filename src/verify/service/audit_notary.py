"""The notary: puts new chain heads into the log, signs its checkpoint, has witnesses cosign it.

Fails closed. No verdict becomes final

* at once, when a witness contradicts the log, or the signing key or the log's own rows are wrong;
* after `VERIFY_WITNESS_WINDOW_SECONDS` (four hours, as the X-Road security server stops messages
  without time stamps), when something has stood unwitnessed for longer than that.

What is held is judged again and sealed as soon as the log is witnessed again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from verify import telemetry
from verify.domain.errors import Conflict, IntegrityError, VerifyError
from verify.service.audit_cosigner import Inconsistent, Stale
from verify.service.audit_keys import LOG_NAME, load_key, make_key
from verify.service.audit_witness import Witness, configured
from verify.service.clock import Clock
from verify.settings import Settings
from verify.store import Store
from verify.store.log import CheckpointRow
from verify.store.merkle import TreeHead
from verify.store.note import ED25519, Checkpoint, Note, PublicKey, Signature, SigningKey

log = structlog.get_logger("verify.notary")

REASON_STARTING = "starting"
TRIES = 5
"""Times that another worker may overtake one round."""


class _Overtaken(Exception):
    """Another process had the witness cosign more, while this one was about to."""


@dataclass(frozen=True)
class Standing:
    """Where the log stands with its witnesses. `refused` names what is wrong, if anything is."""

    size: int = 0
    witnessed: int = 0
    open_since: int | None = None
    refused: str = REASON_STARTING
    away: tuple[str, ...] = ()


class Notary:
    """Keeps one log witnessed. One background thread; `once` may also be called by hand."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        *,
        make_keys: bool = True,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._make_keys = make_keys
        self._before = before
        self._key: SigningKey | None = None
        self._witnesses: tuple[Witness, ...] = ()
        self._sizes: dict[str, int] = {}
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.standing = Standing()

    # -- running --------------------------------------------------------------------------

    def start(self) -> None:
        """Witness what stands open, then go on in the background."""
        self.once()
        self._thread = threading.Thread(target=self._loop, name="notary", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Witness what is left, then stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
            self.once()

    @property
    def running(self) -> bool:
        """Whether this process keeps the log witnessed."""
        return self._thread is not None and not self._stop.is_set()

    def _loop(self) -> None:
        while not self._stop.wait(self._settings.checkpoint_seconds):
            self.once()

    def may_finish(self, now: int) -> bool:
        """Whether a final verdict may be sealed now."""
        if self.standing.refused == REASON_STARTING:
            self.once()
        standing = self.standing
        if standing.refused:
            return False
        since = standing.open_since
        return since is None or now - since <= self._settings.witness_window_seconds * 1000

    def once(self) -> Standing:
        """One round; whatever goes wrong ends up in the standing, never in the caller."""
        with self._turn:
            try:
                self.standing = self._round()
            except VerifyError as error:
                self._refuse(error.code, error)
            except Exception as error:  # noqa: BLE001 - a notary that dies would open the gate
                self._refuse(type(error).__name__, error)
            return self.standing

    def _refuse(self, code: str, error: Exception) -> None:
        if self.standing.refused != code:
            where = error.where if isinstance(error, VerifyError) else ""
            log.error("notary.refused", code=code, where=where)
        self.standing = replace(self.standing, refused=code)

    # -- one round ------------------------------------------------------------------------

    def _round(self) -> Standing:
        key = self._ready()
        self._before()
        self._store.log.append()
        for _ in range(TRIES):
            head = self._store.log.head()
            kept = self._store.log.checkpoint(witnessed=True)
            before = kept.size if kept is not None else 0
            if before == head.size and self._sizes:
                break
            with contextlib.suppress(_Overtaken):
                return self._kept(head, before, *self._cosigned(key, head))
        # Whoever is faster keeps the checkpoint as well.
        return self._standing(head, before, ())

    def _kept(self, head: TreeHead, before: int, note: Note, away: tuple[str, ...]) -> Standing:
        enough = len(note.signatures) - 1 >= self._quorum
        if head.size:
            self._store.log.keep(CheckpointRow(head.size, note.text, enough))
            telemetry.CHECKPOINTS.labels(str(enough).lower()).inc()
        return self._standing(head, head.size if enough else before, away)

    @property
    def _quorum(self) -> int:
        """Cosignatures that a checkpoint needs; never none, never more than there are witnesses."""
        there = len(self._witnesses)
        return min(max(self._settings.witness_quorum or there, 1), there)

    def _standing(self, head: TreeHead, witnessed: int, away: tuple[str, ...]) -> Standing:
        if away and away != self.standing.away:
            log.warning("notary.witness_away", witnesses=len(away))
        since = self._store.log.oldest_open(witnessed)
        return Standing(head.size, witnessed, since, "", away)

    def _cosigned(self, key: SigningKey, head: TreeHead) -> tuple[Note, tuple[str, ...]]:
        checkpoint = Checkpoint(key.name, head.size, head.root, self._store.log.suite)
        note = Note(checkpoint, (key.sign(checkpoint.text),))
        signatures: list[Signature] = []
        away: list[str] = []
        for witness in self._witnesses:
            try:
                signatures.append(self._ask(witness, note))
            except (Inconsistent, IntegrityError):
                raise
            except VerifyError as error:
                away.append(witness.name)
                self._sizes.pop(witness.name, None)
                log.debug("notary.witness", code=error.code)
        return note.with_(*signatures), tuple(away)

    def _ask(self, witness: Witness, note: Note) -> Signature:
        """Have one witness cosign, from wherever it stands."""
        size = note.checkpoint.size
        old = self._sizes.get(witness.name)
        if old is None:
            latest = witness.latest(note.checkpoint.origin)
            old = latest.checkpoint.size if latest else 0
        for _ in range(3):
            if old > size:
                if old <= self._store.log.head().size:
                    raise _Overtaken
                raise Inconsistent(
                    f"the witness saw {old} leaves, the database has {size}: it is an older copy",
                    where=witness.name,
                    remedy="restore the newest backup; nothing becomes final until then",
                )
            try:
                proof = self._store.log.consistency(old, size)
                given = witness.add(old, proof, note, self._store.log.leaf_hashes)
            except Stale as stale:
                old = stale.size
                continue
            self._sizes[witness.name] = size
            return given
        raise Conflict(
            "the witness moves on faster than the log",
            where=witness.name,
            remedy="see that only the processes of this database use that witness for this log; "
            "it is tried again by itself",
        )

    # -- keys -----------------------------------------------------------------------------

    def _ready(self) -> SigningKey:
        if self._key is None:
            key = log_key(self._store, self._settings, make=self._make_keys)
            self._witnesses = configured(
                self._settings.witnesses, self._settings.home, key.public, self._clock
            )
            self._key = key
        return self._key

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """The log's public key and its witnesses'."""
        key = self._ready()
        return (key.public, *(w.key for w in self._witnesses))

    @property
    def witnesses(self) -> Sequence[Witness]:
        """The configured witnesses."""
        self._ready()
        return self._witnesses


def key_file(settings: Settings) -> Path:
    """Where the log's private key lies."""
    return settings.log_key_file or settings.home / "log.key"


def log_key(store: Store, settings: Settings, *, make: bool) -> SigningKey:
    """The log's key; where it may, made on the first start, never again.

    Raises:
        Conflict: the database holds checkpoints and the key is gone, or is another log's.
    """
    path = key_file(settings)
    kept = store.log.checkpoint()
    if make and kept is None and not path.exists():
        try:
            return make_key(path, LOG_NAME, ED25519)
        except Conflict:
            pass  # another process was faster
    key = load_key(path)
    if kept is not None and Note.parse(kept.note).checkpoint.origin != key.name:
        raise Conflict(
            "the signing key is not the one of this database's log",
            where=str(path),
            remedy="put the log's own key there (VERIFY_LOG_KEY_FILE)",
        )
    return key
