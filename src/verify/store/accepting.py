"""Accept a verification: everything it needs to be carried on, in one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from verify.domain.access import Caller
from verify.domain.errors import Conflict, InputError, NotFound, NotPermitted, Problem
from verify.store import blobs, callbacks, columns, forms, ids, ledger
from verify.store.rows import Accepted, EntryKind, NewVerification, PlannedExchange, State
from verify.store.scope import covers
from verify.store.tables import content, exchanges, idempotency, subjects, verifications
from verify.store.vault import Sealed, Sealer

Row = dict[str, Any]

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
MAX_KEY = 255

_INSERT = insert(verifications)
_INSERT_EXCHANGES = insert(exchanges)
_INSERT_SUBJECTS = insert(subjects)


@dataclass(frozen=True)
class Acceptance:
    """All rows of a new verification, prepared outside the transaction."""

    header: Row
    application: Sealed
    exchanges: list[Row]
    subjects: list[Row]
    key: Row | None
    plain_key: Row | None
    entry: Row

    def write(self, connection: Connection) -> Accepted:
        """The unit of work."""
        if self.plain_key is not None:
            # Taken before the vault was there, when keys were stored as they came.
            earlier = _taken(connection, self.plain_key)
            if earlier is not None:
                return _same(earlier, self.plain_key)
        if self.key is not None and not blobs.insert_new(connection, idempotency, self.key):
            return _same(_taken(connection, self.key), self.key)
        blobs.put(connection, [self.application])
        connection.execute(_INSERT, self.header)
        if self.subjects:
            connection.execute(_INSERT_SUBJECTS, self.subjects)
        if self.exchanges:
            connection.execute(_INSERT_EXCHANGES, self.exchanges)
        ledger.append(connection, [self.entry])
        return Accepted(self.header["id"], created=True)


def repeated(
    connection: Connection, caller: Caller, key: tuple[str, str], blind: callbacks.Blind | None
) -> Accepted | None:
    """What a key of this caller's stands for already, with this body; `None` if it is not taken.

    Raises:
        Conflict: it is taken with another body.
    """
    for form in dict.fromkeys((key, _hidden(key, blind))):
        row = _key("", caller, form, 0)
        assert row is not None  # noqa: S101 - the key is none only where there is none
        if (stored := _taken(connection, row)) is not None:
            return _same(stored, row)
    return None


def _same(stored: Any, key: Row) -> Accepted:
    """The key is taken. Same body: the verification it stands for; another body: refused."""
    if stored.body_digest != key["body_digest"]:
        raise Conflict(
            "this Idempotency-Key was used before with another body",
            where="Idempotency-Key",
            remedy="use a new key for a new submission; to repeat one, send the same body",
        )
    return Accepted(stored.verification, created=False)


def _taken(connection: Connection, key: Row) -> Any:
    """The row that took an idempotency key, if one did."""
    i = idempotency.c
    query = select(i.body_digest, i.verification).where(
        i.subject == key["subject"], i.key == key["key"]
    )
    return connection.execute(query).first()


@dataclass(frozen=True)
class Secrecy:
    """How a verification's personal data is sealed and found again."""

    sealer: Sealer
    blind: Callable[[str, str], str] | None


def prepare(
    new: NewVerification,
    caller: Caller,
    key: tuple[str, str] | None,
    now_ms: int,
    secrecy: Secrecy,
) -> Acceptance:
    """Make every row of a new verification.

    Raises:
        NotPermitted: the region is not among the caller's.
        InputError: a case number or idempotency key that no database can hold.
    """
    if not covers(caller, new.region):
        raise NotPermitted(
            "your key does not cover this region",
            where="/region",
            remedy="submit with a key of the accepting region",
        )
    _check_text(new.case_number, key)
    application = secrecy.sealer.seal(new.application, salted=True)
    header = columns.seal(
        "verifications", _header(new, caller, now_ms, application.digest), secrecy.sealer
    )
    if secrecy.blind is not None:
        header["case_blind"] = secrecy.blind(columns.CASE, new.case_number)
    people = _subjects(header["id"], new, secrecy)
    planned = [_exchange(header["id"], p, now_ms, secrecy.blind) for p in new.exchanges]
    hidden = key and _hidden(key, secrecy.blind)
    key_row = _key(header["id"], caller, hidden, now_ms)
    plain_key = _key(header["id"], caller, key, now_ms) if hidden != key else None
    payload = {
        "header": forms.form_digest(forms.HEADER, header),
        "application": header["application_digest"],
        "rules": new.rules_digest,
        "scoring": new.scoring_digest,
        "connectors": new.connectors_digest,
        "engine": new.engine,
        "planned": [forms.planned(row) for row in planned],
        **({"subjects": forms.subjects_digest(people)} if people else {}),
        "idempotency": key_row and forms.form_digest(forms.IDEMPOTENCY, key_row),
        "state": State.ASKING.value,
    }
    entry = ledger.entry(header["id"], ledger.Head(), EntryKind.ACCEPTED, now_ms, payload)
    header |= {"entries": entry["position"], "head": entry["hash"]}
    return Acceptance(header, application, planned, people, key_row, plain_key, entry)


