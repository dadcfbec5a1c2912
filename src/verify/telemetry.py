"""Metrics and spans: how the service does, told without a word about anybody.

A label's values are known beforehand: states, outcomes, sources, route templates. Ids, names and
whatever a caller or source wrote are never labels (a test reads every sample). Spans name the
verification by its id, which is random, and what was counted; `span` takes no other attribute.

Spans go nowhere unless somebody listens: `use` a provider (`verify.api.traces`, or a test's).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

# When each counter was made would be a series more for each, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library does not annotate it

REGISTRY = CollectorRegistry()
"""What this process counted. Gauges of what is stored come from `verify.service.vitals`."""

LABELS = frozenset({
    "state", "source", "outcome", "final", "dependency", "route", "method", "status", "what",
    "result", "witnessed",
})  # fmt: skip
"""The only names of labels there are."""

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400)

CHECKS = Counter(
    "verify_checks", "Checks by what became of them here.", ["state"], registry=REGISTRY
)
VERDICTS = Counter("verify_verdicts", "Verdicts sealed.", ["outcome", "final"], registry=REGISTRY)
CHECK_SECONDS = Histogram(
    "verify_check_seconds",
    "From acceptance to a sealed verdict.",
    registry=REGISTRY,
    buckets=_SLOW,
)
ASKS = Counter(
    "verify_source_asks", "Questions to sources, by how they ended.", ["source", "state"],
    registry=REGISTRY,
)  # fmt: skip
ASK_SECONDS = Histogram(
    "verify_source_ask_seconds", "How long a question to a source took.", ["source"],
    registry=REGISTRY, buckets=_SLOW[:10],
)  # fmt: skip
DECODE_SECONDS = Histogram(
    "verify_decode_seconds", "Decoding the answers of a batch.", registry=REGISTRY, buckets=_QUICK
)
JUDGE_SECONDS = Histogram(
    "verify_judge_seconds", "Judging a batch.", registry=REGISTRY, buckets=_QUICK
)
JUDGED = Histogram(
    "verify_judge_households", "Households judged together.", registry=REGISTRY,
    buckets=(1, 2, 5, 10, 20, 50, 100, 500),
)  # fmt: skip
CHECKPOINTS = Counter(
    "verify_checkpoints", "Checkpoints of the log that were signed.", ["witnessed"],
    registry=REGISTRY,
)  # fmt: skip
REPLAYS = Counter("verify_replays", "Verdicts replayed.", ["result"], registry=REGISTRY)
ACCESSES = Counter(
    "verify_accesses", "Reads of personal data that were recorded.", ["what"], registry=REGISTRY
)
REQUESTS = Counter(
    "verify_http_requests", "Requests answered.", ["route", "method", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "verify_http_request_seconds", "How long a request took.", ["route"], registry=REGISTRY,
    buckets=_QUICK,
)  # fmt: skip

_NAME = "verify"


class _Tracing:
    """Where spans go: nowhere, until somebody listens."""

    tracer: trace.Tracer = trace.NoOpTracerProvider().get_tracer(_NAME)


def use(provider: trace.TracerProvider | None) -> None:
    """Send spans to a provider; `None`: nowhere."""
    _Tracing.tracer = (provider or trace.NoOpTracerProvider()).get_tracer(_NAME)


def begin(name: str, *, verification: str = "", parent: Context | None = None) -> Span:
    """A span that somebody else ends (`Span.end`)."""
    return _Tracing.tracer.start_span(
        name, context=parent, attributes=_attributes(verification=verification)
    )


def under(span: Span) -> Context:
    """The context in which a span is the parent."""
    return trace.set_span_in_context(span, Context())


@contextmanager
def span(
    name: str,
    *,
    parent: Context | None = None,
    verification: str = "",
    source: str = "",
    households: int = 0,
) -> Iterator[Span]:
    """A span around a block. Of an exception only its type is told: its text may quote a value."""
    attributes = _attributes(verification=verification, source=source, households=households)
    with _Tracing.tracer.start_as_current_span(
        name,
        context=parent,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def _attributes(**values: str | int) -> dict[str, str | int]:
    return {f"verify.{name}": value for name, value in values.items() if value}


def place(error: BaseException) -> str:
    """File and line where an exception was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def told(error: BaseException) -> dict[str, str]:
    """What a log line says of an exception: its kind and place.

    No logger is handed the exception itself: what shows it (its text, or the variables of its
    frames, as structlog does by default) would show people's names and numbers.
    """
    return {"kind": type(error).__name__, "at": place(error)}


def without_exception_text(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Of an exception its kind and place are logged: its text, and what variables hold, is not."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[1] is not None:
        event["exception"] = type(info[1]).__name__
        event["at"] = place(info[1])
    return event
