"""Declarations of sources are published by two people; one version counts at any instant."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, InputError, IntegrityError, NotFound, NotPermitted
from verify.service.bulkheads import Bulkheads
from verify.service.clock import CHINA
from verify.service.connector_publishing import ConnectorPublishing
from verify.service.contents import Contents
from verify.service.in_force import FRESH_MS, InForce
from verify.service.schedule import Step, connector_subject
from verify.store import Store

ADMIN = frozenset({RoleName.ADMINISTRATOR})
LI, WANG, ZHAO = (Caller(n, ADMIN, ("*",)) for n in ("key:li", "key:wang", "key:zhao"))
AUDITOR = Caller("key:auditor", frozenset({RoleName.AUDITOR}), ("*",))
NOON = 1_760_000_000_000
FOLDER = {kind: ContentSet.load(kind) for kind in ("connectors", "rules", "scoring")}
TAX = FOLDER["connectors"].files["tax.yaml"]
REPLIES = Path(__file__).parents[2] / "fixtures/replies"


class Office:
    """An installation whose clock the test sets."""

    def __init__(self, store: Store, environment: dict[str, str] | None = None) -> None:
        self.store, self.now = store, NOON
        self.in_force = InForce(store, self.clock)
        self.contents = Contents(
            FOLDER, store.content, self.in_force.rules, self.in_force.connectors,
            store.keep_content,
        )  # fmt: skip
        self.desk = ConnectorPublishing(
            store, self.contents, self.in_force, self.clock, environment or {}
        )

    def clock(self) -> int:
        return self.now

    def at(self, hours: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(NOON / 1000 + 3600 * hours, dt.UTC)

    def live(self, source: str = "tax") -> str:
        return self.contents.connectors.declaration(source).digest

    def propose(self, text: str = TAX + "# one\n", by: Caller = LI, **more) -> dict:
        return self.desk.propose("tax", text, by, **more)

    def publish(self, text: str = TAX + "# one\n", **more) -> dict:
        made = self.propose(text, **more)
        return self.desk.approve("tax", made["id"], WANG)


@pytest.fixture
def office(tmp_path) -> Iterator[Office]:
    with Store.open(f"sqlite:///{tmp_path / 'verify.db'}") as store:
        yield Office(store)


@pytest.fixture
def any_office(store: Store) -> Office:
    """On SQLite, and on PostgreSQL."""
    return Office(store)


def edited(*edits: tuple[str, str]) -> str:
    text = TAX
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_a_draft_becomes_the_version_that_is_asked_with_once_another_person_approves(any_office):
    office = any_office
    folder = office.live()
    made = office.propose(note="a remark")
    assert (made["state"], made["base"], office.live()) == ("proposed", folder, folder)
    assert "+# one" in made["changes"]
    assert made["checks"]["passed"]
    assert made["checks"]["contract"] > 10
    with pytest.raises(NotPermitted, match="their own"):
        office.desk.approve("tax", made["id"], LI)
    approved = office.desk.approve("tax", made["id"], WANG)
    assert (approved["state"], approved["proposed_by"], approved["approved_by"]) == (
        "in_force", "key:li", "key:wang",
    )  # fmt: skip
    assert office.live() == made["digest"] != folder
    kinds = [e["kind"] for e in office.desk.view("tax", made["id"], AUDITOR)["events"]]
    assert kinds == ["proposed", "approved", "in_force"]
    # The set as a whole is kept, so that a verification can be pinned to it and replayed.
    kept = ContentSet.from_blob(office.store.content(office.contents.digests.connectors))
    assert kept.files["tax.yaml"] == TAX + "# one\n"
    assert kept.files["bank.yaml"] == FOLDER["connectors"].files["bank.yaml"]


def test_a_scheduled_version_starts_by_the_clock_in_every_process(office):
    there = InForce(office.store, office.clock)
    folder = office.live()
    approved = office.publish(starts=office.at(2))
    assert (approved["state"], approved["starts"]) == ("scheduled", approved["takes_effect_at"])
    office.now += 2 * 3_600_000 - 1
    assert office.live() == folder
    assert there.connectors() == {}
    office.now += 1
    assert office.live() == approved["digest"]
    assert list(there.connectors()) == ["tax"]


def test_a_time_without_a_zone_is_chinas(office):
    naive = office.at(1).astimezone(CHINA).replace(tzinfo=None)
    assert office.propose(starts=naive)["starts"] == "2025-10-09T09:53:20.000Z"


def test_rolling_back_is_one_step_by_one_person_and_is_on_record(any_office):
    office = any_office
    folder = office.live()
    first = office.publish()
    second = office.publish(TAX + "# two\n")
    ended = office.desk.roll_back("tax", second["digest"], ZHAO, note="amounts look wrong")
    assert ended["state"] == "rolled_back"
    assert (ended["rolled_back_by"], ended["rolled_back_to"]) == ("key:zhao", first["digest"])
    assert office.live() == first["digest"]
    assert office.desk.view("tax", first["id"], AUDITOR)["state"] == "in_force"
    office.desk.roll_back("tax", first["digest"], LI)
    assert office.live() == folder
    assert office.desk.page("tax", AUDITOR)["in_force"]["from"] == "folder"
    with pytest.raises(Conflict, match="not a published one"):
        office.desk.roll_back("tax", folder, LI)


def test_a_rolled_back_version_still_counted_while_it_did(office):
    made = office.publish()
    office.now += 60_000
    office.desk.roll_back("tax", made["digest"], LI)
    office.now += 60_000
    known = office.in_force.schedule(office.now, connector_subject("tax"))
    assert known.in_force(NOON + 59_999).digest == made["digest"]
    assert known.in_force(NOON + 60_000) is None


def test_two_who_press_at_once_do_not_go_back_two_steps(office):
    office.publish()
    second = office.publish(TAX + "# two\n")
    office.desk.roll_back("tax", second["digest"], LI)
    with pytest.raises(Conflict, match="not a published one that is in force"):
        office.desk.roll_back("tax", second["digest"], WANG)


def test_what_builds_on_a_rolled_back_version_falls_with_it(office):
    first = office.publish()
    late = office.propose(TAX + "# late\n", starts=office.at(5), base=first["digest"])
    office.desk.approve("tax", late["id"], WANG)
    office.desk.roll_back("tax", first["digest"], ZHAO)
    assert office.desk.view("tax", late["id"], LI)["state"] == "withdrawn"
    office.now += 6 * 3_600_000
    assert office.live() == office.contents.folder_declaration("tax")


def test_sources_are_published_independently_of_each_other(office):
    bank = FOLDER["connectors"].files["bank.yaml"] + "# mine\n"
    made = office.desk.propose("bank", bank, LI)
    office.publish()
    office.desk.approve("bank", made["id"], WANG)
    assert office.in_force.connectors().keys() == {"bank", "tax"}
    with pytest.raises(NotFound):
        office.desk.approve("tax", made["id"], WANG)


def test_a_change_that_would_undo_what_was_published_since_is_refused(office):
    mine = office.propose(TAX + "# mine\n")
    office.publish(TAX + "# theirs\n", by=ZHAO)
    with pytest.raises(Conflict, match="would undo"):
        office.desk.approve("tax", mine["id"], WANG)


@pytest.mark.parametrize("role", [r for r in RoleName if r is not RoleName.ADMINISTRATOR])
def test_only_administrators_publish_sources(office, role):
    made = office.propose()
    other = Caller("key:other", frozenset({role}), ("*",))
    for step in (
        lambda: office.propose(TAX + "# x\n", by=other),
        lambda: office.desk.approve("tax", made["id"], other),
        lambda: office.desk.withdraw("tax", made["id"], other),
        lambda: office.desk.roll_back("tax", made["digest"], other),
    ):
        with pytest.raises(NotPermitted):
            step()


LOCAL = "http://127.0.0.1:8471"
OTHER_HOST = ("127.0.0.1:8471", "127.0.0.1:9999")
FAULTS = {
    "does not load": (TAX + "surprise: 1\n", "does-not-load", 1, {}),
    "is not YAML": (TAX + "answer: [\n", "does-not-load", 1, {}),
    "goes to another host": (
        edited((LOCAL, "https://elsewhere.example")), "address-not-allowed", "endpoint:", {}
    ),
    "goes to another port": (edited(OTHER_HOST), "address-not-allowed", "endpoint:", {}),
    "is not encrypted": (
        edited((LOCAL, "http://tax.example")), "address-not-allowed", "endpoint:", {}
    ),
    "takes another source's address": (
        edited(("VERIFY_SOURCE_TAX_URL", "VERIFY_SOURCE_BANK_URL")),
        "anothers-address", "endpoint:", {},
    ),
    "takes another source's secret": (
        edited(("VERIFY_SOURCE_TAX_CLIENT_SECRET", "VERIFY_SOURCE_BANK_KEY")),
        "secret-of-another-host", "client_secret", {},
    ),
    "takes a secret that was given for another host": (
        TAX + "# x\n", "secret-of-another-host", "client_id", {
            "VERIFY_SOURCE_TAX_URL": LOCAL,
            "VERIFY_SOURCE_TAX_CLIENT_ID_HOST": "tax.example:443",
        },
    ),
    "reads fen as yuan": (
        edited(("amount: {field: srje, unit: yuan}", "amount: {field: srje, unit: fen}")),
        "contract", "answer:", {},
    ),
    "maps a code differently": (
        edited(
            ('"0101": wage\n', '"0101": property_income\n'),
            ('"0800": property_income\n', '"0800": wage\n'),
        ),
        "contract", "answer:", {},
    ),
    "no longer knows a field": (
        edited(("ignore: [fhxx, pageSize, lsh]", "ignore: [fhxx, pageSize]")),
        "contract", "answer:", {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_draft_with_a_fault_is_refused_with_its_line_and_what_to_do(tmp_path, name):
    text, code, line, environment = FAULTS[name]
    with Store.open(f"sqlite:///{tmp_path / 'verify.db'}") as store:
        office = Office(store, environment)
        with pytest.raises(InputError) as caught:
            office.propose(text)
        assert store.rule_event_count() == 0
    first = caught.value.problems[0]
    assert (first.pointer, first.code) == ("/declaration", code), caught.value
    assert first.remedy
    place, _, _ = first.reason.partition(": ")
    file, _, number = place.partition(":")
    assert file == "connectors/tax.yaml"
    if isinstance(line, str):
        assert line in text.splitlines()[int(number) - 1], (place, line)


def test_replies_given_with_a_draft_are_what_it_is_checked_against(office):
    replies = (REPLIES / "tax/replies.yaml").read_text("utf-8")
    fen = edited(("amount: {field: srje, unit: yuan}", "amount: {field: srje, unit: fen}"))
    with pytest.raises(InputError) as caught:
        office.propose(fen, replies="synthetic: false\nsource: tax\nreplies: []\n")
    assert [p.pointer for p in caught.value.problems] == ["/replies"]
    assert caught.value.problems[0].reason.startswith("replies/tax/replies.yaml:1: ")
    made = office.publish(TAX + "# one\n", replies=replies + "# kept with the version\n")
    assert office.desk.replies("tax") == replies + "# kept with the version\n"
    assert office.desk.version("tax", made["digest"], AUDITOR)["declaration"] == TAX + "# one\n"


@pytest.mark.parametrize(
    ("text", "hours", "note", "pointer"),
    [(TAX, 1, "", "/declaration"), (TAX + "# x\n", -1, "", "/starts"),
     (TAX + "# x\n", 1, "a\nb", "/note")],
)  # fmt: skip
def test_a_proposal_that_makes_no_sense_is_refused_with_its_field(
    office, text, hours, note, pointer
):
    with pytest.raises(InputError) as caught:
        office.propose(text, starts=office.at(hours), note=note)
    assert [p.pointer for p in caught.value.problems] == [pointer]


def test_a_source_that_the_folder_does_not_have_is_published_with_its_replies(office):
    text = edited(("id: tax\n", "id: tax_local\n")).replace("SOURCE_TAX_", "SOURCE_TAX_LOCAL_")
    with pytest.raises(InputError) as caught:
        office.desk.propose("tax_local", text, LI)
    assert caught.value.problems[0].code == "no-recorded-replies"
    replies = (REPLIES / "tax/replies.yaml").read_text("utf-8")
    made = office.desk.propose(
        "tax_local", text, LI, replies=replies.replace("source: tax", "source: tax_local")
    )
    assert made["base"] is None
    office.desk.approve("tax_local", made["id"], WANG)
    assert "tax_local" in office.contents.connectors.sources
    with pytest.raises(Conflict, match="no earlier version"):
        office.desk.roll_back("tax_local", made["digest"], LI)


def test_a_source_nobody_knows_is_not_found(office):
    with pytest.raises(NotFound):
        office.desk.page("nowhere", LI)


def test_another_process_knows_of_an_approval_a_second_later(office):
    there = Office(office.store)
    there.live()
    made = office.publish()
    there.now = office.now + FRESH_MS
    assert there.live() == made["digest"]


def test_a_changed_record_of_publishing_stops_every_question(office):
    office.publish()
    office.store._writer.run(
        lambda c: c.exec_driver_sql("UPDATE rule_events SET actor = 'key:wu' WHERE position = 2")
    )
    office.in_force.forget()
    with pytest.raises(IntegrityError):
        _ = office.contents.connectors


# -- whatever the order --------------------------------------------------------------------------

PEOPLE = st.sampled_from([LI, WANG, ZHAO])
TEXTS = {
    source: [FOLDER["connectors"].files[f"{source}.yaml"] + f"# {n}\n" for n in range(3)]
    for source in ("tax", "marriage")
}
SOURCES = st.sampled_from(sorted(TEXTS))


class AnyOrder(RuleBasedStateMachine):
    """Three people propose, approve, withdraw and roll back, and time goes on, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = Store.open(f"sqlite:///{self.folder.name}/verify.db")
        self.office = Office(self.store)
        self.ids: list[tuple[str, str]] = []
        self.seen: list[tuple[int, str, str]] = []

    @rule(source=SOURCES, text=st.integers(0, 2), by=PEOPLE, hours=st.integers(0, 3))
    def propose(self, source, text, by, hours) -> None:
        starts = None if not hours else dt.datetime.fromtimestamp(
            self.office.now / 1000 + 3600 * hours, dt.UTC
        )  # fmt: skip
        with contextlib.suppress(InputError):  # it would change nothing
            made = self.office.desk.propose(source, TEXTS[source][text], by, starts=starts)
            self.ids.append((source, made["id"]))

    def _try(self, step) -> None:
        with contextlib.suppress(Conflict, NotPermitted):
            step()

    @rule(number=st.integers(0, 50), by=PEOPLE)
    def approve(self, number, by) -> None:
        if self.ids:
            source, made = self.ids[number % len(self.ids)]
            self._try(lambda: self.office.desk.approve(source, made, by))

    @rule(number=st.integers(0, 50), by=PEOPLE)
    def withdraw(self, number, by) -> None:
        if self.ids:
            source, made = self.ids[number % len(self.ids)]
            self._try(lambda: self.office.desk.withdraw(source, made, by))

    @rule(source=SOURCES, by=PEOPLE)
    def roll_back(self, source, by) -> None:
        digest = self.office.desk.page(source, by)["in_force"]["digest"]
        self._try(lambda: self.office.desk.roll_back(source, digest, by))

    @rule(minutes=st.integers(1, 200))
    def time_goes_on(self, minutes) -> None:
        self.office.now += minutes * 60_000
        self.office.in_force.activate()

    @invariant()
    def one_version_counts_and_two_people_stand_behind_it(self) -> None:
        office = self.office
        states = {s: [] for s in TEXTS}
        for source in TEXTS:
            page = office.desk.page(source, LI)
            states[source] = [p for p in page["proposals"] if p["state"] == "in_force"]
            assert len(states[source]) == (page["in_force"]["from"] == "store")
            expected = (
                states[source][0]["digest"]
                if states[source]
                else office.contents.folder_declaration(source)
            )
            assert office.live(source) == page["in_force"]["digest"] == expected
            for proposal in page["proposals"]:
                if proposal["approved_by"]:
                    assert proposal["approved_by"] != proposal["proposed_by"]
            self.seen.append((office.now, source, expected))

    @invariant()
    def what_counted_then_still_counted_then(self) -> None:
        """Later steps never change what the record says of an earlier instant."""
        latest: dict[tuple[int, str], str] = {(at, s): digest for at, s, digest in self.seen}
        for (at, source), digest in latest.items():
            if at < self.office.now:
                folder = self.office.contents.folder_declaration(source)
                assert (_by_hand(self.store.rule_events(), source, at) or folder) == digest
                known = self.office.in_force.schedule(self.office.now, connector_subject(source))
                found = known.in_force(at)
                assert (found.digest if found else folder) == digest

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


