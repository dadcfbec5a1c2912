"""What is told about each check: one span from its claim until let go, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from opentelemetry.context import Context
from opentelemetry.trace import Span

from verify import telemetry
from verify.connectors import Answer
from verify.domain.verdict import Verdict


class CheckSpans:
    """The spans of checks under way. Safe from many threads."""

    def __init__(self) -> None:
        self._spans: dict[str, Span] = {}
        self._lock = threading.Lock()

    def begin(self, verification: str) -> None:
        """This process carries the check now."""
        span = telemetry.begin("check", verification=verification)
        with self._lock:
            self._spans[verification] = span

    def context(self, verification: str) -> Context | None:
        """The context of the check's span, for what happens within it."""
        with self._lock:
            span = self._spans.get(verification)
        return None if span is None else telemetry.under(span)

    def asking(self, verification: str, source: str, ask: Callable[[], Answer]) -> Answer:
        """Put a question to its source within the check's span, and count how that went."""
        parent = self.context(verification)
        with (
            telemetry.span("ask", parent=parent, source=source) as span,
            telemetry.ASK_SECONDS.labels(source).time(),
        ):
            answer = ask()
            state = "pending" if answer.pending else answer.state.value
            span.set_attribute("verify.state", state)
        telemetry.ASKS.labels(source, state).inc()
        return answer

    def end(self, verification: str, state: str) -> None:
        """It is let go: sealed, failed, given back, lost."""
        with self._lock:
            span = self._spans.pop(verification, None)
        if span is not None:
            span.set_attribute("verify.state", state)
            span.end()


def count_sealed(verdict: Verdict, took_ms: int) -> None:
    """A verdict was sealed, so many milliseconds after its check was accepted."""
    telemetry.CHECKS.labels("completed" if verdict.final else "waiting").inc()
    telemetry.VERDICTS.labels(verdict.outcome.value, str(verdict.final).lower()).inc()
    telemetry.CHECK_SECONDS.observe(took_ms / 1000)
