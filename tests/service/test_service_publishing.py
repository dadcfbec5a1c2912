"""Rules are published by two people, start on their day, and are pinned when accepted."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator

import pytest

from support.rules import BOOK, edited, small_rules
from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, InputError, IntegrityError, NotFound, NotPermitted
from verify.rules.cases import run_cases
from verify.service import rule_checks
from verify.service.contents import Contents
from verify.service.in_force import AHEAD_MS, FRESH_MS, InForce
from verify.service.publishing import Publishing
from verify.store import Store

LI, WANG = (Caller(n, frozenset({RoleName.POLICY}), ("*",)) for n in ("key:li", "key:wang"))
AUDITOR = Caller("key:auditor", frozenset({RoleName.AUDITOR}), ("*",))
DAY_MS = 86_400_000
NOON = 1_760_000_000_000 // DAY_MS * DAY_MS + 4 * 3_600_000  # noon in China on 2025-10-09
TODAY = dt.date(2025, 10, 9)


class Office:
    """An installation whose clock the test sets."""

    def __init__(self, store: Store) -> None:
        self.store, self.now = store, NOON
        self.in_force = InForce(store, self.clock)
        sets = {kind: ContentSet.load(kind) for kind in ("connectors", "scoring")}
        folder = {**sets, "rules": small_rules()}
        self.contents = Contents(folder, store.content, self.in_force.rules)
        for content in self.contents.sets.values():
            store.keep_content(content.kind, content.digest, content.to_blob())
        self.folder = self.contents.sets["rules"]
        self.publishing = Publishing(store, self.contents, self.in_force, self.clock)

    def clock(self) -> int:
        return self.now

    def later(self, days: int) -> dt.date:
        return TODAY + dt.timedelta(days=days)

    def with_comment(self, words: str, base: ContentSet | None = None) -> ContentSet:
        base = base or self.folder
        return ContentSet("rules", {**base.files, BOOK: base.files[BOOK] + f"# {words}\n"})

    def propose(self, words: str = "one", days: int = 10, by: Caller = LI, **more) -> dict:
        content = more.pop("content", None) or self.with_comment(words)
        return self.publishing.propose(content, self.later(days), by, **more)


@pytest.fixture
def office(tmp_path) -> Iterator[Office]:
    with Store.open(f"sqlite:///{tmp_path / 'verify.db'}") as store:
        yield Office(store)


@pytest.fixture
def any_office(store: Store) -> Office:
    """On SQLite, and on PostgreSQL."""
    return Office(store)


def test_the_folder_counts_until_something_is_published(office):
    assert office.contents.current().digests.rules == office.folder.digest
    assert office.publishing.page(AUDITOR)["in_force"]["from"] == "folder"


def test_approved_rules_start_at_midnight_of_their_day_in_china(office):
    made = office.propose(days=10)
    assert made["state"] == "proposed"
    assert made["checks"]["passed"]
    assert made["changes"]["same_law"]
    approved = office.publishing.approve(made["id"], WANG)
    assert (approved["state"], approved["approved_by"]) == ("scheduled", "key:wang")
    midnight = NOON - 12 * 3_600_000 + 10 * DAY_MS
    office.now = midnight - 1
    assert office.contents.current().digests.rules == office.folder.digest
    office.now = midnight
    current = office.contents.current()
    assert current.digests.rules == current.law.digest == made["digest"]
    assert office.publishing.view(made["id"], LI)["state"] == "in_force"


def test_the_first_use_is_recorded_once(any_office):
    made = any_office.propose(days=0)
    any_office.publishing.approve(made["id"], WANG)
    any_office.in_force.activate()
    kinds = [e["kind"] for e in any_office.publishing.view(made["id"], AUDITOR)["events"]]
    assert kinds == ["proposed", "approved", "in_force"]


def test_nobody_approves_their_own_proposal(office):
    made = office.propose()
    with pytest.raises(NotPermitted, match="their own"):
        office.publishing.approve(made["id"], LI)


@pytest.mark.parametrize("role", [r for r in RoleName if r is not RoleName.POLICY])
def test_only_policy_staff_propose_approve_and_withdraw(office, role):
    made = office.propose()
    caller = Caller("key:other", frozenset({role}), ("*",))
    for step in (
        lambda: office.propose("two", by=caller),
        lambda: office.publishing.approve(made["id"], caller),
        lambda: office.publishing.withdraw(made["id"], caller),
    ):
        with pytest.raises(NotPermitted):
            step()


def test_rules_with_a_fault_are_stored_and_cannot_be_approved(office):
    made = office.propose(content=edited(('operator: "<"\n', 'operator: "=<"\n')))
    assert not made["checks"]["passed"]
    assert made["faults"][0]["file"] == f"rules/{BOOK}"
    assert made["changes"] is None
    with pytest.raises(Conflict, match="1 fault"):
        office.publishing.approve(made["id"], WANG)


def test_rules_whose_golden_cases_come_out_differently_cannot_be_approved(office):
    made = office.propose(content=edited(('value: "1000"', 'value: "900"')))
    assert made["checks"]["failed"] > 0
    assert made["failed_cases"]
    assert made["changes"]["changes"][0]["what"] == "limits.line"
    with pytest.raises(Conflict, match="golden cases"):
        office.publishing.approve(made["id"], WANG)


def test_a_proposal_that_would_undo_what_was_published_since_is_refused(office):
    mine, theirs = office.propose("mine"), office.propose("theirs", by=WANG)
    office.publishing.approve(theirs["id"], LI)
    with pytest.raises(Conflict, match="would undo"):
        office.publishing.approve(mine["id"], WANG)
    onto = office.with_comment("mine", office.contents.rules(theirs["digest"]))
    again = office.propose(content=onto, days=20)
    assert again["base"] == theirs["digest"]
    assert office.publishing.approve(again["id"], WANG)["state"] == "scheduled"


def test_rules_cannot_be_slipped_in_before_those_that_do_not_build_on_them(office):
    late, early = office.propose("late", days=20), office.propose("early", days=5)
    office.publishing.approve(late["id"], WANG)
    with pytest.raises(Conflict, match="was not written on it"):
        office.publishing.approve(early["id"], WANG)


def test_a_scheduled_proposal_can_be_withdrawn_and_one_in_force_cannot(office):
    made = office.propose(days=3)
    office.publishing.approve(made["id"], WANG)
    assert office.publishing.withdraw(made["id"], LI)["state"] == "withdrawn"
    office.now += 4 * DAY_MS
    assert office.contents.current().digests.rules == office.folder.digest
    other = office.publishing.propose(office.with_comment("x"), office.later(4), LI)
    office.publishing.approve(other["id"], WANG)
    with pytest.raises(Conflict, match="in force"):
        office.publishing.withdraw(other["id"], LI)


def test_what_an_approved_proposal_builds_on_cannot_be_withdrawn(office):
    first = office.propose("first", days=3)
    office.publishing.approve(first["id"], WANG)
    second = office.propose(
        content=office.with_comment("second", office.contents.rules(first["digest"])), days=6
    )
    office.publishing.approve(second["id"], WANG)
    with pytest.raises(Conflict, match="builds on it"):
        office.publishing.withdraw(first["id"], LI)


def test_to_go_back_the_earlier_rules_are_proposed_again(office):
    made = office.propose(days=0)
    office.publishing.approve(made["id"], WANG)
    office.now += 1000
    back = office.publishing.propose(office.folder, TODAY, WANG, note="back to the old text")
    office.publishing.approve(back["id"], LI)
    assert office.contents.current().digests.rules == office.folder.digest
    assert office.publishing.view(made["id"], LI)["state"] == "superseded"


@pytest.mark.parametrize(
    ("content", "days", "note", "pointer"),
    [("one", -1, "", "/starts"), ("", 1, "", "/files"), ("one", 1, "a\nb", "/note")],
)
def test_a_proposal_that_makes_no_sense_is_refused_with_its_field(
    office, content, days, note, pointer
):
    rules = office.with_comment(content) if content else office.folder
    with pytest.raises(InputError) as caught:
        office.publishing.propose(rules, office.later(days), LI, note=note)
    assert [p.pointer for p in caught.value.problems] == [pointer]


def test_an_unknown_proposal_is_not_found(office):
    with pytest.raises(NotFound):
        office.publishing.approve("p_0", WANG)


def test_two_people_who_act_on_the_same_state_do_not_both_succeed(any_office):
    made = any_office.propose()
    seen = any_office.store.rule_event_count()
    any_office.publishing.withdraw(made["id"], LI)
    with pytest.raises(Conflict, match="somebody else"):
        any_office.store.add_rule_event(
            seen, made["id"], "approved", "key:wang", {}, any_office.now
        )


def test_another_process_knows_of_an_approval_a_second_later(office):
    there = InForce(office.store, office.clock)
    assert there.rules() is None
    made = office.propose(days=0)
    office.publishing.approve(made["id"], WANG)
    office.now += FRESH_MS
    assert there.rules() == made["digest"]


def test_a_set_is_made_ready_shortly_before_its_day_and_not_earlier(office):
    made = office.propose(days=10)
    office.publishing.approve(made["id"], WANG)
    midnight = NOON - 12 * 3_600_000 + 10 * DAY_MS
    office.now = midnight - AHEAD_MS - 1
    assert office.in_force.upcoming() is None
    office.now = midnight - AHEAD_MS
    assert office.in_force.upcoming() == made["digest"]
    office.now = midnight
    assert office.in_force.upcoming() is None


def test_small_changes_are_proposed_as_a_patch_of_what_is_in_force(office):
    base, content = office.publishing.patched(None, {BOOK: office.folder.files[BOOK] + "# x\n"}, LI)
    assert base == office.folder.digest
    assert content.digest == office.with_comment("x").digest
    with pytest.raises(InputError, match="base does not have"):
        office.publishing.patched(None, {"cn/nowhere.yaml": None}, LI)


def test_a_changed_record_of_publishing_is_found_before_any_law_is_applied(tmp_path):
    url = f"sqlite:///{tmp_path / 'verify.db'}"
    with Store.open(url) as store:
        office = Office(store)
        made = office.propose(days=0)
        office.publishing.approve(made["id"], WANG)
    with sqlite3.connect(tmp_path / "verify.db") as raw:
        raw.execute("update rule_events set actor = 'key:zhao' where kind = 'approved'")
    with Store.open(url) as store, pytest.raises(IntegrityError, match="rule event 2"):
        Office(store).contents.current()


def test_a_changed_rulebook_or_case_is_run_anew_and_an_unchanged_one_is_not(office, monkeypatch):
    runs: list[int] = []

    def counting(law, cases):
        runs.append(len(cases))
        return run_cases(law, cases)

    monkeypatch.setattr(rule_checks, "run_cases", counting)
    rule_checks._KNOWN.clear()
    connectors = office.contents.connectors
    assert rule_checks.check_rules(small_rules(), connectors).cases == 4
    again = edited(("en: the nation}", "en: the nation}\n# seen"), path="regions.yaml")
    assert rule_checks.check_rules(small_rules(), connectors).passed
    assert runs == [4]
    rule_checks.check_rules(again, connectors)
    broken = rule_checks.check_rules(edited(('value: "1000"', 'value: "900"')), connectors)
    assert broken.failed == 1
    assert runs == [4, 4, 4]


def test_the_words_of_a_country_are_among_what_its_cases_rest_on(office):
    rule_checks._KNOWN.clear()
    words = "schema: verify.vocabulary/1\nkinds: {tips: {nature: flow, zh: 小费, en: tips}}\n"
    content = ContentSet("rules", {**small_rules().files, "cn/vocabulary.yaml": words})
    for rules in (small_rules(), content):
        assert rule_checks.check_rules(rules, office.contents.connectors).passed
    assert len(rule_checks._KNOWN) == 2