def _by_hand(events, source: str, at: int) -> str | None:
    """The version that counted at an instant, read from the events in another way: step by step.

    None: the folder's.
    """
    mine = {e.proposal for e in events if e.payload.get("subject") == f"connectors/{source}"}
    digests = {e.proposal: e.payload["digest"] for e in events if e.kind == Step.PROPOSED}
    ended = {
        e.proposal
        for e in events
        if e.kind == Step.WITHDRAWN or (e.kind == Step.ROLLED_BACK and e.at <= at)
    }
    started = [
        (e.payload["takes_effect_at"], e.position, e.proposal)
        for e in events
        if e.kind == Step.APPROVED
        and e.proposal in mine - ended
        and e.payload["takes_effect_at"] <= at
    ]
    return digests[max(started)[2]] if started else None


TestWhateverTheOrder = AnyOrder.TestCase
TestWhateverTheOrder.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


def test_a_source_that_may_be_asked_more_at_once_gets_a_larger_pool_and_loses_no_question(office):
    bulkheads = Bulkheads(most=8)
    tax = office.contents.connectors.declaration("tax")
    limits = tax.limits.model_copy(update={"concurrency": 2})
    narrow = tax.model_copy(update={"limits": limits})
    first = bulkheads.of(narrow)
    asked = [first.submit(lambda n=n: n) for n in range(20)]
    assert bulkheads.of(narrow) is first
    second = bulkheads.of(tax)
    assert second is not first
    assert bulkheads.of(narrow) is second  # the pool bounds all versions together
    assert [a.result(timeout=10) for a in asked] == list(range(20))
    bulkheads.close()
