"""Nobody reads a case unseen, and no read can be taken back."""

from __future__ import annotations

import dataclasses

import pytest

from support.desk import HOUR, NATIONAL, person
from support.insider import altered
from support.notary import Office
from verify.bootstrap import build
from verify.cli.reader import reader
from verify.domain.access import Caller, Purpose, RoleName
from verify.domain.canonical import digest
from verify.domain.errors import Conflict, NotPermitted, PurposeNeeded
from verify.service.access_trail import Trail
from verify.service.reads_folder import ReadsFolder
from verify.settings import Settings
from verify.store import Store, tables
from verify.store.accesses import FORM, AccessFilters, Read, row_of
from verify.store.vault import MasterKeys

LOOK = "trail"  # of an auditor into the trail itself
AUDITOR = Caller("auditor", frozenset({RoleName.AUDITOR}), ("*",))


@pytest.fixture
def office(store, tmp_path):
    return Office(store, tmp_path / "home")


@pytest.fixture
def trail(office):
    return Trail(office.store, lambda: office.desk.now)


@pytest.fixture
def reads(office, trail):
    """Three reads of two cases by two people, in the log."""
    one, two = office.finished(1), office.finished(2)
    trail.note(person("clerk 1"), one, "report", "sha256:" + "d" * 64)
    office.desk.now += HOUR
    trail.note(person("clerk 2").reading_for(Purpose.COMPLAINT), one, "raw answer")
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
        rows = trail.find(AUDITOR, AccessFilters(**filters))[0]
        return {(r["caller"], r["verification"]) for r in rows if r["what"] != LOOK}

    assert narrowed(verifications=(one,)) == {("clerk 1", one), ("clerk 2", one)}
    assert narrowed(caller="clerk 1") == {("clerk 1", one), ("clerk 1", two)}
    assert narrowed(what="raw answer") == {("clerk 2", one)}
    assert narrowed(until=office.desk.now) == {("clerk 1", one)}
    assert narrowed(since=office.desk.now) == {("clerk 2", one), ("clerk 1", two)}
    looks, _ = trail.find(AUDITOR, AccessFilters(what=LOOK))
    assert [r["caller"] for r in looks] == ["auditor"] * 6, "who looks into it is in it"


def test_pages_lead_through_all_reads_once(office, trail, reads):
    seen, cursor = [], ""
    while cursor is not None:
        office.desk.now += 1
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
    reader = Trail(open_store(read_only=True), lambda: 0)
    with pytest.raises(Conflict):
        reader.note(person(), reads[0], "report")


def test_who_reads_says_what_for_unless_their_role_does(trail, reads):
    one, _ = reads
    said = {
        r["caller"]: (r["purpose"], r["stated"]) for r in trail.find(AUDITOR, AccessFilters())[0]
    }
    assert said == {"clerk 1": ("check", False), "clerk 2": ("complaint", True)}
    for whoever, what in ((person(), "raw answer"), (AUDITOR, "report"), (AUDITOR, "bundle")):
        with pytest.raises(PurposeNeeded) as refused:
            trail.note(whoever, one, what)
        assert refused.value.purposes == whoever.purposes
    rows, _ = trail.find(AUDITOR, AccessFilters())
    assert len([r for r in rows if r["what"] != LOOK]) == 3
    trail.note(AUDITOR.reading_for(Purpose.AUDIT), one, "report")
    (row,) = trail.find(AUDITOR, AccessFilters(purpose="audit", what="report"))[0]
    assert row["caller"] == "auditor"


def test_nobody_states_a_purpose_that_is_not_their_roles():
    for whoever, purpose in ((person(), Purpose.AUDIT), (AUDITOR, Purpose.CHECK)):
        with pytest.raises(NotPermitted) as refused:
            whoever.reading_for(purpose)
        assert whoever.purposes[0] in refused.value.remedy


