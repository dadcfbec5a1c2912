"""Accepting: idempotent, scoped, whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.desk import NATIONAL, T0, person
from verify.domain.errors import Conflict, InputError, NotFound, NotPermitted
from verify.store import Filters

BODY, OTHER_BODY = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def test_an_accepted_verification_is_read_back_as_it_was_given(desk):
    verification = desk.accept(case_number="案件-7")
    row = desk.store.verification(verification, person())
    assert (row.region, row.programme, row.case_number) == ("310101", "dibao", "案件-7")
    assert (row.state, row.caller, row.created_at) == ("asking", "desk", T0)
    assert (row.as_of, row.known_at) == ("2025-10-01", "2025-10-09")
    assert [
        (e.evidence, e.status, e.transport, e.bodies) for e in desk.store.exchanges(verification)
    ] == [("bank/p1", "pending", None, ()), ("tax/p1", "pending", None, ())]
    application = desk.store.document(verification, row.application_digest, person())
    assert application == desk.new().application


def test_the_same_key_and_body_give_the_same_verification(desk):
    first = desk.store.accept(desk.new(), person(), ("k", BODY), T0)
    again = desk.store.accept(desk.new(), person(), ("k", BODY), T0 + 5)
    assert (first.created, again.created) == (True, False)
    assert first.id == again.id
    assert len(desk.store.list(NATIONAL)[0]) == 1


def test_the_same_key_with_another_body_is_refused_and_stores_nothing(desk):
    desk.store.accept(desk.new(), person(), ("k", BODY), T0)
    with pytest.raises(Conflict) as refused:
        desk.store.accept(desk.new(), person(), ("k", OTHER_BODY), T0)
    assert refused.value.where == "Idempotency-Key"
    assert len(desk.store.list(NATIONAL)[0]) == 1


def test_one_caller_cannot_use_up_or_probe_anothers_key(desk):
    mine = desk.store.accept(desk.new(), person("a"), ("k", BODY), T0)
    theirs = desk.store.accept(desk.new(), person("b"), ("k", OTHER_BODY), T0)
    assert theirs.created
    assert mine.id != theirs.id


def test_a_hundred_submissions_with_one_key_make_one_verification(desk):
    def submit(_: int):
        return desk.store.accept(desk.new(), person(), ("k", BODY), T0)

    with ThreadPoolExecutor(32) as pool:
        accepted = list(pool.map(submit, range(100)))
    assert sum(a.created for a in accepted) == 1
    assert len({a.id for a in accepted}) == 1
    assert len(desk.store.list(NATIONAL)[0]) == 1


def test_a_region_outside_the_callers_is_refused(desk):
    with pytest.raises(NotPermitted):
        desk.accept(person("south", "440000"))
    with pytest.raises(NotPermitted):
        desk.accept(person("nowhere", "", "31", "3101%%"))
    assert desk.store.list(NATIONAL) == ((), None)


def test_a_verification_pinned_to_content_that_is_not_kept_is_refused(desk):
    missing = "sha256:" + "9" * 64
    with pytest.raises(NotFound) as refused:
        desk.accept(rules_digest=missing)
    assert refused.value.where == missing
    assert desk.store.list(NATIONAL) == ((), None)


@pytest.mark.parametrize("bad", ["a\x00b", "line\nbreak", "\ud800"])
def test_a_case_number_that_no_database_can_hold_is_named(desk, bad):
    with pytest.raises(InputError) as refused:
        desk.accept(case_number=bad)
    assert [p.pointer for p in refused.value.problems] == ["/case_number"]
    assert bad not in str(refused.value)


@pytest.mark.parametrize("bad", ["", "x" * 256, "tab\tkey"])
def test_an_unusable_idempotency_key_is_refused(desk, bad):
    with pytest.raises(InputError):
        desk.accept(key=(bad, BODY))


def test_pages_go_from_newest_to_oldest_without_gap_or_repeat(desk):
    made = []
    for _ in range(7):
        made.append(desk.accept())
        desk.now += 1
    seen, cursor = [], None
    for _ in range(4):
        rows, cursor = desk.store.list(person(), cursor=cursor, limit=2)
        seen += [r.id for r in rows]
    assert seen == made[::-1]
    assert cursor is None


def test_a_listing_can_be_narrowed(desk):
    desk.accept(region="310101", programme="dibao", case_number="A")
    desk.accept(region="310104", programme="dibao_margin", case_number="B")
    caller = person()

    def cases(**filters: str) -> list[str]:
        return sorted(r.case_number for r in desk.store.list(caller, filters=Filters(**filters))[0])

    assert cases() == ["A", "B"]
    assert cases(programme="dibao") == ["A"]
    assert cases(case_number="B") == ["B"]
    assert cases(region="310104") == ["B"]
    assert cases(region="310000") == ["A", "B"]
    assert cases(region="31%") == []
    assert cases(state="completed") == []


def test_a_cursor_that_no_page_gave_out_is_refused(desk):
    with pytest.raises(InputError):
        desk.store.list(person(), cursor="' OR 1=1 --")
