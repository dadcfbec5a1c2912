"""Full access to the database, and even the log's key, is not enough to change the past unseen."""

from __future__ import annotations

import json
import re
import shutil
import warnings

import pytest
from sqlalchemy import text

from support.desk import NATIONAL, person
from support.insider import altered
from support.notary import Office
from verify.domain.canonical import canonical_bytes
from verify.domain.errors import Conflict, InputError, IntegrityError, NotPermitted
from verify.service.audit import Audits
from verify.service.audit_bundle import check_bundle
from verify.service.audit_receipt import check_proof
from verify.store import Store, tables
from verify.store.ledger import entry_hash
from verify.store.log import leaf_data
from verify.store.merkle import Leaves
from verify.store.note import Checkpoint, Note, SigningKey
from verify.store.suites import SHA256
from verify.store.tiles import Tiles

TREE = ("tree_leaves", "tree_tiles", "checkpoints")


@pytest.fixture
def office(store, tmp_path):
    made = Office(store, tmp_path / "home")
    for i in range(3):
        made.finished(i)
    return made


def name_of(table, row) -> str:
    return {
        "tree_leaves": lambda: f"tree leaf {row['number']}",
        "tree_tiles": lambda: f"tree tile {row['level']}/{row['number']}",
        "checkpoints": lambda: f"checkpoint {row['size']}",
    }[table.name]()


@pytest.mark.parametrize("name", TREE)
def test_one_changed_byte_in_any_row_of_the_log_is_found_and_nothing_else_accused(
    office, insider, name
):
    table = tables.metadata.tables[name]
    assert office.faults == set()
    for row in insider.rows(table):
        for column in table.columns:
            changed = {column.name: altered(row[column.name], column)}
            insider.change(table, row, changed)
            found = {thing for _, thing in office.faults}
            moved = name_of(table, {**row, **changed})
            # A leaf's `at` only dates it; its verification says when its entry really was.
            assert found & {name_of(table, row), moved}, (row, column.name, found)
            others = {t for t in found if t.startswith(("tree leaf", "tree tile", "checkpoint"))}
            assert others <= set(spread(name, row, moved)), (column.name, found)
            insider.change(table, {**row, **changed}, {column.name: row[column.name]})
    assert office.faults == set()


def spread(name: str, row, moved: str):
    """What one changed row may be called: itself, or, moved elsewhere, what lies between."""
    yield name_of(tables.metadata.tables[name], row)
    yield moved
    if name == "tree_leaves":
        yield from (f"tree leaf {n}" for n in range(row["number"] + 1001))
        yield from ("tree tile 0/0", "tree tile 0/1", "tree tile 0/2", "tree tile 0/3")
        yield from ("tree tile 0/4", "tree tile 1/0")


@pytest.mark.parametrize("name", ["tree_leaves", "tree_tiles"])
def test_any_row_taken_out_of_the_log_is_found_and_named(office, insider, name):
    table = tables.metadata.tables[name]
    for row in insider.rows(table):
        insider.remove(table, row)
        assert name_of(table, row) in {thing for _, thing in office.faults}
        insider.add(table, row)
    assert office.faults == set()


def test_the_log_cut_off_at_every_length_is_found(office, insider):
    leaves = sorted(insider.rows(tables.tree_leaves), key=lambda r: r["number"])
    (tile,) = insider.rows(tables.tree_tiles)
    for keep in range(len(leaves) - 1, -1, -1):
        insider.remove(tables.tree_leaves, leaves[keep])
        if keep:
            insider.change(tables.tree_tiles, tile, {"hashes": tile["hashes"][: keep * 32]})
        found = office.faults
        assert ("log", "log") in found
        assert ("log", f"tree leaf {keep}") in found
        office.reopen()
        assert office.notary.once().refused == "inconsistent-log"


