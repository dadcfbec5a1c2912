"""Every row and every column of every table: an insider's change is found, and the row is named.

The list is the schema itself. A new column is changed here without being told, and fails until
something binds it or it is declared, with its reason, as one on which nothing rests; a new table
fails until it is said how its rows are called.
"""

from __future__ import annotations

import pytest

from support.desk import HOUR, NATIONAL, person
from support.insider import altered
from support.notary import Office
from verify.content import ContentSet
from verify.domain.access import RoleName
from verify.domain.canonical import digest_bytes
from verify.service import audit_check
from verify.service.access import Authenticator, create_key
from verify.service.access_trail import Trail
from verify.settings import Settings
from verify.store import NewLabel, Store, tables
from verify.store.vault import MasterKeys

MASTER = MasterKeys.new_text()

NOTHING_RESTS_ON = {
    # When a worker looks again; no evidence.
    "verifications": {"due_at", "lease_until", "lease_token", "attempts", "woken"},
    "exchanges": {"worth_asking", "due_at", "woken"},
    # Breakers, rates, health of sources: a false value delays a question, it answers none.
    "shared_state": {"key", "version", "value", "updated_at"},
    # When a key was made; what it opens is bound to its scope.
    "data_keys": {"created_at"},
}

CALLED = {
    "api_keys": lambda r: {f"API key {r['key_id']}"},
    "key_events": lambda r: {f"key_events entry {r['position']}"},
    "content": lambda r: {f"content {r['digest']}", f"{r['kind']} {r['digest']}"},
    "data_keys": lambda r: {f"data key {r['scope']}"},
    "subjects": lambda _: {"blind index"},
    "verifications": lambda _: {"verification"},
    "idempotency": lambda _: {"idempotency key"},
    "exchanges": lambda r: {f"evidence {r['source']}/{r['person']}"},
    "verdicts": lambda r: {f"verdict {r['sequence']}"},
    "label_events": lambda r: {"clerical decisions", f"label_events entry {r['position']}"},
    "shared_state": lambda _: set(),
    "ledger": lambda r: {f"ledger entry {r['position']}"},
    "rule_events": lambda r: {f"rule event {r['position']}", f"rule_events entry {r['position']}"},
    "tree_leaves": lambda r: {f"tree leaf {r['number']}"},
    "tree_tiles": lambda r: {f"tree tile {r['level']}/{r['number']}"},
    "checkpoints": lambda r: {f"checkpoint {r['size']}"},
    "accesses": lambda r: {f"access {r['id']}"},
}


@pytest.fixture
def office(database_url, tmp_path, monkeypatch):
    """An installation in which every table has rows, all of it witnessed."""
    monkeypatch.setattr(audit_check, "PAUSES", (0.0,))
    with Store.open(database_url, masters=MasterKeys.parse(MASTER)) as store:
        made = Office(store, tmp_path / "home")
        desk = made.desk
        made.key = create_key(store, "desk", [RoleName.CASEWORKER], ["310000"], desk.now)
        gone = create_key(store, "gone", [RoleName.CALLER], ["310000"], desk.now)
        store.revoke_key(gone.split("_")[1], desk.now + 1)
        people = (("p1", "310101196001010018"),)
        real_new = desk.new
        desk.new = lambda **changes: real_new(people=people, **changes)
        case = made.finished(1)
        label = NewLabel(case, "bank/p1/1", "p1", "cn", {"name": "exact"}, 12, "positive")
        kept = store.decide(label, person("clerk"), desk.now)
        store.revoke_label(kept.id, person("clerk"), desk.now)
        draft = ContentSet("rules", {"b.yaml": "of: a proposal"})
        store.keep_content("rules", draft.digest, draft.to_blob())
        for after, kind in enumerate(("proposed", "approved")):
            payload = {"digest": draft.digest}
            store.add_rule_event(after, "p_" + "0" * 26, kind, "editor", payload, desk.now)
        store.share("breaker/bank", 0, {"open": False}, desk.now)
        Trail(store, lambda: desk.now).note(person("clerk"), case, "report")
        made.notary.once()
        yield made


