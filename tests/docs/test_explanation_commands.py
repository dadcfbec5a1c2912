"""The commands on the pages of docs/explanation run without a service, and print what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_docs_commands import matches, steps

ROOT = Path(__file__).parents[2]
PAGES = [p for p in sorted((ROOT / "docs/explanation").glob("*.md")) if steps(p)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_command_of_the_explanation_prints_what_the_page_says(page, tmp_path):
    script = ["set -euo pipefail", f'verify() {{ "{sys.executable}" -m verify.cli.main "$@"; }}']
    mark = "@@next@@"
    for command, _ in steps(page):
        script += [command, f"printf '\\n{mark}\\n'"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "VERIFY_CONTENT": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    printed = done.stdout.split(mark)
    for (command, expected), found in zip(steps(page), printed, strict=False):
        if expected is not None:
            assert matches(expected, found), f"{command}\nprinted:\n{found}\nnot:\n{expected}"
