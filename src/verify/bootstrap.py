"""The one place that wires the parts together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from verify.connectors import Asker
from verify.service import master_key
from verify.service.access import Authenticator
from verify.service.access_trail import Keep, Trail
from verify.service.assessment import Assessments
from verify.service.audit import Audits
from verify.service.audit_notary import Notary
from verify.service.audit_trust import retired_witnesses
from verify.service.clock import Clock, day_of, now_ms
from verify.service.connector_publishing import ConnectorPublishing
from verify.service.contents import Contents
from verify.service.impacts import Impacts
from verify.service.in_force import InForce
from verify.service.matching import Matching
from verify.service.publishing import Publishing
from verify.service.reads_folder import ReadsFolder
from verify.service.replay import Replays
from verify.service.retiring import Retiring
from verify.service.shadow import Shadows
from verify.service.source_health import SourceHealth
from verify.service.source_state import StoreState
from verify.service.source_trials import SourceTrials
from verify.service.verification import Verifications
from verify.service.vitals import Parts, Vitals
from verify.service.what_if import WhatIfs
from verify.service.worker import Worker
from verify.settings import Settings
from verify.store import Store
from verify.store.accesses import AccessRow


@dataclass
class System:
    """A running installation: the store, the content in use and the verbs."""

    settings: Settings
    store: Store
    contents: Contents
    authenticator: Authenticator
    verifications: Verifications
    assessments: Assessments
    replays: Replays
    what_ifs: WhatIfs
    publishing: Publishing
    connector_publishing: ConnectorPublishing
    impacts: Impacts
    matching: Matching
    sources: SourceHealth
    shadows: Shadows
    trials: SourceTrials
    worker: Worker | None
    asker: Asker | None
    notary: Notary
    audits: Audits
    trail: Trail
    vitals: Vitals
    retiring: Retiring

    def start(self) -> None:
        """Begin to work on the queue and to keep the log witnessed, where there is a worker."""
        if self.worker is not None:
            self.notary.start()
            self.retiring.start()
            self.worker.start()

    def close(self) -> None:
        """Stop gracefully: finish what is under way, give back the rest, close the store."""
        self.retiring.close()
        if self.worker is not None:
            self.worker.close()
        if self.asker is not None:
            self.asker.close()
        self.notary.close()
        self.store.close()

    def __enter__(self) -> System:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def build(
    settings: Settings | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock = now_ms,
    worker: bool = True,
    read_only: bool = False,
) -> System:
    """Wire a system.

    `environment` holds the endpoints and secrets that `connectors/*.yaml` refer to (default:
    the process environment). `worker=False` gives an API process that leaves the queue to
    others; `read_only` opens the store beside a running service (replay, explain).
    """
    settings = settings or Settings()
    if not read_only:
        settings.home.mkdir(parents=True, exist_ok=True)
    store = master_key.open_protected(settings, read_only=read_only)
    left = ReadsFolder(settings.home)
    notary = Notary(
        store,
        settings,
        clock,
        make_keys=not read_only,
        before=lambda: None if read_only else left.take_in(store.record_access),
    )
    store.hold_finals(notary.may_finish)
    in_force = InForce(store, clock)
    given = environment if environment is not None else os.environ
    keep = _no_keeping if read_only else store.keep_content
    contents = Contents.load(
        store.content,
        in_force.rules,
        in_force.connectors,
        keep,
        withdrawn=in_force.rolled_back,
        root=settings.content,
    )
    if not read_only:
        for content in contents.sets.values():
            store.keep_content(content.kind, content.digest, content.to_blob())
    asker = engine = None
    alone = settings.resolved_database_url.startswith("sqlite")
    shared = StoreState(store, clock, alone=alone)
    if worker and not read_only:
        asker = Asker(
            contents.connectors,
            given,
            today=lambda: day_of(clock()),
            state=shared,
        )
        engine = Worker(store, contents, asker, settings, clock, _due(in_force, contents))
    changes = ConnectorPublishing(store, contents, in_force, clock, given)
    trail = Trail(store, clock, _keeping(settings, store, left, read_only=read_only))
    audits = Audits(store, notary, trail.note, retired_witnesses(settings))
    sources = SourceHealth(store, contents, shared, clock)
    parts = Parts(
        settings=settings,
        store=store,
        contents=contents,
        notary=notary,
        sources=sources,
        worker=engine,
    )
    wake = engine.wake if engine is not None else (lambda: None)
    return System(
        settings=settings,
        store=store,
        contents=contents,
        authenticator=Authenticator(settings, store),
        verifications=Verifications(
            store,
            contents,
            settings,
            clock,
            wake_worker=wake,
            proof=audits.receipt,
            note=trail.note,
            note_list=trail.note_list,
        ),
        assessments=Assessments(contents),
        replays=Replays(store, contents, trail.note, trail.note_list),
        what_ifs=WhatIfs(store, contents, trail.note, in_force.standing),
        publishing=Publishing(store, contents, in_force, clock),
        connector_publishing=changes,
        impacts=Impacts(store, contents, trail.note_list),
        matching=Matching(store, contents, clock, trail.note_list),
        shadows=Shadows(store, contents, trail.note_list),
        sources=sources,
        trials=SourceTrials(contents, changes, given, settings.synthetic_ranges, clock),
        worker=engine,
        asker=asker,
        notary=notary,
        audits=audits,
        trail=trail,
        vitals=Vitals(parts, clock),
        retiring=Retiring(store, settings, clock),
    )


def _keeping(settings: Settings, store: Store, left: ReadsFolder, *, read_only: bool) -> Keep:
    """How a read is recorded: a store opened for reading may not be written by this process."""
    if not read_only:
        return store.record_access
    if settings.resolved_database_url.startswith("sqlite"):
        return left.keep

    def beside(row: AccessRow) -> None:
        with master_key.open_store(settings) as writing:
            writing.record_access(row)

    return beside


def _no_keeping(kind: str, digest: str, blob: bytes) -> None:
    """A store opened for reading keeps nothing."""


def _due(in_force: InForce, contents: Contents) -> Callable[[], None]:
    """What a worker does about what is published: record first uses, compile the next rules."""

    def due() -> None:
        in_force.activate()
        if (digest := in_force.upcoming()) is not None:
            contents.law_of(digest)

    return due
