"""Nobody reads a case unseen, and no read can be taken back."""

from __future__ import annotations

import pytest

from support.desk import HOUR, NATIONAL, person
from support.insider import Insider, altered
from support.notary import Office
from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotPermitted
from verify.service.access_trail import Trail
from verify.store import tables
from verify.store.accesses import AccessFilters

AUDITOR = Caller("auditor", frozenset({RoleName.AUDITOR}), ("*",))


@pytest.fixture
def office(store, tmp_path):
    return Office(store, tmp_path / "home")


@pytest.fixture
def trail(office):
    return Trail(office.store, lambda: office.desk.now, recording=True)


@pytest.fixture
def insider(database_url):
    made = Insider(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def reads(office, trail):
    """Three reads of two cases by two people, in the log."""
    one, two = office.finished(1), office.finished(2)
    trail.note(person("clerk 1"), one, "report", "sha256:" + "d" * 64)
    office.desk.now += HOUR
    trail.note(person("clerk 2"), one, "raw answer")
    trail.note(person("clerk 1"), two, "report")
    office.notary.once()
    return one, two


def test_auditors_see_who_read_what_of_which_case(office, trail, reads):
    one, two = reads
    found, _ = trail.find(AUDITOR, AccessFilters())
    assert {(r["caller"], r["verification"], r["what"]) for r in found} == {
        ("clerk 1", one, "report"),
        ("clerk 2", one, "raw answer"),
        ("clerk 1", two, "report"),
    }
    assert all(r["in_log"] for r in found)

    def narrowed(**filters):
        return {
            (r["caller"], r["verification"])
            for r in trail.find(AUDITOR, AccessFilters(**filters))[0]
        }

    assert narrowed(verifications=(one,)) == {("clerk 1", one), ("clerk 2", one)}
    assert narrowed(caller="clerk 1") == {("clerk 1", one), ("clerk 1", two)}
    assert narrowed(what="raw answer") == {("clerk 2", one)}
    assert narrowed(until=office.desk.now) == {("clerk 1", one)}
    assert narrowed(since=office.desk.now) == {("clerk 2", one), ("clerk 1", two)}


def test_pages_lead_through_all_reads_once(trail, reads):
    seen, cursor = [], ""
    while cursor is not None:
        rows, cursor = trail.find(AUDITOR, AccessFilters(), cursor, 1)
        seen += [r["id"] for r in rows]
    assert len(seen) == len(set(seen)) == 3
    assert seen == sorted(seen, reverse=True)


def test_only_auditors_ask_and_only_in_their_regions(trail, reads):
    with pytest.raises(NotPermitted):
        trail.find(person(), AccessFilters())
    elsewhere = Caller("auditor", frozenset({RoleName.AUDITOR}), ("440000",))
    assert trail.find(elsewhere, AccessFilters())[0] == []


@pytest.mark.parametrize("column", [c.name for c in tables.accesses.columns])
def test_a_read_changed_afterwards_is_found_and_named(office, insider, reads, column):
    assert office.faults == set()
    row = insider.rows(tables.accesses)[0]
    changed = {column: altered(row[column], tables.accesses.c[column])}
    insider.change(tables.accesses, row, changed)
    things = {thing for _, thing in office.faults}
    assert f"access {row['id']}" in things
    insider.change(tables.accesses, {**row, **changed}, {column: row[column]})
    assert office.faults == set()


def test_a_read_taken_off_the_record_is_found_and_named(office, insider, reads):
    for row in insider.rows(tables.accesses):
        insider.remove(tables.accesses, row)
        assert {thing for _, thing in office.faults} == {f"access {row['id']}"}
        insider.add(tables.accesses, row)


def test_a_read_of_a_moment_ago_is_no_fault(office, trail, reads):
    trail.note(person("clerk 3"), reads[0], "evidence")
    assert office.faults == set()
    (row, *_) = office.store.accesses(NATIONAL, AccessFilters(caller="clerk 3"))
    assert row.leaf is None


def test_what_cannot_be_recorded_is_not_shown(open_store, office, trail, reads):
    from verify.domain.errors import Conflict

    reader = Trail(open_store(read_only=True), lambda: 0, recording=True)
    with pytest.raises(Conflict):
        reader.note(person(), reads[0], "report")
