"""Another process erased it: nobody calls that a change, and nobody goes on reading."""

from __future__ import annotations

import pytest

from support.desk import HOUR, NATIONAL, T0, Desk
from support.insider import altered
from verify.domain.errors import IntegrityError
from verify.store import Store, keyring, tables
from verify.store.keyring import Erased
from verify.store.vault import MasterKeys

MASTER = MasterKeys.new_text()
OCTOBER = "310101/dibao/2025-10"


@pytest.fixture
def two(database_url):
    """A service that works, another process that only reads, and a finished case of both."""
    masters = MasterKeys.parse(MASTER)
    with Store.open(database_url, masters=masters) as service:
        desk = Desk(service)
        desk.keep()
        case = desk.finished()
        with Store.open(database_url, masters=masters, read_only=True) as reader:
            assert reader.check_integrity(case, NATIONAL) == ()  # its keys are open now
            yield service, reader, case


def test_a_process_with_the_key_still_open_says_erased_and_not_changed(two):
    service, reader, case = two
    row = reader.verification(case, NATIONAL)
    (bank, _) = reader.exchanges(case)
    assert (row.case_number, bank.letter) == ("SYN-2025-0001", "L-1")
    service.erase(OCTOBER, "*/*=12", T0 + HOUR)
    for digest in (row.application_digest, *bank.bodies):
        with pytest.raises(Erased):
            reader.sealed_document(case, digest, NATIONAL)
    assert reader.check_integrity(case, NATIONAL) == ()
    # The key was dropped: what it could still have opened is not shown any more.
    assert reader.verification(case, NATIONAL).case_number == "(erased)"
    assert reader.exchanges(case)[0].letter == "(erased)"


def test_an_open_key_is_looked_for_anew_before_long(two, monkeypatch):
    service, reader, case = two
    monkeypatch.setattr(keyring, "FRESH_SECONDS", 0.0)
    reader.keyring.forget()
    assert reader.verification(case, NATIONAL).case_number == "SYN-2025-0001"
    service.erase(OCTOBER, "*/*=12", T0 + HOUR)
    assert reader.verification(case, NATIONAL).case_number == "(erased)"


def test_an_open_key_costs_no_further_look_and_a_changed_body_costs_one(two, insider, monkeypatch):
    _, reader, case = two
    looks = []
    real = reader.keyring._row
    monkeypatch.setattr(reader.keyring, "_row", lambda scope: looks.append(scope) or real(scope))
    assert reader.check_integrity(case, NATIONAL) == ()
    assert looks == []
    digest = reader.verification(case, NATIONAL).application_digest
    row = next(r for r in insider.rows(tables.blobs) if r["digest"] == digest)
    insider.change(tables.blobs, row, {"body": altered(row["body"], tables.blobs.c.body)})
    with pytest.raises(IntegrityError):
        reader.sealed_document(case, digest, NATIONAL)
    assert looks == [OCTOBER]
    assert [f.thing for f in reader.check_integrity(case, NATIONAL)] == ["application"]
