"""The console over HTTP: log in, list, report, replay, and nothing for strangers."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
import sqlite3
from contextlib import closing

import httpx
import pytest

from support.live import household, installation
from verify.console.pages import report_page
from verify.domain.access import LOCAL
from verify.service.wording import OUTCOME
from verify.store.accesses import AccessFilters


@pytest.fixture(scope="session")
def judged(live):
    return live.check(household("01").application)


def visitor(live) -> httpx.Client:
    return httpx.Client(
        base_url=live.url, timeout=60, trust_env=False, headers={"Origin": live.url}
    )


@pytest.fixture
def stranger(live):
    with visitor(live) as client:
        yield client


@pytest.fixture
def clerk(live):
    with visitor(live) as client:
        answer = client.post("/console/login", data={"key": live.caseworker_key})
        assert answer.status_code == 303
        yield client


def test_the_cookie_is_opaque_strict_and_out_of_scripts_reach(live, stranger):
    answer = stranger.post("/console/login", data={"key": f"  {live.caseworker_key}\n"})
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/console", "Max-Age=1800"):
        assert part in cookie
    assert live.caseworker_key not in cookie


@pytest.mark.parametrize("key", ["", "wrong", "vk_nobody_" + "A" * 43, "<script>"])
def test_a_wrong_key_opens_nothing_and_is_not_repeated(stranger, key):
    answer = stranger.post("/console/login", data={"key": key})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "密钥无效" in answer.text
    assert not key or key not in answer.text


def test_without_a_session_there_is_only_the_door(stranger, judged):
    for path in ("/console/", f"/console/verifications/{judged}"):
        answer = stranger.get(path)
        assert answer.status_code == 401
        assert 'name="key"' in answer.text


def test_the_list_shows_outcome_and_state_and_leads_to_the_report(live, clerk, judged):
    page = clerk.get("/console/").text
    row = next(r for r in page.split("<tr") if judged in r)
    words = OUTCOME[live.verdict(judged)["outcome"]]
    assert words.zh in row
    assert words.en in row
    assert "completed" in row
    assert f'href="/console/verifications/{judged}"' in row


def test_the_list_comes_in_pages(live, clerk, judged, monkeypatch):
    monkeypatch.setattr("verify.console.app.PAGE_SIZE", 1)
    newer = live.check(household("03").application)
    page = clerk.get("/console/").text
    assert newer in page
    assert judged not in page
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert judged in clerk.get(older[1]).text


def test_the_report_says_what_was_found_by_what_limit_and_who_said_it(live, clerk, judged):
    page = clerk.get(f"/console/verifications/{judged}").text
    verdict = live.verdict(judged)
    for finding in verdict["assessment"]["findings"]:
        assert finding["title"]["zh"] in page
        if finding["state"] == "not_applicable":
            continue
        for citation in finding["citations"]:
            assert citation["document"] in page
            assert citation["number"] in page
    assert page.count('<svg class="gauge') == len(
        [f for f in verdict["assessment"]["findings"] if f["state"] != "not_applicable"]
    )
    for digest in verdict["digests"].values():
        assert digest in page
    assert verdict["disclaimer"]["zh"] in page
    assert "民发〔2021〕57号" in page  # the right to object
    assert "非本人" in page  # the namesake's car is shown as rejected


def test_full_identity_numbers_are_not_on_the_page(clerk, judged):
    page = clerk.get(f"/console/verifications/{judged}").text
    assert not re.search(r"(?<![0-9a-f])[1-9][0-9]{16}[0-9X](?![0-9a-f])", page)


def test_a_replay_from_the_page_says_that_every_byte_is_the_same(clerk, judged):
    answer = clerk.post(f"/console/verifications/{judged}/replay")
    assert answer.status_code == 200
    assert "逐字节相同" in answer.text


def test_a_changed_byte_is_named_on_the_page(tmp_path):
    with installation(tmp_path) as own:
        found = own.check(household("03").application)
        digest = own.verdict(found)["coverage"][0]["bodies"][0]
        with closing(sqlite3.connect(own.home / "verify.db")) as database, database:
            changed = database.execute(
                "UPDATE blobs SET body = CAST(body || ' ' AS BLOB) WHERE digest = ?", (digest,)
            )
            assert changed.rowcount == 1
        with visitor(own) as client:
            client.post("/console/login", data={"key": own.caseworker_key})
            page = client.post(f"/console/verifications/{found}/replay").text
        assert "重放不一致" in page
        assert "逐字节相同" not in page
        source, person = own.verdict(found)["coverage"][0]["evidence"].split("/")
        assert f"{source}/{person}" in page[page.index('class="replay') :].split("</section>")[0]


def test_the_api_serves_the_same_page(live, clerk, judged):
    def sheet(page: str) -> str:
        return page[page.index("<main") :]

    with live.client() as client:
        theirs = client.get(f"/v1/verifications/{judged}/report", params={"format": "html"})
    assert sheet(theirs.text) == sheet(clerk.get(f"/console/verifications/{judged}").text)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"},
                                     {"Sec-Fetch-Site": "cross-site"}])  # fmt: skip
def test_forms_of_other_sites_are_refused(live, clerk, judged, headers):
    for path in ("/console/login", "/console/logout", f"/console/verifications/{judged}/replay"):
        answer = clerk.post(path, data={"key": live.caseworker_key}, headers=headers)
        assert answer.status_code == 403, path
    assert clerk.get("/console/").status_code == 200


def test_logging_out_ends_the_session_on_the_server(clerk):
    cookie = clerk.cookies["verify_session"]
    clerk.post("/console/logout")
    answer = clerk.get("/console/", headers={"Cookie": f"verify_session={cookie}"})
    assert answer.status_code == 401


def test_a_revoked_key_ends_its_sessions_at_the_next_click(live, stranger):
    from verify.domain.access import RoleName
    from verify.service.access import create_key

    key = create_key(
        live.system.store, label="short", roles=[RoleName.CALLER], regions=["310000"], now=1
    )
    stranger.post("/console/login", data={"key": key})
    assert stranger.get("/console/").status_code == 200
    live.system.store.revoke_key(key.split("_")[1], 2)
    assert stranger.get("/console/").status_code == 401


def test_a_report_out_of_ones_regions_is_not_there(live, stranger, judged):
    stranger.post("/console/login", data={"key": live.elsewhere_key})
    answer = stranger.get(f"/console/verifications/{judged}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_an_unexpected_failure_is_a_page_too(live, clerk, monkeypatch):
    def fails(*_):
        raise RuntimeError("the value was 张敏")

    monkeypatch.setattr(live.system.verifications, "page", fails)
    answer = clerk.get("/console/")
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "张敏" not in answer.text


def test_a_page_allows_its_own_style_sheet_and_nothing_else(stranger):
    answer = stranger.get("/console/login")
    policy = answer.headers["content-security-policy"]
    style = re.search(r"<style>(.*?)</style>", answer.text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in answer.text
    assert 'style="' not in answer.text


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{7*7}}'


def replaced(value, count):
    """Every text of a report that a source or a caller could have chosen, made hostile."""
    free = {"name", "case_number", "document", "number", "article", "note", "record", "zh", "en"}
    if isinstance(value, dict):
        return {
            k: HOSTILE if k in free and isinstance(v, str) and count.append(k) is None
            else replaced(v, count)
            for k, v in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [replaced(v, count) for v in value]
    return value


def test_hostile_text_from_any_source_stays_text(live, judged):
    with live.client() as client:
        report = client.get(f"/v1/verifications/{judged}/report").json()
    hostile: list[str] = []
    page = report_page(replaced(copy.deepcopy(report), hostile))
    assert len(set(hostile)) >= 6
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "⟦U+202E⟧" in page
    assert "{{7*7}}" in page  # shown, not computed


def test_a_session_says_what_it_reads_for_and_leads_back_to_its_page(live, clerk, judged):
    report = f"/console/verifications/{judged}"

    def state(purpose, referer, **headers):
        sent = {"Referer": referer, **headers}
        return clerk.post("/console/purpose", data={"purpose": purpose}, headers=sent)

    assert state("complaint", live.url + report).headers["location"] == report
    assert '<option value="complaint" selected>' in clerk.get(report).text
    (read,) = live.system.store.accesses(LOCAL, AccessFilters((judged,), what="report"), "", 1)
    assert (read.purpose, read.stated) == ("complaint", True)
    for elsewhere in ("https://else.example/steal", f"{live.url}/v1/audit/keys", "//else.example"):
        assert state("", elsewhere).headers["location"] == "/console/"
    assert state("audit", live.url).status_code == 403
    assert state("curiosity", live.url).status_code == 422
    assert state("review", live.url, Origin="https://else.example").status_code == 403
    clerk.get(report)
    (read,) = live.system.store.accesses(LOCAL, AccessFilters((judged,), what="report"), "", 1)
    assert (read.purpose, read.stated) == ("check", False)


def test_whoever_logs_in_for_what_is_not_their_roles_does_not_come_in(live, stranger):
    answer = stranger.post("/console/login", data={"key": live.caseworker_key, "purpose": "audit"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
