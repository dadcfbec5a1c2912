"""One asking: its letter, its deadline, its retries. Drivers send through it alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import stamina

from verify.connectors.credentials import Credentials, Outgoing, Secrets
from verify.connectors.declaration import Declaration
from verify.connectors.egress import Egress
from verify.connectors.gate import Gate
from verify.connectors.http import Client, Failure, Reply
from verify.connectors.limits import RetryBudget, Throttle
from verify.connectors.protocols import HttpSpec
from verify.connectors.requests import CONTENT_TYPES, write_request
from verify.domain.evidence import EvidenceState

# Writes the body, after the gate has been passed.
_Content = Callable[[], bytes]


class _Again(Exception):
    """A failure that another attempt may not meet. Holds no data: retries are logged."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


@dataclass
class Channel:
    """`values` are the request values (`verify.connectors.declaration.REQUEST_VALUES`); `until`
    is the asking's total deadline as a point of `time.monotonic()`. `address` is where the source
    is; `client` is there where that is HTTP."""

    declaration: Declaration
    address: str
    client: Client | None
    egress: Egress
    secrets: Secrets
    credentials: Credentials
    throttle: Throttle
    retries: RetryBudget
    gate: Gate
    values: dict[str, object]
    request_id: str
    until: float

    @property
    def left(self) -> float:
        """Seconds to the deadline."""
        return self.until - time.monotonic()

    def post(
        self,
        *,
        suffix: str = "",
        path: str = "",
        headers: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Reply:
        """Send the declared request, with `values` filled in beside those of the question.

        Raises:
            Failure: the asking ended (see `send`).
        """
        protocol = self.declaration.protocol
        if not isinstance(protocol, HttpSpec):
            raise TypeError(f"the driver {protocol.driver} declares no request over HTTP")

        def content() -> bytes:
            letter = self.gate.pass_through()
            return write_request(protocol, {**self.values, **(values or {}), "letter": letter})

        extra = dict(headers or {})
        if protocol.encoding == "soap":
            extra["SOAPAction"] = f'"{protocol.action}"'
        kind = CONTENT_TYPES[protocol.encoding]
        return self.send("POST", path or protocol.path, kind, content, suffix, extra=extra)

    def get(self, path: str, suffix: str) -> Reply:
        """Send a request without a body.

        Raises:
            Failure: the asking ended (see `send`).
        """
        return self.send("GET", path, "", self._nothing, suffix)

    def _nothing(self) -> bytes:
        self.gate.pass_through()
        return b""

    def send(
        self,
        method: str,
        path: str,
        content_type: str,
        content: _Content,
        suffix: str = "",
        *,
        extra: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send with retries on 5xx, a broken connection or a time-out, until the deadline.

        Raises:
            Failure: the letter does not allow it; the source refused us (401, 403), asked us to
                slow down (429), was not reachable or did not answer in time; our own limit.
        """
        timing = self.declaration.timing
        headers = {
            self.declaration.idempotency_header: f"{self.request_id}{suffix}",
            **({"content-type": content_type} if content_type else {}),
            **(extra or {}),
        }
        last: Failure | None = None
        self.retries.first()
        try:
            for attempt in stamina.retry_context(
                on=_Again,
                attempts=timing.attempts,
                timeout=max(0.01, self.left),
                wait_initial=float(timing.pause_seconds),
                wait_max=float(timing.pause_max_seconds),
                wait_jitter=float(timing.pause_seconds),
            ):
                if last is not None and self.left <= 0:
                    raise last  # the pause outlasted the deadline: why we paused is the answer
                if last is not None and not self.retries.take():
                    raise last
                with attempt:
                    try:
                        return self._try(method, path, headers, content)
                    except _Again as again:
                        last = again.failure
                        raise
        except _Again as again:
            raise again.failure from None
        raise AssertionError("retry_context ends by returning or raising")

    def _try(self, method: str, path: str, headers: Mapping[str, str], content: _Content) -> Reply:
        try:
            reply = self._signed(method, path, headers, content)
            if reply.status == 401 and self.credentials.refused():
                reply = self._signed(method, path, headers, content)
            return _judge(reply)
        except Failure as failure:
            if failure.retryable and self.left > 0:
                raise _Again(failure) from None
            raise

    def _signed(
        self, method: str, path: str, headers: Mapping[str, str], content: _Content
    ) -> Reply:
        body = content()  # passes the gate
        signed = self.credentials.headers(Outgoing(method, path, body), self._post_token)
        return self._raw(method, path, {**headers, **signed}, body)

    def _post_token(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        return _judge(self._raw("POST", path, headers, body))

    def _raw(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.gate.pass_through()
        if self.client is None:
            raise TypeError("this source is not reached over HTTP")
        with self.throttle.slot(self.until):
            # Waiting for a turn can outlast a letter: the gate is passed on this side of it.
            self.gate.pass_through()
            return self.client.send(
                method,
                path,
                headers=headers,
                content=body,
                until=self.until,
                attempt_seconds=float(self.declaration.timing.attempt_seconds),
                max_bytes=self.declaration.limits.max_bytes,
            )


def _judge(reply: Reply) -> Reply:
    status = reply.status
    if 200 <= status < 300 or status in (404, 410):
        return reply
    after = reply.headers.get("retry-after", "")[:64]
    if status in (401, 403):
        raise Failure(EvidenceState.UNAUTHORISED, f"source_refused_{status}", status=status)
    if status == 429:
        raise Failure(EvidenceState.THROTTLED, "slow_down", retry_after=after, status=status)
    if status >= 500:
        raise Failure(
            EvidenceState.UNAVAILABLE,
            f"http_{status}",
            retryable=True,
            retry_after=after,
            status=status,
        )
    raise Failure(EvidenceState.SCHEMA_MISMATCH, f"http_{status}", status=status)
