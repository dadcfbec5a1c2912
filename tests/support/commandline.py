"""The command line as a process of its own, for tests."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HOUSEHOLDS = ROOT / "fixtures" / "households"


def fixture_file(number: str) -> Path:
    """A hand-written household by the start of its file name."""
    return next(HOUSEHOLDS.glob(f"{number}-*.yaml"))


@dataclass
class Cli:
    """`verify` on a home of its own, without any setting of the surrounding environment."""

    home: Path

    def __call__(self, *words: str, stdin: str | None = None, timeout: float = 180, **env: str):
        return subprocess.run(
            [sys.executable, "-m", "verify.cli.main", *words],
            cwd=self.home,
            env=self.environment(**env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def environment(self, **extra: str) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("VERIFY_")}
        return {**own, "VERIFY_HOME": str(self.home / "var"), "NO_COLOR": "1", **extra}

    def json(self, *words: str, code: int = 0, **options: Any) -> Any:
        """The one document that a command prints with `--json`."""
        done = self(*words, "--json", **options)
        assert done.returncode == code, done.stderr + done.stdout
        return json.loads(done.stdout)

    @property
    def stored(self) -> int:
        """How many verifications the embedded database holds."""
        file = self.home / "var" / "verify.db"
        if not file.exists():
            return 0
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            return connection.execute("select count(*) from verifications").fetchone()[0]
