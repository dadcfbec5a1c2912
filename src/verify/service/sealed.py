"""The sealed input of one verdict: everything the judging path is a function of.

verdict = f(application, evidence, rules, scoring, connectors, engine version). The sealed input
names each part by digest; the parts themselves are content-addressed blobs in the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import TypeAdapter

from verify.domain.canonical import Plain, canonical_bytes, digest, digest_bytes, plain_fields
from verify.domain.evidence import Exchange
from verify.domain.household import Application

SCHEMA = "verify.sealed/1"

_APPLICATION: TypeAdapter[Application] = TypeAdapter(Application)
_EXCHANGES: TypeAdapter[tuple[Exchange, ...]] = TypeAdapter(tuple[Exchange, ...])


@dataclass(frozen=True, slots=True)
class Digests:
    """The versions a verification is pinned to when it is accepted."""

    rules: str
    scoring: str
    connectors: str
    engine: str


@dataclass(frozen=True)
class SealedCase:
    """One household ready to be judged.

    `closed` says that no source will be asked again (all answered, or the time to ask is over).
    `bodies` maps digests of raw answers to their bytes.
    """

    application: Application
    exchanges: tuple[Exchange, ...]
    digests: Digests
    closed: bool
    bodies: Mapping[str, bytes] = field(repr=False)

    def bundle(self) -> bytes:
        """Canonical bytes of the sealed input (bodies by digest)."""
        return canonical_bytes(
            {
                "schema": SCHEMA,
                "application": self.application_digest,
                "exchanges": [_plain(e) for e in self.exchanges],
                "digests": self.digests,
                "closed": self.closed,
            }
        )

    @cached_property
    def application_digest(self) -> str:
        """Digest of the application's canonical bytes."""
        return application_digest(self.application)

    @property
    def versions(self) -> frozenset[str]:
        """The sets of connectors, beside the pinned one, that answers were asked with."""
        return frozenset(e.connectors for e in self.exchanges if e.connectors)

    @cached_property
    def evidence_digest(self) -> str:
        """Digest of what is known: the same answers give the same digest however often asked."""
        return digest(
            {
                "closed": self.closed,
                "exchanges": [
                    [e.source, e.person, e.transport, e.connector, e.bodies, e.detail]
                    for e in self.exchanges
                ],
            }
        )


def versions_of(cases: Iterable[SealedCase]) -> frozenset[str]:
    """The `versions` of several cases."""
    return frozenset().union(*(case.versions for case in cases))


def _plain(exchange: Exchange) -> dict[str, Plain]:
    """An exchange as it is sealed: as before there were other versions, where there is none."""
    unused = () if exchange.connectors else ("connectors",)
    return plain_fields(exchange, without=frozenset(unused))


def application_bytes(application: Application) -> bytes:
    """Canonical bytes of an application."""
    return canonical_bytes(application)


def application_digest(application: Application) -> str:
    """Digest of `application_bytes`."""
    return digest_bytes(application_bytes(application))


def read_application_bytes(data: bytes) -> Application:
    """Rebuild an application from its canonical bytes."""
    return _APPLICATION.validate_python(json.loads(data))


def read_bundle(data: bytes, application: Application, bodies: Mapping[str, bytes]) -> SealedCase:
    """Rebuild a sealed case from its bundle, its application and its bodies."""
    raw = json.loads(data)
    return SealedCase(
        application=application,
        exchanges=_EXCHANGES.validate_python(raw["exchanges"]),
        digests=Digests(**raw["digests"]),
        closed=raw["closed"],
        bodies=bodies,
    )
