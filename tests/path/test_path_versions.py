"""A check waits on a version of a source that turned out to be broken, and goes on with the
version in force; what was submitted stays with the version that submitted it."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import pytest
from test_path_connector_publishing import LI, WANG, until

from support.live import Live, household, installation
from verify.domain.access import LOCAL, Caller, Purpose, RoleName
from verify.domain.errors import Conflict
from verify.service.intake import ApplicationIn
from verify.service.replay_bundle import replay_bundle

AUDITOR = Caller("key:auditor", frozenset({RoleName.AUDITOR}), ("*",), Purpose.AUDIT)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def running(request, tmp_path):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with installation(tmp_path, url, auxiliary_grace_seconds=1) as live:
        yield live


def publish(live: Live, source: str, old: str, new: str) -> dict[str, Any]:
    """Two people put a changed declaration into force."""
    publishing = live.system.connector_publishing
    text = publishing.page(source, LI)["declaration"]
    assert old in text
    made = publishing.propose(source, text.replace(old, new), LI)
    publishing.approve(source, made["id"], WANG)
    return made


def rows(live: Live, verification: str, source: str) -> list[Any]:
    return [r for r in live.system.store.exchanges(verification) if r.source == source]


def coverage(verdict: dict[str, Any], source: str) -> list[dict[str, Any]]:
    return [c for c in verdict["coverage"] if c["source"] == source]


def done(live: Live, verification: str) -> dict[str, Any]:
    until(lambda: live.system.verifications.view(verification, LOCAL)["state"] == "completed")
    return live.verdict(verification)


def replays(live: Live, verification: str) -> None:
    """All verdicts, from the store and from an exported archive alone; the store is sound."""
    for sealed in live.system.store.verdicts(verification, LOCAL):
        result = live.system.replays.replay(verification, LOCAL, sealed.sequence)
        assert result.identical, (result.differences, result.faults)

    def exported() -> bytes | None:
        with contextlib.suppress(Conflict):  # it has not been witnessed yet
            return live.system.audits.export(verification, AUDITOR)
        return None

    assert all(r.identical for r in replay_bundle(until(exported)))


def test_after_a_rollback_a_waiting_check_is_asked_for_with_the_version_that_counts_again(running):
    """Somebody moved the path: the office answers 404 to everything that the new version asks."""
    live = running
    good = live.system.contents.connectors.declaration("vehicle").digest
    made = publish(live, "vehicle", "path: /vio/VehicleQuery", "path: /vio/Elsewhere")
    verification = live.check(household("01").application)
    first = live.verdict(verification)
    assert (first["outcome"], first["final"]) == ("undetermined", False)
    assert {c["state"] for c in coverage(first, "vehicle")} == {"unavailable"}
    assert {c["connector"] for c in coverage(first, "vehicle")} == {made["digest"]}

    live.system.connector_publishing.roll_back("vehicle", made["digest"], LI)
    last = done(live, verification)
    assert (last["outcome"], last["final"]) == ("eligible", True)
    for row in coverage(last, "vehicle"):
        assert row["state"] in ("ok", "confirmed_empty")
        assert (row["connector"], row["instead_of"]) == (good, made["digest"])
        assert row["connectors"] != last["digests"]["connectors"]
    # The other sources' answers are what they were, and so is what the check is pinned to.
    assert last["digests"]["connectors"] == first["digests"]["connectors"]
    others = [c for c in last["coverage"] if c["source"] != "vehicle"]
    assert not any("instead_of" in c or "connectors" in c for c in others)
    entries = [e.payload for e in live.system.store.ledger(verification, LOCAL)]
    assert {p["version"] for p in entries if "version" in p} == {good}
    replays(live, verification)


def test_a_repaired_version_that_is_activated_serves_the_checks_that_wait(live):
    broken = publish(live, "tax", "path: /api/", "path: /moved/")
    verification = live.check({**household("03").application, "case_number": "SYN-REPAIR-1"})
    assert {c["state"] for c in coverage(live.verdict(verification), "tax")} == {"unavailable"}
    repaired = publish(live, "tax", "path: /moved/", "path: /api/")
    try:
        last = done(live, verification)
        assert {(c["connector"], c["instead_of"]) for c in coverage(last, "tax")} == {
            (repaired["digest"], broken["digest"])
        }
        replays(live, verification)
    finally:
        publishing = live.system.connector_publishing
        for made in (repaired, broken):
            publishing.roll_back("tax", made["digest"], LI)


def test_a_ticket_stays_with_the_version_that_submitted_it_unless_that_is_rolled_back(own):
    live, source = own, "real_estate"
    live.sources.set_profile(source, delay_seconds=600)
    planned = live.system.contents.connectors.declaration(source).digest
    planned_text = "deadline_seconds: 8, attempt_seconds: 4,"
    changed = publish(live, source, planned_text, "deadline_seconds: 1, attempt_seconds: 1,")
    verification = live.system.verifications.submit(_in("03"), LOCAL).id
    [first] = until(lambda: [r for r in rows(live, verification, source) if r.ticket])
    assert (first.connector, first.version) == (changed["digest"], None)

    # Another version comes into force: the ticket is asked for with the one that submitted it.
    next_ = publish(live, source, "attempt_seconds: 1,", "attempt_seconds: 0.9,")
    live.system.verifications.called_back(
        live.system.store.callback_token(verification, source, "p1")
    )
    [polled] = until(
        lambda: [r for r in rows(live, verification, source) if r.attempts > first.attempts]
    )
    assert (polled.ticket, polled.version) == (first.ticket, None)
    # Only when its own version is rolled back is the question submitted anew.
    publishing = live.system.connector_publishing
    publishing.roll_back(source, next_["digest"], LI)
    publishing.roll_back(source, changed["digest"], LI)
    live.sources.set_profile(source, delay_seconds=0.2)
    [last] = until(lambda: [r for r in rows(live, verification, source) if r.status == "done"])
    assert (last.connector, last.version) == (changed["digest"], planned)
    assert last.ticket != first.ticket
    done(live, verification)
    replays(live, verification)


def test_a_version_that_was_smuggled_into_a_stored_question_is_found(own):
    verification = own.check(household("03").application)
    assert own.system.replays.replay(verification, LOCAL).identical
    with sqlite3.connect(own.home / "verify.db") as connection:
        connection.execute("UPDATE exchanges SET version = ?", ("sha256:" + "0" * 64,))
    faults = own.system.store.check_integrity(verification, LOCAL)
    assert {"evidence tax/p1", "evidence bank/p1"} <= {f.thing for f in faults}


def _in(number: str) -> ApplicationIn:
    return ApplicationIn.model_validate(household(number).application)
