"""Serve an application with uvicorn the way this service wants it served."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

GRACE_SECONDS = 10


def server(app: FastAPI, host: str = "127.0.0.1", port: int = 8470) -> uvicorn.Server:
    """A server ready to `run()`: no access log of its own, no version banner, graceful stop.

    Call `verify.api.logs.configure()` first; `port=0` takes a free port.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            h11_max_incomplete_event_size=32_768,
            lifespan="off",
        )
    )
