"""A witness that was lost or replaced takes nothing of what it saw with it."""

from __future__ import annotations

import shutil

import pytest

from support.desk import NATIONAL
from support.notary import Office
from verify.domain.access import Caller, RoleName
from verify.domain.errors import IntegrityError, Overloaded
from verify.service.audit_bundle import check_bundle
from verify.service.audit_growth import check_growth, note_in
from verify.service.audit_receipt import check_proof
from verify.service.audit_trust import Trust
from verify.store.note import COSIGNATURE, Note, SigningKey

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
AUDITOR = Caller("auditor", frozenset({RoleName.AUDITOR}), ("*",))


@pytest.fixture
def replaced(store, tmp_path):
    """An office whose witness was lost with its folder; the archive and keys of before."""
    office = Office(store, tmp_path / "home")
    old = office.finished(1)
    keys, archive = office.keys, office.audits.export(old, AUDITOR)
    shutil.rmtree(office.home / "witness")
    office.reopen()
    return office, old, keys, archive


def retire(office, *keys) -> None:
    office.settings["witnesses_retired"] = " ".join(key.text for key in keys)
    office.reopen()


def test_what_a_retired_witness_saw_is_no_fault_for_ever(replaced):
    office, _, before, _ = replaced
    office.finished(2)
    found = office.audits.check().faults
    assert {fault.thing for fault in found} == {"checkpoint 1", "checkpoint 2"}
    assert all("VERIFY_WITNESSES_RETIRED" in fault.reason for fault in found)
    retire(office, before[1])
    assert office.faults == set()
    # The two that stand in their order; whoever is retired is marked as such.
    assert [*office.audits.public_keys()[:2]] == [k.text for k in office.keys]
    assert office.audits.public_keys()[2:] == (f"retired {before[1].text}",)
    assert office.trust().retired == (before[1],)


def test_a_retired_witness_excuses_no_checkpoint_that_nobody_known_signed(replaced):
    office, _, _, _ = replaced
    office.finished(2)
    retire(office, SigningKey.generate("stranger/*", COSIGNATURE).public)
    assert office.faults == {("log", "checkpoint 1"), ("log", "checkpoint 2")}


def test_an_old_archive_holds_with_the_keys_printed_now(replaced):
    office, old, before, archive = replaced
    office.finished(2)
    found = check_bundle(archive, office.keys)
    assert not found.intact
    (fault,) = found.faults
    # The key is unknown: that accuses nobody of a change.
    assert before[1].name in fault.reason
    assert "retired" in fault.reason
    assert "changed" not in fault.reason
    retire(office, before[1])
    assert check_bundle(archive, office.trust()).intact
    # An archive that is exported now carries what the present witness signed.
    fresh = office.audits.export(old, AUDITOR)
    assert check_bundle(fresh, office.keys).intact


def test_growth_is_proven_over_the_change_of_a_witness(replaced):
    office, _, before, archive = replaced
    office.finished(2)
    grown = office.audits.growth(note_in(archive), NATIONAL)
    for keys in (before, office.keys):
        with pytest.raises(IntegrityError, match="whose key was not given"):
            check_growth(grown, keys)
    retire(office, before[1])
    proven = check_growth(grown, office.trust())
    witnesses = proven["witnesses"]
    assert [w["name"] for w in witnesses["earlier"]] == [before[1].name]
    assert [w["name"] for w in witnesses["later"]] == [office.keys[1].name]
    # Without the mark both would have to have signed both; a quorum says that one is enough.
    both = (*office.keys, before[1])
    with pytest.raises(IntegrityError, match="did not sign"):
        check_growth(grown, both)
    assert check_growth(grown, Trust(both, quorum=1)) == proven


def test_a_retired_witness_is_no_second_voice_and_a_key_counts_once(replaced):
    office, _, before, archive = replaced
    retire(office, before[1])
    twice = Trust((before[0], before[1], before[1]), (before[1],))
    assert check_bundle(archive, twice).intact
    for trust in (Trust(twice.keys, twice.retired, 2), Trust((before[0],), ())):
        assert not check_bundle(archive, trust).intact


@pytest.fixture
def two(store, tmp_path):
    """An office with two witnesses of which one is enough."""
    words = " ".join(f"file:{tmp_path / name}" for name in ("one", "two"))
    return Office(store, tmp_path / "home", {"witnesses": words, "witness_quorum": 1})


def away(office, monkeypatch) -> None:
    """The second witness does not answer."""

    def gone(*_):
        raise Overloaded("away", where="two", remedy="wait")

    office.notary.once()
    for name in ("add", "latest"):
        monkeypatch.setattr(office.notary.witnesses[1], name, gone)


def test_a_case_sealed_while_a_witness_was_away_is_proven_once_it_is_back(two, monkeypatch):
    away(two, monkeypatch)
    case = two.finished(1)
    entries = two.store.ledger(case, NATIONAL)
    lone = two.audits.export(case, AUDITOR)
    monkeypatch.undo()
    (fault,) = check_bundle(lone, two.keys).faults
    assert "--quorum" in fault.reason
    assert "changed" not in fault.reason
    assert check_bundle(lone, two.trust(1)).intact
    two.finished(2)
    assert check_bundle(two.audits.export(case, AUDITOR), two.keys).intact
    for entry in entries:
        proof = two.audits.receipt(case, entry.position, NATIONAL)
        assert len(check_proof(proof, two.keys)["witnesses"]) == 2
    # It stays the first such checkpoint, however the log grows.
    before = two.audits.receipt(case, 1, NATIONAL)
    two.finished(3)
    assert two.audits.receipt(case, 1, NATIONAL) == before


def test_a_signature_of_nobody_who_was_named_is_a_fault_and_not_passed_over(two):
    case = two.finished(1)
    proof = two.audits.receipt(case, 1, NATIONAL)
    note = Note.parse(proof["checkpoint"])
    stranger = SigningKey.generate("stranger/*", COSIGNATURE)
    more = note.with_(stranger.sign(note.checkpoint.text, 1))
    for other in (more, note.with_(note.signatures[-1])):
        with pytest.raises(IntegrityError):
            check_proof({**proof, "checkpoint": other.text}, two.keys)
    named = Trust(tuple(two.keys), (stranger.public,))
    assert check_proof({**proof, "checkpoint": more.text}, named)
    # Not even a quorum makes up for a signature that does not hold.
    broken = note.with_(stranger.sign(note.checkpoint.text + "x", 1))
    with pytest.raises(IntegrityError, match="does not hold"):
        check_proof({**proof, "checkpoint": broken.text}, Trust(named.keys, named.retired, 1))
