"""The log is witnessed outside the database, or nothing becomes final."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from support.desk import HOUR, NATIONAL
from support.live import serve_app
from support.notary import Office
from verify.api.witness import create_witness
from verify.domain.access import Purpose
from verify.domain.errors import (
    Conflict,
    InputError,
    IntegrityError,
    NotFound,
    NotPermitted,
    Overloaded,
)
from verify.service.audit_cosigner import Cosigner, Inconsistent, Stale
from verify.service.audit_witness import HttpWitness, read_request, request_text
from verify.store import NewLabel, SealStatus, tables
from verify.store.accesses import Read, row_of
from verify.store.log import CheckpointRow
from verify.store.merkle import Leaves, consistency
from verify.store.note import Checkpoint, Note, SigningKey
from verify.store.suites import SHA256

FINAL = {"outcome": "eligible", "final": True, "state": "completed", "due_at": None}


@pytest.fixture
def office(store, tmp_path):
    return Office(store, tmp_path / "home")


def test_every_commit_gets_its_leaf_and_a_witnessed_checkpoint(office):
    ids = [office.finished(i) for i in range(3)]
    kept = office.store.log.checkpoint(witnessed=True)
    note = Note.parse(kept.note)
    assert note.only_by(tuple(office.keys))
    assert (note.checkpoint.size, note.checkpoint.root) == (
        office.store.log.head().size,
        office.store.log.head().root,
    )
    for verification in ids:
        end = office.store.ledger(verification, NATIONAL)[-1]
        leaf = office.store.log.covering(verification, end.position, kept.size)
        assert (leaf.entries, leaf.digest) == (end.position, end.hash)
    assert office.faults == set()


def test_nothing_new_makes_no_new_checkpoint(office):
    office.finished()
    before = office.checkpoint_file.read_bytes(), office.store.log.checkpoints()
    for _ in range(3):
        office.notary.once()
    assert (office.checkpoint_file.read_bytes(), office.store.log.checkpoints()) == before


def test_a_restarted_notary_goes_on_where_the_log_stands(office):
    office.finished(1)
    office.reopen()
    office.finished(2)
    assert office.notary.standing.refused == ""
    assert office.notary.standing.witnessed == office.store.log.head().size >= 2
    assert office.faults == set()


def test_a_worker_that_another_one_overtakes_raises_no_alarm(office, monkeypatch):
    """Between looking at the log and asking the witness, another worker had it cosign more."""
    office.finished(1)
    slower, look = office.notary, office.store.log.head
    office.reopen()
    overtaken = []

    def head():
        found = look()
        if not overtaken:
            overtaken.append(found.size)
            office.desk.accept(key=("later", "sha256:" + "c" * 64))
            office.notary.once()
        return found

    office.desk.accept(key=("open", "sha256:" + "c" * 64))
    monkeypatch.setattr(office.store.log, "head", head)
    standing = slower.once()
    assert standing.refused == ""
    assert standing.witnessed == standing.size == look().size > overtaken[0]
    assert office.faults == set()


def test_the_log_of_many_batches_and_tiles_stays_provable(office):
    for _ in range(600):
        office.desk.accept()
    office.notary.once()
    assert office.store.log.head().size == 600
    (claim, *_) = office.desk.claim(limit=1)
    office.desk.seal(claim, **FINAL)
    office.notary.once()
    assert office.audits.check(cases=False).faults == ()
    assert office.audits.check(cases=False).witnessed == 601


@pytest.mark.parametrize("log_hash", ["sha256", "sm3"])
def test_a_log_is_kept_in_either_suite(open_sqlite, tmp_path, log_hash):
    office = Office(open_sqlite(log_hash=log_hash), tmp_path / "home")
    verification = office.finished()
    assert Note.parse(office.store.log.checkpoint().note).checkpoint.suite.name == log_hash
    assert office.faults == set()
    assert office.store.check_integrity(verification, NATIONAL) == ()


def test_a_slower_process_does_not_replace_what_is_witnessed_by_what_is_not(office):
    office.finished()
    log = office.store.log
    kept = log.checkpoint(witnessed=True)
    note = Note.parse(kept.note)
    log.keep(CheckpointRow(kept.size, Note(note.checkpoint, note.signatures[:1]).text, False))
    assert log.checkpoint() == kept
    # Of two that are not witnessed, and of two that are, the later one counts.
    bare = [CheckpointRow(kept.size + 1, text, False) for text in ("one", "two")]
    for row in (*bare, CheckpointRow(kept.size + 1, "three", True), bare[0]):
        log.keep(row)
    assert (log.checkpoint().note, log.checkpoint().witnessed) == ("three", True)


def test_a_read_that_bears_the_name_of_a_chain_keeps_none_of_its_entries_out_of_the_log(
    office, insider
):
    case = office.finished()
    read = row_of(NATIONAL, Read("list", Purpose.AUDIT, stated=True), office.desk.now)
    for name in ("label_events", "rule_events"):
        insider.add(tables.accesses, {**asdict(read), "id": name})
    office.notary.once()
    label = NewLabel(case, "bank/p1/1", "p1", "cn", {"name": "exact"}, 12, "positive")
    office.store.decide(label, NATIONAL, office.desk.now)
    digest = {"digest": "sha256:" + "1" * 64}
    office.store.add_rule_event(0, "p_" + "0" * 26, "proposed", "editor", digest, office.desk.now)
    office.notary.once()
    for table in (tables.label_events, tables.rule_events):
        (row,) = insider.rows(table)
        insider.remove(table, row)
    assert {"label_events", "rule_events"} <= {subject for subject, _ in office.faults}


# -- failing closed -------------------------------------------------------------------------


def away(office) -> None:
    """The witness's folder cannot be reached any more."""
    key = office.home / "witness" / "witness.key"
    key.rename(key.with_suffix(".away"))
    office.reopen()


