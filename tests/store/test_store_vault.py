"""The stolen backup, the lost key, the end of retention: what the vault gives away, and keeps."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from datetime import date

import pytest

from support.desk import HOUR, NATIONAL, T0, Desk, person
from support.notary import Office
from verify.domain.canonical import digest_bytes
from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.service.audit_bundle import check_bundle
from verify.service.audit_keys import write_durably
from verify.service.master_key import open_protected, open_store, protect
from verify.service.retention import due
from verify.settings import Settings
from verify.store import EntryKind, Store, tables
from verify.store.keyring import Erased
from verify.store.vault import MasterKeys, scope_of

CANDIDATES = int(os.environ.get("VERIFY_CANDIDATES", "30000"))
MASTER = MasterKeys.new_text()
OCTOBER = "310101/dibao/2025-10"
PEOPLE = [f"31010119{60 + i % 40}0101{i % 1000:03d}{i % 10}" for i in range(5)]


def answer_about(number: str) -> bytes:
    """An answer that holds nothing but the id that was asked about: easy to guess."""
    return json.dumps({"id_number": number, "records": []}).encode()


def application_of(number: str) -> bytes:
    return json.dumps({"synthetic": True, "members": [{"id": number}]}).encode()


@pytest.fixture
def open_vault(database_url):
    """Open the test's database with a master key."""
    opened = []

    def open_(masters: str | None = MASTER, **options) -> Store:
        keys = None if masters is None else MasterKeys.parse(masters)
        opened.append(Store.open(database_url, masters=keys, **options))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


def carried(desk: Desk, number: str) -> str:
    verification = desk.accept(
        application=application_of(number),
        people=(("p1", number),),
        key=(f"key-{number}", digest_bytes(application_of(number))),
    )
    (claim,) = desk.claim()
    desk.answer(claim, "bank", (answer_about(number), b"a longer statement " * 40))
    desk.answer(claim, "tax", (answer_about(number),))
    desk.seal(claim, outcome="eligible", final=True, state="completed", due_at=None)
    return verification


@pytest.fixture
def desk(open_vault):
    made = Desk(open_vault())
    made.keep()
    return made


def test_what_is_sealed_reads_back_as_it_was_given(desk):
    verification = carried(desk, PEOPLE[0])
    row = desk.store.verification(verification, person())
    assert desk.store.blob(row.application_digest) == application_of(PEOPLE[0])
    bank, tax = desk.store.exchanges(verification)
    assert desk.store.document(verification, bank.bodies[0], person()) == answer_about(PEOPLE[0])
    assert bank.bodies[0] == tax.bodies[0], "the same body is kept once within a scope"
    found = desk.store.blobs([*bank.bodies, *tax.bodies])
    assert found[bank.bodies[1]] == b"a longer statement " * 40
    assert desk.store.check_integrity(verification, NATIONAL) == ()
    verdict = desk.store.latest_verdict(verification, person())
    assert digest_bytes(desk.store.blob(verdict.verdict_digest)) == verdict.verdict_digest


def test_bodies_are_compressed_and_kept_once(desk, insider):
    for number in PEOPLE:
        carried(desk, number)
    sealed = [row for row in insider.rows(tables.blobs) if row["scope"]]
    assert {row["scope"] for row in sealed} == {OCTOBER}
    # 5 x (application, answer, bundle, verdict, trace), and one statement that all five share.
    assert len(sealed) == 5 * 5 + 1
    statement = max(len(row["body"]) for row in sealed)
    assert statement < len(b"a longer statement " * 40)


# -- the stolen backup ----------------------------------------------------------------------


def dump(insider) -> bytes:
    """Everything in every table, as somebody who holds a backup reads it."""
    parts = []
    for table in tables.metadata.sorted_tables:
        for row in insider.rows(table):
            for value in row.values():
                parts.append(value if isinstance(value, bytes) else str(value).encode())
    return b"\n".join(parts)


def forms_of(number: str):
    """What somebody who knows the code would look for."""
    raw = number.encode()
    yield raw
    yield raw[::-1]
    yield base64.b64encode(raw)
    yield raw.hex().encode()
    for name in ("md5", "sha1", "sha256"):
        yield hashlib.new(name, raw).hexdigest().encode()
    for body in (answer_about(number), application_of(number)):
        yield digest_bytes(body).removeprefix("sha256:").encode()


def recovered(backup: bytes, numbers) -> set[str]:
    hexes = set(re.findall(rb"[0-9a-f]{32,}", backup))
    words = set(re.findall(rb"[0-9A-Za-z+/=]{18,}", backup))
    return {n for n in numbers if any(form in hexes or form in words for form in forms_of(n))}


