"""`verify check`: verify households in this process, with the embedded store."""

from __future__ import annotations

from typing import Annotated

import typer

from verify.cli.options import EnvFile, Home, Json


def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Applications (JSON or YAML) or household fixtures; - reads standard input.",
        ),
    ],
    *,
    wait: Annotated[
        int,
        typer.Option(min=1, max=3600, metavar="SECONDS", help="Seconds to wait for the sources."),
    ] = 60,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate",
            help="Serve the simulated sources from the fixtures' own registers meanwhile.",
        ),
    ] = False,
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Verify one household or many, here and now, and print the verdict with its reasons.

    The sources are those of connectors/*.yaml, at the addresses that the environment or the env
    file gives. Everything is sealed in the embedded store, as by the service. When the wait is
    over, the household is judged with the answers that are in.
    """
    del as_json
    from verify.cli.checking import run_check
    from verify.cli.environment import settings_for

    failed = run_check(files, settings_for(home), wait=wait, simulate=simulate, env_file=env_file)
    if failed:
        raise typer.Exit(failed)
