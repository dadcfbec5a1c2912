"""How the sources do: breaker, quarantine, and the last hours by answer, latency, freshness;
and how often their records were surely somebody's own."""

from __future__ import annotations

from typing import Any

from verify.connectors.health import CLASSES, HOUR_MS
from verify.connectors.watch import Watch
from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotPermitted
from verify.domain.match import Judgement
from verify.service.clock import Clock, iso
from verify.service.contents import Contents
from verify.service.source_state import StoreState
from verify.store import Store

Plain = dict[str, Any]
MAX_HOURS = 24 * 14
_NO_ERROR = ("ok", "confirmed_empty", "pending")


class SourceHealth:
    """Look at the sources; let one go on after somebody has looked at it."""

    def __init__(self, store: Store, contents: Contents, state: StoreState, clock: Clock):
        self._store = store
        self._contents = contents
        self._watch = Watch(state)
        self._state = state
        self._clock = clock

    def view(self, hours: int) -> Plain:
        """Every source now, and over the last `hours` (latest hour first)."""
        now = self._clock()
        first = now // HOUR_MS - min(max(hours, 1), MAX_HOURS) + 1
        return {
            "at": iso(now),
            "sources": [self._source(s, first, now) for s in self._contents.connectors.sources],
        }

    def states(self) -> dict[str, str]:
        """Each source: `asked`, why it is left alone for a while, or `quarantined`."""
        found = {}
        connectors = self._contents.connectors
        for source in connectors.sources:
            breaker = self._state.get(f"breaker/{source}")[1]
            held = str(breaker.get("reason", "breaker_open")) if breaker.get("until") else "asked"
            quarantined = self._watch.quarantined(connectors.declaration(source))
            found[source] = "quarantined" if quarantined else held
        return found

    def release(self, source: str, caller: Caller) -> Plain:
        """Ask a quarantined source again.

        Raises:
            NotPermitted: the caller is not an administrator.
            NotFound: there is no such source.
        """
        if RoleName.ADMINISTRATOR not in caller.roles:
            raise NotPermitted(
                "only an administrator lets a source go on",
                where=source,
                remedy="have somebody with the role `administrator` look at it",
            )
        self._contents.connectors.declaration(source)
        self._watch.release(source)
        now = self._clock()
        return self._source(source, now // HOUR_MS, now)

    def _source(self, source: str, first: int, now: int) -> Plain:
        declaration = self._contents.connectors.declaration(source)
        breaker = self._state.get(f"breaker/{source}")[1]
        kept = self._store.shared_under(f"health/{source}/")
        hours = {int(k.rpartition("/")[2]): v for k, v in kept.items()}
        chosen = {h: v for h, v in sorted(hours.items(), reverse=True) if h >= first}
        quarantined = self._watch.quarantined(declaration)
        until = int(breaker.get("until", 0))
        held = str(breaker.get("reason", "breaker_open")) if until else ""
        return {
            "id": source,
            "title": {"zh": declaration.title.zh, "en": declaration.title.en},
            "connector": declaration.digest,
            "state": "quarantined" if quarantined else held or "asked",
            "reason": quarantined,
            "held_until": iso(until) if until > now else None,
            "hours": [{"from": iso(h * HOUR_MS), **_hour(v)} for h, v in chosen.items()],
            "matches": self._matches(source, first),
        }

    def _matches(self, source: str, first: int) -> list[Plain]:
        """How this source's records were judged in the verdicts of each hour, latest first."""
        kept = self._store.shared_under(f"judged/{source}/")
        hours = sorted(((int(k.rpartition("/")[2]), v) for k, v in kept.items()), reverse=True)
        return [{"from": iso(h * HOUR_MS), **_judged(v)} for h, v in hours if h >= first]


def _hour(counts: Plain) -> Plain:
    asked = counts["asked"]
    looked, dated = counts.get("looked", 0), counts.get("dated", 0)
    fields = counts.get("fields", 0)
    good = sum(counts.get(f"state.{s}", 0) for s in _NO_ERROR)
    states = {k.removeprefix("state."): n for k, n in counts.items() if k.startswith("state.")}
    return {
        "asked": asked,
        "states": dict(sorted(states.items())),
        "mean_ms": counts.get("ms", 0) // asked,
        "p95_ms_at_most": _at_most(counts, 95),
        "error_permille": 1000 * (asked - good) // asked,
        "filled_permille": 1000 * counts.get("filled", 0) // fields if fields else None,
        "found_permille": 1000 * counts.get("found", 0) // looked if looked else None,
        "mean_age_days": counts.get("age_days", 0) // dated if dated else None,
    }


def _judged(counts: Plain) -> Plain:
    records = sum(counts.values())
    shares = {f"{j.value}_permille": 1000 * counts.get(j.value, 0) // records for j in Judgement}
    return {"records": records, **shares}


def _at_most(counts: Plain, percent: int) -> int | None:
    """The class within which so many percent of the askings ended; nothing above all classes."""
    needed, seen = counts["asked"] * percent, 0
    for edge in CLASSES:
        seen += counts.get(f"ms.{edge}", 0)
        if seen * 100 >= needed:
            return edge
    return None