def candidates() -> list[str]:
    """Ids among which the real ones are."""
    made = [f"310101{1940 + i % 80}0101{i % 10000:04d}" for i in range(CANDIDATES)]
    return [*made, *PEOPLE]


def test_a_stolen_backup_gives_no_id_away(desk, insider):
    for number in PEOPLE:
        carried(desk, number)
    assert recovered(dump(insider), candidates()) == set()


def test_without_the_vault_the_same_thief_finds_every_id(open_vault, insider):
    """The attack is a real one: it succeeds where nothing is sealed."""
    desk = Desk(open_vault(None))
    desk.keep()
    for number in PEOPLE:
        carried(desk, number)
    assert recovered(dump(insider), candidates()) == set(PEOPLE)


def test_the_files_on_disk_give_no_id_away_either(tmp_path):
    masters = MasterKeys.parse(MASTER)
    with Store.open(f"sqlite:///{tmp_path / 'v.db'}", masters=masters) as store:
        desk = Desk(store)
        desk.keep()
        for number in PEOPLE:
            carried(desk, number)
        raw = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    raw += b"".join(p.read_bytes() for p in tmp_path.iterdir())
    for number in PEOPLE:
        assert not any(form in raw for form in forms_of(number))


def test_a_person_is_found_by_the_blind_index_and_only_with_the_key(desk, insider):
    verification = carried(desk, PEOPLE[0])
    carried(desk, PEOPLE[1])
    assert desk.store.verifications_of(PEOPLE[0], NATIONAL) == ((verification, "p1"),)
    assert desk.store.verifications_of(PEOPLE[0], person("desk", "440000")) == ()
    assert desk.store.verifications_of("310101194001010000", NATIONAL) == ()
    blind = {row["blind"] for row in insider.rows(tables.subjects)}
    for guess in (MasterKeys.parse(MasterKeys.new_text()).new_data_key("index")[0],):
        assert guess.blind("id", PEOPLE[0]) not in blind


# -- tampering ------------------------------------------------------------------------------


def test_every_changed_byte_of_a_sealed_blob_is_found(desk, insider):
    verification = carried(desk, PEOPLE[0])
    digest = desk.store.exchanges(verification)[1].bodies[0]
    row = next(r for r in insider.rows(tables.blobs) if r["digest"] == digest)
    body = row["body"]
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        insider.change(tables.blobs, row, {"body": changed})
        with pytest.raises(IntegrityError):
            desk.store.blob(digest)
    for length in (0, 1, 12, 13, 28, len(body) - 1):
        insider.change(tables.blobs, row, {"body": body[:length]})
        with pytest.raises(IntegrityError):
            desk.store.blob(digest)


def test_sealed_bodies_put_in_each_others_place_do_not_open(desk, insider):
    verification = carried(desk, PEOPLE[0])
    rows = [r for r in insider.rows(tables.blobs) if r["scope"]]
    one, two = rows[0], rows[1]
    insider.change(tables.blobs, one, {"body": two["body"]})
    insider.change(tables.blobs, two, {"body": one["body"]})
    assert len(desk.store.check_integrity(verification, NATIONAL)) >= 2


def test_a_changed_index_row_is_found_and_named(desk, insider):
    verification = carried(desk, PEOPLE[0])
    other = carried(desk, PEOPLE[1])
    row = next(r for r in insider.rows(tables.subjects) if r["verification"] == verification)
    theirs = next(r for r in insider.rows(tables.subjects) if r["verification"] == other)
    insider.change(tables.subjects, row, {"blind": theirs["blind"]})
    (fault,) = desk.store.check_integrity(verification, NATIONAL)
    assert fault.thing == "blind index"


# -- keys -----------------------------------------------------------------------------------


def test_without_its_master_key_nothing_sealed_is_read(desk, open_vault, open_sqlite):
    verification = carried(desk, PEOPLE[0])
    digest = desk.store.exchanges(verification)[0].bodies[0]
    desk.store.close()
    blind = open_vault(None, read_only=True)
    with pytest.raises(Conflict, match="not here"):
        blind.exchanges(verification)
    assert blind.verification(verification, NATIONAL).case_number == "(sealed)"
    with pytest.raises(Conflict, match="without its master key"):
        blind.blob(digest)
    stranger = open_vault(MasterKeys.new_text(), read_only=True)
    with pytest.raises(Conflict, match="not here"):
        stranger.blob(digest)
    with pytest.raises(Conflict, match="not here"):
        open_vault(None).protect(MasterKeys.parse(MasterKeys.new_text()))


