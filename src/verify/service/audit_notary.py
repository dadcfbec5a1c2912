"""The notary: puts new chain heads into the log, signs its checkpoint, has witnesses cosign it.

Fails closed. No verdict becomes final

* at once, when a witness contradicts the log, or the signing key or the log's own rows are wrong;
* when it is longer than `VERIFY_WITNESS_WINDOW_SECONDS` (four hours, as the X-Road security server
  stops messages without time stamps) since everything there was had been witnessed.

What is held is judged again and sealed as soon as the log is witnessed again.

The window counts from what this process saw itself: the beginning of the last round after which
everything was witnessed, by its clock and by one that nobody sets, whichever says more. So a notary
that hangs closes the window too, and no date in the database opens it, or closes it at once. An
idle round counts as such a round; a witness is asked to sign anew what stands there after a quarter
of the window. A process that has just started counts from what the last witnessed checkpoint says
itself: the second that the witnesses signed. So a restart gives no new window. Only a log that was
never witnessed counts from its first entry, or from the start of the process if that was earlier.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from verify import telemetry
from verify.domain.errors import Conflict, InputError, IntegrityError, VerifyError
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
AWAY_MS = 60_000
"""After so long an idle log asks witnesses again, of which one was away."""
ROUNDS = 10
"""The window is never shorter than so many pauses between two rounds."""
CLOSE_SECONDS = 30
"""So long the end of the process waits for a round that is under way."""


class _Overtaken(Exception):
    """Another process had the witness cosign more, while this one was about to."""


@dataclass(frozen=True)
class Standing:
    """Where the log stands with its witnesses. `refused` names what is wrong, if anything is.

    What there was at `settled_at` (epoch milliseconds) has been witnessed; `None`: nobody looked.
    """

    size: int = 0
    witnessed: int = 0
    settled_at: int | None = None
    refused: str = REASON_STARTING
    away: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Moment:
    """An instant by the service's clock, and the same by one that nobody sets (milliseconds)."""

    at: int
    steady: int

    def earlier(self, by: int) -> _Moment:
        return _Moment(self.at - by, self.steady - by)


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
        self._believed: CheckpointRow | None = None
        self._note: Note | None = None
        self._settled: _Moment | None = None
        self._asked: _Moment | None = None
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
        """Witness what is left, then stop; a round that hangs is not waited for longer."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)
            if self._thread.is_alive():
                log.error("notary.hangs")
            else:
                self.once()

    @property
    def running(self) -> bool:
        """Whether this process keeps the log witnessed."""
        return self._thread is not None and not self._stop.is_set()

    def _loop(self) -> None:
        while not self._stop.wait(self._settings.checkpoint_seconds):
            self.once()

    def may_finish(self, now: int) -> bool:
        """Whether a final verdict may be sealed now.

        A process without the background thread looks itself, at first and when the window is over.
        """
        if self.standing.refused == REASON_STARTING:
            self.once()
        if self._thread is None and not self._within(now):
            self.once()
        return not self.standing.refused and self._within(now)

    def _within(self, now: int) -> bool:
        """Whether the window since everything was witnessed is not over."""
        settled = self._settled
        if settled is None:
            return False
        # Either clock may be the slower one: one is set back, the other stands in a suspended host.
        passed = max(now - settled.at, _steady() - settled.steady)
        return passed <= self._window

    @property
    def _window(self) -> int:
        """Milliseconds; a round must fit into it, however short it is set."""
        pauses = int(ROUNDS * self._settings.checkpoint_seconds * 1000)
        return max(self._settings.witness_window_seconds * 1000, pauses)

    def _now(self) -> _Moment:
        return _Moment(self._clock(), _steady())

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
        key, began = self._ready(), self._now()
        self._settled = self._settled or self._before_the_start(began)
        self._before()
        self._store.log.append()
        for _ in range(TRIES):
            head = self._store.log.head()
            kept = self._last()
            before = _within_head(kept, head)
            if before == head.size and not self._due(began):
                away = self.standing.away
                break
            with contextlib.suppress(_Overtaken):
                note, away = self._cosigned(key, head)
                self._asked = began
                before = head.size if self._kept(kept, note) else before
                break
        else:  # whoever is faster keeps the checkpoint as well
            away = ()
        self._settle(began, everything=before == head.size)
        if away and away != self.standing.away:
            log.warning("notary.witness_away", witnesses=len(away))
        settled = self._settled.at if self._settled is not None else None
        return Standing(head.size, before, settled, "", away)

    def _due(self, began: _Moment) -> bool:
        """Whether witnesses are to be asked again though nothing was added."""
        asked = self._asked
        if asked is None or not self._sizes:
            return True
        pause = min(self._window // 4, AWAY_MS if self.standing.away else self._window)
        return max(began.at - asked.at, began.steady - asked.steady) > pause

    def _last(self) -> Note | None:
        """The last witnessed checkpoint; a row says so only if the signatures in it do."""
        row = self._store.log.checkpoint(witnessed=True)
        if row is None:
            return None
        if self._believed != row:
            try:
                note = Note.parse(row.note)
            except InputError:
                return None
            signed = note.by(self._ready().public) and len(self._signed(note)) >= self._quorum
            if not signed or note.checkpoint.size != row.size:
                return None
            self._believed, self._note = row, note
        return self._note

    def _kept(self, kept: Note | None, note: Note) -> bool:
        """Keep a checkpoint, unless there is a better one; whether enough witnesses signed it."""
        enough = len(note.signatures) - 1 >= self._quorum
        same = kept is not None and kept.checkpoint == note.checkpoint
        better = same and kept is not None and len(self._signed(kept)) > len(self._signed(note))
        if note.checkpoint.size and not better:
            self._store.log.keep(CheckpointRow(note.checkpoint.size, note.text, enough))
            telemetry.CHECKPOINTS.labels(str(enough).lower()).inc()
        return enough or same

    def _signed(self, note: Note) -> list[int]:
        """The seconds at which witnesses signed a note, in order."""
        found = (note.by(witness.key) for witness in self._witnesses)
        return sorted(one.seconds for one in found if one is not None)

    def _settle(self, began: _Moment, *, everything: bool) -> None:
        """Move what the window counts from, if every leaf is witnessed.

        What has no leaf although the round should have given it one (its row is locked) is as old
        as its row says; it can hold the window where it is, never move it forward.
        """
        if not everything:
            return
        oldest = self._store.log.oldest_open()
        moment = began if oldest is None else began.earlier(max(began.at - oldest, 0))
        if self._settled is None or moment.steady >= self._settled.steady:
            self._settled = moment

    def _before_the_start(self, began: _Moment) -> _Moment:
        """What the window of a process counts from that has just started."""
        if (kept := self._last()) is not None:
            since = self._signed(kept)[-self._quorum] * 1000
        elif self._store.log.checkpoint(witnessed=True) is not None:
            since = 0  # what is kept is not what these witnesses signed: they say first
        else:
            first = next(self._store.log.leaves(0, 1), None)
            since = began.at if first is None else first.at
        return began.earlier(max(began.at - since, 0))

    @property
    def _quorum(self) -> int:
        """Cosignatures that a checkpoint needs; never none, never more than there are witnesses."""
        there = len(self._witnesses)
        return min(max(self._settings.witness_quorum or there, 1), there)

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


def _within_head(kept: Note | None, head: TreeHead) -> int:
    """Leaves that a kept checkpoint vouches for; none if it is of another tree of this size."""
    if kept is None or (kept.checkpoint.size == head.size and kept.checkpoint.root != head.root):
        return 0
    return kept.checkpoint.size


def _steady() -> int:
    return time.monotonic_ns() // 1_000_000


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
