"""Claims, leases, fencing, wake-ups and endings."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.desk import CONNECTOR, HOUR, NATIONAL, T0, person
from verify.domain.errors import Conflict, NotFound
from verify.domain.evidence import EvidenceState
from verify.store import LeaseLost, PlannedExchange


def test_what_is_claimed_is_not_claimed_again_while_its_lease_lives(desk):
    verification = desk.accept()
    (claim,) = desk.claim(lease_ms=1000)
    assert (claim.verification, claim.token, claim.attempts) == (verification, 1, 1)
    assert claim.last_evidence_digest is None
    assert desk.claim() == ()
    desk.now += 999
    assert desk.claim() == ()
    desk.now += 1
    assert [c.token for c in desk.claim()] == [2]


def test_claims_take_the_longest_due_first_and_no_more_than_asked(desk):
    first = desk.accept()
    desk.now += 1
    second = desk.accept()
    desk.now += 1
    third = desk.accept()
    assert [c.verification for c in desk.claim(limit=2)] == [first, second]
    assert [c.verification for c in desk.claim(limit=2)] == [third]


def test_two_claimers_never_hold_the_same_verification(desk):
    made = {desk.accept() for _ in range(60)}
    start = threading.Barrier(4)

    def take(_: int) -> list[str]:
        start.wait()
        taken = []
        while claims := desk.claim(limit=5):
            taken += [c.verification for c in claims]
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [v for part in pool.map(take, range(4)) for v in part]
    assert len(taken) == 60
    assert set(taken) == made


def test_a_worker_that_slept_past_its_lease_can_write_nothing(desk):
    verification = desk.accept()
    (zombie,) = desk.claim(lease_ms=1000)
    desk.now += 2000
    (holder,) = desk.claim()
    before = desk.store.ledger(verification, NATIONAL)
    for attempt in (
        lambda: desk.answer(zombie),
        lambda: desk.seal(zombie),
        lambda: desk.store.release(zombie, None),
        lambda: desk.store.heartbeat(zombie, desk.now, 1000),
        lambda: desk.store.fail(zombie, "x", desk.now),
    ):
        with pytest.raises(LeaseLost):
            attempt()
    assert desk.store.ledger(verification, NATIONAL) == before
    desk.answer(holder)
    desk.seal(holder)


def test_a_heartbeat_keeps_the_lease(desk):
    desk.accept()
    (claim,) = desk.claim(lease_ms=1000)
    desk.now += 900
    desk.store.heartbeat(claim, desk.now, 1000)
    desk.now += 900
    assert desk.claim() == ()
    desk.answer(claim)


def test_a_released_verification_comes_back_when_due_and_its_claim_is_dead(desk):
    desk.accept()
    (claim,) = desk.claim()
    desk.store.release(claim, desk.now + HOUR)
    with pytest.raises(LeaseLost):
        desk.answer(claim)
    assert desk.claim() == ()
    desk.now += HOUR
    assert len(desk.claim()) == 1


def test_a_verification_released_without_a_date_sleeps_until_woken(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.store.release(claim, None)
    desk.now += 1000 * HOUR
    assert desk.claim() == ()
    desk.store.wake(verification, desk.now)
    assert len(desk.claim()) == 1


def test_a_callback_makes_its_question_due_now(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    for source in ("bank", "tax"):
        desk.answer(
            claim,
            source,
            (),
            status="pending",
            transport=EvidenceState.TIMEOUT,
            ticket="T-9",
            worth_asking=True,
            due_at=desk.now + HOUR,
        )
    desk.store.release(claim, desk.now + HOUR)
    token = desk.store.callback_token(verification, "bank", "p1")
    assert desk.store.wake_by_token(token, desk.now + 5) == verification
    due = {e.source: e.due_at for e in desk.store.exchanges(verification)}
    assert due == {"bank": T0 + 5, "tax": T0 + HOUR}
    desk.now += 5
    assert [c.verification for c in desk.claim()] == [verification]
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_a_callback_that_comes_while_the_source_is_being_asked_is_not_forgotten(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    token = desk.store.callback_token(verification, "bank", "p1")
    desk.store.wake_by_token(token, desk.now)
    later = desk.now + HOUR
    desk.answer(claim, status="pending", bodies=(), worth_asking=True, due_at=later)
    desk.store.release(claim, later)
    assert desk.store.exchanges(verification)[0].due_at == desk.now
    (again,) = desk.claim()
    # Asked once more, still working: now the ordinary pause holds.
    desk.answer(again, status="pending", bodies=(), worth_asking=True, due_at=later)
    desk.store.release(again, later)
    assert desk.claim() == ()


def test_a_callback_token_is_stable_unguessable_and_unique(desk):
    verification = desk.accept()
    (one, two) = (desk.store.callback_token(verification, s, "p1") for s in ("bank", "tax"))
    assert one != two
    assert one == desk.store.exchanges(verification)[0].callback_token
    assert len(one) == 43
    for wrong in ("", one[:-1], "%", one.swapcase()):
        with pytest.raises(NotFound):
            desk.store.wake_by_token(wrong, desk.now)


def test_cancelling_takes_the_work_from_whoever_holds_it_and_is_idempotent(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.store.cancel(verification, person(), desk.now)
    desk.store.cancel(verification, person(), desk.now + 1)
    with pytest.raises(LeaseLost):
        desk.seal(claim)
    desk.store.wake(verification, desk.now)
    desk.now += 100 * HOUR
    assert desk.claim() == ()
    row = desk.store.verification(verification, person())
    assert (row.state, row.due_at) == ("cancelled", None)
    kinds = [e.kind for e in desk.store.ledger(verification, NATIONAL)]
    assert kinds == ["accepted", "cancelled"]


def test_what_is_completed_cannot_be_cancelled(desk):
    verification = desk.finished()
    with pytest.raises(Conflict):
        desk.store.cancel(verification, person(), desk.now)


def test_a_failed_verification_rests_with_its_code_in_the_ledger(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.store.fail(claim, "law-not-in-force", desk.now)
    desk.now += 100 * HOUR
    assert desk.claim() == ()
    assert desk.store.verification(verification, person()).state == "failed"
    last = desk.store.ledger(verification, NATIONAL)[-1]
    assert (last.kind, last.payload["code"]) == ("failed", "law-not-in-force")
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_many_answers_to_one_verification_at_once_make_one_unbroken_chain(desk):
    sources = [f"s{i:02d}" for i in range(24)]
    verification = desk.accept(
        exchanges=tuple(PlannedExchange(s, "p1", CONNECTOR) for s in sources)
    )
    (claim,) = desk.claim()
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda s: desk.answer(claim, s, (s.encode(), b"shared")), sources))
    entries = desk.store.ledger(verification, NATIONAL)
    assert [e.position for e in entries] == list(range(1, 26))
    assert {e.payload.get("evidence") for e in entries[1:]} == {f"{s}/p1" for s in sources}
    assert desk.store.check_integrity(verification, NATIONAL) == ()


@pytest.mark.parametrize("phase", ["accepted", "claimed", "asked", "answered", "waiting", "again"])
def test_a_verification_is_cancelled_in_every_phase_and_late_work_changes_nothing(desk, phase):
    verification = desk.accept()
    claim = None
    if phase != "accepted":
        (claim,) = desk.claim()
    if phase == "asked":
        desk.answer(claim, "bank", (), status="pending", ticket="t", worth_asking=True)
    if phase in ("answered", "waiting", "again"):
        desk.answer(claim)
    if phase in ("waiting", "again"):
        desk.seal(claim)
    if phase == "again":
        desk.now += 2 * HOUR
        (claim,) = desk.claim()
    verdicts = desk.store.verdicts(verification, NATIONAL)
    desk.store.cancel(verification, person(), desk.now)
    before = desk.store.ledger(verification, NATIONAL)
    assert before[-1].kind == "cancelled"
    assert desk.store.wake(verification, desk.now) is None
    desk.now += 24 * HOUR
    assert desk.claim() == ()
    if claim is not None:
        late = (
            lambda: desk.answer(claim, "tax", (b"late",)),
            lambda: desk.store.heartbeat(claim, desk.now, 1000),
            lambda: desk.store.release(claim, None),
            lambda: desk.seal(claim, "e9", final=True, state="completed", due_at=None),
        )
        for act in late:
            with pytest.raises(LeaseLost):
                act()
    # What was sealed stays sealed; nothing came after the end.
    assert desk.store.ledger(verification, NATIONAL) == before
    assert desk.store.verdicts(verification, NATIONAL) == verdicts
    assert desk.store.check_integrity(verification, NATIONAL) == ()
