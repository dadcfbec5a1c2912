"""The commands on the pages of docs/explanation run without a service, and print what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.pages import follow, steps

ROOT = Path(__file__).parents[2]
PAGES = [p for p in sorted((ROOT / "docs/explanation").glob("*.md")) if steps(p)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_command_of_the_explanation_prints_what_the_page_says(
    page, tmp_path, tmp_path_factory
):
    environment = {"PYTHONPATH": str(ROOT / "src"), "VERIFY_CONTENT": str(ROOT)}
    follow(page, tmp_path, tmp_path_factory.mktemp("tools"), environment)
