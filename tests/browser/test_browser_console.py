"""A person at the console, in a real browser."""

from __future__ import annotations

import copy

import pytest

from support.live import household
from verify.service.wording import OUTCOME

pytestmark = pytest.mark.browser

HOSTILE_NAME = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e王"


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1100, "height": 1000})
    page = context.new_page()
    page.complaints = []
    page.requests_made = []
    page.on("console", lambda m: page.complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: page.complaints.append(str(e)))
    page.on("dialog", lambda d: (page.complaints.append(d.message), d.dismiss()))
    page.on("request", lambda r: page.requests_made.append(r.url))
    yield page
    context.close()


def log_in(page, live, key="", purpose="") -> None:
    page.goto(f"{live.url}/console/login")
    page.fill("#key", key or live.caseworker_key)
    page.select_option("#purpose", purpose)
    page.click("main button")
    page.wait_for_url(f"{live.url}/console/")


def test_a_caseworker_logs_in_opens_a_report_and_replays_it(live, page):
    found = live.check(household("01").application)
    log_in(page, live)
    page.click(f'a[href="/console/verifications/{found}"]')
    words = OUTCOME[live.verdict(found)["outcome"]]
    assert page.locator(".banner .verdict").inner_text().split("\n") == [words.zh, words.en]
    assert page.locator(".gauge").first.bounding_box()["width"] > 300
    # The style sheet is in force: the policy's hash fits.
    assert page.evaluate("getComputedStyle(document.querySelector('.sheet')).maxWidth") == "900px"
    picture = page.screenshot(full_page=True)
    assert len(picture) > 50_000
    page.click(".bar form button")
    assert "every byte is the same" in page.locator(".replay").inner_text()
    page.click(".bar .quiet")
    page.wait_for_url(f"{live.url}/console/login")
    assert page.complaints == []
    assert {url.split("/")[2] for url in page.requests_made if url.startswith("http")} == {
        live.url.split("/")[2]
    }


def test_a_question_stands_before_the_tests_it_decides(live, page):
    found = live.check(household("08").application)
    log_in(page, live)
    page.goto(f"{live.url}/console/verifications/{found}")
    ask = page.locator(".questions").bounding_box()
    test = page.locator(".test").first.bounding_box()
    assert ask["y"] < test["y"]
    assert page.locator(".match.unsure").count() >= 1


def test_a_hostile_name_is_shown_and_never_runs(live, page):
    application = copy.deepcopy(household("03").application)
    application["household"]["members"][0]["name"] = HOSTILE_NAME
    application["case_number"] = "\"'><svg onload=alert(3)>"
    found = live.check(application)
    log_in(page, live)
    page.goto(f"{live.url}/console/verifications/{found}")
    assert page.title() != "owned"
    assert "<script>" in page.locator(".people").inner_text()
    assert "⟦U+202E⟧" in page.locator(".people").inner_text()
    page.goto(f"{live.url}/console/")
    assert page.complaints == []


def test_the_page_fits_a_telephone(live, page):
    found = live.check(household("01").application)
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, live)
    page.goto(f"{live.url}/console/verifications/{found}")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_print_shows_the_whole_report_without_the_console(live, page):
    found = live.check(household("01").application)
    log_in(page, live)
    page.goto(f"{live.url}/console/verifications/{found}")
    page.emulate_media(media="print")
    assert not page.locator(".bar").is_visible()
    assert page.locator(".digests").is_visible()
    assert len(page.pdf(prefer_css_page_size=True)) > 50_000
