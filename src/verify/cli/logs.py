"""Logs of a command go to standard error, so that standard output stays the result."""

from __future__ import annotations

import logging
import sys


def quiet() -> None:
    """A person is watching the progress table: only warnings and worse, one readable line."""
    _configure(logging.WARNING, as_json=False)


def for_service() -> None:
    """A service: one JSON object per line."""
    _configure(logging.INFO, as_json=True)


def _configure(level: int, *, as_json: bool) -> None:
    import structlog

    last = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place_of_exception,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _place_of_exception(_: object, __: str, event: dict[str, object]) -> dict[str, object]:
    """Log what kind of exception and where, never its text: it may quote a personal value."""
    if not event.pop("exc_info", None):
        return event
    kind, _error, trace = sys.exc_info()
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    event["exception"] = kind.__name__ if kind is not None else "unknown"
    if trace is not None:
        event["at"] = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
    return event
