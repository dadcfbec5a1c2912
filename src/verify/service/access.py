"""Who is calling: API keys of this installation, or bearer tokens (JWT) of an identity provider.

An API key is `vk_<id>_<secret>` with 256 random bits of secret; only the SHA-256 of the secret is
stored, which for a random secret is as good as a slow hash. Bearer tokens are verified with the
public keys of a JWKS file; only asymmetric algorithms are accepted, never `none` or HS256.

Neither keys nor tokens, nor anything a token says, ever appear in errors or logs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError

from verify.domain.access import Caller, RoleName
from verify.domain.errors import InputError, NotAuthenticated, Problem
from verify.service.clock import Clock, now_ms
from verify.service.tokens import (
    ALGORITHMS,
    LEEWAY_SECONDS,
    PublicKeys,
    Registry,
    SigningKey,
    mint_token,
    new_signing_key,
)
from verify.settings import Settings
from verify.store import ApiKeyRow, Store

__all__ = ["Authenticator", "SigningKey", "create_key", "mint_token", "new_signing_key"]

MAX_CREDENTIAL = 8_192
MAX_SUBJECT = 200

_KEY = re.compile(r"vk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([!-~]+)", re.ASCII)
_REGION = re.compile(r"\*|[0-9]{6}", re.ASCII)
_SEPARATE = (RoleName.CASEWORKER, RoleName.AUDITOR, RoleName.ADMINISTRATOR, RoleName.POLICY)


def create_key(
    store: Store, label: str, roles: Iterable[RoleName], regions: Iterable[str], now: int
) -> str:
    """Make an API key and return its text, which is never shown again.

    Raises:
        InputError: no role, two roles that nobody may hold together, or a region that is
            neither a six-digit GB/T 2260 code nor `*`.
    """
    granted = tuple(sorted({RoleName(role).value for role in roles}))
    covered = tuple(sorted(set(regions)))
    problems = _grant_problems(granted, covered)
    if problems:
        raise InputError("the key cannot be made", problems=problems)
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    store.add_key(
        ApiKeyRow(
            key_id=key_id,
            secret_hash=_secret_hash(secret),
            label=label,
            roles=granted,
            regions=covered,
            created_at=now,
            revoked_at=None,
        )
    )
    return f"vk_{key_id}_{secret}"


def _grant_problems(roles: tuple[str, ...], regions: tuple[str, ...]) -> tuple[Problem, ...]:
    problems = []
    if not roles:
        problems.append(Problem("/roles", "no-role", "no role is given.", "Give at least one."))
    if sum(role in _SEPARATE for role in roles) > 1:
        problems.append(
            Problem(
                "/roles",
                "separate-duties",
                "two of its roles must not be held by one holder.",
                f"Give only one of: {', '.join(_SEPARATE)}.",
            )
        )
    if not regions or not all(_REGION.fullmatch(region) for region in regions):
        problems.append(
            Problem(
                "/regions",
                "region-code",
                "a region is a six-digit GB/T 2260 code, or * for all.",
                "Give at least one, for example 310000.",
            )
        )
    return tuple(problems)


def _secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


class Authenticator:
    """Turns the credentials of a request into a `Caller`, or refuses.

    Keys are looked up and the JWKS file is checked for change on every request, so that
    revoking a key or removing a public key works at once.
    """

    def __init__(self, settings: Settings, store: Store, clock: Clock = now_ms) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._public_keys = PublicKeys(settings.jwks_file)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: clock() // 1000,
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": settings.jwt_issuer},
            aud={"essential": True, "value": settings.jwt_audience},
            exp={"essential": True},
            nbf={"essential": True},
            sub={"essential": True},
        )

    def authenticate(self, authorization: str | None, api_key: str | None = None) -> Caller:
        """The caller behind an `Authorization` header (`Bearer` key or token) or `X-API-Key`.

        Raises:
            NotAuthenticated: no credentials, two of them, or any that do not hold.
            ContentError: the JWKS file of this installation cannot be used.
        """
        if authorization is not None and api_key is not None:
            raise _refused("two credentials were sent", "send one: Authorization or X-API-Key")
        if authorization is None and api_key is None:
            raise _refused("no credentials were sent", "send Authorization: Bearer <key or token>")
        credential = api_key if authorization is None else _bearer(authorization)
        if credential is None or len(credential) > MAX_CREDENTIAL:
            raise _refused("the credentials cannot be read", "send Authorization: Bearer <key>")
        if api_key is not None or credential.startswith("vk_"):
            return self._by_key(credential)
        return self._by_token(credential)

    def _by_key(self, text: str) -> Caller:
        shape = _KEY.fullmatch(text)
        row = self._store.key(shape[1]) if shape else None
        # Compared even where there is no such key: the time taken tells nothing.
        expected = row.secret_hash if row else "0" * 64
        held = hmac.compare_digest(_secret_hash(shape[2] if shape else ""), expected)
        if row is None or not held or row.revoked_at is not None:
            raise _refused(
                "this API key does not hold: unknown, mistyped or revoked",
                "ask the administrator of this installation for a new key",
            )
        return _caller(f"key:{row.key_id}", row.roles, row.regions)

    def _by_token(self, text: str) -> Caller:
        try:
            token = jwt.decode(
                text,
                self._public_keys.find,
                algorithms=list(ALGORITHMS),
                registry=Registry(algorithms=list(ALGORITHMS)),
            )
            self._claims.validate(token.claims)
        except ExpiredTokenError:
            raise _refused("the token has expired", "get a new one from its issuer") from None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise _bad_token() from None
        return _token_caller(token.claims)


def _bearer(authorization: str | None) -> str | None:
    found = _BEARER.fullmatch(authorization or "")
    return found[1] if found else None


def _token_caller(claims: Mapping[str, Any]) -> Caller:
    subject, roles, regions = (claims.get(name) for name in ("sub", "roles", "regions"))
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise _bad_token()
    if not (_texts(roles) and _texts(regions)):
        raise _bad_token()
    # A prefix of its own: no issuer can name somebody who is a holder of one of our keys.
    return _caller(f"sub:{subject}", tuple(roles), tuple(regions))


def _texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _caller(subject: str, roles: tuple[str, ...], regions: tuple[str, ...]) -> Caller:
    """Roles and regions are checked on use as well: a stored or signed grant may be older."""
    known = {role.value for role in RoleName}
    if not known.issuperset(roles) or _grant_problems(roles, regions):
        raise _refused(
            "the credentials grant roles or regions that are not valid here",
            "ask for credentials with one role and six-digit region codes",
        )
    return Caller(subject, frozenset(RoleName(role) for role in roles), regions)


def _bad_token() -> NotAuthenticated:
    return _refused(
        "this token does not hold: its signature, issuer, audience, dates or claims are not right",
        "get a token for this service from its identity provider",
    )


def _refused(reason: str, remedy: str) -> NotAuthenticated:
    return NotAuthenticated(reason, where="Authorization", remedy=remedy)
