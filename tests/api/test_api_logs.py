"""Logs: one JSON object a line, route templates, and never anything about a person."""

from __future__ import annotations

import io
import json
import logging
import time

import pytest
import structlog

from verify.api import logs


@pytest.fixture
def lines():
    """The service's log, as configured for serving, parsed line by line."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    before = structlog.get_config()
    logs.configure(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def awaited(lines, event, count=1, **fields):
    """The lines of an event, once there are enough: they follow the answer they are about.

    (A line about another test's last request may come in between: `fields` says which are meant.)
    """
    deadline = time.monotonic() + 10
    wanted = {"event": event, **fields}
    while time.monotonic() < deadline:
        found = [entry for entry in lines() if wanted.items() <= entry.items()]
        if len(found) >= count:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{event} was not logged")


def test_a_request_is_one_line_with_the_template_of_its_route(lines, caseworker, judged):
    caseworker.get(f"/v1/verifications/{judged}?cursor=secret")
    line = awaited(lines, "request", route="/v1/verifications/{id}")[0]
    assert line["method"] == "GET"
    assert line["status"] == 200
    assert isinstance(line["ms"], int)
    assert len(line["caller"]) == 12
    assert judged not in json.dumps(line)
    assert "secret" not in json.dumps(line)


def test_nothing_about_a_person_reaches_the_log(lines, live, caseworker, application):
    accepted = caseworker.post(
        "/v1/verifications", json=application, headers={"Prefer": "wait=40"}
    ).json()
    for part in ("/verdict", "/report", "/report?format=html", "/evidence", "/nothing"):
        caseworker.get(f"/v1/verifications/{accepted['id']}{part}")
    broken = {**application, "region": "周桂芳"}
    caseworker.post("/v1/verifications", json=broken)
    caseworker.get("/周桂芳/31011019770814322X")
    awaited(lines, "request", count=8)
    told = json.dumps(lines(), ensure_ascii=False)
    people = application["household"]["members"]
    canaries = [p["name"] for p in people] + [p["id_number"] for p in people]
    canaries += [p["address"] for p in people] + [application["case_number"]]
    for canary in [*canaries, live.caseworker_key, live.caseworker_key.split("_")[-1]]:
        assert canary not in told


def test_a_failure_is_logged_by_kind_and_place_without_its_text(
    lines, live, caseworker, monkeypatch
):
    def fails(*_):
        raise RuntimeError("周桂芳")

    monkeypatch.setattr(live.system.verifications, "page", fails)
    caseworker.get("/v1/verifications")
    line = awaited(lines, "request.failed")[0]
    assert line["kind"] == "RuntimeError"
    assert line["at"].startswith("test_api_logs.py:")
    assert "周桂芳" not in json.dumps(lines(), ensure_ascii=False)


def test_a_line_break_in_an_address_forges_no_line(lines, caseworker):
    caseworker.get('/v1/%0A{"event":"forged"}')
    awaited(lines, "request")
    assert [entry for entry in lines() if entry["event"] == "forged"] == []


def test_the_text_of_an_exception_stays_out_of_other_libraries_lines_too(lines):
    try:
        raise ValueError("周桂芳")
    except ValueError:
        logging.getLogger("a.library").exception("it failed")
    line = next(entry for entry in lines() if entry["event"] == "it failed")
    assert line["exception"] == "ValueError"
    assert "周桂芳" not in json.dumps(line, ensure_ascii=False)
