"""The commands in docs/ run, and print what the docs say they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def steps(page: Path) -> list[tuple[str, str | None]]:
    """Each `sh` block of a page with the output block that follows it, if one does."""
    found: list[tuple[str, str | None]] = []
    awaiting = False
    for kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append((body, None))
            awaiting = True
        elif kind in ("text", "json") and awaiting:
            found[-1] = (found[-1][0], body)
            awaiting = False
        else:
            awaiting = False
    return found


def matches(expected: str, printed: str) -> bool:
    """Equal, where a line `...` stands for any number of lines."""
    pattern = r"\n".join(
        r"[\s\S]*?" if line == "..." else re.escape(line) for line in expected.strip().split("\n")
    )
    return re.fullmatch(pattern, printed.strip()) is not None


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs/tutorials").glob("*.md")), ids=lambda p: p.stem
)
def test_every_command_on_the_page_prints_what_the_page_says(page, live_service, tmp_path):
    shutil.copytree(ROOT / "api", tmp_path / "api")
    script, marks = ["set -euo pipefail"], []
    for number, (command, _) in enumerate(steps(page)):
        marks.append(f"@@step {number}@@")
        script += [command, f"printf '\\n{marks[-1]}\\n'"]
    assert marks, "a tutorial without a command teaches nothing"
    environment = {
        **os.environ,
        "VERIFY": live_service.url,
        "KEY": live_service.caseworker_key,
        # The commands of this installation, wherever it is.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    rest = done.stdout
    for mark, (command, expected) in zip(marks, steps(page), strict=True):
        printed, _, rest = rest.partition(mark)
        if expected is not None:
            assert matches(expected, printed), f"{command}\nprinted:\n{printed}\nnot:\n{expected}"


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(FENCE, "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).resolve().exists(), f"{page.name} links to {target}"


def test_the_readme_names_the_two_commands_and_they_are_targets():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.M)


def test_every_make_target_in_the_docs_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")):
            assert name in targets, f"{page.name} speaks of `make {name}`"
