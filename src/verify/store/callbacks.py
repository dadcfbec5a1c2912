"""Tokens of callback addresses: made from a key when they are needed, stored as a digest.

A token says "ask again now" and nothing else (ADR 0009); still a copy of the database should not
hold what opens something. Where there is a master key, a question's token is an HMAC of its name
under a key of its own, and what is stored is its SHA-256, to which the ledger is bound. A digest
takes the place of a token in the same 43 characters of base64url: they hold 258 bits, and the two
that are left over are 0 in a token and 1 in a digest. Tokens of before stay what they were for
those who were given them; stored, they become digests when the service starts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, bindparam, select, update

from verify.store import shared
from verify.store.ids import callback_token
from verify.store.keyring import Run
from verify.store.tables import exchanges

LENGTH = 43
STEP = 500
HIDDEN = "callbacks/hidden"
"""Key of the shared state that says that no token is stored any more."""

KIND = "callback"
"""Kind of the keyed digest that makes a token."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_DIGEST_ENDS = tuple(c for c in _ALPHABET if _ALPHABET.index(c) & 3 == 1)
_x = exchanges.c
_REST = (
    update(exchanges)
    .where(_x.callback_token == bindparam("token"))
    .values(callback_token=bindparam("digest"))
)

Blind = Callable[[str, str], str]


def is_digest(stored: str) -> bool:
    """Whether a stored text is the digest of a token, and not a token of before."""
    return len(stored) == LENGTH and stored.endswith(_DIGEST_ENDS)


def stored_form(token: str) -> str:
    """What is stored of a token."""
    text = _text(hashlib.sha256(token.encode()).digest())
    return text[:-1] + _ALPHABET[_ALPHABET.index(text[-1]) | 1]


def ledger_digest(stored: str) -> str:
    """The digest of the token that the ledger holds, from either stored form."""
    if not is_digest(stored):
        return "sha256:" + hashlib.sha256(stored.encode()).hexdigest()
    whole = stored[:-1] + _ALPHABET[_ALPHABET.index(stored[-1]) & ~1]
    try:
        return "sha256:" + base64.urlsafe_b64decode(whole + "=").hex()
    except (ValueError, binascii.Error):
        return ""  # nobody stored that


def new(question: str, blind: Blind | None) -> str:
    """What is stored for a new question `verification/source/person`."""
    return callback_token() if blind is None else stored_form(_made(question, blind))


def token_of(stored: str, question: str, blind: Blind | None) -> str:
    """A question's token; empty where it cannot be known any more, or is not to be without keys."""
    if not is_digest(stored):
        return stored
    if blind is None:
        return ""
    token = _made(question, blind)
    return token if stored_form(token) == stored else ""


def candidates(shown: str) -> tuple[str, ...]:
    """What may be stored of a token that somebody shows; a digest itself opens nothing."""
    return (stored_form(shown),) if is_digest(shown) else (stored_form(shown), shown)


def hide(read: Run, write: Run, now_ms: int) -> int:
    """Store digests in place of tokens, a few each step; how many.

    A step that was lost is done again. That it is done is kept, so that no later start looks
    through all questions.
    """
    version, _ = read(lambda c: shared.get(c, HIDDEN))
    if version:
        return 0
    done, after = 0, ""
    while tokens := read(partial(_next, after=after)):
        plain = [token for token in tokens if not is_digest(token)]
        if plain:
            write(partial(_hide, tokens=plain))
        done, after = done + len(plain), tokens[-1]
    write(lambda c: shared.put(c, HIDDEN, 0, {"hidden": done}, now_ms))
    return done


def _next(connection: Connection, after: str) -> list[str]:
    """The next few stored texts. One that became a digest may come again further on."""
    query = select(_x.callback_token).where(_x.callback_token > after)
    return list(connection.execute(query.order_by(_x.callback_token).limit(STEP)).scalars())


def _hide(connection: Connection, tokens: list[str]) -> None:
    values = [{"token": token, "digest": stored_form(token)} for token in tokens]
    connection.execute(_REST, values)


def _made(question: str, blind: Blind) -> str:
    return _text(bytes.fromhex(blind(KIND, question).partition(":")[2]))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