def test_a_list_is_one_read_and_found_by_every_case_that_it_showed(office, trail, reads):
    one, two = reads
    trail.note_list(person("clerk 4"), "list", [two, one])
    trail.note_list(person("clerk 5"), "list", [])
    office.notary.once()
    (seen,) = trail.find(AUDITOR, AccessFilters((one,), caller="clerk 4"))[0]
    assert (seen["verification"], seen["shown"], seen["in_log"]) == (None, [two, one], True)
    assert trail.find(AUDITOR, AccessFilters((one,), caller="clerk 5"))[0] == []
    (empty,) = trail.find(AUDITOR, AccessFilters(caller="clerk 5"))[0]
    assert empty["shown"] == []
    assert office.faults == set()


@pytest.mark.parametrize(
    ("regions", "sees"),
    [(("310000",), True), (("310101",), True), (("440000",), False), (("440000", "310100"), True)],
)
def test_a_list_concerns_whoever_audits_a_region_of_its_reader(office, trail, reads, regions, sees):
    elsewhere = office.desk.accept(person("desk", "440000"), region="440101")
    trail.note_list(person("clerk 6", "310101"), "list", [reads[0]])
    trail.note_list(person("nation", "*"), "list", [reads[0], elsewhere])
    auditor = Caller("regional", frozenset({RoleName.AUDITOR}), regions)
    found, _ = trail.find(auditor, AccessFilters(what="list"))
    assert ("clerk 6" in {row["caller"] for row in found}) is sees
    # Of a list of the whole country everybody sees their own part.
    (nation,) = [row for row in found if row["caller"] == "nation"]
    assert (reads[0] in nation["shown"]) is sees
    assert (elsewhere in nation["shown"]) is ("440000" in regions)


@pytest.mark.parametrize("column", ["shown", "regions", "purpose", "stated"])
def test_a_list_changed_afterwards_is_found_and_named(office, trail, insider, reads, column):
    trail.note_list(person("clerk 4"), "list", list(reads))
    office.notary.once()
    (row,) = [row for row in insider.rows(tables.accesses) if row["what"] == "list"]
    insider.change(
        tables.accesses, row, {column: type(row[column])()} if row[column] else {column: True}
    )
    assert {thing for _, thing in office.faults} == {f"access {row['id']}"}


def test_an_auditor_of_another_region_learns_no_id_from_what_lists_showed(office, trail, reads):
    one, _ = reads
    trail.note_list(person("national clerk", "*"), "list", reads)
    theirs = Caller("auditor", frozenset({RoleName.AUDITOR}), ("440000",))
    mine = Caller("auditor", frozenset({RoleName.AUDITOR}), ("310000",))

    def lists(caller, text):
        found, _ = trail.find(caller, AccessFilters((text,), what="list"))
        return len(found)

    assert lists(mine, one) == lists(AUDITOR, one) == 1
    for beginning in (one[:3], one[:14], one[:-1], one):
        assert lists(theirs, beginning) == 0
    assert lists(mine, one[:14]) == 0


def test_reads_of_before_purposes_were_asked_still_fit_the_log(office, trail, insider, reads):
    old = {
        "id": "a_" + "0" * 26, "at": office.desk.now, "caller": "clerk 0", "roles": "caller",
        "verification": reads[0], "what": "report", "document": "", "leaf": None,
    }  # fmt: skip
    insider.add(tables.accesses, old)
    office.notary.once()
    (row,) = trail.find(AUDITOR, AccessFilters(caller="clerk 0"))[0]
    assert (row["purpose"], row["stated"], row["in_log"]) == (None, False, True)
    assert office.faults == set()
    (kept,) = [r for r in insider.rows(tables.accesses) if r["caller"] == "clerk 0"]
    leaf = next(r for r in insider.rows(tables.tree_leaves) if r["subject"] == old["id"])
    assert leaf["digest"] == digest({name: old[name] for name in FORM})
    insider.change(tables.accesses, kept, {"purpose": "check"})
    assert {thing for _, thing in office.faults} == {f"access {old['id']}"}


