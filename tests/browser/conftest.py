from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from support.live import installation

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    """One real browser for this folder."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """One installation for this folder; tests only add to it."""
    with installation(tmp_path_factory.mktemp("console")) as running:
        yield running
