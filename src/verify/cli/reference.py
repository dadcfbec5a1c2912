"""docs/reference/cli.md, made from the commands themselves.

`python -m verify.cli.reference` prints it; a test compares it with the file.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import typer

from verify.cli.main import EPILOGUE, app

INTRODUCTION = """\
# The command line

Made from the commands by `python -m verify.cli.reference > docs/reference/cli.md`; a test keeps
it true.

With `--json` every command prints exactly one JSON document on standard output, also when it
fails (`{"error": {...}, "exit_code": N}`); progress and messages go to standard error. Colours
appear on a terminal only; `NO_COLOR=1` turns them off. `VERIFY_HOME` and the other settings of
`verify.settings` come from the environment.

| Exit code | Meaning |
|---|---|
| 0 | done, whatever the verdict says |
| 1 | a fault of the program itself |
| 2 | bad input: a file, an option, a content file |
| 3 | not found, or not yours |
| 4 | conflict: a taken port, a second process on the embedded database |
| 5 | access: no or wrong credentials, role or region |
| 6 | overloaded, or no answer in time: try again |
| 7 | stored data or a replay differs from what was sealed |
"""


def document() -> str:
    """The whole page."""
    command = typer.main.get_command(app)
    return "\n".join([INTRODUCTION, *_sections(command, "verify")])


def _sections(command: Any, path: str) -> Iterator[str]:
    children: dict[str, Any] = getattr(command, "commands", {})
    if path != "verify":
        yield from _section(command, path)
    for name in sorted(children):
        yield from _sections(children[name], f"{path} {name}")


def _section(command: Any, path: str) -> Iterator[str]:
    yield f"## {path}\n"
    usage = " ".join(
        [path, *(_usage(p) for p in command.params if p.param_type_name == "argument")]
    )
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    yield f"```\n{usage}{' [OPTIONS]' if options else ''}\n```\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    rows = [row for p in command.params if p.name != "help" for row in _row(p)]
    if rows:
        yield "\n".join(["| | |", "|---|---|", *rows]) + "\n"


def _usage(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.upper())
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> Iterator[str]:
    if parameter.param_type_name == "argument":
        yield f"| `{_usage(parameter)}` | {_cell(parameter.help)} |"
        return
    names = ", ".join(f"`{n}`" for n in (*parameter.opts, *parameter.secondary_opts))
    needed = " (needed)" if parameter.required else ""
    plain = parameter.default not in (None, False, "", [], ()) and not callable(parameter.default)
    default = f" Default: {parameter.default}." if plain and not parameter.required else ""
    yield f"| {names} | {_cell(parameter.help)}{default}{needed} |"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(document())

__all__ = ["EPILOGUE", "document"]