def test_the_master_key_is_rotated_and_the_old_one_destroyed(desk, open_vault):
    verification = carried(desk, PEOPLE[0])
    desk.store.close()
    fresh = MasterKeys.new_text()
    both = open_vault(f"{fresh}\n{MASTER}")
    assert both.keyring.rotate() == 2  # the month's key and the index's
    assert both.keyring.rotate() == 0
    both.close()
    new = open_vault(fresh)
    bank = new.exchanges(verification)[0]
    assert new.blob(bank.bodies[0]) == answer_about(PEOPLE[0])
    assert new.verifications_of(PEOPLE[0], NATIONAL) == ((verification, "p1"),)
    assert new.check_integrity(verification, NATIONAL) == ()
    new.close()
    with pytest.raises(Conflict, match="not here"):
        open_vault(MASTER, read_only=True).blob(bank.bodies[0])


def test_what_is_no_master_key_is_refused_without_being_shown():
    for text in ("", "x", "c2hvcnQ=", MASTER[:-4], MASTER + "\nno"):
        with pytest.raises(Conflict) as refused:
            MasterKeys.parse(text)
        assert MASTER[:10] not in str(refused.value)


# -- a new master key beside a running service -----------------------------------------------


def wrapped_anew(insider, fresh: str) -> None:
    """What `verify db rotate` does in another process."""
    both = MasterKeys.parse(f"{fresh}\n{MASTER}")
    for row in insider.rows(tables.data_keys):
        wrapped = both.rewrap(row["scope"], row["wrapped"], row["master"])
        insider.change(tables.data_keys, row, {"wrapped": wrapped, "master": both.name})


def test_no_key_is_made_under_a_master_key_that_was_replaced_meanwhile(desk, insider):
    carried(desk, PEOPLE[0])
    fresh = MasterKeys.new_text()
    wrapped_anew(insider, fresh)
    with pytest.raises(Conflict, match="master key"):
        desk.accept(region="310104")  # a new scope: its key would go with the old master key
    names = {row["master"] for row in insider.rows(tables.data_keys)}
    assert names == {MasterKeys.parse(fresh).name}


def test_a_running_service_takes_up_the_new_master_key_from_its_file(
    database_url, tmp_path, insider
):
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    settings.home.mkdir()
    file = settings.home / "master.key"
    write_durably(file, MASTER.encode())
    fresh = MasterKeys.new_text()
    with open_protected(settings, read_only=False) as store:
        desk = Desk(store)
        desk.keep()
        before = carried(desk, PEOPLE[0])
        write_durably(file, f"{fresh}\n{MASTER}".encode())
        wrapped_anew(insider, fresh)
        write_durably(file, fresh.encode())
        after = desk.accept(region="310104")
        store.keyring.forget()
        assert store.verification(before, person()).case_number == "SYN-2025-0001"
    with Store.open(database_url, masters=MasterKeys.parse(fresh)) as later:
        for verification in (before, after):
            assert later.verification(verification, person()).case_number == "SYN-2025-0001"


def test_of_two_first_starts_over_one_folder_both_use_the_key_that_was_first(
    postgres_url, tmp_path, monkeypatch
):
    settings = Settings(home=tmp_path, database_url=postgres_url)
    with open_store(settings) as faster, open_store(settings) as slower:

        def looked(where: str) -> None:
            Store.require_no_sealed_evidence(slower, where)
            protect(faster, settings)  # between its look and its own key

        monkeypatch.setattr(slower, "require_no_sealed_evidence", looked)
        protect(slower, settings)
        cases = []
        for store, number in ((faster, PEOPLE[0]), (slower, PEOPLE[1])):
            desk = Desk(store)
            desk.keep()
            cases.append(carried(desk, number))
    with open_protected(settings, read_only=False) as later:
        for case in cases:
            assert later.verification(case, person()).case_number == "SYN-2025-0001"
    assert [path.name for path in tmp_path.glob("*master*")] == ["master.key"]


# -- retention ------------------------------------------------------------------------------


@pytest.fixture
def office(open_vault, tmp_path):
    return Office(open_vault(), tmp_path / "home")


def test_erased_evidence_is_gone_and_the_ledger_still_proves_it(office, insider):
    verification = carried(office.desk, PEOPLE[0])
    office.notary.once()
    exchange = office.store.exchanges(verification)[0]
    before = office.store.ledger(verification, NATIONAL)
    assert office.store.erase(OCTOBER, "*/*=12", T0 + HOUR) == 1
    assert office.store.erase(OCTOBER, "*/*=12", T0 + HOUR) == 0
    office.notary.once()
    for digest in exchange.bodies:
        with pytest.raises(Erased):
            office.store.document(verification, digest, person())
    assert office.store.verifications_of(PEOPLE[0], NATIONAL) == ()
    # What was proven stays proven, and the erasure itself is on record.
    after = office.store.ledger(verification, NATIONAL)
    assert after[:-1] == before
    assert (after[-1].kind, after[-1].payload) == (
        EntryKind.ERASED,
        {"scope": OCTOBER, "ground": "*/*=12"},
    )
    assert office.faults == set()
    archive = office.audits.export(verification, auditor())
    found = check_bundle(archive, office.keys)
    assert found.intact
    key = next(r for r in insider.rows(tables.data_keys) if r["scope"] == OCTOBER)
    assert (key["wrapped"], key["erased_at"]) == (b"", T0 + HOUR)


