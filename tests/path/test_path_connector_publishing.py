"""A source is changed while checks of it are under way, on PostgreSQL, API and worker apart."""

from __future__ import annotations

import datetime as dt

import pytest

from support.live import household, installation
from support.waiting import until
from verify.bootstrap import System, build
from verify.domain.access import LOCAL, Caller, RoleName
from verify.service.intake import ApplicationIn
from verify.settings import Settings

ADMIN = frozenset({RoleName.ADMINISTRATOR})
LI, WANG = (Caller(n, ADMIN, ("*",)) for n in ("key:li", "key:wang"))
SOURCE = "real_estate"
SECONDS_TO_ANSWER = 2.5


class Front:
    """The API's process: it accepts, publishes and shows; it asks nobody."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.cases = 0

    def submit(self) -> str:
        self.cases += 1
        body = {**household("01").application, "case_number": f"SYN-CHANGE-{self.cases}"}
        return self.system.verifications.submit(ApplicationIn.model_validate(body), LOCAL).id

    def under_way(self, verification: str) -> bool:
        rows = [r for r in self.system.store.exchanges(verification) if r.source == SOURCE]
        return all(r.status == "pending" for r in rows)

    def judged(self, verification: str) -> dict:
        self.system.verifications.wait(verification, LOCAL, 60)
        return self.system.verifications.documents(verification, LOCAL).verdict

    def live(self) -> str:
        return self.system.contents.connectors.declaration(SOURCE).digest


def named(verdict: dict) -> tuple[set[str], set[str]]:
    """Digests and states of the changed source's answers."""
    rows = [c for c in verdict["coverage"] if c["source"] == SOURCE]
    return {c["connector"] for c in rows}, {c["state"] for c in rows}


@pytest.mark.postgres
def test_an_answer_asked_under_one_version_is_read_with_it_though_the_next_already_counts(
    postgres_url, tmp_path
):
    settings = Settings(
        home=tmp_path / "api",
        database_url=postgres_url,
        master_key_file=tmp_path / "worker" / "master.key",
    )
    with (
        installation(tmp_path / "worker", postgres_url) as behind,
        build(settings, worker=False) as system,
    ):
        # The register answers late, and with data ten days old.
        behind.sources.set_profile(SOURCE, delay_seconds=SECONDS_TO_ANSWER, stale_days=10)
        front = Front(system)
        publishing = system.connector_publishing
        old = front.live()
        first = front.submit()
        until(lambda: behind.sources.requests(SOURCE))  # it has the question, and thinks

        text = publishing.page(SOURCE, LI)["declaration"]
        strict = text.replace("max_age_days: 31", "max_age_days: 3")
        assert strict != text
        made = publishing.propose(SOURCE, strict, LI, note="three days at most")
        publishing.approve(SOURCE, made["id"], WANG)
        assert front.live() == made["digest"] != old
        assert front.under_way(first)
        second = front.submit()

        before, after = front.judged(first), front.judged(second)
        assert named(before) == ({old}, {"ok", "confirmed_empty"})
        assert named(after) == ({made["digest"]}, {"stale"})
        assert (before["outcome"], after["outcome"]) == ("eligible", "undetermined")
        assert before["digests"]["connectors"] != after["digests"]["connectors"]

        publishing.roll_back(SOURCE, made["digest"], LI)
        third = front.submit()
        assert named(front.judged(third)) == ({old}, {"ok", "confirmed_empty"})
        assert front.judged(third)["digests"]["connectors"] == before["digests"]["connectors"]
        # Each is replayed with the version on record, in the other process, too.
        for verification in (first, second, third):
            assert system.replays.replay(verification, LOCAL).identical
            assert behind.system.replays.replay(verification, LOCAL).identical
        steps = publishing.view(SOURCE, made["id"], LI)["events"]
        assert {"proposed", "approved", "rolled_back"} <= {s["kind"] for s in steps}


def test_a_scheduled_version_starts_while_the_service_runs(live):
    publishing = live.system.connector_publishing
    body = household("03").application
    text = publishing.page("vehicle", LI)["declaration"]
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    made = publishing.propose("vehicle", text + "# a remark\n", LI, starts=soon)
    assert publishing.approve("vehicle", made["id"], WANG)["state"] == "scheduled"
    early = live.check({**body, "case_number": "SYN-SCHEDULE-1"})
    until(lambda: publishing.view("vehicle", made["id"], LI)["state"] == "in_force")
    later = live.check({**body, "case_number": "SYN-SCHEDULE-2"})
    versions = [
        {c["connector"] for c in live.verdict(v)["coverage"] if c["source"] == "vehicle"}
        for v in (early, later)
    ]
    assert versions == [{made["base"]}, {made["digest"]}]
    # A worker notes the first use without being told.
    until(lambda: publishing.view("vehicle", made["id"], LI)["used_since"] is not None)
    publishing.roll_back("vehicle", made["digest"], WANG)
