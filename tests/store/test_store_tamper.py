"""Change, remove or add anything in the database behind the store's back: it is found and named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Table

from support.desk import NATIONAL, Desk, person
from support.insider import Insider, altered
from verify.domain.canonical import digest_bytes
from verify.domain.errors import IntegrityError
from verify.store import tables
from verify.store.ledger import entry_hash

Row = Mapping[str, Any]

SCHEDULING = {
    "verifications": {"due_at", "lease_until", "lease_token", "attempts", "woken"},
    "exchanges": {"worth_asking", "due_at", "woken"},
}
SEALED = ("verifications", "idempotency", "exchanges", "verdicts", "ledger", "blobs", "content")


@pytest.fixture
def case(desk: Desk) -> str:
    verification = desk.finished()
    desk.accept(application=b"a neighbour's, which must stay without fault")
    return verification


def names(desk: Desk, verification: str) -> dict[str, str]:
    """What each blob of a verification is called when it is wrong."""
    row = desk.store.verification(verification, NATIONAL)
    found = {row.application_digest: "application"}
    for exchange in desk.store.exchanges(verification):
        for number, digest in enumerate(exchange.bodies, 1):
            found[digest] = f"evidence {exchange.evidence} body {number}"
    found[digest_bytes(b"half")] = "evidence tax/p1 (ledger entry 3) body 1"
    for verdict in desk.store.verdicts(verification, NATIONAL):
        found[verdict.verdict_digest] = f"verdict {verdict.sequence}"
        found[verdict.trace_digest] = f"verdict {verdict.sequence} trace"
        found[verdict.sealed_digest] = f"verdict {verdict.sequence} sealed input"
    return found


def name_of(table: Table, row: Row, blobs: Mapping[str, str]) -> str:
    return {
        "verifications": lambda: "verification",
        "idempotency": lambda: "idempotency key",
        "exchanges": lambda: f"evidence {row['source']}/{row['person']}",
        "verdicts": lambda: f"verdict {row['sequence']}",
        "ledger": lambda: f"ledger entry {row['position']}",
        "blobs": lambda: blobs[row["digest"]],
        "content": lambda: f"{row['kind']} {row['digest']}",
    }[table.name]()


def of_case(insider: Insider, table: Table, case: str, blobs: Mapping[str, str]) -> list[Row]:
    """The rows that belong to the case, in a fixed order."""
    column = {"verifications": "id", "blobs": "digest"}.get(table.name, "verification")
    rows = insider.rows(table)
    if table.name == "blobs":
        rows = [r for r in rows if r["digest"] in blobs]
    elif table.name != "content":
        rows = [r for r in rows if r[column] == case]
    assert rows, table.name
    return rows


def things(desk: Desk, case: str) -> set[str]:
    return {fault.thing for fault in desk.store.check_integrity(case, NATIONAL)}


@pytest.mark.parametrize("name", SEALED)
def test_one_changed_byte_in_any_sealed_column_is_found_and_named(desk, case, insider, name):
    table = tables.metadata.tables[name]
    blobs = names(desk, case)
    (neighbour,) = {r["id"] for r in insider.rows(tables.verifications)} - {case}
    assert desk.store.check_integrity(case, NATIONAL) == ()
    for row in of_case(insider, table, case, blobs):
        expected = name_of(table, row, blobs)
        for column in table.columns:
            if column.name in SCHEDULING.get(name, ()):
                continue
            changed = {column.name: altered(row[column.name], column)}
            insider.change(table, row, changed)
            found = things(desk, case)
            assert expected in found, (expected, column.name, found)
            if name not in ("ledger", "content"):
                # Nobody else is accused: the neighbour shares blobs and content, not rows.
                assert things(desk, neighbour) == set(), (expected, column.name)
            insider.change(table, {**row, **changed}, {column.name: row[column.name]})
    assert desk.store.check_integrity(case, NATIONAL) == ()


@pytest.mark.parametrize("name", SEALED)
def test_any_removed_row_is_found_and_named(desk, case, insider, name):
    table = tables.metadata.tables[name]
    blobs = names(desk, case)
    for row in of_case(insider, table, case, blobs):
        insider.remove(table, row)
        assert name_of(table, row, blobs) in things(desk, case), row
        insider.add(table, row)
    assert desk.store.check_integrity(case, NATIONAL) == ()


def test_scheduling_columns_are_the_only_ones_that_may_change_unseen(desk, case, insider):
    for name, columns in SCHEDULING.items():
        table = tables.metadata.tables[name]
        row = next(r for r in insider.rows(table) if case in r.values())
        for column in sorted(columns):
            insider.change(table, row, {column: altered(row[column], table.c[column])})
    assert desk.store.check_integrity(case, NATIONAL) == ()


def test_a_ledger_cut_off_at_any_length_is_found(desk, case, insider):
    entries = [r for r in insider.rows(tables.ledger) if r["verification"] == case]
    entries.sort(key=lambda r: r["position"])
    for keep in range(len(entries) - 1, 0, -1):
        insider.remove(tables.ledger, entries[keep])
        assert f"ledger entry {keep + 1}" in things(desk, case)


def test_rows_added_outside_the_ledger_are_found(desk, case, insider):
    exchange = next(r for r in insider.rows(tables.exchanges) if r["verification"] == case)
    insider.add(tables.exchanges, {**exchange, "source": "casino", "callback_token": "t" * 43})
    verdict = next(r for r in insider.rows(tables.verdicts) if r["verification"] == case)
    insider.add(
        tables.verdicts,
        {**verdict, "id": "d_" + "0" * 26, "sequence": 3, "evidence_digest": "sha256:" + "7" * 64},
    )
    key = next(r for r in insider.rows(tables.idempotency) if r["verification"] == case)
    insider.add(tables.idempotency, {**key, "key": "another"})
    assert things(desk, case) == {"evidence casino/p1", "verdict 3", "idempotency key"}


def test_swapped_answers_of_two_people_are_found(desk, insider):
    verification = desk.finished()
    bank, tax = (r for r in insider.rows(tables.exchanges) if r["verification"] == verification)
    insider.change(tables.exchanges, bank, {"bodies": tax["bodies"]})
    insider.change(tables.exchanges, tax, {"bodies": bank["bodies"]})
    assert things(desk, verification) == {"evidence bank/p1", "evidence tax/p1"}


def test_an_outcome_turned_over_in_row_and_leaf_is_found_by_the_chain(desk, case, insider):
    verdict = next(r for r in insider.rows(tables.verdicts) if r["sequence"] == 2)
    insider.change(tables.verdicts, verdict, {"outcome": "ineligible"})
    leaf = next(
        r
        for r in insider.rows(tables.ledger)
        if r["kind"] == "verdict" and "eligible" in r["payload"]
    )
    forged = leaf["payload"].replace('"eligible"', '"ineligible"')
    insider.change(tables.ledger, leaf, {"payload": forged})
    assert things(desk, case) == {f"ledger entry {leaf['position']}"}


def test_an_entry_rewritten_with_a_fitting_hash_breaks_the_link_after_it(desk, case, insider):
    entry = next(
        r for r in insider.rows(tables.ledger) if r["verification"] == case and r["position"] == 3
    )
    forged = {**entry, "at": entry["at"] + 1}
    insider.change(tables.ledger, entry, {**forged, "hash": entry_hash(forged)})
    assert things(desk, case) == {"ledger entry 4"}


def test_a_last_entry_rewritten_with_a_fitting_hash_does_not_fit_the_head(desk, case, insider):
    last = max(
        (r for r in insider.rows(tables.ledger) if r["verification"] == case),
        key=lambda r: r["position"],
    )
    forged = {**last, "payload": last["payload"].replace("eligible", "ineligible")}
    insider.change(tables.ledger, last, {**forged, "hash": entry_hash(forged)})
    assert "verification" in things(desk, case)


def test_a_changed_blob_is_refused_on_reading_and_named(desk, case, insider):
    digest = digest_bytes(b"page 1")
    row = next(r for r in insider.rows(tables.blobs) if r["digest"] == digest)
    insider.change(tables.blobs, row, {"body": b"page I"})
    for read in (
        lambda: desk.store.blob(digest),
        lambda: desk.store.document(case, digest, person()),
    ):
        with pytest.raises(IntegrityError) as refused:
            read()
        assert refused.value.where == digest


def test_a_changed_content_set_is_refused_on_reading_and_named(desk, insider):
    digest = desk.sets["rules"].digest
    row = next(r for r in insider.rows(tables.content) if r["digest"] == digest)
    insider.change(tables.content, row, {"blob": row["blob"] + b" "})
    with pytest.raises(IntegrityError) as refused:
        desk.store.content(digest)
    assert refused.value.where == digest


def test_bytes_that_are_no_text_are_reported_not_stumbled_over(sqlite_desk, tmp_path):
    desk = sqlite_desk
    case = desk.finished()
    insider = Insider(f"sqlite:///{tmp_path / 'verify.db'}")
    for table, column, expected in (
        ("exchanges", "letter", "evidence bank/p1"),
        ("verdicts", "outcome", "verdict 1"),
        ("ledger", "payload", "ledger entry 1"),
        ("ledger", "kind", "ledger entry 1"),
        ("verifications", "case_number", "verification"),
        ("verifications", "entries", "verification"),
        ("blobs", "body", "application"),
    ):
        with insider.connection() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = CAST(x'ff00fe' AS TEXT)")
        assert expected in things(desk, case), (table, column)
    insider.engine.dispose()
