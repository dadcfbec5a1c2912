"""Two administrators change a source at the console, in a real browser, and go back."""

from __future__ import annotations

import pytest

from support.live import household
from verify.domain.access import RoleName
from verify.service import wording
from verify.service.access import create_key
from verify.service.clock import now_ms

pytestmark = pytest.mark.browser


class Person:
    """An administrator at a browser of their own."""

    def __init__(self, browser, live, label: str, role: RoleName = RoleName.ADMINISTRATOR) -> None:
        self.url = f"{live.url}/console"
        self.context = browser.new_context(viewport={"width": 1200, "height": 1000})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda m: self.complaints.append(m.text) if m.type == "error" else None
        )
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        key = create_key(
            live.system.store, label=label, roles=[role], regions=["310000"], now=now_ms()
        )
        self.page.goto(f"{self.url}/login")
        self.page.fill("#key", key)
        self.page.click("main button")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def state(self) -> str:
        return self.page.locator("#state").get_attribute("data-state")


@pytest.fixture
def people(browser, live):
    made = [Person(browser, live, label) for label in ("Li", "Wang")]
    yield made
    for person in made:
        person.context.close()


def used(live, case: str) -> set[str]:
    """Digests of the tax office's declaration that a fresh verdict names."""
    found = live.check({**household("01").application, "case_number": case})
    rows = live.verdict(found)["coverage"]
    return {c["connector"] for c in rows if c["source"] == "tax"}


def test_a_draft_is_approved_by_a_second_person_used_and_rolled_back(live, people):
    li, wang = people
    # Who looks after sources begins with the sources.
    li.page.wait_for_url(f"{li.url}/sources")
    before = used(live, "SYN-BROWSER-1")
    li.page.click('a[href="/console/sources/tax"]')
    folder = li.page.locator("#in-force").inner_text()
    assert before == {folder}

    text = li.page.input_value("#declaration")
    li.page.fill("#declaration", text + "# checked against the manual of May\n")
    li.page.click('button[value="preview"]')
    assert "something is found" in li.page.locator("#preview").inner_text()
    li.page.click('button[value="shadow"]')
    assert "verdicts would turn" in li.page.locator("#shadow").inner_text()
    li.page.fill("#note", "a remark")
    li.page.click('button[value="propose"]')
    li.page.wait_for_url("**/proposals/p_*")
    assert li.state() == "proposed"
    assert "+# checked against the manual of May" in li.page.locator(".diff").inner_text()
    assert li.page.get_by_role("button", name="Approve").count() == 0
    digest = li.page.locator("#digest").inner_text()
    assert used(live, "SYN-BROWSER-2") == {folder}

    wang.open(li.page.url.split("/console", 1)[1])
    wang.page.get_by_role("button", name="Approve").click()
    assert wang.state() == "in_force"
    assert used(live, "SYN-BROWSER-3") == {digest}

    wang.open("/sources/tax")
    assert wang.page.locator("#in-force").inner_text() == digest
    wang.page.fill("#why", "the manual was another one")
    wang.page.get_by_role("button", name="Roll back").click()
    assert wang.state() == "rolled_back"
    li.open("/sources/tax")
    assert li.page.locator("#in-force").inner_text() == folder
    assert used(live, "SYN-BROWSER-4") == {folder}
    assert li.complaints == wang.complaints == []


def test_a_draft_with_a_fault_is_refused_with_its_line_and_kept_on_the_page(people):
    li, _ = people
    li.open("/sources/vehicle")
    text = li.page.input_value("#declaration")
    li.page.fill("#declaration", text.replace("http://127.0.0.1:8472", "https://evil.example"))
    li.page.click('button[value="propose"]')
    told = li.page.locator("#problems").inner_text()
    assert "connectors/vehicle.yaml:" in told
    assert "allow-list" in told
    assert "https://evil.example" in li.page.input_value("#declaration")


def test_a_quarantine_is_seen_with_its_reason_and_lifted(live, people):
    li, _ = people
    declaration = live.system.contents.connectors.declaration("bank")
    live.system.asker.watch.quarantine(declaration, "found_rate")
    li.page.wait_for_timeout(400)
    li.open("/sources")
    first = li.page.locator("tbody tr").first
    assert "bank" in first.inner_text()
    assert "in quarantine" in first.inner_text()
    assert "unusually many or few people" in first.inner_text()
    li.page.click('a[href="/console/sources/bank"]')
    li.page.get_by_role("button", name="End the quarantine").click()
    li.page.wait_for_url("**/sources/bank")
    assert li.page.locator('[role="alert"]').count() == 0
    assert li.complaints == []


def test_the_hours_of_a_source_are_drawn_and_said_in_words(live, people):
    used(live, "SYN-BROWSER-5")
    live.system.asker.health.flush()
    li, _ = people
    li.page.wait_for_timeout(400)
    li.open("/sources/tax")
    drawing = li.page.locator("svg.hours")
    assert drawing.get_attribute("aria-label").startswith("24 h: ")
    assert drawing.locator("rect.asked").first.bounding_box()["height"] > 10
    li.page.get_by_text("Hour by hour").click()
    assert li.page.locator("details table tbody tr").count() >= 1
    li.page.get_by_role("button", name="Ask about nobody").click()
    told = wording.word(wording.STATE, "confirmed_empty")
    assert told["en"] in li.page.locator(".trial b").inner_text()
    width = li.page.evaluate("document.documentElement.scrollWidth")
    li.page.set_viewport_size({"width": 390, "height": 844})
    assert li.page.evaluate("document.documentElement.scrollWidth") <= 390 < width


def test_a_caseworker_finds_no_way_to_the_sources(browser, live):
    person = Person(browser, live, "Zhao", RoleName.CASEWORKER)
    person.page.wait_for_url(f"{person.url}/")
    assert person.page.locator(".bar .way").count() == 0
    person.open("/sources")
    assert person.page.locator("h1").inner_text().startswith("403")
    person.context.close()
