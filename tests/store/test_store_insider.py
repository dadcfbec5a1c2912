"""Every row and every column of every table: an insider's change is found, and the row is named.

The list is the schema itself. A new column is changed here without being told, and fails until
something binds it or it is declared, with its reason, as one on which nothing rests; a new table
fails until it is said how its rows are called.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from sqlalchemy import UniqueConstraint

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
from verify.store import NewLabel, Store, log, tables
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

PLANTED_UNSEEN = {
    # As above: it answers no question.
    "shared_state",
    # A body is reached only by the digest that an entry of a ledger names. One that none names is
    # read by nobody, and one laid under a digest that is named must have it.
    "blobs",
}
NOBODYS = "v_" + "0" * 26

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


def planted(table, row):
    """Copies of a row under another key: one for each column of it, and one of no verification."""
    constraints = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
    unique = [column for constraint in constraints for column in constraint.columns]
    primary = list(table.primary_key.columns)
    other = {c.name: altered(row[c.name], c) for c in (*unique, *primary)}
    beside = {c.name: other[c.name] for c in unique} | (other if len(primary) == 1 else {})
    kept = {"verification": row["verification"]} if "verification" in table.c else {}
    for column in primary:
        yield {**row, **beside, **kept, column.name: other[column.name]}
        if isinstance(row[column.name], int):
            yield {**row, **beside, **kept, column.name: -1 - row[column.name]}
    if kept:
        yield {**row, **other, "verification": NOBODYS}


def test_any_row_planted_in_any_table_is_found_and_named(office, insider):
    """A new table fails here until a row of nothing in it is found, or it is listed why not."""
    for table in tables.metadata.sorted_tables:
        rows = insider.rows(table)
        for row in planted(table, rows[0]):
            insider.add(table, row)
            found = things(office)
            insider.remove(table, row)
            names = {f"{table.name} of {row.get('verification')}"}
            for place in (1, len(rows) + 1) if "position" in row else ():
                names |= called(table, {**row, "position": place}, {})  # where the chain breaks
            if table.name not in PLANTED_UNSEEN:
                assert found & (called(table, row, {}) | names), (table.name, row, found)
            else:
                assert found == set(), (table.name, found)
    assert things(office) == set()


@contextmanager
def without_keys(insider):
    """Nothing keeps two verdicts of a sequence, or two reads of an id, from standing there."""
    postgres = insider.engine.dialect.name == "postgresql"
    keys = {"verdicts": "UNIQUE (verification, sequence)", "accesses": "PRIMARY KEY (id)"}
    names = {"verdicts": "uq_verdicts_sequence", "accesses": "pk_accesses"}
    with insider.connection() as connection:
        for name in keys:
            if postgres:
                connection.exec_driver_sql(f"ALTER TABLE {name} DROP CONSTRAINT {names[name]}")
                continue
            connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO real")
            connection.exec_driver_sql(f"CREATE TABLE {name} AS SELECT * FROM real")
            connection.exec_driver_sql("DROP TABLE real")
    yield
    if postgres:  # other tests work with the same tables
        with insider.connection() as connection:
            for name, key in keys.items():
                connection.exec_driver_sql(f"DELETE FROM {name}")
                added = f"ADD CONSTRAINT {names[name]} {key}"
                connection.exec_driver_sql(f"ALTER TABLE {name} {added}")


def test_a_row_hidden_behind_another_of_the_same_key_is_named(office, insider):
    """Keys are unique while the database sees to it: it must, in every table."""
    with without_keys(insider):
        gone = {"table verdicts", "table accesses"}
        assert things(office) >= gone
        row = insider.rows(tables.verdicts)[0]
        hidden = {**row, "id": "d_" + "0" * 26, "evidence_digest": "sha256:" + "7" * 64}
        insider.add(tables.verdicts, hidden)
        twice = f"verdicts {row['verification']}, {row['sequence']}"
        assert things(office) >= gone | {twice}


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


def test_a_read_rewritten_and_put_into_the_log_once_more_is_named(office, insider):
    (row,) = insider.rows(tables.accesses)
    insider.change(tables.accesses, row, {"caller": "clerk-li", "leaf": None})
    office.notary.once()
    assert len([r for r in insider.rows(tables.tree_leaves) if r["subject"] == row["id"]]) == 2
    assert things(office) == {f"access {row['id']}"}
    insider.change(tables.accesses, row, dict(row))  # as it was: the second leaf still tells
    assert things(office) == {f"access {row['id']}"}


@pytest.mark.parametrize("name", ["rule_events", "label_events", "key_events", "a_0", NOBODYS])
def test_a_read_whose_id_is_none_is_named_before_and_after_it_is_in_the_log(office, insider, name):
    (row,) = insider.rows(tables.accesses)
    insider.add(tables.accesses, {**row, "id": name, "leaf": None})
    assert things(office) == {f"access {name}"}
    office.notary.once()
    (leaf,) = [r for r in insider.rows(tables.tree_leaves) if r["subject"] == name][-1:]
    assert things(office) == {f"access {name}", f"tree leaf {leaf['number']}"}


def test_a_chain_that_the_log_went_on_without_is_named(office, monkeypatch):
    monkeypatch.setattr(log, "_chain_leaves", lambda _: [])
    office.store.add_rule_event(2, "p_" + "1" * 26, "approved", "editor", {}, office.desk.now)
    office.notary.once()
    assert things(office) == set()  # of a moment ago: it may still come
    office.desk.now += HOUR
    office.finished(2)
    assert things(office) == {"rule_events entry 3"}
    monkeypatch.undo()
    office.notary.once()
    assert things(office) == set()


@pytest.mark.parametrize("scope", ["index", "310101/dibao/2025-10", "310101/dibao/2025-11"])
def test_a_key_destroyed_without_any_erasure_on_record_is_named(office, insider, scope):
    """The index too; and no month is closed to evidence that has yet to come."""
    gone = {"wrapped": b"", "erased_at": office.desk.now}
    there = [r for r in insider.rows(tables.data_keys) if r["scope"] == scope]
    if there:
        insider.change(tables.data_keys, there[0], gone)
    else:
        insider.add(tables.data_keys, {"scope": scope, "master": "", "created_at": 5, **gone})
    assert f"data key {scope}" in things(office)


def test_a_month_in_which_nothing_was_ever_accepted_is_erased_without_an_entry(office):
    scope = "310101/dibao/2025-09"
    office.store.keyring.sealing(scope, office.desk.now)
    assert office.store.erase(scope, "*/*=12", office.desk.now) == 0
    assert things(office) == set()


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
