"""What the installation is like at this moment: gauges, and whether each dependency works.

Everything is counted in the database or asked of a part; nothing about any one case comes out.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from verify.domain.errors import VerifyError
from verify.service.audit_notary import Notary
from verify.service.clock import Clock
from verify.service.contents import Contents
from verify.service.source_health import SourceHealth
from verify.service.worker import Worker
from verify.settings import Settings
from verify.store import Store
from verify.store.vitals import Queue

log = structlog.get_logger("verify.health")

OK, FAILING, ABSENT = "ok", "failing", "absent"
_READY = {OK: 1, FAILING: 0, ABSENT: 1}
_HELD = {"asked": 0, "quarantined": 2}


@dataclass(frozen=True)
class Parts:
    """What is looked at."""

    settings: Settings
    store: Store
    contents: Contents
    notary: Notary
    sources: SourceHealth
    worker: Worker | None


class Vitals(Collector):
    """Readiness per dependency, and gauges for `/metrics`."""

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock

    # -- readiness ------------------------------------------------------------------------

    def checks(self) -> dict[str, str]:
        """Each dependency: `ok`, `failing`, or `absent` where another process has it."""
        return {
            "database": self._tried("database", self._database),
            "migrations": self._tried("migrations", self._migrations),
            "keys": self._tried("keys", self._keys),
            "witness": self._tried("witness", self._witness),
            "content": self._tried("content", self._content),
            "disk": self._tried("disk", self._disk),
            "worker": self._tried("worker", self._worker),
        }

    @staticmethod
    def _tried(name: str, check: Callable[[], str]) -> str:
        try:
            found = check()
        except Exception as error:  # noqa: BLE001 - whatever ails it, the answer is "not ready"
            log.error("readiness.failed", dependency=name, kind=type(error).__name__)
            return FAILING
        return found

    def _database(self) -> str:
        self._parts.store.ping()
        return OK

    def _migrations(self) -> str:
        return OK if self._parts.store.at_head() else FAILING

    def _keys(self) -> str:
        """The master key opens, and the log's key is the one of this log."""
        if self._parts.store.keyring is None:
            return FAILING
        self._parts.store.keyring.require_masters()
        return OK if self._parts.notary.keys else FAILING

    def _witness(self) -> str:
        """Whether verdicts can become final: the log is signed and witnessed."""
        if not self._parts.notary.running:
            return ABSENT
        return OK if self._parts.notary.may_finish(self._clock()) else FAILING

    def _content(self) -> str:
        return OK if self._parts.contents.digests.rules else FAILING

    def _worker(self) -> str:
        if self._parts.worker is None:
            return ABSENT
        return OK if self._parts.worker.alive else FAILING

    def oldest_due_seconds(self) -> int | None:
        """How long the longest waiting check has been due that no worker carries.

        `None`: nothing waits, or the database does not say (which `checks` tells).
        """
        try:
            age = self._parts.store.oldest_due(self._clock())
        except VerifyError:
            return None
        return None if age is None else age // 1000

    def _disk(self) -> str:
        return OK if self._free() >= self._parts.settings.min_free_mb * 1_000_000 else FAILING

    def _free(self) -> int:
        return shutil.disk_usage(self._parts.settings.home).free

    # -- gauges ---------------------------------------------------------------------------

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by the Prometheus client at every scrape. Down is a value, not a failed scrape."""
        ready = GaugeMetricFamily(
            "verify_ready", "Whether a dependency works.", labels=["dependency"]
        )
        for name, state in self.checks().items():
            ready.add_metric([name], _READY[state])
        yield ready
        try:
            queue = self._parts.store.queue(self._clock())
        except VerifyError:
            return
        yield from self._queue_gauges(queue)
        yield from self._log_gauges()
        yield self._source_gauge()

    def _queue_gauges(self, queue: Queue) -> Iterator[GaugeMetricFamily]:
        depth = GaugeMetricFamily(
            "verify_queue_depth", "Checks that are not done, by state.", labels=["state"]
        )
        for state, count in sorted(queue.states.items()):
            depth.add_metric([state], count)
        yield depth
        yield _gauge("verify_queue_due", "Checks that nobody carries and that are due.", queue.due)
        yield _gauge("verify_leases", "Checks that some worker carries.", queue.leases)
        yield _gauge(
            "verify_lease_overdue_seconds",
            "How long the longest lapsed lease has stood without its check being taken up.",
            queue.overdue_ms / 1000,
        )
        yield _gauge(
            "verify_queue_oldest_seconds",
            "How long the longest waiting check has been due.",
            queue.oldest_due_ms / 1000,
        )

    def _log_gauges(self) -> Iterator[GaugeMetricFamily]:
        standing, now = self._parts.notary.standing, self._clock()
        since = standing.settled_at
        yield _gauge("verify_log_leaves", "Leaves of the log.", standing.size)
        yield _gauge(
            "verify_log_witnessed_leaves", "Leaves that witnesses saw.", standing.witnessed
        )
        yield _gauge(
            "verify_witness_age_seconds",
            "How long ago everything that there was had been witnessed.",
            0 if since is None else max(now - since, 0) / 1000,
        )
        yield _gauge("verify_witnesses_away", "Witnesses that do not answer.", len(standing.away))
        with contextlib.suppress(OSError):
            free = self._free()
            yield _gauge("verify_disk_free_bytes", "Free space where the database lies.", free)

    def _source_gauge(self) -> GaugeMetricFamily:
        held = GaugeMetricFamily(
            "verify_breaker_state",
            "0: asked, 1: left alone for a while, 2: quarantined until somebody has looked.",
            labels=["source"],
        )
        for source, state in self._parts.sources.states().items():
            held.add_metric([source], _HELD.get(state, 1))
        return held


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)