def auditor():
    from verify.domain.access import Caller, RoleName

    return Caller("auditor", frozenset({RoleName.AUDITOR}), ("*",))


def test_a_key_taken_away_outside_the_ledger_is_no_erasure(office, insider):
    verification = carried(office.desk, PEOPLE[0])
    key = next(r for r in insider.rows(tables.data_keys) if r["scope"] == OCTOBER)
    insider.change(tables.data_keys, key, {"wrapped": b"", "erased_at": T0})
    office.store.keyring.forget()
    assert {f.thing for f in office.store.check_integrity(verification, NATIONAL)} >= {
        "application",
        "verdict 1",
    }


def test_nothing_is_erased_while_somebody_still_works_on_it(office):
    carried(office.desk, PEOPLE[0])
    waiting = office.desk.accept(application=application_of(PEOPLE[1]))
    with pytest.raises(Conflict, match="still being worked on"):
        office.store.erase(OCTOBER, "*/*=12", T0)
    office.store.cancel(waiting, person(), T0)
    assert office.store.erase(OCTOBER, "*/*=12", T0) == 2
    with pytest.raises(NotFound):
        office.store.erase("310101/dibao/1999-01", "*/*=12", T0)


def test_the_erased_keys_bytes_are_not_left_on_the_disk(tmp_path):
    masters = MasterKeys.parse(MASTER)
    with Store.open(f"sqlite:///{tmp_path / 'v.db'}", masters=masters) as store:
        desk = Desk(store)
        desk.keep()
        carried(desk, PEOPLE[0])
        (wrapped,) = (r.wrapped for r in store.data_keys() if r.scope == OCTOBER)
        store.erase(OCTOBER, "*/*=12", T0)
    # Closing checkpointed the write-ahead log into the file, and removed it.
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.db", "v.db.lock"]
    assert wrapped not in (tmp_path / "v.db").read_bytes()


@pytest.mark.parametrize(
    ("terms", "today", "expected"),
    [
        ("", date(2099, 1, 1), []),
        ("*/*=12", date(2026, 10, 31), []),
        ("*/*=12", date(2026, 11, 1), [OCTOBER]),
        ("*/*=1 310000/*=24", date(2026, 11, 1), []),
        ("*/*=24 310000/*=24 310101/dibao=12", date(2026, 11, 1), [OCTOBER]),
        ("310000/*=12 310101/dibao=24", date(2026, 11, 1), []),
        ("440000/*=1 */tekun=1", date(2099, 1, 1), []),
    ],
)
def test_what_is_due_is_decided_by_the_most_specific_term(desk, terms, today, expected):
    carried(desk, PEOPLE[0])
    assert [item.scope for item in due(desk.store, terms, today)] == expected


@pytest.mark.parametrize("text", ["12", "*/*", "31/*=12", "*/*=0", "*/*=1.5", "*/*=-1"])
def test_a_retention_term_that_is_none_is_refused(desk, text):
    with pytest.raises(Conflict, match="not a retention term"):
        due(desk.store, text, date(2026, 1, 1))


def test_a_scope_is_a_region_a_programme_and_a_month():
    assert scope_of("310101", "dibao", T0) == OCTOBER
    assert scope_of("310101", "dibao", 0) == "310101/dibao/1970-01"


def test_a_key_taken_before_the_vault_still_stands_for_its_verification(open_vault):
    plain = Desk(open_vault(None))
    plain.keep()
    key = ("key-1", digest_bytes(b"body"))
    before = plain.store.accept(plain.new(), person(), key, T0)
    plain.store.close()
    sealed = Desk(open_vault())
    again = sealed.store.accept(sealed.new(), person(), key, T0)
    assert (again.id, again.created) == (before.id, False)
    with pytest.raises(Conflict, match="another body"):
        sealed.store.accept(sealed.new(), person(), ("key-1", digest_bytes(b"other")), T0)
    fresh = [sealed.store.accept(sealed.new(), person(), ("key-2", key[1]), T0) for _ in range(2)]
    assert [f.created for f in fresh] == [True, False]
    assert fresh[0].id == fresh[1].id
