"""Run the pages of docs/: their commands, with the files they show, against what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_FILE = re.compile(r"# ((?:[\w.-]+/)+[\w.-]+\.yaml)\n")


@dataclass(frozen=True)
class Step:
    """A `sh` block, and the output block that follows it, if one does."""

    command: str
    expected: str | None


def steps(page: Path) -> list[Step]:
    """Each `sh` block of a page with the output block that follows it.

    A `yaml` block that begins with `# path/to/file.yaml` is a step that writes this file.
    """
    found: list[Step] = []
    awaiting = False
    for kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append(Step(body, None))
        elif kind == "yaml" and (name := _FILE.match(body)):
            path = name[1]
            write = f"mkdir -p {Path(path).parent}\ncat > {path} <<'@@END'\n{body}@@END\n"
            found.append(Step(write, None))
        elif kind in ("text", "json") and awaiting:
            found[-1] = Step(found[-1].command, body)
        awaiting = kind == "sh"
    return found


def matches(expected: str, printed: str) -> bool:
    """Equal but for spaces at line ends, where a line `...` stands for any number of lines."""
    printed = re.sub(r" +$", "", printed, flags=re.M)
    pattern = r"\n".join(
        r"[\s\S]*?" if line == "..." else re.escape(line) for line in expected.strip().split("\n")
    )
    return re.fullmatch(pattern, printed.strip()) is not None


def follow(page: Path, folder: Path, tools: Path, environment: Mapping[str, str]) -> None:
    """Do what a page says, in one shell, and compare what it prints with what the page shows."""
    script, marks = ["set -euo pipefail"], []
    for number, step in enumerate(steps(page)):
        marks.append(f"@@step {number}@@")
        script += [step.command, f"printf '\\n{marks[-1]}\\n'"]
    assert marks, "a page without a command teaches nothing"
    program = tools / "verify"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m verify.cli.main "$@"\n')
    program.chmod(0o755)
    own = {k: v for k, v in os.environ.items() if not k.startswith("VERIFY_")}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env={
            **own,
            "NO_COLOR": "1",
            # The commands of this installation, wherever it is.
            "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    rest = done.stdout
    for mark, step in zip(marks, steps(page), strict=True):
        printed, _, rest = rest.partition(mark)
        if step.expected is not None:
            assert matches(step.expected, printed), (
                f"{step.command}\nprinted:\n{printed}\nnot:\n{step.expected}"
            )
