"""Callbacks of a source that works for days: hints to ask, and never evidence (ADR 0009).

Lost, twice, forged, out of order, too late: on the whole path, the outcome is that of polling.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.live import Live, changed_content, household, installation
from support.waiting import until
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn

LATE = "real_estate"
SECONDS = 4.0  # after which the register has its answer
NEVER = 600  # seconds until we would poll by ourselves


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Nobody asks again before ten minutes are over, unless somebody calls back."""
    home = tmp_path_factory.mktemp("callbacks")
    changes = {
        "deadline_seconds: 8,": "deadline_seconds: 1,",
        "poll_again_seconds: 30": f"poll_again_seconds: {NEVER}",
        "attempt_seconds: 4,": "attempt_seconds: 1,",
        "attempts: 3}": f"attempts: 3, retry_after_max_seconds: {NEVER}}}",
    }
    content = changed_content(
        tmp_path_factory.mktemp("content"), f"connectors/{LATE}.yaml", changes
    )
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("VERIFY_CONTENT", str(content))  # read once, at the start
            options = {"retry_seconds": NEVER, "answer_deadline_seconds": NEVER}
            running = stack.enter_context(installation(home, **options))
        yield running


@pytest.fixture
def waiting(patient: Live) -> Iterator[tuple[Live, str, str]]:
    """A verification whose register answers later, and the token it may call back with."""
    # Submitted with an address where nobody listens: its own callback is lost.
    patient.sources.set_profile(LATE, delay_seconds=SECONDS)
    application = ApplicationIn.model_validate(household("03").application)
    for _ in range(4):  # on a busy machine even submitting may take too long
        accepted = patient.system.verifications.submit(application, LOCAL)
        until(lambda of=accepted.id: _exchange(patient, of).attempts)
        if _exchange(patient, accepted.id).status == "pending":
            break
    assert _exchange(patient, accepted.id).status == "pending"
    yield patient, accepted.id, patient.system.store.callback_token(accepted.id, LATE, "p1")
    patient.sources.set_profile(LATE, delay_seconds=0.2)


def _exchange(live: Live, verification: str) -> Any:
    [row] = [e for e in live.system.store.exchanges(verification) if e.source == LATE]
    return row


def call(live: Live, token: str, body: bytes = b"{}") -> int:
    with live.client() as client:
        return client.post(f"/v1/callbacks/{token}", content=body).status_code


def state(live: Live, verification: str) -> str:
    return str(live.system.verifications.view(verification, LOCAL)["state"])


def verdicts(live: Live, verification: str) -> list[str]:
    return [v.outcome for v in live.system.store.verdicts(verification, LOCAL)]


Waiting = tuple[Live, str, str]


def test_a_callback_that_comes_twice_asks_once_and_decides_once(waiting: Waiting) -> None:
    live, verification, token = waiting
    time.sleep(SECONDS)
    asked = len(live.sources.requests(LATE))
    assert [call(live, token) for _ in range(2)] == [204, 204]
    until(lambda: state(live, verification) == "completed")
    assert call(live, token) == 204  # a third, when all is decided
    time.sleep(0.5)
    assert verdicts(live, verification) == ["eligible"]
    assert len(live.sources.requests(LATE)) == asked, "it was fetched, not submitted again"
    assert live.system.replays.replay(verification, LOCAL).identical


def test_a_forged_callback_changes_nothing_whatever_it_says(waiting: Waiting) -> None:
    live, verification, token = waiting
    said = b'{"outcome": "eligible", "records": [{"kind": "dwelling"}]}'
    before = _exchange(live, verification)
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), "a" * len(token), token[:20]):
        assert call(live, forged, said) == 204, "nothing is learned by guessing"
    time.sleep(0.5)
    after = _exchange(live, verification)
    assert (after.attempts, after.due_at, after.bodies) == (
        before.attempts,
        before.due_at,
        before.bodies,
    )
    assert verdicts(live, verification) == []
    # Even the right token carries nothing: what it says is thrown away, the source is asked.
    time.sleep(SECONDS)
    assert call(live, token, said) == 204
    until(lambda: state(live, verification) == "completed")
    verdict = live.verdict(verification)
    [row] = [c for c in verdict["coverage"] if c["source"] == LATE]
    assert (row["state"], row["records"]) == ("confirmed_empty", 0)


def test_callbacks_before_the_answer_is_ready_and_out_of_order_only_ask(waiting: Waiting) -> None:
    live, verification, token = waiting
    attempts = _exchange(live, verification).attempts
    assert call(live, token) == 204  # too early: asked, still working
    until(lambda: _exchange(live, verification).attempts > attempts)
    assert verdicts(live, verification) == []
    assert _exchange(live, verification).status == "pending"
    other = live.system.store.callback_token(verification, "tax", "p1")
    assert call(live, other) == 204  # of a question that was answered long ago
    time.sleep(SECONDS)
    assert call(live, token) == 204
    until(lambda: state(live, verification) == "completed")
    assert verdicts(live, verification) == ["eligible"]


def test_a_callback_after_the_verification_was_cancelled_asks_nobody(waiting: Waiting) -> None:
    live, verification, token = waiting
    live.system.verifications.cancel(verification, LOCAL)
    time.sleep(SECONDS)
    asked = _exchange(live, verification).attempts
    assert call(live, token) == 204
    time.sleep(0.7)
    assert state(live, verification) == "cancelled"
    assert verdicts(live, verification) == []
    assert _exchange(live, verification).attempts == asked
    assert _exchange(live, verification).bodies == ()


def test_without_any_callback_the_answer_is_fetched_all_the_same(own: Live) -> None:
    """Lost on the way: nobody listens where the register calls. Polling is what counts."""
    own.sources.set_profile(LATE, delay_seconds=SECONDS)
    verification = own.check(household("03").application)
    until(lambda: state(own, verification) == "completed")
    assert verdicts(own, verification)[-1] == "eligible"
    assert _exchange(own, verification).transport == "ok"
