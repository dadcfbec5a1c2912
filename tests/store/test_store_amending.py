"""An entry appended without any key explains no change of the past away.

Whoever may write the database can append an entry that fits the chain, and the log takes it in.
What such an entry says is held to what only the keys can prove.
"""

from __future__ import annotations

import dataclasses

import pytest

from support.desk import HOUR, NATIONAL, T0, Desk
from verify.store import EntryKind, Store, forms, tables
from verify.store import ledger as chains
from verify.store.ledger import Head
from verify.store.vault import MasterKeys

MASTER = MasterKeys.new_text()
OCTOBER = "310101/dibao/2025-10"
ID = "310101196001010018"
GONE = T0 + 3 * HOUR


@pytest.fixture
def desk(database_url):
    with Store.open(database_url, masters=MasterKeys.parse(MASTER)) as store:
        made = Desk(store)
        made.keep()
        new = made.new
        made.new = lambda **changes: new(**{"people": (("p1", ID),), **changes})
        yield made


@pytest.fixture
def plain_desk(store) -> Desk:
    """A store of the time before there was a vault."""
    made = Desk(store)
    made.keep()
    return made


def row_of(insider, table, case, **wanted):
    column = "id" if table is tables.verifications else "verification"
    rows = [r for r in insider.rows(table) if r[column] == case]
    (row,) = [r for r in rows if all(r[name] == value for name, value in wanted.items())]
    return row


def appended(insider, case, kind, payload, at=GONE, **changed) -> int:
    """Append an entry that fits, as somebody who can write does; its position."""
    header = row_of(insider, tables.verifications, case)
    entry = chains.entry(case, Head(header["entries"], header["head"]), kind, at, payload)
    insider.add(tables.ledger, entry)
    moved = {"entries": entry["position"], "head": entry["hash"], "updated_at": at}
    insider.change(tables.verifications, header, {**moved, **changed})
    return entry["position"]


def things(desk, case) -> set[str]:
    desk.store.keyring.forget()
    return {fault.thing for fault in desk.store.check_integrity(case, NATIONAL)}


# -- sealed anew ----------------------------------------------------------------------------


def forge_exchange(insider, case) -> None:
    row = row_of(insider, tables.exchanges, case, source="bank")
    changed = {"transport": "confirmed_empty", "bodies": "[]"}
    insider.change(tables.exchanges, row, changed)
    digest = forms.form_digest(forms.EXCHANGE, {**row, **changed})
    appended(insider, case, EntryKind.RESEALED, {"exchanges": {"bank/p1": digest}})


def forge_header(insider, case) -> None:
    row = row_of(insider, tables.verifications, case)
    digest = forms.form_digest(forms.HEADER, {**row, "as_of": "2019-01-01"})
    payload = {"header": digest, "exchanges": {}}
    appended(insider, case, EntryKind.RESEALED, payload, as_of="2019-01-01")


def forge_key(insider, case) -> None:
    row = row_of(insider, tables.idempotency, case)
    changed = {"body_digest": "hs256:" + "0" * 64}
    insider.change(tables.idempotency, row, changed)
    digest = forms.form_digest(forms.IDEMPOTENCY, {**row, **changed})
    appended(insider, case, EntryKind.RESEALED, {"exchanges": {}, "idempotency": digest})


FORGED = [
    (forge_exchange, "evidence bank/p1"),
    (forge_header, "verification"),
    (forge_key, "idempotency key"),
]


@pytest.mark.parametrize(("forge", "named"), FORGED)
def test_a_row_rewritten_under_an_entry_that_calls_it_sealed_anew_is_named(
    desk, insider, forge, named
):
    case = desk.finished()
    assert things(desk, case) == set()
    forge(insider, case)
    assert things(desk, case) == {named}


@pytest.mark.parametrize(("forge", "named"), FORGED[:2])
def test_what_was_honestly_sealed_anew_once_is_not_rewritten_by_a_second_such_entry(
    plain_desk, insider, forge, named
):
    case = plain_desk.finished()
    plain_desk.store.protect(MasterKeys.parse(MASTER))
    plain_desk.store.seal_plain(plain_desk.now)
    assert things(plain_desk, case) == set()
    forge(insider, case)
    assert things(plain_desk, case) == {named}


def test_a_key_of_before_the_vault_stays_that_of_its_caller_and_instant(plain_desk, insider):
    case = plain_desk.finished()
    plain_desk.store.protect(MasterKeys.parse(MASTER))
    plain_desk.store.seal_plain(plain_desk.now)
    row = row_of(insider, tables.idempotency, case)
    insider.change(tables.idempotency, row, {"subject": "somebody"})
    digest = forms.form_digest(forms.IDEMPOTENCY, {**row, "subject": "somebody"})
    appended(insider, case, EntryKind.RESEALED, {"exchanges": {}, "idempotency": digest})
    assert things(plain_desk, case) == {"idempotency key"}


def test_what_is_sealed_anew_twice_or_in_part_proves_the_first_form(plain_desk, insider):
    case = plain_desk.finished()
    plain_desk.store.protect(MasterKeys.parse(MASTER))
    for _ in range(2):
        row = row_of(insider, tables.verifications, case)
        insider.change(tables.verifications, row, {"case_blind": None})
        assert plain_desk.store.seal_plain(plain_desk.now) == 1
        assert things(plain_desk, case) == set()


def test_a_question_nobody_was_asked_cannot_be_called_sealed_anew(desk, insider):
    case = desk.accept()
    row = row_of(insider, tables.exchanges, case, source="bank")
    changed = {"status": "done", "transport": "confirmed_empty"}
    insider.change(tables.exchanges, row, changed)
    digest = forms.form_digest(forms.EXCHANGE, {**row, **changed})
    appended(insider, case, EntryKind.RESEALED, {"exchanges": {"bank/p1": digest}})
    assert things(desk, case) == {"evidence bank/p1"}


