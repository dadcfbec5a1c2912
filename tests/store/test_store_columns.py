"""Personal columns: sealed where they stand, found by index only, sealed later if they were not."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from support.desk import NATIONAL, Desk, person
from support.insider import Insider, altered
from verify.domain.canonical import digest_bytes
from verify.domain.errors import InputError, IntegrityError, NotFound
from verify.store import EntryKind, Filters, Store, callbacks, columns, resealing, tables
from verify.store.vault import MasterKeys

MASTER = MasterKeys.new_text()
CASE = "张伟 310101196001010018"
TICKET = "ticket for 310101196001010018"
LETTER = "letter of 310101196001010018"
SECRETS = (CASE, TICKET, LETTER)


@pytest.fixture
def plain_desk(store) -> Desk:
    """A store of the time before there was a vault."""
    made = Desk(store)
    made.keep()
    return made


def protected(store: Store) -> Store:
    store.protect(MasterKeys.parse(MASTER))
    return store


@pytest.fixture
def desk(store) -> Desk:
    made = Desk(protected(store))
    made.keep()
    return made


def carried(desk: Desk, case_number: str = CASE, key: tuple[str, str] | None = None) -> str:
    verification = desk.accept(case_number=case_number, key=key)
    (claim,) = desk.claim()
    desk.answer(claim, "bank", (b"one page",), letter=LETTER, ticket=TICKET)
    desk.seal(claim, outcome="eligible", final=True, state="completed", due_at=None)
    return verification


def everything(insider: Insider) -> str:
    rows = [insider.rows(table) for table in tables.metadata.sorted_tables]
    return "\n".join(str(value) for row in itertools.chain(*rows) for value in row.values())


def test_a_case_number_a_letter_and_a_ticket_are_sealed_at_rest(desk, insider):
    verification = carried(desk)
    assert desk.store.verification(verification, person()).case_number == CASE
    bank, tax = desk.store.exchanges(verification)
    assert (bank.letter, bank.ticket, tax.ticket) == (LETTER, TICKET, "")
    stored = everything(insider)
    assert not [secret for secret in (*SECRETS, "310101196001010018", "张伟") if secret in stored]
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_every_column_that_is_called_personal_is_sealed(desk, insider):
    """The list of personal columns and what the writers seal are one thing."""
    carried(desk)
    for name, sealed in columns.PERSONAL.items():
        values = [row[c] for row in insider.rows(tables.metadata.tables[name]) for c in sealed]
        filled = [value for value in values if value]
        assert filled
        assert all(columns.is_sealed(value) for value in filled)


def test_a_case_is_found_by_its_number_and_only_by_the_whole_of_it(desk):
    verification = carried(desk)
    carried(desk, "another")

    def found(number: str) -> list[str]:
        rows, _ = desk.store.list(person(), filters=Filters(case_number=number))
        return [row.id for row in rows]

    assert found(CASE) == [verification]
    assert found(CASE[:-1]) == []


def test_equal_case_numbers_look_different_at_rest(desk, insider):
    carried(desk)
    carried(desk)
    first, second = (row["case_number"] for row in insider.rows(tables.verifications))
    assert first != second


def test_a_sealed_value_moved_to_another_row_or_column_does_not_open(desk, insider):
    mine, other = carried(desk), carried(desk, "another")
    rows = {row["id"]: row for row in insider.rows(tables.verifications)}
    swapped = {"case_number": rows[other]["case_number"]}
    insider.change(tables.verifications, rows[mine], swapped)
    assert desk.store.verification(mine, person()).case_number == "(altered)"
    assert [f.thing for f in desk.store.check_integrity(mine, NATIONAL)] == ["verification"]
    bank = next(
        r for r in insider.rows(tables.exchanges) if r["verification"] == mine and r["letter"]
    )
    insider.change(tables.exchanges, bank, {"letter": bank["ticket"]})
    with pytest.raises(IntegrityError, match="another place"):
        desk.store.exchanges(mine)


def test_the_blind_index_of_a_case_is_bound_to_its_number(desk, insider):
    verification = carried(desk)
    carried(desk, "another")
    row, other = sorted(insider.rows(tables.verifications), key=lambda r: r["id"] != verification)
    column = tables.verifications.c.case_blind
    for changed in (altered(row["case_blind"], column), other["case_blind"], "", None):
        insider.change(tables.verifications, row, {"case_blind": changed})
        found = desk.store.check_integrity(verification, NATIONAL)
        assert [f.thing for f in found] == ["verification"], changed


def test_a_case_number_that_looks_sealed_is_refused(desk):
    with pytest.raises(InputError):
        desk.accept(case_number="sealed:1:310101/dibao/2025-10:AAAA")


# -- what an earlier version stored plainly --------------------------------------------------


def test_what_was_stored_plainly_is_sealed_and_still_proven(plain_desk, insider):
    desk, key = plain_desk, ("key of 310101196001010018", "sha256:" + "b" * 64)
    verification = carried(desk, key=key)
    assert CASE in everything(insider)
    assert protected(desk.store).seal_plain(desk.now) == 1
    stored = everything(insider)
    assert not [s for s in (*SECRETS, "310101196001010018") if s in stored]
    assert {row["scope"] for row in insider.rows(tables.blobs)} == {"310101/dibao/2025-10"}
    assert desk.store.verification(verification, person()).case_number == CASE
    assert desk.store.exchanges(verification)[0].ticket == TICKET
    assert desk.store.check_integrity(verification, NATIONAL) == ()
    (entry,) = (
        e for e in desk.store.ledger(verification, NATIONAL) if e.kind == EntryKind.RESEALED
    )
    assert set(entry.payload) == {"exchanges", "header", "idempotency"}
    again = desk.store.accept(desk.new(case_number=CASE), person(), key, desk.now)
    assert (again.id, again.created) == (verification, False)
    assert desk.store.seal_plain(desk.now) == 0


def interrupted(desk):
    """Begin to seal what is plain, and stop before the third step."""
    real, steps = desk.store._writer.run, itertools.count()

    def failing(unit):
        if next(steps) == 2:
            raise KeyboardInterrupt
        return real(unit)

    desk.store._writer.run = failing
    with pytest.raises(KeyboardInterrupt):
        desk.store.seal_plain(desk.now)
    desk.store._writer.run = real


def test_sealing_goes_on_where_it_was_interrupted(plain_desk, insider, monkeypatch):
    desk = plain_desk
    names = [carried(desk, f"{CASE} {number}") for number in range(7)]
    protected(desk.store)
    monkeypatch.setattr(resealing, "_PLAIN", resealing._PLAIN.limit(2))
    interrupted(desk)
    left = [r for r in insider.rows(tables.verifications) if r["case_blind"] is None]
    assert 0 < len(left) < 7
    for name in names:  # half-way, every case reads and is as it was sealed
        assert desk.store.verification(name, person()).case_number.startswith(CASE)
        assert desk.store.check_integrity(name, NATIONAL) == ()
    assert desk.store.seal_plain(desk.now) == len(left)
    for name in names:
        assert desk.store.check_integrity(name, NATIONAL) == ()
        kinds = [e.kind for e in desk.store.ledger(name, NATIONAL)]
        assert kinds.count(EntryKind.RESEALED) == 1


def test_sealing_later_does_not_whitewash_what_was_altered_before(plain_desk, insider):
    desk = plain_desk
    verification = carried(desk)
    (row,) = insider.rows(tables.verifications)
    insider.change(tables.verifications, row, {"case_number": "forged"})
    bank = next(r for r in insider.rows(tables.exchanges) if r["source"] == "bank")
    insider.change(tables.exchanges, bank, {"ticket": "forged"})
    before = desk.store.check_integrity(verification, NATIONAL)
    protected(desk.store).seal_plain(desk.now)
    after = desk.store.check_integrity(verification, NATIONAL)
    assert {f.thing for f in before} == {"verification", "evidence bank/p1"}
    assert {f.thing for f in after} == {"verification", "evidence bank/p1"}


# -- the end of retention, and rotation ------------------------------------------------------


@pytest.mark.parametrize("late", [False, True])
def test_an_erased_case_tells_nothing_and_stays_proven(plain_desk, insider, late):
    desk = plain_desk
    if late:
        verification = carried(desk)
        protected(desk.store).seal_plain(desk.now)
    else:
        protected(desk.store)
        verification = carried(desk)
    assert desk.store.erase("310101/dibao/2025-10", "retention", desk.now) == 1
    assert desk.store.verification(verification, person()).case_number == "(erased)"
    assert {x.ticket for x in desk.store.exchanges(verification)} <= {"", "(erased)"}
    assert desk.store.list(person(), filters=Filters(case_number=CASE))[0] == ()
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_what_was_plain_when_its_scope_was_erased_goes_as_the_key_went(plain_desk, insider):
    desk = plain_desk
    verification = carried(desk)
    protected(desk.store)
    carried(desk, "a sealed neighbour, so that the scope has a key")
    desk.store.erase("310101/dibao/2025-10", "retention", desk.now)
    with insider.connection() as connection:  # as an erasure of an earlier version left it
        mine = tables.verifications.c.id == verification
        connection.execute(update(tables.verifications).where(mine).values(case_blind=None))
    assert desk.store.seal_plain(desk.now) == 1
    assert not [secret for secret in SECRETS if secret in everything(insider)]
    assert desk.store.verification(verification, person()).case_number == "(erased)"


def test_after_a_rotation_the_columns_open_under_the_new_master_key_alone(desk, database_url):
    verification = carried(desk)
    desk.store.close()
    fresh = MasterKeys.new_text()
    with Store.open(database_url, masters=MasterKeys.parse(f"{fresh}\n{MASTER}")) as both:
        assert both.keyring is not None
        both.keyring.rotate()
    with Store.open(database_url, masters=MasterKeys.parse(fresh)) as new:
        assert new.verification(verification, person()).case_number == CASE
        assert new.list(person(), filters=Filters(case_number=CASE))[0][0].id == verification


# -- tokens of callback addresses ----------------------------------------------------------


def token(desk: Desk, verification: str) -> str:
    return desk.store.callback_token(verification, "bank", "p1")


def test_a_callback_token_opens_a_question_and_is_not_in_the_database(desk, insider):
    verification = desk.accept()
    shown = token(desk, verification)
    assert shown == token(desk, verification)
    assert len({token(desk, desk.accept()) for _ in range(9)} | {shown}) == 10
    assert shown not in everything(insider)
    assert desk.store.wake_by_token(shown, desk.now) == verification
    stored = {row["callback_token"] for row in insider.rows(tables.exchanges)}
    for wrong in (*stored, shown[:-1], shown.swapcase()):
        with pytest.raises(NotFound):
            desk.store.wake_by_token(wrong, desk.now)
    assert desk.store.check_integrity(verification, NATIONAL) == ()


def test_a_token_of_before_still_opens_its_question_and_is_no_longer_stored(plain_desk, insider):
    desk = plain_desk
    names = [desk.accept() for _ in range(5)]
    tokens = [token(desk, name) for name in names]
    assert all(t in everything(insider) for t in tokens)
    protected(desk.store).seal_plain(desk.now)
    assert not [t for t in tokens if t in everything(insider)]
    for name, shown in zip(names, tokens, strict=True):
        assert desk.store.wake_by_token(shown, desk.now) == name
        assert token(desk, name) == "", "it cannot be told any more"
        assert desk.store.check_integrity(name, NATIONAL) == ()


def test_hiding_tokens_goes_on_where_it_was_interrupted(plain_desk, insider, monkeypatch):
    desk = plain_desk
    tokens = [token(desk, desk.accept()) for _ in range(7)]
    protected(desk.store)
    monkeypatch.setattr(callbacks, "STEP", 3)
    interrupted(desk)
    assert [t for t in tokens if t in everything(insider)]
    desk.store.seal_plain(desk.now)
    assert not [t for t in tokens if t in everything(insider)]
    assert all(desk.store.wake_by_token(t, desk.now) for t in tokens)


@given(st.binary(min_size=32, max_size=32))
def test_both_stored_forms_of_a_token_bind_the_same_ledger_entry(secret):
    plain = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    hidden = callbacks.stored_form(plain)
    assert (callbacks.is_digest(plain), callbacks.is_digest(hidden)) == (False, True)
    assert (
        callbacks.ledger_digest(hidden)
        == callbacks.ledger_digest(plain)
        == digest_bytes(plain.encode())
    )
    assert hidden not in callbacks.candidates(hidden)


@pytest.mark.parametrize("place", [0, 21, 42])
def test_a_stored_token_changed_in_any_place_is_found(desk, insider, place):
    verification = desk.accept()
    (row, *_) = insider.rows(tables.exchanges)
    text = row["callback_token"]
    for other in "AZaz09-_":
        if other != text[place]:
            changed = text[:place] + other + text[place + 1 :]
            insider.change(tables.exchanges, row, {"callback_token": changed})
            assert desk.store.check_integrity(verification, NATIONAL) != ()
