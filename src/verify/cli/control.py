"""Switch simulated departments off and on through their control endpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from verify.cli.client import Api
from verify.cli.environment import SOURCES_FILE, read_env_file
from verify.domain.errors import InputError, NotFound
from verify.simulate.server import CONTROL_TOKEN, CONTROL_URL
from verify.simulate.state import SOURCES

DEMO_FOLDER = "demo"


@dataclass(frozen=True)
class Control:
    """The control endpoint of running simulated sources."""

    api: Api

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Control:
        """The endpoint that the environment names.

        Raises:
            InputError: it names none.
        """
        try:
            return cls(Api(environment[CONTROL_URL], environment[CONTROL_TOKEN]))
        except KeyError as error:
            raise InputError(
                f"{error.args[0]} is not set",
                where="environment",
                remedy="start `verify simulate` first, or name its file with --env-file",
            ) from None

    def switch(self, source: str, *, on: bool) -> None:
        """Open or close a department.

        Raises:
            NotFound: no such source.
            Overloaded: the simulated sources do not run.
        """
        if source not in SOURCES:
            raise NotFound(
                "no such source", where=source, remedy=f"use one of: {', '.join(SOURCES)}"
            )
        self.api.post(f"/sources/{source}/{'on' if on else 'off'}")


def control_environment(home: Path, env_file: Path | None) -> dict[str, str]:
    """The environment, completed from the env file, the home folder's, or the demo's.

    Raises:
        InputError: the file named with `--env-file` is not there or cannot be read.
    """
    if env_file is not None and not env_file.is_file():
        raise InputError("there is no such env file", where=str(env_file))
    candidates = (
        [env_file] if env_file else [home / SOURCES_FILE, home / DEMO_FOLDER / SOURCES_FILE]
    )
    found = next((path for path in candidates if path.is_file()), None)
    return {**(read_env_file(found) if found else {}), **os.environ}
