"""Clerical decisions: appended and revoked, never erased; an edited chain is found."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from sqlalchemy import create_engine, delete, update

from support.desk import NATIONAL, T0, person
from verify.domain.errors import Conflict, NotFound
from verify.store import NewLabel, Store
from verify.store.engines import parse
from verify.store.tables import label_events

ELSEWHERE = person("far away", "440000")


def decision(verification: str, **changes: object) -> NewLabel:
    base = NewLabel(
        verification=verification,
        record="bank/p1/1",
        person="p1",
        family="cn",
        levels={"name": "exact", "id": "masked"},
        rarity=12_000,
        judgement="positive",
    )
    return dataclasses.replace(base, **changes)


def test_a_decision_is_kept_with_who_and_when_and_holds_no_name(desk):
    case = desk.accept()
    kept = desk.store.decide(decision(case), person("clerk"), T0 + 5)
    assert (kept.decided_by, kept.decided_at, kept.revoked_at) == ("clerk", T0 + 5, None)
    assert kept.region == "310101"
    assert desk.store.labels(NATIONAL) == (kept,)
    assert desk.store.check_labels() == ()


def test_a_revoked_decision_stays_on_record_and_a_new_one_may_follow(desk):
    case = desk.accept()
    first = desk.store.decide(decision(case), person("clerk"), T0)
    with pytest.raises(Conflict):
        desk.store.decide(decision(case, judgement="negative"), person("other"), T0 + 1)
    gone = desk.store.revoke_label(first.id, person("other"), T0 + 2)
    assert (gone.revoked_by, gone.revoked_at) == ("other", T0 + 2)
    second = desk.store.decide(decision(case, judgement="negative"), person("other"), T0 + 3)
    assert [r.id for r in desk.store.labels(NATIONAL)] == [first.id, second.id]
    with pytest.raises(Conflict):
        desk.store.revoke_label(first.id, person("other"), T0 + 4)


def test_decisions_on_two_records_of_one_case_stand_side_by_side(desk):
    case = desk.accept()
    for record in ("bank/p1/1", "bank/p1/2"):
        desk.store.decide(decision(case, record=record), person(), T0)
    assert len(desk.store.labels(NATIONAL)) == 2


def test_nobody_sees_decides_or_revokes_outside_their_regions(desk):
    case = desk.accept()
    kept = desk.store.decide(decision(case), person(), T0)
    assert desk.store.labels(ELSEWHERE) == ()
    with pytest.raises(NotFound) as theirs:
        desk.store.revoke_label(kept.id, ELSEWHERE, T0)
    with pytest.raises(NotFound) as nothing:
        desk.store.revoke_label("l_" + "0" * 26, ELSEWHERE, T0)
    assert str(theirs.value) == str(nothing.value)
    with pytest.raises(NotFound):
        desk.store.decide(decision(case, record="x"), ELSEWHERE, T0)


def test_decisions_made_at_once_form_one_chain(desk):
    cases = [desk.accept() for _ in range(8)]
    threads = [
        threading.Thread(target=desk.store.decide, args=(decision(c), person(), T0)) for c in cases
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {r.verification for r in desk.store.labels(NATIONAL)} == set(cases)
    assert desk.store.check_labels() == ()


@pytest.mark.parametrize("change", ["payload", "at", "removed"])
def test_an_edited_or_missing_entry_is_found(desk, database_url, open_store, change):
    case = desk.accept()
    for record in ("a", "b", "c"):
        desk.store.decide(decision(case, record=record), person(), T0)
    desk.store.close()
    engine = create_engine(parse(database_url))
    second = label_events.c.position == 2
    with engine.begin() as connection:
        if change == "removed":
            connection.execute(delete(label_events).where(second))
        else:
            value = {"payload": '{"label":"x","by":"x"}', "at": 1}[change]
            connection.execute(update(label_events).where(second).values({change: value}))
    engine.dispose()
    store: Store = open_store()
    assert any("2" in fault for fault in store.check_labels())
