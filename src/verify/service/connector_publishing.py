"""Publish the declaration of a source by two people: draft, approval, a time, and back again.

The steps are those of `verify.service.proposing`. The digest of a version is the one that every
verdict names beside the answers that were asked and read with it. A draft that does not load,
goes to another host, takes another host's secret or fails its contract is not stored at all.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from verify.connectors import Connectors, Declaration, read_declaration
from verify.content import ContentSet, content_root
from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, ContentError, InputError, NotFound, Problem
from verify.service.clock import CHINA, Clock, iso
from verify.service.connector_checks import DraftChecks, check_draft, not_loading
from verify.service.contents import Contents
from verify.service.in_force import InForce
from verify.service.proposing import (
    Desk,
    Draft,
    Subject,
    find,
    instant,
    note_faults,
    permit,
    refuse,
)
from verify.service.schedule import (
    REPLIES,
    STORED,
    Proposal,
    ProposalState,
    Schedule,
    connector_subject,
)
from verify.store import Store

Plain = dict[str, Any]

READERS = (RoleName.ADMINISTRATOR, RoleName.AUDITOR)


class ConnectorPublishing:
    """Propose, approve, withdraw, roll back; look at versions and drafts."""

    def __init__(
        self,
        store: Store,
        contents: Contents,
        in_force: InForce,
        clock: Clock,
        environment: Mapping[str, str],
    ) -> None:
        self._store = store
        self._contents = contents
        self._clock = clock
        self._environment = environment
        self._desk = Desk(store, in_force, clock)
        # The same texts beside the same sources always have the same faults.
        self._check_once = lru_cache(maxsize=32)(self._check)

    # -- the steps ------------------------------------------------------------------------

    def propose(  # noqa: PLR0917 - what, from when on, why, on what: each of its own kind
        self,
        source: str,
        text: str,
        caller: Caller,
        starts: dt.datetime | None = None,
        note: str = "",
        replies: str | None = None,
        base: str | None = None,
    ) -> Plain:
        """Store a declaration as a proposal that counts from `starts` on (default: approval).

        `replies` are its recorded replies (default: those that the version before it has);
        `base` is the digest of the version it was written on (default: the one that will be in
        force when it starts). A time without a zone is China's.

        Raises:
            NotPermitted: the caller is no administrator.
            InputError: the draft has a fault, each with `file:line` and remedy; it changes
                nothing; its time is past; the note is too long.
            Conflict: somebody else did something at the same moment.
        """
        permit(caller, (RoleName.ADMINISTRATOR,))
        subject = self._subject(source)
        now = self._clock()
        schedule = self._desk.schedule(subject)
        at = now if starts is None else _instant_of(starts)
        base = base or self._desk.live(subject, schedule, max(at, now))
        given = replies if replies is not None else self._replies(source, schedule, base)
        checks = self._checked(source, text, given)
        problems = [*_time_faults(at, now, starts), *note_faults(note)]
        refuse([*problems, *(f.problem() for f in checks.faults)])
        assert checks.declaration is not None  # noqa: S101 - it has no fault, so it loads
        if checks.declaration.digest == base:
            refuse([_no_change()])
        draft = Draft(
            digest=checks.declaration.digest,
            base=base,
            starts=iso(at),
            starts_at=at,
            note=note,
            checks=checks.summary(),
            more={
                STORED: self._kept("connectors", source, text),
                REPLIES: self._kept("replies", source, given or ""),
                "on": self._kept_base(source, schedule, base),
            },
        )
        return self.view(source, self._desk.propose(subject, draft, schedule, caller), caller)

    def approve(self, source: str, proposal: str, caller: Caller) -> Plain:
        """Approve another person's proposal: from its time on its source is asked so.

        Raises:
            NotPermitted: the caller is no administrator, or made the proposal.
            NotFound: no such proposal.
            Conflict: it is not open any more, fails its checks by now, or was written on a
                version that is not the one before it.
        """
        subject = self._subject(source)
        opened = self._desk.open(subject, proposal, caller)
        checks = self._checks_of(source, opened[1])
        if not checks.passed:
            first = checks.faults[0]
            raise Conflict(
                f"it has {len(checks.faults)} fault(s); the first: {first.where}: {first.what}",
                where=proposal,
                remedy=first.remedy,
            )
        self._desk.approve(subject, opened, caller, checks.summary())
        return self.view(source, proposal, caller)

    def withdraw(self, source: str, proposal: str, caller: Caller) -> Plain:
        """Take a proposal back before its time.

        Raises:
            NotPermitted, NotFound, Conflict: see `Desk.withdraw`.
        """
        self._desk.withdraw(self._subject(source), proposal, caller)
        return self.view(source, proposal, caller)

    def roll_back(self, source: str, digest: str, caller: Caller, note: str = "") -> Plain:
        """End the published version in force; the one before it counts again at once.

        Raises:
            NotPermitted, Conflict, InputError: see `Desk.roll_back`.
        """
        ended = self._desk.roll_back(self._subject(source), digest, note, caller)
        return self.view(source, ended.id, caller)

    # -- looking --------------------------------------------------------------------------

    def page(self, source: str, caller: Caller) -> Plain:
        """Which version of a source counts now, its text, and every proposal, newest first.

        Raises:
            NotFound: no such source is declared or was ever proposed.
        """
        permit(caller, READERS)
        subject = self._subject(source)
        schedule = self._desk.schedule(subject)
        if not subject.folder and not schedule.proposals:
            self._contents.connectors.declaration(source)  # says which sources there are
        now = self._clock()
        current = schedule.in_force(now)
        digest = self._desk.live(subject, schedule, now)
        newest = sorted(schedule.proposals.values(), key=lambda p: p.id, reverse=True)
        return {
            "source": source,
            "in_force": {
                "digest": digest or None,
                "from": "store" if current is not None else "folder",
                "proposal": current.id if current is not None else None,
                "since": instant(current.takes_effect_at) if current is not None else None,
                "folder": subject.folder or None,
            },
            "declaration": self._text(source, schedule, digest) if digest else None,
            "proposals": [self._summary(schedule, p) for p in newest],
        }

    def view(self, source: str, proposal: str, caller: Caller) -> Plain:
        """A proposal with its text, how it differs from its base, its faults, its history."""
        permit(caller, READERS)
        subject = self._subject(source)
        schedule = self._desk.schedule(subject)
        found = find(schedule, subject, proposal)
        text = self._text_of(source, found)
        before = self._text(source, schedule, found.base) if found.base else ""
        return {
            **self._summary(schedule, found),
            "declaration": text,
            "changes": _difference(before, text, found),
            "faults": [f.plain() for f in self._checks_of(source, found).faults],
            "events": self._desk.events(found.id),
        }

    def version(self, source: str, digest: str, caller: Caller) -> Plain:
        """One version by the digest that verdicts name: its text, and who brought it about.

        Raises:
            NotFound: no version of this source with that digest is on record.
        """
        permit(caller, READERS)
        schedule = self._desk.schedule(self._subject(source))
        made = [self._summary(schedule, p) for p in schedule.sequence if p.digest == digest]
        return {
            "source": source,
            "digest": digest,
            "folder": digest == self._contents.folder_declaration(source),
            "declaration": self._text(source, schedule, digest),
            "proposals": made,
        }

    def check(self, source: str, text: str, replies: str | None, caller: Caller) -> DraftChecks:
        """The faults of a draft; nothing is stored.

        `replies` as in `propose`.
        """
        permit(caller, READERS)
        return self._checked(source, text, self.replies(source) if replies is None else replies)

    def readable(self, source: str, text: str) -> Declaration:
        """The declaration that a draft is, whatever else is wrong with it.

        Raises:
            InputError: it does not load, with `file:line` and remedy.
        """
        path = f"{source}.yaml"
        try:
            return read_declaration(ContentSet("connectors", {path: text}), path)
        except ContentError as error:
            raise InputError(
                "the draft cannot be read",
                where=error.where,
                problems=(not_loading(error).problem(),),
            ) from None

    def replies(self, source: str) -> str | None:
        """The recorded replies of the version in force."""
        subject = self._subject(source)
        schedule = self._desk.schedule(subject)
        digest = self._desk.live(subject, schedule, self._clock())
        return self._replies(source, schedule, digest)

    def draft(self, source: str, proposal: str, caller: Caller) -> tuple[str, str, bool]:
        """Text and recorded replies of a proposal, and whether a second person approved it."""
        permit(caller, READERS)
        subject = self._subject(source)
        schedule = self._desk.schedule(subject)
        found = find(schedule, subject, proposal)
        state = schedule.state(found, self._clock())
        approved = state in (ProposalState.SCHEDULED, ProposalState.IN_FORCE)
        return self._text_of(source, found), self._replies_of(source, found) or "", approved

    # -- inside ---------------------------------------------------------------------------

    def _subject(self, source: str) -> Subject:
        folder = self._contents.folder_declaration(source)
        lists = f"verify connectors proposals {source}"
        return Subject(connector_subject(source), RoleName.ADMINISTRATOR, folder, lists)

    def _checked(self, source: str, text: str, replies: str | None) -> DraftChecks:
        return self._check_once(source, text, replies, self._contents.connectors)

    def _check(
        self, source: str, text: str, replies: str | None, others: Connectors
    ) -> DraftChecks:
        return check_draft(source, text, replies, others, self._environment)

    def _checks_of(self, source: str, found: Proposal) -> DraftChecks:
        return self._checked(source, self._text_of(source, found), self._replies_of(source, found))

    def _kept(self, kind: str, source: str, text: str) -> str:
        content = ContentSet(kind, {f"{source}.yaml": text})
        self._store.keep_content(kind, content.digest, content.to_blob())
        return content.digest

    def _kept_base(self, source: str, schedule: Schedule, base: str) -> str:
        """The stored text of the base: the folder's own may be another one by tomorrow."""
        if not base:
            return ""
        return self._kept("connectors", source, self._text(source, schedule, base))

    def _text_of(self, source: str, found: Proposal) -> str:
        return self._contents.stored_text(source, str(found.more[STORED]))

    def _text(self, source: str, schedule: Schedule, digest: str) -> str:
        """The text of a version that is or was proposed, built on, or is the folder's.

        Raises:
            NotFound: no version with that digest is on record.
        """
        if digest == self._contents.folder_declaration(source):
            return self._contents.sets["connectors"].files[f"{source}.yaml"]
        for p in schedule.proposals.values():
            if p.digest == digest:
                return self._text_of(source, p)
            if p.base == digest:
                return self._contents.stored_text(source, str(p.more["on"]))
        raise NotFound("there is no such version of this source", where=source)

    def _replies(self, source: str, schedule: Schedule, digest: str) -> str | None:
        """The recorded replies of a version; those of the installation for the folder's."""
        for p in reversed(schedule.sequence):
            if p.digest == digest:
                return self._replies_of(source, p)
        return shipped_replies(source)

    def _replies_of(self, source: str, found: Proposal) -> str | None:
        stored = self._store.content(str(found.more[REPLIES]))
        return ContentSet.from_blob(stored).files[f"{source}.yaml"]

    def _summary(self, schedule: Schedule, p: Proposal) -> Plain:
        return {
            **self._desk.summary(schedule, p),
            "base": p.base or None,
            "rolled_back_by": p.rolled_back_by or None,
            "rolled_back_at": instant(p.rolled_back_at),
            "rolled_back_to": p.rolled_back_to or None,
        }


def shipped_replies(source: str) -> str | None:
    """The recorded replies of a source that came with the software, if any did."""
    file = content_root() / "fixtures" / "replies" / source / "replies.yaml"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _instant_of(starts: dt.datetime) -> int:
    aware = starts if starts.tzinfo is not None else starts.replace(tzinfo=CHINA)
    return int(aware.timestamp() * 1000)


def _time_faults(at: int, now: int, starts: dt.datetime | None) -> list[Problem]:
    if starts is None or at >= now:
        return []
    return [
        Problem(
            "/starts",
            "past-time",
            "the time is past; what was asked until now was asked with the version before.",
            "Give a later time, or none: then it counts from its approval on.",
        )
    ]


def _no_change() -> Problem:
    return Problem("/declaration", "no-change", "it is the version it builds on.", "Change it.")


def _difference(before: str, after: str, found: Proposal) -> list[str]:
    """A unified diff, line by line."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), found.base[:19], found.digest[:19], lineterm=""
    )
    return list(lines)