def rewrite(insider, verification, key: SigningKey | None) -> int:
    """Turn a verdict over and make everything in the database fit: chain, header, tree, and with
    the log's stolen key the checkpoints too. Returns the first rewritten entry."""
    verdict = next(
        r for r in insider.rows(tables.verdicts)
        if r["verification"] == verification and r["outcome"] == "eligible"
    )  # fmt: skip
    insider.change(tables.verdicts, verdict, {"outcome": "ineligible"})
    entries = sorted(
        (r for r in insider.rows(tables.ledger) if r["verification"] == verification),
        key=lambda r: r["position"],
    )
    first, previous, digests = 0, "", {}
    for entry in entries:
        payload = entry["payload"].replace('"outcome":"eligible"', '"outcome":"ineligible"')
        forged = {**entry, "payload": payload, "previous": previous}
        forged["hash"] = previous = entry_hash(forged)
        if forged != entry:
            first = first or entry["position"]
            insider.change(tables.ledger, entry, forged)
        digests[entry["position"]] = previous
    header = next(r for r in insider.rows(tables.verifications) if r["id"] == verification)
    insider.change(tables.verifications, header, {"head": previous})
    hashes = []
    for leaf in sorted(insider.rows(tables.tree_leaves), key=lambda r: r["number"]):
        digest = leaf["digest"]
        if leaf["subject"] == verification:
            digest = digests[leaf["entries"]]
            insider.change(tables.tree_leaves, leaf, {"digest": digest})
        hashes.append(SHA256.leaf(leaf_data("head", leaf["subject"], leaf["entries"], digest)))
    tiles = Tiles(lambda _l, _n: b"", 0, SHA256)
    tiles.append(hashes)
    for row in insider.rows(tables.tree_tiles):
        forged = tiles.changed[row["level"], row["number"]]
        insider.change(tables.tree_tiles, row, {"hashes": forged})
    if key is not None:
        tree = Leaves(hashes)
        for row in insider.rows(tables.checkpoints):
            point = Checkpoint(key.name, row["size"], tree.root(row["size"]))
            old = Note.parse(row["note"])
            note = Note(point, (key.sign(point.text), *old.signatures[1:]))
            insider.change(tables.checkpoints, row, {"note": note.text})
    return first


@pytest.mark.parametrize("stolen_key", [False, True])
def test_a_history_rewritten_to_fit_itself_is_found_and_the_row_named(office, insider, stolen_key):
    verification = office.store.list(NATIONAL)[0][1].id
    bystanders = {r.id for r in office.store.list(NATIONAL)[0]} - {verification}
    key = SigningKey.parse((office.home / "log.key").read_text()) if stolen_key else None
    end = office.store.ledger(verification, NATIONAL)[-1].position
    rewrite(insider, verification, key)
    # The database alone is at peace with itself: this is why somebody else must remember.
    assert office.store.check_integrity(verification, NATIONAL) == ()
    found = office.audits.check().faults
    named = {f.thing: f for f in found if f.subject == verification}
    number = office.store.log.covering(verification, end, 10**6).number
    assert f"tree leaf {number}" in named
    assert f"entry {end} of {verification}" in named[f"tree leaf {number}"].reason
    assert not {f.subject for f in found} & bystanders
    office.desk.accept()
    office.reopen()
    assert office.notary.once().refused in ("inconsistent-log", "integrity")


def test_a_verification_that_vanished_whole_is_found_by_its_leaf(office, insider):
    verification = office.store.list(NATIONAL)[0][0].id
    for table in (tables.ledger, tables.exchanges, tables.verdicts, tables.idempotency):
        for row in insider.rows(table):
            if row["verification"] == verification:
                insider.remove(table, row)
    header = next(r for r in insider.rows(tables.verifications) if r["id"] == verification)
    insider.remove(tables.verifications, header)
    assert (verification, "verification") in office.faults


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("table", [tables.verdicts, tables.exchanges], ids=lambda t: t.name)
def test_a_second_row_of_one_thing_is_found_where_the_table_was_made_to_take_it(
    office, insider, table
):
    true = insider.rows(table)[0]
    with insider.engine.begin() as connection:
        for statement in ("ALTER TABLE {0} RENAME TO old", "CREATE TABLE {0} AS SELECT * FROM old"):
            connection.execute(text(statement.format(table.name)))
    assert office.faults == {("installation", f"table {table.name}")}  # its keys are gone
    verdict = table is tables.verdicts
    forged = {"id": "d_" + "0" * 26, "outcome": "ineligible"} if verdict else {"detail": "none"}
    # In front of the true row, which is the one that a look-up by its key ends at.
    insider.remove(table, true)
    insider.add(table, {**true, **forged})
    insider.add(table, true)
    name = f"verdict {true['sequence']}" if verdict else f"evidence {true['source']}/p1"
    assert (true["verification"], name) in office.faults


