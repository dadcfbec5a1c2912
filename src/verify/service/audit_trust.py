"""Whose signatures make a checkpoint count: the log's, and enough of the witnesses'.

Keys come from outside, one a line, as `verify audit keys` prints them. A witness that was replaced
stays as `retired KEY`: what it saw, it saw. Its cosignature counts, and is not asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verify.domain.errors import Conflict, InputError, IntegrityError
from verify.settings import Settings
from verify.store.note import COSIGNATURE, ED25519, Note, PublicKey, Signature

Plain = dict[str, Any]
RETIRED = "retired"


@dataclass(frozen=True)
class Trust:
    """Public keys of logs and witnesses. `quorum`: cosignatures that a checkpoint needs; `None`:
    as many as there are witnesses that are not retired."""

    keys: tuple[PublicKey, ...]
    retired: tuple[PublicKey, ...] = ()
    quorum: int | None = None

    @classmethod
    def of(cls, given: Trust | Sequence[PublicKey]) -> Trust:
        """As given, or all of these keys."""
        return given if isinstance(given, Trust) else cls(tuple(given))

    @classmethod
    def read(cls, text: str, quorum: int | None = None) -> Trust:
        """Read a keys file: one key a line, `retired` before those that are no longer in use.

        Raises:
            InputError: a line holds no key; names the line.
        """
        keys: list[PublicKey] = []
        retired: list[PublicKey] = []
        for number, line in enumerate(text.splitlines(), 1):
            mark, _, rest = line.strip().partition(" ")
            if mark == RETIRED:
                retired.append(_key(rest, number))
            elif mark:
                keys.append(_key(line, number))
        return cls(tuple(keys), tuple(retired), quorum)

    def signers(self, note: Note) -> list[Plain]:
        """The witnesses that signed a checkpoint, and when.

        Every signature must be the valid one of a key that was given: what nobody can check is
        not proof of anything.

        Raises:
            IntegrityError: the log's signature is missing, too few witnesses signed, or a
                signature does not hold.
        """
        held = {key: note.by(key) for key in dict.fromkeys((*self.keys, *self.retired))}
        signed = {key: signature for key, signature in held.items() if signature is not None}
        origin = note.checkpoint.origin
        if not any(key.kind == ED25519 and key.name == origin for key in signed):
            raise _bad(
                "the checkpoint is not signed by a log whose key was given",
                f"it is a checkpoint of the log {origin}: get that log's key from who runs it",
            )
        self._enough(note, signed)
        others = _others(note, signed)
        if others or len(note.signatures) != len(signed):
            raise self._odd(others)
        return [
            {"name": key.name, "seconds": signature.seconds}
            for key, signature in signed.items()
            if key.kind == COSIGNATURE
        ]

    def _enough(self, note: Note, signed: dict[PublicKey, Signature]) -> None:
        witnesses = [k for k in dict.fromkeys(self.keys) if k.kind == COSIGNATURE]
        if not witnesses and not any(key.kind == COSIGNATURE for key in self.retired):
            raise _bad(
                "no witness's key was given: the log's word alone proves nothing",
                "get the witnesses' keys from who runs them (`verify audit keys`)",
            )
        count = sum(key.kind == COSIGNATURE for key in signed)
        needed = self.quorum or max(1, len(witnesses))
        if count >= needed:
            return
        away = [key.name for key in witnesses if key not in signed]
        others = sorted({s.name for s in _others(note, signed)} - set(away))
        reason = f"the witness {', '.join(away)} did not sign the checkpoint"
        if not away:
            reason = f"{count} witnesses signed the checkpoint; {needed} were asked for"
        if others:
            raise _bad(
                f"{reason}; {', '.join(others)} did, whose key was not given",
                f"if it was replaced since, add the line `{RETIRED} KEY` with its key, got from "
                "somebody else than whoever gave you this",
            )
        raise _bad(
            reason,
            "if a witness was away then, say with --quorum how many must have signed; otherwise "
            "keep this, and ask the witness for the checkpoints that it saw",
        )

    def _odd(self, others: Sequence[Signature]) -> IntegrityError:
        known = {(key.name, key.key_id) for key in (*self.keys, *self.retired)}
        false = [s.name for s in others if (s.name, s.key_id) in known]
        if false or not others:
            return _bad(
                f"the signature of {', '.join(false) or 'somebody'} does not hold, or stands there "
                "twice",
                "keep it, and ask the auditor: it was changed since",
            )
        return _bad(
            f"it also carries a signature of {', '.join(s.name for s in others)}, whose key was "
            "not given",
            f"add the key, as `{RETIRED} KEY` if that witness was replaced, or have it exported "
            "again",
        )


def _others(note: Note, signed: dict[PublicKey, Signature]) -> list[Signature]:
    """Signatures that no given key made."""
    return [s for s in note.signatures if s not in signed.values()]


def _key(text: str, number: int) -> PublicKey:
    try:
        return PublicKey.parse(text)
    except InputError as error:
        raise InputError(
            error.reason,
            where=f"keys, line {number}",
            remedy=f"one key a line as `verify audit keys` prints it, or `{RETIRED}` and a key",
        ) from None


def retired_witnesses(settings: Settings) -> tuple[PublicKey, ...]:
    """Keys of the witnesses that were replaced (`VERIFY_WITNESSES_RETIRED`).

    Raises:
        Conflict: one of them is no witness's key.
    """
    found = []
    for text in settings.witnesses_retired.split():
        try:
            key = PublicKey.parse(text)
        except InputError:
            key = None
        if key is None or key.kind != COSIGNATURE:
            raise Conflict(
                "this is not the public key of a witness",
                where="VERIFY_WITNESSES_RETIRED",
                remedy="copy the whole key that `verify audit keys` printed while it was in use",
            )
        found.append(key)
    return tuple(found)


def _bad(reason: str, remedy: str) -> IntegrityError:
    return IntegrityError(f"the proof does not hold: {reason}", where="receipt", remedy=remedy)
