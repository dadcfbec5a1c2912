"""Spans leave over OTLP and are about nobody; a collector that is gone holds up nothing."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.canaries import Sweep
from support.live import household
from verify import telemetry
from verify.api import traces


class Collector(http.server.ThreadingHTTPServer):
    """A tiny collector: keeps what it is sent, or takes the connection and says nothing."""

    daemon_threads = True

    def __init__(self, *, answers: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.answers = answers
        self.bodies: list[bytes] = []
        self.asked = threading.Event()
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def close(self) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class _Receiver(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.set()
        if not self.server.answers:
            self.server.over.wait(60)
            return
        self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector(answers=True)
    yield made
    traces.close()
    made.close()


def sent(collector: Collector) -> list[tuple[str, dict[str, str]]]:
    """Name and attributes of every span that arrived."""
    found = []
    for body in collector.bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                found += [
                    (s.name, {a.key: a.value.string_value for a in s.attributes})
                    for s in scope.spans
                ]
    return found


def test_the_spans_of_a_check_arrive_at_the_collector_and_are_about_nobody(live, collector):
    traces.configure(collector.address)
    fixture = household("01")
    verification = live.check(fixture.application)
    traces.close()  # as at the end of a process: what is left is sent
    spans = sent(collector)
    assert {name for name, _ in spans} >= {"check", "ask", "decode", "judge"}
    assert ("check", verification) in {(n, a.get("verify.verification")) for n, a in spans}
    people = fixture.application["household"]["members"]
    canaries = {f"{p['person']} {k}": p[k] for p in people for k in ("name", "id_number")}
    canaries |= {"case": fixture.application["case_number"]}
    sweep = Sweep(canaries)
    assert not any(sweep.scan(body) for body in collector.bodies)
    # Nor about the machine: no host, no user, no command line.
    told = {
        a.key
        for body in collector.bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for a in resource.resource.attributes
    }
    assert told == {"service.name", "service.version"}


@pytest.mark.parametrize("kind", ["refuses", "never answers"])
def test_a_collector_that_is_gone_neither_slows_nor_fails_a_check(live, kind):
    silent = Collector(answers=False)
    address = silent.address
    if kind == "refuses":
        silent.close()
    traces.configure(address)
    try:
        # More spans than fit into one parcel, so that sending is under way while the check runs.
        for _ in range(1_000):
            with telemetry.span("ask", source="bank"):
                pass
        if kind == "never answers":
            assert silent.asked.wait(20), "nobody tried to send"
        verification = live.check(household("03").application)
        assert live.verdict(verification)["outcome"] == "eligible"
        spans = [telemetry.begin("check") for _ in range(100)]
        started = time.monotonic()
        for span in spans:
            span.end()
        assert time.monotonic() - started < traces.LAST_SECONDS, "ending a span waited for it"
    finally:
        started = time.monotonic()
        traces.close()
        took = time.monotonic() - started
        if kind == "never answers":
            silent.close()
    assert took < 3 * traces.LAST_SECONDS, "the process would not end for it"