def test_an_older_backup_in_place_of_the_newest_is_refused(tmp_path):
    file, home = tmp_path / "verify.db", tmp_path / "home"
    with Store.open(f"sqlite:///{file}") as store:
        Office(store, home).finished(1)
    shutil.copy(file, tmp_path / "backup.db")
    with Store.open(f"sqlite:///{file}") as store:
        office = Office(store, home)
        office.desk.now += 10**8
        office.finished(2)
        assert office.faults == set()
    shutil.copy(tmp_path / "backup.db", file)
    with Store.open(f"sqlite:///{file}") as store:
        office = Office(store, home)
        assert ("log", "log") in office.faults
        (claim,) = (office.desk.accept(),) and office.desk.claim()
        held = office.desk.seal(
            claim, outcome="eligible", final=True, state="completed", due_at=None
        )
        assert held.status == "held"
        assert office.notary.standing.refused == "inconsistent-log"


def test_two_histories_shown_to_two_people_cannot_both_be_witnessed(tmp_path):
    """A split view: the same log, continued in two ways from a copy."""
    home = tmp_path / "home"
    with Store.open(f"sqlite:///{tmp_path / 'one.db'}") as store:
        Office(store, home).finished(1)
    shutil.copy(tmp_path / "one.db", tmp_path / "two.db")
    with Store.open(f"sqlite:///{tmp_path / 'one.db'}") as store:
        office = Office(store, home)
        office.desk.now += 10**8
        office.finished(2)
        assert office.notary.standing.refused == ""
    with Store.open(f"sqlite:///{tmp_path / 'two.db'}") as store:
        office = Office(store, home)
        office.desk.now += 10**8
        for _ in range(4):
            office.desk.accept()
        assert office.notary.once().refused == "inconsistent-log"
        assert office.store.log.checkpoint().size == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_changed_byte_of_the_witnesss_copy_is_found_and_accuses_nobody(office):
    raw = office.leaves_file.read_bytes()
    for at in range(len(raw)):
        for mask in (0x01, 0x80):
            office.leaves_file.write_bytes(raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :])
            assert {t.split(" at ")[0] for _, t in office.faults_of_log} == {"witness leaves"}, at
    office.leaves_file.write_bytes(raw)
    assert office.faults == set()


# -- receipts and archives ------------------------------------------------------------------


@pytest.fixture
def sealed(office):
    """A verification, its receipt and its archive."""
    verification = office.store.list(NATIONAL)[0][1].id
    entries = office.store.ledger(verification, NATIONAL)
    receipt = office.audits.receipt(verification, entries[-1].position, NATIONAL)
    return verification, receipt, office.audits.export(verification, auditor())


def auditor():
    from verify.domain.access import Caller, RoleName

    return Caller("auditor", frozenset({RoleName.AUDITOR}), ("*",))


def test_a_receipt_holds_offline_and_says_what_it_proves(office, sealed):
    verification, receipt, _ = sealed
    proven = check_proof(json.loads(canonical_bytes(receipt)), office.keys)
    assert proven["verification"] == verification
    assert proven["first"]["payload"]["outcome"] == "eligible"
    assert [w["name"] for w in proven["witnesses"]] == [office.keys[1].name]


def test_a_receipt_of_an_earlier_entry_leads_to_the_end_of_its_leaf(office, sealed):
    verification = sealed[0]
    for entry in office.store.ledger(verification, NATIONAL):
        receipt = office.audits.receipt(verification, entry.position, NATIONAL)
        assert check_proof(receipt, office.keys)["first"]["hash"] == entry.hash


