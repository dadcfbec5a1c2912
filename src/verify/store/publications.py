"""How rules were published, as the store offers it (see `verify.store.rule_events`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from verify.store import rule_events
from verify.store.database import Database
from verify.store.rule_events import RuleEventRow
from verify.store.tables import content


class PublishedRules(Database):
    """Look at the events of publishing, add the next one."""

    def rule_events(self) -> tuple[RuleEventRow, ...]:
        """How the rules were published so far, oldest first; raises `IntegrityError`."""
        return self._read(rule_events.every)

    def rule_event_count(self) -> int:
        """How many events `rule_events` has: to notice that there is something new."""
        return self._read(rule_events.count)

    def kept_sets(self, kind: str) -> tuple[str, ...]:
        """Digests of the content sets of a kind that are kept here, in order."""
        query = select(content.c.digest).where(content.c.kind == kind).order_by(content.c.digest)
        return tuple(self._read(lambda c: c.execute(query).scalars().all()))

    def add_rule_event(  # noqa: PLR0917 - see `rule_events.append`
        self,
        after: int,
        proposal: str,
        kind: str,
        actor: str,
        payload: Mapping[str, Any],
        now_ms: int,
    ) -> RuleEventRow:
        """Add the event that follows the first `after` ones, which its author has seen.

        Raises:
            Conflict: somebody else's event came in between.
        """
        return self._writer.run(
            lambda c: rule_events.append(c, after, proposal, kind, actor, payload, now_ms)
        )