def blob_names(office) -> dict[str, str]:
    """What a blob is called when it is wrong: by what it is to its verification."""
    (case,) = (row.id for row in office.store.list(NATIONAL)[0])
    row = office.store.verification(case, NATIONAL)
    found = {row.application_digest: "application"}
    for entry in office.store.ledger(case, NATIONAL):
        for number, digest in enumerate(entry.payload.get("bodies", ()), 1):
            found[digest] = f"evidence {entry.payload['evidence']} body {number}"
    for verdict in office.store.verdicts(case, NATIONAL):
        found[verdict.verdict_digest] = f"verdict {verdict.sequence}"
        found[verdict.trace_digest] = f"verdict {verdict.sequence} trace"
        found[verdict.sealed_digest] = f"verdict {verdict.sequence} sealed input"
    return found


def called(table, row, blobs) -> set[str]:
    if table.name == "blobs":
        name = blobs[row["digest"]]
        return {name, name.replace(" body", " (ledger entry 3) body")}
    return CALLED[table.name](row)


def things(office) -> set[str]:
    office.store.keyring.forget()  # as another process sees it
    return {thing for _, thing in office.faults}


def test_every_table_of_the_schema_says_how_its_rows_are_named():
    known = set(CALLED) | {"blobs"}
    assert {table.name for table in tables.metadata.sorted_tables} == known
    for name, columns in NOTHING_RESTS_ON.items():
        assert columns <= {column.name for column in tables.metadata.tables[name].columns}


def test_one_changed_byte_in_any_column_of_any_table_is_found_and_the_row_named(office, insider):
    blobs = blob_names(office)
    assert things(office) == set()
    for table in tables.metadata.sorted_tables:
        rows = insider.rows(table)
        assert rows, f"{table.name}: nothing to change"
        if insider.engine.dialect.name == "postgresql":
            rows = rows[-1:]  # the same code: one row tells that the database is no other
        for row in rows:
            for column in table.columns:
                one_change(office, insider, row, column, blobs)
    assert things(office) == set()


def one_change(office, insider, row, column, blobs) -> None:
    table, about = column.table, (column.table.name, column.name)
    changed = {column.name: altered(row[column.name], column)}
    insider.change(table, row, changed)
    found = things(office)
    insider.change(table, {**row, **changed}, {column.name: row[column.name]})
    if column.name in NOTHING_RESTS_ON.get(table.name, ()):
        assert found == set(), (about, found)
        return
    names = called(table, row, blobs)
    if table.name == "tree_leaves":  # the two dates differ: either may be the honest one
        names |= {f"access {row['subject']}"}
    if column.primary_key and table.name != "blobs":
        names |= called(table, {**row, **changed}, blobs)
    assert found & names, (about, row, found)


def test_any_row_taken_out_of_any_table_is_found_and_named(office, insider):
    blobs = blob_names(office)
    for table in tables.metadata.sorted_tables:
        rows = insider.rows(table)
        if table.name == "shared_state":
            continue  # nothing rests on it
        if table.name == "checkpoints":  # what an older one proves, the newest proves too
            rows = [max(rows, key=lambda row: row["size"])]
        for row in rows:
            insider.remove(table, row)
            found = things(office)
            insider.add(table, row)
            assert found & called(table, row, blobs), (table.name, row, found)
    assert things(office) == set()


@pytest.mark.parametrize("name", ["rule_events", "label_events", "key_events"])
def test_a_record_of_the_staff_cut_off_at_every_length_is_found(office, insider, name):
    table = tables.metadata.tables[name]
    rows = sorted(insider.rows(table), key=lambda row: row["position"])
    for row in reversed(rows):
        insider.remove(table, row)
        assert f"{name} entry {len(rows)}" in things(office)


def test_checkpoints_cut_off_at_every_length_are_missed_because_a_witness_holds_the_newest(
    office, insider
):
    office.desk.finished(("another", "sha256:" + "b" * 64))
    office.notary.once()
    rows = sorted(insider.rows(tables.checkpoints), key=lambda row: row["size"])
    assert len(rows) > 1
    for row in reversed(rows):
        insider.remove(tables.checkpoints, row)
        assert things(office) == {f"checkpoint {rows[-1]['size']}"}
    office.reopen()
    office.notary.once()
    assert things(office) == set()


