"""Where spans go: to an OpenTelemetry collector, if `VERIFY_TRACES` names one."""

from __future__ import annotations

from verify import __version__, telemetry
from verify.domain.errors import Conflict


def configure(endpoint: str) -> None:
    """Send spans to an OTLP/HTTP endpoint; an empty one: nowhere.

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
    provider = TracerProvider(resource=about)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    telemetry.use(provider)
