"""Where spans go: to an OpenTelemetry collector, if `VERIFY_TRACES` names one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from verify import __version__, telemetry
from verify.domain.errors import Conflict

LAST_SECONDS = 5.0
"""How long the last spans have to leave when the process ends."""

_END: list[Callable[[], None]] = []


def configure(endpoint: str) -> None:
    """Send spans to an OTLP/HTTP endpoint until `close`; an empty one: nowhere.

    They leave in parcels from a thread of their own, and are dropped when a collector does not
    take them: no check waits for one.

    Raises:
        Conflict: the extra `traces` is not installed.
    """
    if not endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise Conflict(
            "spans cannot leave: OpenTelemetry's exporter is not installed",
            where="VERIFY_TRACES",
            remedy='install the extra: pip install "verify-means[traces]"',
        ) from None
    # A resource of our own: the default one would tell host names and command lines.
    about = Resource({"service.name": "verify", "service.version": __version__})
    # Not at exit by itself: that waits half a minute for a collector that does not answer.
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    telemetry.use(provider)
    _END.append(provider.shutdown)


def close() -> None:
    """Send what is left, for a few seconds at most; then spans go nowhere."""
    telemetry.use(None)
    while _END:
        last = threading.Thread(target=_END.pop(), name="last-spans", daemon=True)
        last.start()
        last.join(LAST_SECONDS)