def test_a_role_given_to_oneself_opens_nothing_and_is_named(office, insider):
    door = Authenticator(Settings(home=office.home), office.store, lambda: office.desk.now)
    assert door.authenticate(None, office.key).roles == {RoleName.CASEWORKER}
    key_id = office.key.split("_")[1]
    row = next(r for r in insider.rows(tables.api_keys) if r["key_id"] == key_id)
    insider.change(tables.api_keys, row, {"roles": '["auditor"]'})
    with pytest.raises(Exception, match="does not hold") as refused:
        door.authenticate(None, office.key)
    assert refused.value.code == "not-authenticated"
    assert things(office) == {f"API key {key_id}"}


def test_a_key_slipped_in_or_given_back_after_its_revocation_opens_nothing(office, insider):
    door = Authenticator(Settings(home=office.home), office.store, lambda: office.desk.now)
    mine = office.key.split("_")[1]
    row = next(r for r in insider.rows(tables.api_keys) if r["key_id"] == mine)
    insider.add(tables.api_keys, {**row, "key_id": "0" * 12})
    office.store.revoke_key(mine, office.desk.now)
    insider.change(tables.api_keys, row, {"revoked_at": None})
    for key_id in ("0" * 12, mine):
        with pytest.raises(Exception, match="does not hold"):
            door.authenticate(None, office.key.replace(mine, key_id))
    office.notary.once()
    assert things(office) == {f"API key {key_id}" for key_id in ("0" * 12, mine)}


def test_a_key_recorded_in_a_rebuilt_chain_is_found_by_its_leaf(office, insider):
    """Chain and row made to fit each other: only what was witnessed still tells."""
    from verify.store import key_chain

    row = next(r for r in insider.rows(tables.api_keys) if r["revoked_at"] is None)
    forged = {**row, "roles": '["auditor"]'}
    insider.change(tables.api_keys, row, {"roles": forged["roles"]})
    events = sorted(insider.rows(tables.key_events), key=lambda r: r["position"])
    head = key_chain.NO_HEAD
    for event in events:
        key = next(r for r in insider.rows(tables.api_keys) if r["key_id"] == event["key_id"])
        if event["kind"] == key_chain.GRANTED:
            key = {**key, "revoked_at": None}
        entry = key_chain.entry(head, event["kind"], key, event["at"])
        insider.change(tables.key_events, event, entry)
        head = key_chain.Head(entry["position"], entry["hash"])
    assert office.store.check_installation() == ()
    assert things(office) == {f"key_events entry {len(events)}"}


def test_an_erased_key_put_back_from_an_old_backup_is_named(office, insider):
    before = {row["scope"]: row for row in insider.rows(tables.data_keys)}
    (scope,) = (name for name in before if name.count("/") == 2)
    office.store.erase(scope, "*/*=12", office.desk.now + HOUR)
    office.notary.once()
    assert things(office) == set()
    (row,) = (r for r in insider.rows(tables.data_keys) if r["scope"] == scope)
    insider.change(tables.data_keys, row, dict(before[scope]))
    assert f"data key {scope}" in things(office)


def test_the_bytes_of_every_chain_are_those_of_the_first_release():
    """A chain written by an earlier version still fits: what is hashed has not moved."""
    from verify.store import chain, labels, ledger, rule_events

    row = {
        "verification": "v_1", "proposal": "p_1", "actor": "张", "position": 3,
        "at": 1760000000000, "payload": '{"a":"é\\n","n":1}', "previous": "",
    }  # fmt: skip
    assert ledger.entry_hash({**row, "kind": "asked", "previous": "sha256:x"}) == (
        "sha256:d291a65b7f873f205585148195f3804eb61633c31402be6c8b19246d8c0b059f"
    )
    assert chain.entry_hash({**row, "kind": "approved"}, rule_events.COLUMNS) == (
        "sha256:d106287b1955bec0ec092dc9d00b546a2db247eac55dcc0277a2fc27f7f17b30"
    )
    assert chain.entry_hash({**row, "kind": "decided"}, labels.COLUMNS) == (
        "sha256:bdf1b6970fa7126e05399e4700c5eedd9a766ba6dedf60a3008fb8db9bb43e8a"
    )


def test_no_body_is_stored_that_no_verification_stands_on(office, insider):
    """So that the walk above really changed every blob there is."""
    digests = {row["digest"] for row in insider.rows(tables.blobs)}
    assert digests == set(blob_names(office))
    assert digest_bytes(b"") not in digests
