"""Logs: one JSON object a line, from our own code and from the server library alike.

Events hold codes, route templates, counts and digests. Exceptions are logged by type and place;
their text may quote a value and stays out.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from verify.telemetry import without_exception_text


def _drop_record(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key in ("_record", "_from_structlog", "color_message"):
        event.pop(key, None)
    return event


def configure(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logging to one stream as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_exception_text,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _drop_record,
                structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The HTTP client's own lines name addresses; the sources' addresses are not for logs.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