def test_reads_beside_a_running_service_are_taken_in_once(office, trail, reads, tmp_path):
    folder = ReadsFolder(tmp_path)
    row = row_of(person("os:alice"), Read("report", Purpose.CHECK, False, reads[0]), 7)
    forged = dataclasses.replace(row, id="a_" + "1" * 26, caller="key:of-somebody-else")
    for left in (row, forged):
        folder.keep(left)
    again = (tmp_path / "reads" / f"{row.id}.json").read_bytes()
    folder.take_in(office.store.record_access)
    (tmp_path / "reads" / f"{row.id}.json").write_bytes(again)  # killed before it was taken off
    folder.take_in(office.store.record_access)
    assert [p.stem for p in (tmp_path / "reads").iterdir()] == [forged.id]
    found, _ = trail.find(AUDITOR, AccessFilters(caller="os:alice"))
    assert [r["id"] for r in found] == [row.id]
    assert trail.find(AUDITOR, AccessFilters(caller=forged.caller))[0] == []


def test_a_read_that_cannot_be_left_beside_the_service_is_not_shown(tmp_path, reads):
    (tmp_path / "reads").write_text("in the way")
    row = row_of(person(), Read("report", Purpose.CHECK, False, reads[0]), 7)
    with pytest.raises(Conflict):
        ReadsFolder(tmp_path).keep(row)


def test_a_read_of_a_command_is_on_record_on_every_database(database_url, tmp_path):
    """Beside a service: left in a folder for an embedded database, written at once elsewhere."""
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    with build(settings, worker=False) as service:
        service.notary.once()
    with build(settings, worker=False, read_only=True) as command:
        command.trail.note_list(reader(Purpose.REVIEW), "list", [])
    assert len(list(tmp_path.glob("home/reads/*"))) == database_url.startswith("sqlite")
    with build(settings, worker=False) as service:
        service.notary.once()
        (row,) = service.store.accesses(NATIONAL, AccessFilters())
        assert (row.what, row.purpose, row.leaf) == ("list", "review", 0)
        assert row.caller.startswith("os:")
    assert list(tmp_path.glob("home/reads/*")) == []


def test_no_question_about_a_person_leads_to_a_case_that_was_erased(database_url, tmp_path):
    number = "310101196001010018"
    with Store.open(database_url, masters=MasterKeys.parse(MasterKeys.new_text())) as store:
        office = Office(store, tmp_path / "home")
        new, desk = office.desk.new, office.desk
        desk.new = lambda **changes: new(people=(("p1", number),), **changes)
        trail = Trail(store, lambda: desk.now)
        gone = office.finished(1)
        desk.now += 40 * 24 * HOUR
        kept = office.finished(2)
        trail.note_list(person("clerk"), "list", [gone, kept])
        asked = AUDITOR.reading_for(Purpose.AUDIT)
        assert len(trail.about(number, asked)["cases"]) == 2
        (scope,) = {r.scope for r in store.data_keys() if r.scope.endswith("/2025-10")}
        store.erase(scope, "*/*=1", desk.now)
        found = trail.about(number, asked)
        assert [case["verification"] for case in found["cases"]] == [kept]
        assert {row["what"] for row in found["accesses"]} == {"list", "search"}
        assert {v for row in found["accesses"] for v in row["shown"]} == {kept}
        # Nor the other way round: of the erased case no search is told, and lists as before.
        about_gone = trail.find(AUDITOR, AccessFilters((gone,)))[0]
        assert [(row["what"], row["shown"]) for row in about_gone] == [("list", [gone, kept])]
        searches = trail.find(AUDITOR, AccessFilters(what="search"))[0]
        assert [row["shown"] for row in searches] == [[kept], [kept]]
        office.notary.once()
        assert office.faults == set()
