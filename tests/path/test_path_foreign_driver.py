"""A driver of another package with a fault: the source counts as silent, nobody is asked in a
loop, nothing of what the error said is kept, and the engine goes on."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from support.commandline import ROOT
from support.foreign import install
from support.live import Live, changed_content, household, installation
from support.waiting import until
from verify.domain.access import LOCAL
from verify.domain.identifiers import mask_id

NAME = "unforeseen"
BROKEN = 'raise ValueError("no such person: " + who)'
PERSON = household("03").application["household"]["members"][0]


@pytest.fixture
def foreign(tmp_path, monkeypatch) -> Iterator[Callable[..., contextlib.ExitStack]]:
    """An installation whose vehicle office is asked by a driver that does what the test says."""
    from verify.connectors.plugins import third_party

    text = (ROOT / "connectors/vehicle.yaml").read_text(encoding="utf-8")
    [protocol] = re.findall(r"^protocol:\n(?:  .*\n)+", text, flags=re.MULTILINE)
    breaker = "attempts: 3, breaker: {failures: 2, open_seconds: 600}}"
    changes = {protocol: f"protocol: {{driver: {NAME}}}\n", "attempts: 3}": breaker}
    content = changed_content(tmp_path / "content", "connectors/vehicle.yaml", changes)
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setenv("VERIFY_CONTENT", str(content))
    third_party.cache_clear()
    stack = contextlib.ExitStack()

    def start(body: str, **settings: Any) -> Live:
        install(packages, NAME, body)
        return stack.enter_context(installation(tmp_path / "home", **settings))

    yield start
    stack.close()
    third_party.cache_clear()
    sys.modules.pop(f"{NAME}_package", None)


def asked(live: Live, verification: str) -> list[Any]:
    rows = live.system.store.exchanges(verification)
    return [r for r in rows if r.source == "vehicle"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (BROKEN, "driver_error:ValueError"),
        ("raise SystemExit(who)", "driver_error:SystemExit"),
        ("return None", "driver_error:TypeError"),
        ("return Outcome(EvidenceState.OK, bodies=[who])", "driver_error:TypeError"),
        ("return Outcome(EvidenceState.UNAVAILABLE, who)", "driver_detail"),
    ],
)
def test_whatever_a_foreign_driver_does_wrong_is_an_unavailable_source_with_a_reason(
    foreign, body, detail
):
    live = foreign(body, retry_seconds=600)
    before = {t.ident for t in threading.enumerate() if t.name.startswith("worker-")}
    with capture_logs() as logs:
        verification = live.check(household("03").application)
        verdict = live.verdict(verification)
    rows = [c for c in verdict["coverage"] if c["source"] == "vehicle"]
    assert {(c["state"], c["detail"], c["records"]) for c in rows} == {("unavailable", detail, 0)}
    assert verdict["final"] is False
    questions = verdict["assessment"]["questions"]
    assert {q["source"] for q in questions if q["kind"] == "missing"} == {"vehicle"}
    # Once each, and later again: not in a loop until the deadline.
    assert [r.attempts for r in asked(live, verification)] == [1] * len(rows)
    assert all(r.due_at is not None and r.worth_asking for r in asked(live, verification))
    # What the error said is nowhere; whoever works is still there.
    told = json.dumps([logs, verdict["coverage"]], ensure_ascii=False, default=str)
    assert PERSON["name"] not in told
    assert PERSON["id_number"] not in told
    assert mask_id(PERSON["id_number"]) not in told
    assert before <= {t.ident for t in threading.enumerate()}
    assert live.system.replays.replay(verification, LOCAL).identical


def test_a_faulty_driver_opens_the_breaker_and_is_seen_in_health_as_ours_to_mend(foreign):
    live = foreign(BROKEN, retry_seconds=600)
    for n in range(3):
        live.check({**household("03").application, "case_number": f"SYN-FOREIGN-{n}"})
    live.system.asker.health.flush()
    health = live.system.sources.view(1)
    [source] = [s for s in health["sources"] if s["id"] == "vehicle"]
    [hour] = source["hours"]
    assert source["state"] == "breaker_open"
    assert hour["states"] == {"driver_error": 2}, "the third found the breaker open"
    assert hour["error_permille"] == 1000


def test_when_the_driver_is_mended_the_waiting_check_goes_on(foreign):
    live = foreign(
        "if not hasattr(ask, 'mended'):\n    " + BROKEN + "\n"
        "raise __import__('verify').connectors.http.Failure(EvidenceState.THROTTLED, 'mended')"
    )
    verification = live.check(household("03").application)
    sys.modules[f"{NAME}_package"].ask.mended = True
    until(lambda: [r for r in asked(live, verification) if r.detail == "mended"])


def test_an_error_of_our_own_while_asking_is_no_answer_and_no_loop(tmp_path, monkeypatch):
    def broken(*_: Any) -> Any:
        raise KeyError(PERSON["name"])

    with installation(tmp_path, retry_seconds=600) as live:
        monkeypatch.setattr(live.system.asker, "ask", broken)
        verification = live.check(household("03").application)
        coverage = live.verdict(verification)["coverage"]
        rows = live.system.store.exchanges(verification)
    assert {(c["state"], c["detail"]) for c in coverage} == {
        ("unavailable", "asking_failed:KeyError")
    }
    assert {r.attempts for r in rows} == {1}


def test_an_answer_that_cannot_be_stored_is_asked_for_again_after_a_pause(own, monkeypatch):
    calls = []
    save = own.system.store.save_answers

    def failing(answers, now):
        calls.append(now)
        if len(calls) < 3:
            raise RuntimeError("the disk is away")
        return save(answers, now)

    monkeypatch.setattr("verify.service.questions.FAILED_PAUSE_MS", 300)
    monkeypatch.setattr(own.system.store, "save_answers", failing)
    verification = own.check(household("03").application)
    assert own.verdict(verification)["final"] is True
    assert len(calls) < 40, "not in a tight loop"
