"""A TLS server that proves itself wrongly, in one way each; with a real local authority."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import trustme


@dataclass
class Server:
    """Where it listens, and every byte that arrived after a handshake that held."""

    url: str
    received: bytes = b""


@functools.cache
def authority() -> trustme.CA:
    """The local authority; nothing trusts it unless it is told to."""
    return trustme.CA()


@functools.cache
def _context(variant: str) -> ssl.SSLContext:
    ca = authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if variant == "old":
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.minimum_version = ssl.TLSVersion.TLSv1
    day = dt.datetime.now(dt.UTC)
    host = "elsewhere.example" if variant == "wrong_host" else "127.0.0.1"
    expired = day - dt.timedelta(days=1) if variant == "expired" else None
    cert = ca.issue_cert(host, not_after=expired)
    cert.configure_cert(context)
    if variant == "mutual":
        context.verify_mode = ssl.CERT_REQUIRED
        ca.configure_trust(context)
    return context


def _request(wire: ssl.SSLSocket) -> bytes:
    """A whole request: what is left unread would cut the answer off."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = wire.recv(65_536)
        if not more:
            return got
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [ln for ln in head.lower().split(b"\r\n") if ln.startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += wire.recv(65_536)
    return head + body


@contextlib.contextmanager
def tls_server(variant: str, reply: bytes = b"") -> Iterator[Server]:
    """Serve until the block ends; `reply` goes to whoever gets through the handshake."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    server = Server(f"https://127.0.0.1:{listener.getsockname()[1]}")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                plain, _ = listener.accept()
            except TimeoutError:
                continue
            plain.settimeout(2)
            with (
                contextlib.suppress(OSError),
                plain,
                _context(variant).wrap_socket(plain, server_side=True) as wire,
            ):
                server.received += _request(wire)
                wire.sendall(reply)

    with _warnings_off():
        _context(variant)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        thread.join(timeout=5)
        listener.close()


@contextlib.contextmanager
def _warnings_off() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the test
        yield
