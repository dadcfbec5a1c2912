"""One source made ready to be asked: its address, credentials, limits and breaker."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from verify.connectors.auths import MutualTls
from verify.connectors.breaker import Breaker
from verify.connectors.credentials import Credentials, Secrets, credentials_for
from verify.connectors.declaration import Declaration
from verify.connectors.drivers.recorded import SCHEME as RECORDED
from verify.connectors.egress import Egress, Target, plain_target
from verify.connectors.http import Client, Failure, default_tls
from verify.connectors.limits import RetryBudget, Throttle
from verify.connectors.rate import SharedRate
from verify.connectors.shared import SharedState
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState


@dataclass
class OpenSource:
    """What asking one source needs. `address` is empty where nobody has configured one."""

    declaration: Declaration
    address: str
    client: Client | None
    egress: Egress
    secrets: Secrets
    credentials: Credentials
    throttle: Throttle
    retries: RetryBudget
    breaker: Breaker

    def close(self) -> None:
        """Close all connections."""
        if self.client is not None:
            self.client.close()


def open_source(
    declaration: Declaration,
    environment: Mapping[str, str],
    egress: Egress,
    state: SharedState,
    endpoint_env: str = "",
) -> OpenSource:
    """Open a source; nothing is sent, and no secret read, before the first question.

    `endpoint_env` names another variable for the address than the declaration does (the second
    address of a hedged source).

    Raises:
        ContentError: the address is not one the driver can use, not plain, not encrypted, or
            not on the allow-list.
    """
    env = endpoint_env or declaration.endpoint.env
    given = environment.get(env, "")
    address = given or ("" if endpoint_env else declaration.endpoint.default)
    secrets = secrets_of(declaration, environment, egress, env)
    target = secrets.target
    limits = declaration.limits
    client = None
    if address and target.scheme in ("http", "https"):
        tls = _tls(declaration, secrets)
        client = Client(address, limits.concurrency, env, egress, tls)
    name = f"{declaration.id}@{env}" if endpoint_env else declaration.id
    timing = declaration.timing
    return OpenSource(
        declaration,
        address,
        client,
        egress,
        secrets,
        credentials_for(declaration.auth, secrets),
        Throttle(
            limits.concurrency,
            limits.per_second,
            SharedRate(state, name, limits.per_second).turn,
        ),
        RetryBudget(timing.retry_permille),
        Breaker(
            state,
            name,
            failures=timing.breaker.failures,
            open_ms=int(timing.breaker.open_seconds * 1000),
            probe_ms=int(timing.deadline_seconds * 1000),
        ),
    )


def secrets_of(
    declaration: Declaration, environment: Mapping[str, str], egress: Egress, env: str
) -> Secrets:
    """The secrets that may go to the address in `env`, or to the declared one without it.

    Raises:
        ContentError: see `open_source`.
    """
    given = environment.get(env, "")
    address = given or (declaration.endpoint.default if env == declaration.endpoint.env else "")
    target = _target(declaration, address, given, env, egress)
    return Secrets(environment, target, addressed_by=env if given else "")


def _target(declaration: Declaration, address: str, given: str, env: str, egress: Egress) -> Target:
    """Where secrets of this source go; checks that the driver can use the address."""
    if not address:
        return Target("", "", 0, "")
    if given.startswith(RECORDED):
        return Target("recorded", "", 0, given)
    reach = declaration.protocol.reach
    if reach == "http":
        if address.startswith("sftp:"):
            raise _unusable(env, "an https address")
        return egress.target(address, env)
    # Folders and databases are this machine's own matter: the environment names them, never a
    # declaration.
    if not given:
        raise _unusable(env, "an address in the environment, not in the declaration")
    if reach == "folder":
        if address.startswith("sftp://"):
            return egress.target(address, env)
        if not address.startswith("file:///") or "/../" in address:
            raise _unusable(env, "file:///path or sftp://host/path")
        return Target("file", "localhost", 0, address)
    return _database(address, env, egress)


def _database(address: str, env: str, egress: Egress) -> Target:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address)
    except ArgumentError:
        raise _unusable(env, "an SQLAlchemy URL") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return Target("sqlite", "localhost", 0, "")
    if backend != "postgresql" or not url.host:
        raise _unusable(env, "an SQLAlchemy URL of SQLite or PostgreSQL with a host")
    https = plain_target(f"https://{url.host}:{url.port or 5432}", env)
    egress.target(https.url, env)
    return Target("postgresql", https.host, https.port, "")


def _unusable(env: str, wanted: str) -> ContentError:
    return ContentError(
        "the driver of this source cannot use its address", where=env, remedy=f"give {wanted}"
    )


def _tls(declaration: Declaration, secrets: Secrets) -> Callable[[], ssl.SSLContext] | None:
    authority = declaration.endpoint.authority
    auth = declaration.auth
    if authority is None and not isinstance(auth, MutualTls):
        return None

    def make() -> ssl.SSLContext:
        context = default_tls()
        try:
            if authority is not None:
                context = ssl.create_default_context(cafile=secrets.path(authority))
                context.minimum_version = ssl.TLSVersion.TLSv1_2
            elif isinstance(auth, MutualTls):
                context = ssl.create_default_context()
                context.minimum_version = ssl.TLSVersion.TLSv1_2
            if isinstance(auth, MutualTls):
                context.load_cert_chain(secrets.path(auth.certificate), secrets.path(auth.key))
        except (OSError, ssl.SSLError):
            raise Failure(EvidenceState.UNAUTHORISED, "secret_unreadable") from None
        return context

    return make