def back(office) -> None:
    key = office.home / "witness" / "witness.key"
    key.with_suffix(".away").rename(key)
    office.reopen()


def http_office(store, home, url, key) -> Office:
    return Office(store, home, {"witnesses": f"{url}#{key.text}"})


@pytest.fixture
def witness(tmp_path):
    """A witness service on loopback, as a thing that can go away and come back."""
    return Cosigner.open(tmp_path / "witness")


def test_while_the_witness_is_away_finals_go_on_for_the_window_and_then_stop(
    store, tmp_path, witness
):
    with serve_app(create_witness(witness)) as url:
        office = http_office(store, tmp_path / "home", url, witness.key)
        office.notary.once()
        witness.register(office.keys[0])
        office.finished(1)
        assert office.notary.standing.away == ()
        assert office.notary.standing.witnessed == 1
    office.desk.now += HOUR
    verification = office.desk.accept()
    (claim,) = office.desk.claim(lease_ms=20 * HOUR)
    office.notary.once()
    assert office.notary.standing.away == (url,)
    office.desk.now += 3 * HOUR
    assert office.notary.may_finish(office.desk.now)
    office.desk.now += HOUR + 1
    assert not office.notary.may_finish(office.desk.now)
    # A final verdict is held, one that is not final is sealed.
    assert office.desk.seal(claim, "e1", **FINAL).status is SealStatus.HELD
    assert store.verdicts(verification, NATIONAL) == ()
    assert office.desk.seal(claim, "e1").status is SealStatus.SEALED
    office.desk.now += 2 * HOUR
    (claim,) = office.desk.claim()
    assert office.desk.seal(claim, "e2", **FINAL).status is SealStatus.HELD
    # The witness comes back: what was held becomes final.
    with serve_app(create_witness(witness)) as url:
        office.settings = {"witnesses": f"{url}#{witness.key.text}"}
        office.reopen()
        office.notary.once()
        assert office.desk.seal(claim, "e2", **FINAL).status is SealStatus.SEALED
        office.notary.once()
        assert office.faults == set()


def test_a_witness_that_contradicts_stops_finals_at_once(office, tmp_path):
    office.finished(1)
    office.desk.accept()
    (claim,) = office.desk.claim()
    office.leaves_file.write_bytes(bytes(32))
    point = Checkpoint(office.keys[0].name, 1, SHA256.leaf(b"another"))
    log = SigningKey.parse((office.home / "log.key").read_text())
    own = SigningKey.parse((office.home / "witness" / "witness.key").read_text())
    other = Note(point, (log.sign(point.text), own.sign(point.text, 1)))
    office.checkpoint_file.write_text(other.text)
    office.reopen()
    assert office.desk.seal(claim, **FINAL).status is SealStatus.HELD
    assert office.notary.standing.refused == "inconsistent-log"


def test_without_the_signing_key_nothing_becomes_final_and_no_new_key_is_made(office):
    office.finished(1)
    key = office.home / "log.key"
    kept = key.read_bytes()
    key.unlink()
    office.reopen()
    office.desk.accept()
    (claim,) = office.desk.claim()
    assert office.desk.seal(claim, **FINAL).status is SealStatus.HELD
    assert office.notary.standing.refused == "conflict"
    assert not key.exists()
    # Another key in its place is no better.
    thief = SigningKey.generate("verify.local/*")
    key.write_text(thief.secret_text)
    key.chmod(0o600)
    office.reopen()
    assert office.desk.seal(claim, **FINAL).status is SealStatus.HELD
    key.write_bytes(kept)
    office.reopen()
    assert office.desk.seal(claim, **FINAL).status is SealStatus.SEALED


