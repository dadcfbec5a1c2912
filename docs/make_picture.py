"""Redraw the picture of a verdict in the README: the console's report page of the demo family.

make picture
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.live import household, installation

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Verify the demo family and photograph its report."""
    with tempfile.TemporaryDirectory() as home, installation(Path(home)) as live:
        found = live.check(household("01").application)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=ARGUMENTS
            )
            page = browser.new_page(
                viewport={"width": 1000, "height": 1250}, device_scale_factor=1.5
            )
            page.goto(f"{live.url}/console/login")
            page.fill("#key", live.caseworker_key)
            page.click("main button")
            page.goto(f"{live.url}/console/verifications/{found}")
            page.screenshot(path=ROOT / "docs" / "images" / "verdict.png")
            browser.close()


if __name__ == "__main__":
    main()
