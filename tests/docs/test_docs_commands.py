"""The commands in docs/ run, and print what the docs say they print."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.pages import FENCE, follow

ROOT = Path(__file__).parents[2]
OWN_TESTS = {"add-a-city"}  # see test_docs_rules.py


@pytest.mark.parametrize(
    "page",
    [p for p in sorted((ROOT / "docs/tutorials").glob("*.md")) if p.stem not in OWN_TESTS],
    ids=lambda p: p.stem,
)
def test_every_command_on_the_page_prints_what_the_page_says(
    page, live_service, tmp_path, tmp_path_factory
):
    shutil.copytree(ROOT / "api", tmp_path / "api")
    environment = {"VERIFY": live_service.url, "KEY": live_service.caseworker_key}
    follow(page, tmp_path, tmp_path_factory.mktemp("tools"), environment)


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
