"""An auditor asks what a case would have come to, in a real browser."""

from __future__ import annotations

import json

import pytest
from test_browser_console import log_in, page  # noqa: F401 - the fixture

from support.live import household
from verify.domain.access import LOCAL
from verify.store.accesses import AccessFilters

pytestmark = pytest.mark.browser


def test_an_auditor_takes_an_answer_away_and_sees_which_tests_and_amounts_differ(live, page):  # noqa: F811
    found = live.check(household("01").application)
    store = live.system.store
    verdicts = store.verdicts(found, LOCAL)
    trace = json.loads(store.document(found, verdicts[-1].trace_digest, LOCAL))
    wage = next(r["record"] for r in trace["records"] if r["kind"] == "wage")

    log_in(page, live, live.auditor_key, "audit")
    page.click(f'a[href="/console/verifications/{found}"]')
    page.click(f'a[href="/console/verifications/{found}/what-if"]')
    page.select_option("#without", wage)
    page.click("main button")
    changed = page.locator(".beside tr.changed")
    assert changed.count() >= 1
    sealed, supposed = changed.first.locator("td").all_inner_texts()
    assert sealed != supposed
    assert page.locator("#without").input_value() == wage

    page.select_option("#without", "")
    page.fill("#as_of", "1980-01-01")
    page.click("main button")
    assert page.locator(".fault").is_visible()
    assert page.locator(".beside").count() == 0

    assert store.verdicts(found, LOCAL) == verdicts, "nothing is kept"
    reads = store.accesses(LOCAL, AccessFilters((found,), what="what if"))
    assert len(reads) >= 4
    assert {(r.purpose, r.stated) for r in reads} == {("audit", True)}
    # The 422 of a day without law is told, nothing else is complained about.
    assert all("422" in words for words in page.complaints)


def test_an_auditor_who_says_no_purpose_is_asked_for_it_and_goes_on(live, page):  # noqa: F811
    found = live.check(household("03").application)
    page.goto(f"{live.url}/console/login")
    page.fill("#key", live.auditor_key)
    page.click("main button")
    assert "does not follow from your role" in page.locator("main").inner_text()
    page.select_option("main #purpose", "complaint")
    page.click("main button")
    page.wait_for_url(f"{live.url}/console/")
    page.click(f'a[href="/console/verifications/{found}"]')
    assert page.locator(".banner").is_visible()
    (read, *_) = live.system.store.accesses(LOCAL, AccessFilters((found,), what="report"))
    assert (read.purpose, read.stated) == ("complaint", True)