def _hidden(key: tuple[str, str], blind: callbacks.Blind | None) -> tuple[str, str]:
    """Key and body digest behind the blind index: a caller may have put an id into its key, and
    the digest of a body could be guessed."""
    if blind is None:
        return key
    return blind("key", key[0]), blind("body", key[1])


def _subjects(verification: str, new: NewVerification, secrecy: Secrecy) -> list[Row]:
    if secrecy.blind is None:
        return []
    return [
        {"verification": verification, "person": person, "blind": secrecy.blind("id", number)}
        for person, number in sorted(new.people)
    ]


def _header(new: NewVerification, caller: Caller, now_ms: int, application: str) -> Row:
    return {
        "id": ids.verification_id(now_ms),
        "caller": caller.subject,
        "region": new.region,
        "programme": new.programme,
        "case_number": new.case_number,
        "application_digest": application,
        "rules_digest": new.rules_digest,
        "scoring_digest": new.scoring_digest,
        "connectors_digest": new.connectors_digest,
        "engine": new.engine,
        "as_of": new.as_of,
        "known_at": new.known_at,
        "state": State.ASKING.value,
        "created_at": now_ms,
        "answer_by": new.answer_by,
        "give_up_at": new.give_up_at,
        "updated_at": now_ms,
        "verdict_count": 0,
        "due_at": now_ms,
        "lease_until": None,
        "lease_token": 0,
        "attempts": 0,
        "woken": False,
        "in_tree": 0,
        "case_blind": None,
    }


def _exchange(
    verification: str, plan: PlannedExchange, now_ms: int, blind: callbacks.Blind | None
) -> Row:
    question = f"{verification}/{plan.source}/{plan.person}"
    return {
        **forms.UNASKED,
        "verification": verification,
        "source": plan.source,
        "person": plan.person,
        "connector": plan.connector,
        "updated_at": now_ms,
        "callback_token": callbacks.new(question, blind),
        "worth_asking": True,
        "due_at": now_ms,
        "woken": False,
    }


def _key(verification: str, caller: Caller, key: tuple[str, str] | None, now_ms: int) -> Row | None:
    if key is None:
        return None
    # The subject is part of the key: one caller can neither use up nor probe another's.
    return {
        "subject": caller.subject,
        "key": key[0],
        "body_digest": key[1],
        "verification": verification,
        "created_at": now_ms,
    }


def _check_text(case_number: str, key: tuple[str, str] | None) -> None:
    problems = []
    if columns.is_sealed(case_number):
        problems.append(
            Problem("/case_number", "reserved", "it begins with a reserved word.", "Change it.")
        )
    if _UNPRINTABLE.search(case_number):
        problems.append(
            Problem(
                "/case_number", "control-character", "it holds control characters.", "Remove them."
            )
        )
    if key is not None and (not key[0] or len(key[0]) > MAX_KEY or _UNPRINTABLE.search(key[0])):
        problems.append(
            Problem(
                "Idempotency-Key",
                "idempotency-key",
                f"it is empty, longer than {MAX_KEY} characters or not printable.",
                "Use a random UUID.",
            )
        )
    if problems:
        raise InputError("the submission cannot be stored", problems=tuple(problems))


def require_content(connection: Connection, digests: frozenset[str]) -> None:
    """Every content set that judges must be kept in the store first.

    Raises:
        NotFound: names the digest that is not kept.
    """
    query = select(content.c.digest).where(content.c.digest.in_(digests))
    kept = set(connection.execute(query).scalars())
    for missing in sorted(digests - kept):
        raise NotFound(
            "this content set is not kept in the store, so what it judges could not be replayed",
            where=missing,
            remedy="call Store.keep_content for connectors, rules and scoring at start-up",
        )
