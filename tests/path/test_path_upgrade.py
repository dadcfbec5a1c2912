"""An upgrade between asking and answering: tables, engine and declarations change, cases go on.

The older database is made by the real migrations, up to an older revision, and filled with the
rows of a running installation as that revision held them.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, insert, inspect, select

from support.commandline import ROOT
from support.desk import HOUR, NATIONAL, Desk, person
from support.live import household, households
from support.notary import Office
from support.waiting import until
from verify.bootstrap import System, build
from verify.domain.access import LOCAL, RoleName
from verify.domain.evidence import EvidenceState
from verify.service import contents
from verify.service.access import Authenticator, create_key
from verify.service.clock import now_ms
from verify.service.intake import ApplicationIn
from verify.service.master_key import open_protected
from verify.settings import Settings
from verify.simulate.households import merge_registers
from verify.simulate.server import SimulatedSources
from verify.store import Store, migrations
from verify.store.engines import parse
from verify.store.tables import metadata

LATE = "real_estate"
OLDER = "verify/0.2.0"
PREVIOUS = f"{int(migrations.HEAD) - 1:04}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'older.db'}"
    return str(request.getfixturevalue("postgres_empty_url"))


def as_of_revision(revision: str, source: str, target: str) -> None:
    """Make `target` a database of an older revision, with the rows of `source` that it can hold."""
    old, new = create_engine(parse(target)), create_engine(parse(source))
    with old.begin() as to, new.connect() as of:
        command.upgrade(migrations.config(to), revision)
        there = inspect(to)
        for table in metadata.sorted_tables:
            if not there.has_table(table.name):
                continue
            names = [column["name"] for column in there.get_columns(table.name)]
            rows = of.execute(select(*(table.c[name] for name in names))).mappings().all()
            if rows:
                to.execute(insert(table), [dict(row) for row in rows])
        assert migrations.current(to) == revision
    old.dispose()
    new.dispose()


@pytest.mark.parametrize("revision", ["0001", "0005", PREVIOUS])
def test_a_waiting_ticket_of_any_older_schema_is_answered_after_the_upgrade(
    revision: str, empty_url: str, tmp_path: Path
) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'source.db'}") as store:
        desk = Desk(store)
        desk.keep()
        key = create_key(store, "desk", [RoleName.CASEWORKER], ["310000"], desk.now)
        gone = create_key(store, "gone", [RoleName.CALLER], ["310000"], desk.now)
        store.revoke_key(gone.split("_")[1], desk.now)
        verification = desk.accept(key=("key", "sha256:" + "b" * 64))
        (claim,) = desk.claim()
        desk.answer(claim, "bank", (b"page 1",))
        desk.answer(
            claim,
            "tax",
            (),
            status="pending",
            transport=EvidenceState.TIMEOUT,
            ticket="T-1",
            due_at=desk.now + HOUR,
        )
        token = store.callback_token(verification, "tax", "p1")
        desk.seal(claim, "e1")
    as_of_revision(revision, f"sqlite:///{tmp_path / 'source.db'}", empty_url)
    settings = Settings(home=tmp_path / "home", database_url=empty_url)
    settings.home.mkdir()
    open_protected(settings, read_only=False).close()  # what `verify db upgrade` does
    with open_protected(settings, read_only=False) as store:
        assert store.check_installation() == ()
        assert store.check_integrity(verification, NATIONAL) == ()
        office = Office(store, settings.home)
        desk = office.desk
        desk.now += HOUR
        # The same question with its ticket; the address that its source was given still works.
        tax = next(e for e in store.exchanges(verification) if e.source == "tax")
        assert (tax.status, tax.ticket) == ("pending", "T-1")
        assert store.wake_by_token(token, desk.now) == verification
        office.notary.once()
        (claim,) = desk.claim()
        assert claim.verification == verification
        desk.answer(claim, "tax", (b"whole",), ticket="T-1")
        done = desk.seal(
            claim, "e2", outcome="eligible", final=True, state="completed", due_at=None
        )
        assert done.status == "sealed"
        office.notary.once()
        assert office.faults == set()
        again = store.accept(desk.new(), person(), ("key", "sha256:" + "b" * 64), desk.now)
        assert (again.id, again.created) == (verification, False)
        # Whoever had a key still has it; whoever lost it has not got it back.
        door = Authenticator(settings, store)
        assert door.authenticate(None, key).roles == {RoleName.CASEWORKER}
        with pytest.raises(Exception, match="does not hold"):
            door.authenticate(None, gone)


@contextlib.contextmanager
def running(settings: Settings, sources: SimulatedSources) -> Iterator[System]:
    with build(settings, environment=sources.environment()) as system:
        system.start()
        yield system


def question(system: System, verification: str) -> Any:
    [row] = [e for e in system.store.exchanges(verification) if e.source == LATE]
    return row


def test_a_newer_engine_with_a_newer_declaration_finishes_what_the_older_one_asked(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tmp_path / "content"
    for kind in ("connectors", "rules", "scoring"):
        shutil.copytree(ROOT / kind, content / kind)
    declared = content / f"connectors/{LATE}.yaml"
    text = declared.read_text(encoding="utf-8")
    declared.write_text(text.replace("deadline_seconds: 8,", "deadline_seconds: 1,"), "utf-8")
    monkeypatch.setenv("VERIFY_CONTENT", str(content))
    home = tmp_path / "home"
    options: dict[str, Any] = {"retry_seconds": 1, "answer_deadline_seconds": 600}
    body = ApplicationIn.model_validate(household("03").application)
    with SimulatedSources(merge_registers(h.registers for h in households())) as sources:
        for source in sources.urls:
            sources.set_profile(source, latency_seconds=0)
        sources.set_profile(LATE, delay_seconds=10.0**7)
        with monkeypatch.context() as older:
            older.setattr(contents, "ENGINE", OLDER)
            with running(Settings(home=home, **options), sources) as system:
                verification = system.verifications.submit(body, LOCAL).id
                until(lambda: question(system, verification).ticket)
                asked_with = question(system, verification).connector
        as_of_revision(PREVIOUS, f"sqlite:///{home / 'verify.db'}", empty_url)
        # The newer release: another engine, another declaration of the register, newer tables.
        declared.write_text(text.replace("deadline_seconds: 8,", "deadline_seconds: 9,"), "utf-8")
        settings = Settings(home=home, database_url=empty_url, **options)
        open_protected(settings, read_only=False).close()
        with running(settings, sources) as system:
            assert question(system, verification).status == "pending"
            sources.set_profile(LATE, delay_seconds=0.0)
            token = system.store.callback_token(verification, LATE, "p1")
            system.store.wake_by_token(token, now_ms())
            until(lambda: system.verifications.view(verification, LOCAL)["state"] == "completed")
            verdict = system.verifications.documents(verification, LOCAL).verdict
            assert (verdict["outcome"], verdict["final"]) == ("eligible", True)
            # Both engines are named; the register was asked and read with the version it was
            # accepted with, which the verdict names too, though another one counts by now.
            assert verdict["engine"] == f"{contents.ENGINE} (accepted by {OLDER})"
            [row] = [c for c in verdict["coverage"] if c["source"] == LATE]
            now_counts = system.contents.connectors.declaration(LATE).digest
            assert asked_with != now_counts
            assert row["connector"] == asked_with
            assert len(sources.requests(LATE)) == 1, "the task was not given a second time"
            assert system.replays.replay(verification, LOCAL).identical
            system.notary.once()
            assert system.audits.check().faults == ()
            fresh = system.verifications.submit(body, LOCAL).id
            assert question(system, fresh).connector == now_counts
            seen = system.verifications.wait(fresh, LOCAL, 60)
            assert seen["verdict"]["outcome"] == "eligible"
            newest = system.verifications.documents(fresh, LOCAL).verdict
            assert newest["engine"] == contents.ENGINE
