"""`verify serve`: API, console and worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verify.cli.options import EnvFile, Home

DEFAULT_PORT = 8470


def serve(
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="N", help="Port to listen on; 0 takes a free one."),
    ] = DEFAULT_PORT,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave the queue to other processes.")
    ] = False,
    worker_only: Annotated[
        bool, typer.Option("--worker-only", help="Work on the queue, serve no API.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--for", min=0, metavar="SECONDS", help="Stop by itself after this many seconds."
        ),
    ] = None,
    address_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the service's address to this file once it answers."
        ),
    ] = None,
    home: Home = None,
    env_file: EnvFile = None,
) -> None:
    """Serve the REST API and the console, and work on the queue. Ctrl-C or SIGTERM stops it.

    Listens on loopback unless told otherwise; put a TLS-terminating proxy in front of it.
    """
    from verify.cli.environment import settings_for
    from verify.cli.process import for_small_batches
    from verify.domain.errors import InputError

    for_small_batches()
    from verify.cli.serving import ServeOptions, run_service

    if no_worker and worker_only:
        raise InputError(
            "--no-worker and --worker-only leave nothing to run", remedy="give one of them"
        )
    run_service(
        ServeOptions(
            settings=settings_for(home),
            host=host,
            port=port,
            worker=not no_worker,
            api=not worker_only,
            seconds=seconds,
            address_file=address_file,
            env_file=env_file,
        )
    )
