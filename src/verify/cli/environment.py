"""Where a command finds its settings, and the sources' addresses and secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.domain.errors import InputError

if TYPE_CHECKING:
    from verify.settings import Settings

SOURCES_FILE = "sources.env"


def settings_for(home: Path | None, **changes: Any) -> Settings:
    """Settings from the environment, with `--home` and other options on top."""
    from verify.settings import Settings

    settings = Settings()
    if home is not None:
        changes["home"] = home
    return settings.model_copy(update=changes)


def source_environment(home: Path, env_file: Path | None) -> dict[str, str]:
    """The process environment, completed from the env file.

    Raises:
        InputError: the file named with `--env-file` is not there or is not NAME=value lines.
    """
    chosen = env_file or home / SOURCES_FILE
    if not chosen.is_file():
        if env_file is not None:
            raise InputError(
                "there is no such env file",
                where=str(env_file),
                remedy="start the simulated sources with `verify simulate --env-file PATH`",
            )
        return dict(os.environ)
    return {**read_env_file(chosen), **os.environ}


def read_env_file(path: Path) -> dict[str, str]:
    """Read NAME=value lines; empty lines and lines that start with # are skipped.

    Raises:
        InputError: with the line number, for anything else. The line itself is not shown: it
            may hold a secret.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(
                "this line is not of the form NAME=value",
                where=f"{path}:{number}",
                remedy="write one NAME=value a line",
            )
        values[name] = value
    return values


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write NAME=value lines that only the owner may read, in one step: never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, "".join(f"{name}={value}\n" for name, value in sorted(values.items())))


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a file of mode 0600 with this text."""
    from verify.store import private_files

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(private_files.create(draft), "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(path)