def leaves_of(value, at=()):
    """Every scalar of a document with its path."""
    if isinstance(value, dict):
        for key in value:
            yield from leaves_of(value[key], (*at, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaves_of(item, (*at, i))
    else:
        yield at, value


def with_value(document, path, value):
    made = json.loads(json.dumps(document))
    place = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return made


def test_a_receipt_changed_anywhere_is_refused(office, sealed):
    receipt = json.loads(canonical_bytes(sealed[1]))
    count = 0
    for path, value in leaves_of(receipt):
        for other in variants(value):
            with pytest.raises(IntegrityError):
                check_proof(with_value(receipt, path, other), office.keys)
            count += 1
    assert count > 60


def variants(value):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, str(value), None]
    if isinstance(value, str):
        middle = len(value) // 2
        return [value[:-1] or "x", value + "x", value[:middle] + "¤" + value[middle + 1 :], None]
    return ["x", 0]


def test_a_receipt_is_worth_nothing_without_the_right_keys(office, sealed):
    receipt = sealed[1]
    log, witness = office.keys
    thief = SigningKey.generate(log.name).public
    for keys in ([], [log], [witness], [thief, witness], [log, SigningKey.generate("w", 4).public]):
        with pytest.raises(IntegrityError):
            check_proof(receipt, keys)


def test_an_archive_is_intact_with_nothing_but_the_public_keys(office, sealed):
    verification, _, archive = sealed
    found = check_bundle(archive, office.keys)
    assert found.faults == ()
    assert found.intact
    assert (found.verification, found.entries) == (verification, 6)
    assert office.audits.export(verification, auditor()) == archive


def repacked(archive: bytes, name: str, body: bytes | None, *, fitting: bool) -> bytes:
    """The archive with one member changed or left out, its manifest made to fit or not."""
    from verify.domain.canonical import digest_bytes
    from verify.service.archive_file import pack, unzip

    files = unzip(archive)
    manifest = json.loads(files["manifest.json"])
    if body is None:
        del files[name]
        manifest["files"].pop(name, None)
    else:
        files[name] = body
        manifest["files"][name] = digest_bytes(body)
    if fitting and name != "manifest.json":
        files["manifest.json"] = canonical_bytes(manifest)
    return pack(files)


@pytest.mark.parametrize("fitting", [False, True])
def test_every_member_of_an_archive_changed_or_left_out_is_found(office, sealed, fitting):
    from verify.service.archive_file import unzip

    for name, body in unzip(sealed[2]).items():
        changed = body[:-2] + bytes([body[-2] ^ 1]) + body[-1:]
        for other in (changed, None):
            forged = repacked(sealed[2], name, other, fitting=fitting)
            try:
                assert not check_bundle(forged, office.keys).intact, (name, other is None)
            except InputError:
                assert name.endswith(".json")


def test_every_value_of_an_archives_rows_is_bound(office, sealed):
    from verify.service.archive_file import unzip

    rows = json.loads(unzip(sealed[2])["case.json"])
    for path, value in leaves_of(rows):
        other = variants(value)[0]
        forged = repacked(
            sealed[2], "case.json", canonical_bytes(with_value(rows, path, other)), fitting=True
        )
        try:
            assert not check_bundle(forged, office.keys).intact, path
        except InputError:
            assert path[0] in ("hash", "entries"), path


def members_of(value, at=()):
    """Path of every member and row of a document."""
    steps = value if isinstance(value, dict) else range(len(value) if type(value) is list else 0)
    for step in steps:
        yield (*at, step)
        yield from members_of(value[step], (*at, step))


@pytest.mark.parametrize("name", ["case.json", "receipt.json"])
def test_no_member_and_no_row_of_an_archive_can_be_left_out_or_doubled(office, sealed, name):
    from verify.service.archive_file import unzip

    document = json.loads(unzip(sealed[2])[name])
    for path in members_of(document):
        for doubled in (False, True):
            made = json.loads(json.dumps(document))
            place = made
            for step in path[:-1]:
                place = place[step]
            if not doubled:
                del place[path[-1]]
            elif isinstance(place, list):
                place.insert(path[-1], place[path[-1]])
            else:
                place[f"{path[-1]}_"] = place[path[-1]]
            forged = repacked(sealed[2], name, canonical_bytes(made), fitting=True)
            assert not check_bundle(forged, office.keys).intact, path


def test_every_truncation_of_an_archive_is_refused(office, sealed):
    archive = sealed[2]
    for length in range(0, len(archive), 7):
        with pytest.raises(InputError):
            check_bundle(archive[:length], office.keys)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_changed_byte_of_an_archive_is_found_or_changes_nothing_that_it_says(office, sealed):
    """A zip file has bytes that nobody reads (dates, attributes): whatever is read is bound."""
    from verify.service.archive_file import unzip

    archive = sealed[2]
    said = unzip(archive)
    found = 0
    for at in range(len(archive)):
        forged = archive[:at] + bytes([archive[at] ^ 1 << at % 8]) + archive[at + 1 :]
        try:
            files = unzip(forged)
        except InputError:
            found += 1
            continue
        if files == said:
            continue
        try:
            assert not check_bundle(forged, office.keys).intact, at
        except InputError:
            assert files.keys() != said.keys(), at
        found += 1
    assert found > len(archive) // 2


def test_an_independent_implementation_finds_the_root_that_was_signed_and_witnessed(office):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymerkle import InmemoryTree

        theirs = InmemoryTree(algorithm="sha256")
    for leaf in office.store.log.leaves():
        theirs.append_entry(leaf.data)
    for row in office.store.log.checkpoints():
        point = Note.parse(row.note).checkpoint
        assert point.root == theirs.get_root(point.size)
    witnessed = Note.parse(office.checkpoint_file.read_text()).checkpoint
    assert witnessed.root == theirs.get_root(witnessed.size)
    for number, leaf in enumerate(office.store.log.leaves()):
        proof = theirs.prove_inclusion(number + 1, witnessed.size).serialize()["path"]
        ours = office.store.log.inclusion(number, witnessed.size)
        assert proof[1:] == [h.hex() for h in ours], leaf


def test_the_callback_tokens_secret_is_not_in_the_archive(office, sealed):
    verification, _, archive = sealed
    from verify.service.archive_file import unzip

    plain = b"".join(unzip(archive).values())
    for exchange in office.store.exchanges(verification):
        assert exchange.callback_token.encode() not in plain


def test_an_archive_is_of_one_moment_though_the_case_goes_on_meanwhile(office):
    verification = office.desk.accept(key=None)
    (claim,) = (c for c in office.desk.claim() if c.verification == verification)
    office.notary.once()
    moves = iter(("bank", "tax"))

    def meanwhile(*_):
        office.desk.answer(claim, next(moves))
        office.notary.once()

    audits = Audits(office.store, office.notary, meanwhile)
    for entries in (2, 3):
        found = check_bundle(audits.export(verification, auditor()), office.keys)
        assert (found.faults, found.entries) == ((), entries)


def test_only_auditors_export_and_only_what_is_witnessed(office):
    verification = office.store.list(NATIONAL)[0][0].id
    with pytest.raises(NotPermitted):
        office.audits.export(verification, person())
    fresh = office.desk.accept()
    with pytest.raises(Conflict, match="not been witnessed"):
        office.audits.export(fresh, auditor())


def test_no_leaf_holds_anything_but_ids_counts_and_digests(office, insider):
    for row in insider.rows(tables.tree_leaves):
        assert row["kind"] == "head"
        assert re.fullmatch(r"v_[0-9a-z]{26}", row["subject"])
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", row["digest"])


def test_how_rules_were_published_is_in_the_log_and_a_rewritten_chain_is_found(office, insider):
    from verify.store.chain import entry_hash as chain_hash
    from verify.store.rule_events import COLUMNS

    for after, kind in enumerate(("proposed", "approved")):
        office.store.add_rule_event(
            after, "p_" + "0" * 26, kind, "editor", {"day": "2026-01-01"}, office.desk.now
        )
        office.notary.once()
    assert office.faults == set()
    # Another actor, and a chain that fits itself again.
    previous = ""
    for row in sorted(insider.rows(tables.rule_events), key=lambda r: r["position"]):
        forged = {**row, "actor": "nobody", "previous": previous}
        forged["hash"] = previous = chain_hash(forged, COLUMNS)
        insider.change(tables.rule_events, row, forged)
    assert [e.actor for e in office.store.rule_events()] == ["nobody", "nobody"]
    assert office.faults == {
        ("rule_events", "rule_events entry 1"),
        ("rule_events", "rule_events entry 2"),
    }
