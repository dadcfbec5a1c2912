"""The one module that speaks HTTP to sources.

Everything above it sees bytes and the `Failure`s below. A *total* deadline covers connecting,
TLS, sending, waiting and reading: httpx's own time-outs restart with every byte, so a source
that drips one byte a second would hold a thread for hours. No redirects, no proxies from the
environment, no cookies, no decompression, no more bytes than allowed.

To run on `httpx2`, change the two imports below.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from verify.connectors.egress import Egress, EgressRefused
from verify.domain.evidence import EvidenceState

_FIXED_HEADERS = {"accept-encoding": "identity", "user-agent": "verify"}

_deadline = threading.local()


class Failure(Exception):
    """Asking ended without a usable answer: the evidence state and a stable detail code."""

    def __init__(
        self,
        state: EvidenceState,
        detail: str,
        *,
        retryable: bool = False,
        retry_after: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(detail)
        self.state = state
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer with its status and headers (names in lower case)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline of the calling thread."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        limit = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections that know the deadline, to addresses that egress permits.

    The name is looked up here, once, and the connection goes to the address that was checked;
    TLS still proves the name.
    """

    def __init__(self, egress: Egress) -> None:
        self._inner = httpcore.SyncBackend()
        self._egress = egress

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        limit = _left(timeout, httpcore.ConnectTimeout)
        address = self._egress.address(host, port)
        return _Stream(self._inner.connect_tcp(address, port, limit, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    until: float | None = getattr(_deadline, "until", None)
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise error("the deadline has passed")
    return left if timeout is None else min(timeout, left)


class _Body(httpx.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner

    def close(self) -> None:
        self._inner.close()


class _Transport(httpx.BaseTransport):
    """httpx over a pool whose connections obey the deadline."""

    def __init__(self, connections: int, tls: ssl.SSLContext | None, egress: Egress) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=20.0,
            network_backend=_Backend(egress),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer.stream)
        )

    def close(self) -> None:
        self._pool.close()


@cache
def default_tls() -> ssl.SSLContext:
    """The system's trusted authorities, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Client:
    """Sends to one host only: credentials can never reach another.

    `tls` makes the context where it is not the system's: another authority, our certificate.

    Raises:
        ContentError: the address is not plain, not encrypted, or not on the allow-list.
    """

    def __init__(
        self,
        base_url: str,
        connections: int,
        where: str,
        egress: Egress,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.target = egress.target(base_url, where)
        self.base_url = self.target.url
        self._make_tls = tls or default_tls
        self._connections = connections
        self._egress = egress
        self._lock = threading.Lock()
        self._opened: _Transport | None = None

    def _transport(self) -> _Transport:
        """Made at the first request: certificates are secrets, read when first needed.

        The transport alone, not httpx's client, which reads `Location` and cookies even where it
        is told not to follow, and raises for those it cannot read.
        """
        with self._lock:
            if self._opened is None:
                secure = self._make_tls() if self.target.scheme == "https" else None
                self._opened = _Transport(self._connections, secure, self._egress)
            return self._opened

    def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            self._opened.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        content: bytes,
        until: float,
        attempt_seconds: float,
        max_bytes: int,
    ) -> Reply:
        """One request and its whole answer.

        `until` is a point of `time.monotonic()`; one attempt takes `attempt_seconds` at most.

        Raises:
            Failure: nothing usable came back: refused, timed out, too large, redirected.
        """
        _deadline.until = min(until, time.monotonic() + attempt_seconds)
        request = httpx.Request(
            method,
            self.base_url + path,
            headers={**_FIXED_HEADERS, **headers},
            content=content,
            extensions={"timeout": {"pool": attempt_seconds}},
        )
        try:
            response = self._transport().handle_request(request)
            try:
                reply = _read(response, max_bytes)
            finally:
                response.close()
        except EgressRefused as refused:
            raise Failure(EvidenceState.UNAUTHORISED, f"egress_{refused.code}") from None
        except (httpx.TimeoutException, httpcore.TimeoutException):
            raise Failure(EvidenceState.TIMEOUT, "no_answer_in_time", retryable=True) from None
        except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            why = _why(error)
            # A certificate that does not prove the host proves it no better a second later.
            raise Failure(EvidenceState.UNAVAILABLE, why, retryable=why != "tls") from None
        finally:
            _deadline.until = None
        if 300 <= reply.status < 400:
            raise Failure(EvidenceState.UNAVAILABLE, "redirected")
        return reply


def _read(response: httpx.Response, max_bytes: int) -> Reply:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Failure(EvidenceState.MALFORMED, "compressed")
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        size += len(part)
        if size > max_bytes:
            raise Failure(EvidenceState.MALFORMED, "too_large")
        parts.append(part)
    headers = {k.lower(): v for k, v in response.headers.items()}
    return Reply(response.status_code, headers, b"".join(parts))


def _why(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError | httpcore.ConnectError):
        return "tls" if _of_tls(error) else "not_reachable"
    return "connection_broken"


def _of_tls(error: BaseException | None) -> bool:
    """Whether a failed handshake is behind an error; the pool hides it as mere context."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