def test_a_key_that_others_may_read_is_refused(office):
    office.finished(1)
    (office.home / "log.key").chmod(0o640)
    office.reopen()
    assert office.notary.once().refused == "conflict"


def test_the_witness_gone_with_its_key_but_not_its_state_is_not_made_anew(office):
    office.finished(1)
    away(office)
    assert office.notary.once().refused == "conflict"
    back(office)
    assert office.notary.once().refused == ""


def test_a_changed_byte_of_the_witness_stops_it(office):
    office.finished(1)
    raw = office.checkpoint_file.read_bytes()
    office.checkpoint_file.write_bytes(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:])
    office.reopen()
    office.desk.accept()
    assert office.notary.once().refused == "integrity"


# -- the witness itself ---------------------------------------------------------------------

LOG = SigningKey.generate("log.example")


def note_of(tree: Leaves, size: int, key: SigningKey = LOG, name: str = "log.example") -> Note:
    point = Checkpoint(name, size, tree.root(size))
    return Note(point, (key.sign(point.text),))


@pytest.fixture
def tree():
    return Leaves([SHA256.leaf(b"%d" % i) for i in range(40)])


@pytest.fixture(params=["folder", "service"])
def asked(request, witness):
    """The witness's answer to `add`, in this process and over HTTP."""
    witness.register(LOG.public)
    if request.param == "folder":
        yield witness.add
        return
    with serve_app(create_witness(witness)) as url:
        far = HttpWitness(url, witness.key)
        yield lambda old, proof, note: far.add(old, proof, note, lambda _a, _b: b"")


def test_a_witness_cosigns_only_what_adds_to_what_it_saw(asked, tree, witness):
    for old, new in ((0, 5), (5, 5), (5, 17), (17, 40)):
        note = note_of(tree, new)
        given = asked(old, consistency(tree.node, old, new), note)
        assert note.with_(given).by(witness.key) == given
    assert witness.latest("log.example").checkpoint == note_of(tree, 40).checkpoint
    other = Leaves([SHA256.leaf(b"forged %d" % i) for i in range(60)])
    with pytest.raises(Inconsistent):
        asked(40, consistency(other.node, 40, 60), note_of(other, 60))
    with pytest.raises(Inconsistent):
        asked(40, (), note_of(other, 40))
    with pytest.raises(Stale) as stale:
        asked(17, consistency(tree.node, 17, 40), note_of(tree, 40))
    assert stale.value.size == 40
    assert witness.latest("log.example").checkpoint.size == 40


def test_a_witness_refuses_strangers_and_nonsense(asked, tree):
    thief = SigningKey.generate("log.example")
    with pytest.raises(NotPermitted):
        asked(0, (), note_of(tree, 5, thief))
    stranger = SigningKey.generate("other.example")
    with pytest.raises(NotFound):
        asked(0, (), note_of(tree, 5, stranger, "other.example"))
    with pytest.raises((InputError, Overloaded)):
        asked(9, (), note_of(tree, 5))
    with pytest.raises(Inconsistent):
        asked(0, (bytes(32),), note_of(tree, 5))


def test_a_log_is_registered_with_one_key_for_ever(witness):
    witness.register(LOG.public)
    witness.register(LOG.public)
    with pytest.raises(Conflict, match="another key"):
        witness.register(SigningKey.generate("log.example").public)


def test_a_witness_that_answers_with_anothers_signature_is_not_believed(witness, tree):
    witness.register(LOG.public)
    with serve_app(create_witness(witness)) as url:
        expected = SigningKey.generate("witness.example", 4).public
        with pytest.raises(NotPermitted):
            HttpWitness(url, expected).add(0, (), note_of(tree, 5), lambda _a, _b: b"")
        with pytest.raises(NotPermitted):
            HttpWitness(url, expected).latest("log.example")


def test_a_request_reads_back_and_nonsense_does_not(tree):
    note, proof = note_of(tree, 40), consistency(tree.node, 7, 40)
    text = request_text(7, proof, note)
    assert read_request(text) == (7, proof, note)
    for broken in ("", "old 7", text[4:], text.replace("old 7", "old -7"), text.replace("7", "07"),
                   text.replace("old", "new"), text[:-1]):  # fmt: skip
        with pytest.raises(InputError):
            read_request(broken)


def test_every_truncation_and_every_changed_byte_of_the_checkpoint_file_is_found(witness, tree):
    witness.register(LOG.public)
    witness.add(0, (), note_of(tree, 33))
    (path,) = witness._folder.glob("*/checkpoint")
    raw = path.read_bytes()
    for at in range(len(raw)):
        flipped = (raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :] for mask in (0x01, 0x80))
        for changed in (raw[:at], *flipped):
            path.write_bytes(changed)
            with pytest.raises(IntegrityError):
                witness.latest("log.example")
    path.write_bytes(raw)
    assert witness.latest("log.example").checkpoint.size == 33
