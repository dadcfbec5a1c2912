"""Witnesses as the log sees them: a folder on this host, or a service elsewhere.

`VERIFY_WITNESSES` lists them, separated by white space: `file:DIR` for a folder,
`http(s)://host:port#KEY` for a service with its public key. Whatever a service answers counts only
if it is the valid signature of that key.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from verify.domain.errors import Conflict, InputError, NotFound, NotPermitted, Overloaded
from verify.service.audit_cosigner import Cosigner, Inconsistent, Stale
from verify.service.clock import Clock
from verify.store.note import MAX_NOTE, Note, PublicKey, Signature, b64, unb64

TIMEOUT_SECONDS = 3
"""For a whole request, however its answer trickles in."""
SIZE_TYPE = "text/x.tlog.size"

_SIZE = re.compile(r"[0-9]{1,18}")


class Witness(Protocol):
    """Somebody outside the database who remembers the last checkpoint."""

    @property
    def name(self) -> str:
        """How it is called in messages."""
        ...

    @property
    def key(self) -> PublicKey:
        """What its cosignatures are checked with."""
        ...

    def latest(self, origin: str) -> Note | None:
        """The last checkpoint it cosigned."""
        ...

    def leaves(self, origin: str) -> bytes:
        """Its copy of the leaf hashes, empty where it keeps none."""
        ...

    def add(
        self, old: int, proof: Sequence[bytes], note: Note, leaves: Callable[[int, int], bytes]
    ) -> Signature:
        """Cosign; see `Cosigner.add`."""
        ...


class FileWitness:
    """A folder on this host; keeps a copy of the leaf hashes."""

    def __init__(self, folder: Path, log: PublicKey | None, clock: Clock) -> None:
        self._cosigner = Cosigner.open(folder, clock)
        self.name = f"file:{folder}"
        if log is not None:
            self._cosigner.register(log)

    @property
    def key(self) -> PublicKey:
        """See `Witness.key`."""
        return self._cosigner.key

    def latest(self, origin: str) -> Note | None:
        """See `Witness.latest`."""
        return self._cosigner.latest(origin)

    def leaves(self, origin: str) -> bytes:
        """See `Witness.leaves`."""
        return self._cosigner.leaves(origin)

    def add(
        self, old: int, proof: Sequence[bytes], note: Note, leaves: Callable[[int, int], bytes]
    ) -> Signature:
        """See `Witness.add`."""
        return self._cosigner.add(old, proof, note, leaves)


class HttpWitness:
    """A witness service (c2sp.org/tlog-witness), such as `verify witness`."""

    def __init__(self, url: str, key: PublicKey) -> None:
        self.name = url
        self.key = key
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:  # no such port, or a bracket that is not closed
            host = port = None
        if not host or parts.scheme not in ("http", "https"):
            raise Conflict(
                "this is not the address of a witness",
                where="VERIFY_WITNESSES",
                remedy="use http(s)://host:port#KEY",
            )
        self._secure = parts.scheme == "https"
        self._host = host
        self._port = port or (http.client.HTTPS_PORT if self._secure else http.client.HTTP_PORT)
        self._path = parts.path.rstrip("/")

    def latest(self, origin: str) -> Note | None:
        """See `Witness.latest`; a note that this witness did not sign is refused."""
        status, _, body = self._call("GET", f"/checkpoint?origin={quote(origin, safe='')}")
        if status == http.client.NO_CONTENT:
            return None
        if status != http.client.OK:
            raise _refused(status, self.name)
        note = Note.parse(body)
        if note.by(self.key) is None or note.checkpoint.origin != origin:
            raise NotPermitted("its answer is not signed with its key", where=self.name)
        return note

    def leaves(self, origin: str) -> bytes:
        """It keeps none."""
        del origin
        return b""

    def add(
        self, old: int, proof: Sequence[bytes], note: Note, leaves: Callable[[int, int], bytes]
    ) -> Signature:
        """See `Witness.add`."""
        del leaves
        status, kind, body = self._call("POST", "/add-checkpoint", request_text(old, proof, note))
        if status == http.client.CONFLICT and kind.startswith(SIZE_TYPE):
            raise Stale(_size_of(body, self.name))
        if status in (http.client.CONFLICT, http.client.UNPROCESSABLE_ENTITY):
            raise Inconsistent(
                "the witness refused: the log contradicts what it saw", where=self.name
            )
        if status != http.client.OK:
            raise _refused(status, self.name)
        for line in body.splitlines():
            given = Signature.parse(line)
            if note.with_(given).by(self.key) == given:
                return given
        raise NotPermitted("its answer is not signed with its key", where=self.name)

    def _call(self, method: str, path: str, body: str | None = None) -> tuple[int, str, str]:
        """One request, no redirects, no proxy; status, content type and text."""
        try:
            with self._connected() as connection:
                headers = {"Content-Type": "text/plain; charset=utf-8"} if body else {}
                sent = body.encode() if body else None
                connection.request(method, self._path + path, sent, headers)
                answer = connection.getresponse()
                text = answer.read(MAX_NOTE + 1).decode()
                return answer.status, answer.headers.get("Content-Type", ""), text
        except (OSError, http.client.HTTPException, ValueError):
            raise Overloaded(
                "the witness does not answer",
                where=self.name,
                remedy="start it again; final verdicts stop when it is away too long",
            ) from None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        """A connection that is cut off when its time is over, whatever is under way on it.

        Raises:
            TimeoutError: it was cut off; what came until then may be the half of an answer.
        """
        until = time.monotonic() + TIMEOUT_SECONDS
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        # A second handle of the same connection: also a handshake can be ended with it.
        raw = socket.create_connection((self._host, self._port), TIMEOUT_SECONDS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        twin, late = raw.dup(), threading.Event()

        def cut() -> None:
            late.set()
            with contextlib.suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(until - time.monotonic(), 0), cut)
        timer.daemon = True
        timer.start()
        connection.sock = raw
        try:
            if self._secure:
                context = ssl.create_default_context()
                connection.sock = context.wrap_socket(raw, server_hostname=self._host)
            yield connection
            if late.is_set():
                raise TimeoutError
        finally:
            timer.cancel()
            timer.join()
            connection.close()
            raw.close()
            twin.close()


def _size_of(body: str, name: str) -> int:
    found = _SIZE.fullmatch(body.strip())
    if found is None:
        raise Overloaded(
            "its answer is not a size",
            where=name,
            remedy="see that a witness of C2SP's tlog-witness listens there; final verdicts stop "
            "when it is away too long",
        )
    return int(found[0])


def _refused(status: int, name: str) -> NotFound | NotPermitted | Overloaded:
    if status == http.client.NOT_FOUND:
        return NotFound(
            "the witness does not know this log",
            where=name,
            remedy="start it with --log and the key that `verify audit keys` prints",
        )
    if status == http.client.FORBIDDEN:
        return NotPermitted(
            "the witness does not accept this log's signature",
            where=name,
            remedy="start it with --log and the key that `verify audit keys` prints now",
        )
    return Overloaded(
        f"the witness answered {status}",
        where=name,
        remedy="look at its own log and disk; final verdicts stop when it is away too long",
    )


def request_text(old: int, proof: Sequence[bytes], note: Note) -> str:
    """The body of `add-checkpoint`."""
    return f"old {old}\n" + "".join(b64(p) + "\n" for p in proof) + "\n" + note.text


def read_request(text: str) -> tuple[int, tuple[bytes, ...], Note]:
    """Read the body of `add-checkpoint`; raises `InputError`."""
    head, gap, rest = text.partition("\n\n")
    first, *hashes = head.split("\n")
    word, _, number = first.partition(" ")
    if not gap or word != "old" or not number.isascii() or not number.isdigit():
        raise InputError(
            "the body is not `old <size>`, hashes, an empty line and a checkpoint",
            where="body",
            remedy="send it as C2SP's tlog-witness writes it",
        )
    if len(number) > 18 or len(hashes) > 63 or str(int(number)) != number:
        raise InputError(
            "the size or the proof is longer than any log needs",
            where="body",
            remedy="send the size in decimal without leading zeros, and at most 63 hashes",
        )
    return int(number), tuple(unb64(line) for line in hashes), Note.parse(rest)


def configured(text: str, home: Path, log: PublicKey | None, clock: Clock) -> tuple[Witness, ...]:
    """The witnesses of `VERIFY_WITNESSES`; the default is a folder in the home folder.

    Raises:
        Conflict: an entry is neither a folder nor an address with a key.
        InputError: the key of an address is none.
    """
    found: list[Witness] = []
    for entry in text.split() or [f"file:{home / 'witness'}"]:
        if entry.startswith("file:"):
            found.append(FileWitness(Path(entry.removeprefix("file:")), log, clock))
            continue
        url, mark, key = entry.partition("#")
        if not mark:
            raise Conflict(
                "a witness service needs its public key",
                where="VERIFY_WITNESSES",
                remedy="write http(s)://host:port#KEY; `verify witness` prints the key",
            )
        found.append(HttpWitness(url, _witness_key(url, key)))
    return tuple(found)


def _witness_key(url: str, key: str) -> PublicKey:
    try:
        return PublicKey.parse(key)
    except InputError as error:
        raise InputError(
            error.reason,
            where=f"VERIFY_WITNESSES: {url}",
            remedy="copy the whole line that `verify witness` prints when it starts",
        ) from None
