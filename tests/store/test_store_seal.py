"""Evidence kept before it is judged; verdicts sealed once, with their leaf, or not at all."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.desk import HOUR, NATIONAL, T0, person
from verify.domain.canonical import digest_bytes
from verify.domain.errors import IntegrityError, NotFound, Overloaded
from verify.domain.evidence import EvidenceState
from verify.service.arrivals import Arrival, Arrivals
from verify.store import ExchangeAnswer, LeaseLost, SealStatus


def test_an_answer_is_kept_with_its_bytes_in_order(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.answer(claim, bodies=(b"page 2", b"page 1", b"page 2"), detail="paged")
    (bank, tax) = desk.store.exchanges(verification)
    assert bank.bodies == tuple(digest_bytes(b) for b in (b"page 2", b"page 1", b"page 2"))
    assert [desk.store.blob(d) for d in bank.bodies] == [b"page 2", b"page 1", b"page 2"]
    assert (bank.status, bank.transport, bank.attempts, bank.letter) == ("done", "ok", 1, "L-1")
    assert (tax.status, tax.attempts) == ("pending", 0)
    entry = desk.store.ledger(verification, NATIONAL)[-1]
    assert (entry.kind, entry.payload["evidence"]) == ("answered", "bank/p1")
    assert entry.payload["bodies"] == list(bank.bodies)


def test_an_earlier_attempts_bytes_stay_readable(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.answer(claim, bodies=(b"half",), transport=EvidenceState.PARTIAL)
    desk.answer(claim, bodies=(b"whole",))
    exchange = desk.store.exchanges(verification)[0]
    assert (exchange.attempts, exchange.bodies) == (2, (digest_bytes(b"whole"),))
    assert desk.store.document(verification, digest_bytes(b"half"), person()) == b"half"


def test_an_answer_to_a_question_that_was_not_planned_is_refused(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    with pytest.raises(NotFound):
        desk.answer(claim, "casino")
    assert len(desk.store.ledger(verification, NATIONAL)) == 1


def test_an_empty_answer_has_no_bodies_and_is_still_in_the_ledger(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.answer(claim, bodies=(), transport=EvidenceState.TIMEOUT, detail="deadline")
    entry = desk.store.ledger(verification, NATIONAL)[-1]
    assert (entry.payload["transport"], entry.payload["detail"]) == ("timeout", "deadline")


def test_a_sealed_verdict_comes_with_its_documents_leaf_and_state(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    result = desk.seal(claim, outcome="eligible", final=True, state="completed", due_at=None)
    assert (result.sequence, result.status) == (1, SealStatus.SEALED)
    row = desk.store.verification(verification, person())
    assert (row.state, row.due_at, row.verdict_count) == ("completed", None, 1)
    verdict = desk.store.latest_verdict(verification, person())
    assert (verdict.outcome, verdict.final, verdict.follows) == ("eligible", True, "")
    sealed = desk.verdict(claim)
    for digest, body in (
        (verdict.sealed_digest, sealed.bundle),
        (verdict.verdict_digest, sealed.verdict),
        (verdict.trace_digest, sealed.trace),
    ):
        assert desk.store.document(verification, digest, person()) == body
    leaf = desk.store.ledger(verification, NATIONAL)[-1]
    assert (leaf.kind, leaf.payload["verdict_digest"]) == ("verdict", verdict.verdict_digest)


def test_a_later_verdict_names_the_one_it_follows_and_replaces_nothing(desk):
    verification = desk.finished()
    first, second = desk.store.verdicts(verification, person())
    assert (first.sequence, second.sequence) == (1, 2)
    assert second.follows == first.verdict_digest
    assert desk.store.latest_verdict(verification, person()) == second


def test_a_claim_knows_the_evidence_of_the_latest_verdict(desk):
    desk.accept()
    (claim,) = desk.claim()
    desk.seal(claim, "e7")
    desk.now += 2 * HOUR
    (again,) = desk.claim()
    assert again.last_evidence_digest == "sha256:" + "e7".rjust(64, "0")
    assert (again.verdict_count, again.state) == (1, "waiting")


def test_the_same_evidence_is_sealed_once_however_often_it_is_handed_in(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.seal(claim)
    # The same call again, as after a lost acknowledgement.
    assert desk.seal(claim).status is SealStatus.DUPLICATE
    desk.now += 2 * HOUR
    (again,) = desk.claim()
    result = desk.seal(again)
    assert (result.sequence, result.status) == (1, SealStatus.DUPLICATE)
    assert len(desk.store.verdicts(verification, person())) == 1
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_a_claim_that_was_given_back_seals_nothing_new(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.store.release(claim, desk.now + HOUR)
    with pytest.raises(LeaseLost):
        desk.seal(claim)
    assert desk.store.verdicts(verification, person()) == ()


def test_an_old_claim_is_lost_even_for_evidence_that_its_successor_sealed(desk):
    desk.accept()
    (zombie,) = desk.claim(lease_ms=1000)
    desk.now += 2000
    (holder,) = desk.claim()
    desk.seal(holder)
    with pytest.raises(LeaseLost):
        desk.seal(zombie)


def test_evidence_that_returns_to_an_earlier_state_leaves_word_in_the_ledger(desk):
    verification = desk.accept()
    for evidence in ("e1", "e2", "e1"):
        (claim,) = desk.claim()
        desk.seal(claim, evidence)
        desk.now += 2 * HOUR
    last = desk.store.ledger(verification, NATIONAL)[-1]
    assert (last.kind, last.payload["sequence"]) == ("verdict_stands", 1)
    assert len(desk.store.verdicts(verification, person())) == 2
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_racing_seals_of_one_claim_make_one_verdict(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: desk.seal(claim), range(16)))
    assert sorted(r.status for r in results).count("sealed") == 1
    assert len(desk.store.verdicts(verification, person())) == 1
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_a_batch_is_sealed_in_one_commit_and_a_lost_lease_stops_no_other(desk):
    made = [desk.accept() for _ in range(3)]
    claims = {c.verification: c for c in desk.claim()}
    desk.store.cancel(made[1], person(), desk.now)
    results = desk.store.seal_many([desk.verdict(claims[v]) for v in made], desk.now)
    assert [(r.verification, r.status) for r in results] == [
        (made[0], "sealed"),
        (made[1], "lost"),
        (made[2], "sealed"),
    ]
    assert [desk.store.verification(v, person()).verdict_count for v in made] == [1, 0, 1]
    with pytest.raises(NotFound):
        desk.store.blob(digest_bytes(desk.verdict(claims[made[1]]).verdict))


def test_an_empty_batch_is_no_error(desk):
    assert desk.store.seal_many([], desk.now) == ()


def test_judging_can_schedule_a_question_anew_but_not_delay_a_callback(desk):
    verification = desk.accept()
    (claim,) = desk.claim()
    desk.answer(claim, "bank")
    desk.answer(claim, "tax", status="pending", bodies=(), worth_asking=True, due_at=T0 + HOUR)
    desk.store.wake_by_token(desk.store.callback_token(verification, "tax", "p1"), T0 + 1)
    later = T0 + 3 * HOUR
    desk.seal(claim, ask_again=(("bank", "p1", later), ("tax", "p1", later)))
    asked = {e.source: (e.worth_asking, e.due_at) for e in desk.store.exchanges(verification)}
    assert asked == {"bank": (True, later), "tax": (True, T0 + 1)}
    assert desk.store.verification(verification, person()).due_at == T0 + 1
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_content_is_kept_only_under_its_own_digest_and_kind(desk):
    rules = desk.sets["rules"]
    assert desk.store.content(rules.digest) == rules.to_blob()
    with pytest.raises(IntegrityError):
        desk.store.keep_content("rules", rules.digest, b"{}")
    with pytest.raises(IntegrityError):
        desk.store.keep_content("scoring", rules.digest, rules.to_blob())
    with pytest.raises(NotFound):
        desk.store.content("sha256:" + "0" * 64)


def test_answers_that_arrive_together_are_kept_together_and_each_for_itself(desk):
    one, two, lost = desk.accept(), desk.accept(), desk.accept()
    claims = {c.verification: c for c in desk.claim()}
    desk.store.cancel(lost, person(), desk.now)
    ok = ExchangeAnswer(status="done", transport=EvidenceState.OK, asked_on="2025-10-09")
    half = ExchangeAnswer(status="done", transport=EvidenceState.PARTIAL, asked_on="2025-10-09")
    errors = desk.store.save_answers(
        [
            (claims[one], "bank", "p1", half, (b"half",)),
            (claims[lost], "bank", "p1", ok, (b"late",)),
            (claims[two], "casino", "p1", ok, (b"x",)),
            (claims[two], "tax", "p1", ok, (b"tax two",)),
            (claims[one], "tax", "p1", ok, (b"tax one",)),
            (claims[one], "bank", "p1", ok, (b"whole",)),
        ],
        desk.now,
    )
    kinds = [type(e).__name__ for e in errors]
    assert kinds == ["NoneType", "LeaseLost", "NotFound", "NoneType", "NoneType", "NoneType"]
    for verification, entries in ((one, 4), (two, 2), (lost, 2)):
        assert desk.store.check_integrity(verification, NATIONAL) == ()
        assert len(desk.store.ledger(verification, NATIONAL)) == entries
    bank, tax = desk.store.exchanges(one)
    assert (bank.attempts, bank.bodies) == (2, (digest_bytes(b"whole"),))
    assert tax.bodies == (digest_bytes(b"tax one"),)
    with pytest.raises(NotFound):
        desk.store.blob(digest_bytes(b"late"))


def test_threads_that_keep_answers_at_once_all_hear_of_their_own(desk):
    verifications = [desk.accept() for _ in range(12)]
    claims = {c.verification: c for c in desk.claim(limit=20)}
    desk.store.cancel(verifications[3], person(), desk.now)
    arrivals = Arrivals(desk.store, lambda: desk.now)
    ok = ExchangeAnswer(status="done", transport=EvidenceState.OK, asked_on="2025-10-09")
    heard = queue.SimpleQueue()

    def bring(work):
        verification, source = work
        arrival = Arrival(claims[verification], source, "p1", ok, (source.encode(),))
        arrivals.save(arrival, lambda error: heard.put((work, type(error))))

    work = [(v, source) for v in verifications for source in ("bank", "tax")]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(bring, work))
    told = dict(heard.get(timeout=30) for _ in work)
    arrivals.close()
    assert {w for w, error in told.items() if error is LeaseLost} == {
        (verifications[3], "bank"),
        (verifications[3], "tax"),
    }
    assert set(told.values()) == {LeaseLost, type(None)}
    assert heard.empty()
    for verification in verifications:
        assert desk.store.check_integrity(verification, NATIONAL) == ()
        expected = {"pending"} if verification == verifications[3] else {"done"}
        assert {e.status for e in desk.store.exchanges(verification)} == expected


def test_an_answer_that_comes_while_the_database_is_away_is_heard_of_and_the_next_one_kept(desk):
    verification = desk.accept()
    (held,) = desk.claim()
    real = desk.store.save_answers

    def away(*_):
        raise Overloaded("the database could not confirm this now")

    arrivals = Arrivals(desk.store, lambda: desk.now)
    ok = ExchangeAnswer(status="done", transport=EvidenceState.OK, asked_on="2025-10-09")
    heard = queue.SimpleQueue()
    told = []
    for save_answers in (away, real):
        desk.store.save_answers = save_answers
        arrivals.save(Arrival(held, "bank", "p1", ok, (b"whole",)), heard.put)
        told.append(type(heard.get(timeout=30)))
    arrivals.close()
    assert told == [Overloaded, type(None)]
    bank = desk.store.exchanges(verification)[0]
    assert (bank.attempts, bank.bodies) == (1, (digest_bytes(b"whole"),))


def test_who_is_told_and_fails_does_not_keep_the_news_from_the_others(desk):
    one, two = desk.accept(), desk.accept()
    claims = {c.verification: c for c in desk.claim(limit=2)}
    arrivals = Arrivals(desk.store, lambda: desk.now)
    ok = ExchangeAnswer(status="done", transport=EvidenceState.OK, asked_on="2025-10-09")
    heard = queue.SimpleQueue()

    def stumbles(_):
        raise KeyError("defect")

    arrivals.save(Arrival(claims[one], "bank", "p1", ok, (b"one",)), stumbles)
    arrivals.save(Arrival(claims[two], "bank", "p1", ok, (b"two",)), heard.put)
    assert heard.get(timeout=30) is None
    arrivals.close()
    assert desk.store.exchanges(one)[0].bodies == (digest_bytes(b"one"),)