def test_what_was_sealed_anew_stays_without_fault_when_its_key_is_erased(plain_desk, insider):
    case = plain_desk.finished()
    plain_desk.store.protect(MasterKeys.parse(MASTER))
    plain_desk.store.seal_plain(plain_desk.now)
    plain_desk.store.erase(OCTOBER, "*/*=12", GONE)
    assert things(plain_desk, case) == set()


@pytest.mark.parametrize(("forge", "_named"), FORGED)
def test_nothing_is_sealed_anew_once_it_was_erased(desk, insider, forge, _named):
    case = desk.finished()
    desk.store.erase(OCTOBER, "*/*=12", GONE)
    assert things(desk, case) == set()
    forge(insider, case)
    position = row_of(insider, tables.verifications, case)["entries"]
    assert f"ledger entry {position}" in things(desk, case)


# -- erased ---------------------------------------------------------------------------------


def hide(desk, insider, case, scope, at) -> set[str]:
    """Say that a case was erased, and take it out of every search."""
    for row in insider.rows(tables.subjects):
        if row["verification"] == case:
            insider.remove(tables.subjects, row)
    payload = {"scope": scope, "ground": "*/*=12"}
    position = appended(insider, case, EntryKind.ERASED, payload, at, case_blind="")
    found = things(desk, case)
    assert f"ledger entry {position}" in found
    return found


def test_a_living_case_is_not_hidden_by_the_erasure_of_another_scope(desk, insider):
    desk.finished()
    desk.store.erase(OCTOBER, "*/*=12", GONE)
    desk.now += 40 * 24 * HOUR
    case = desk.finished(("later", "sha256:" + "b" * 64))
    assert hide(desk, insider, case, OCTOBER, GONE) >= {"verification", "blind index"}
    (key,) = (r for r in insider.rows(tables.data_keys) if r["scope"] == OCTOBER)
    assert key["erased_at"] == GONE


def test_a_living_case_is_not_hidden_by_an_erasure_of_its_own_scope_that_never_was(desk, insider):
    case = desk.finished()
    assert hide(desk, insider, case, OCTOBER, GONE) >= {"verification", "blind index"}


def test_an_erasure_is_said_once_and_at_its_instant(desk, insider):
    case = desk.finished()
    desk.store.erase(OCTOBER, "*/*=12", GONE)
    for at in (GONE, GONE + 1):
        payload = {"scope": OCTOBER, "ground": "*/*=1"}
        position = appended(insider, case, EntryKind.ERASED, payload, at)
        assert f"ledger entry {position}" in things(desk, case)


def test_no_person_is_put_into_an_erased_case(desk, insider):
    case = desk.finished()
    subject = row_of(insider, tables.subjects, case)
    desk.store.erase(OCTOBER, "*/*=12", GONE)
    insider.add(tables.subjects, subject)
    assert things(desk, case) == {"blind index"}


# -- what else could be appended ------------------------------------------------------------


def test_an_answer_behind_the_end_of_a_verification_is_named(desk, insider):
    case = desk.finished()
    row = row_of(insider, tables.exchanges, case, source="bank")
    changed = {"transport": "confirmed_empty", "bodies": "[]", "updated_at": GONE}
    insider.change(tables.exchanges, row, changed)
    payload = {
        "evidence": "bank/p1",
        "transport": "confirmed_empty",
        "detail": "",
        "bodies": [],
        "exchange": forms.form_digest(forms.EXCHANGE, {**row, **changed}),
    }
    position = appended(insider, case, EntryKind.ANSWERED, payload)
    assert things(desk, case) == {f"ledger entry {position}"}


def test_a_case_is_accepted_once(desk, insider):
    case = desk.finished()
    row = row_of(insider, tables.verifications, case)
    digest = forms.form_digest(forms.HEADER, {**row, "caller": "somebody"})
    payload = {"header": digest}
    position = appended(insider, case, EntryKind.ACCEPTED, payload, caller="somebody")
    assert things(desk, case) == {"verification", f"ledger entry {position}"}


@pytest.mark.parametrize("kind", [EntryKind.RESEALED, EntryKind.VERDICT_STANDS])
def test_no_entry_changes_what_another_kind_of_entry_has_to_say(desk, insider, kind):
    """A state by an entry that says none, an answer by one that is no answer."""
    case = desk.accept()
    row = row_of(insider, tables.exchanges, case, source="bank")
    insider.change(tables.exchanges, row, {"status": "done"})
    digest = forms.form_digest(forms.EXCHANGE, {**row, "status": "done"})
    state = {"state": "cancelled"} if kind == EntryKind.RESEALED else {}
    payload = {"evidence": "bank/p1", "exchange": digest, **state}
    appended(insider, case, kind, payload, **state)
    expected = {"evidence bank/p1"} | ({"verification"} if state else set())
    assert things(desk, case) == expected


def test_an_archive_of_a_case_says_nothing_of_when_its_key_went(desk, insider):
    """There the scope must fit; the instant stands in the database only."""
    from verify.store import case as cases
    from verify.store import integrity

    name = desk.finished()
    desk.store.erase(OCTOBER, "*/*=12", GONE)
    exported = dataclasses.replace(
        desk.store.case(name, NATIONAL), key_erased_at=cases.amending.NOT_KNOWN
    )
    assert integrity.faults(exported) == ()
    moved = dataclasses.replace(exported, header={**exported.header, "region": "310104"})
    assert "ledger entry 7" in {f.thing for f in integrity.faults(moved)}
