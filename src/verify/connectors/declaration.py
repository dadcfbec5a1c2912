"""What one connector declares: whom we ask, on what legal basis, how, and what it means.

One YAML file in `connectors/` is one `Declaration`. Secrets and addresses are never in it, only
the names of the environment variables that hold them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from verify.connectors.grammar import AnswerSpec, Closed, Expectations, Path
from verify.connectors.mapping import Mapper
from verify.domain.vocabulary import StatementKind

Env = Annotated[str, StringConstraints(pattern=r"^VERIFY_[A-Z0-9_]{1,80}$")]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/{}-]{0,200}$")]
Seconds = Annotated[Decimal, Field(gt=0, le=86_400)]

_QUESTION = ("name", "id_number", "former_names", "as_of", "window_start", "window_end")
_WHO_ASKS = ("letter", "purpose", "requester", "case_number", "request_id", "callback_url")
REQUEST_VALUES = frozenset((*_QUESTION, *_WHO_ASKS, "page", "page_size", "part"))
_LEAF = re.compile(r"\$([a-z_]+)(?: (\S+))?")


class Titles(Closed):
    """A name in both languages."""

    zh: str
    en: str


class Source(Closed):
    """Where the legal basis was published, and how sure we are of the text."""

    document: str
    number: str = ""
    article: str = ""
    confidence: Literal["read", "government", "newspaper", "archive", "unverified"]


class Purpose(Closed):
    """One purpose for which the source may be asked, with its legal basis."""

    purpose: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
    basis: Titles
    citations: tuple[Source, ...] = Field(min_length=1)


class Endpoint(Closed):
    """The environment variable with the base URL; the default serves the simulated source.

    https is required, except on the loopback interface.
    """

    env: Env
    default: str = ""


class SecretRef(Closed):
    """The environment variable that holds a secret (or `<env>_FILE`, the file that does)."""

    env: Env


class OAuth2(Closed):
    """OAuth 2 client credentials (RFC 6749 section 4.4); the token is kept until it expires."""

    kind: Literal["oauth2_client_credentials"]
    token_path: UrlPath
    client_id: SecretRef
    client_secret: SecretRef


class ApiKey(Closed):
    """A fixed key in a header."""

    kind: Literal["api_key"]
    header: Header
    key: SecretRef


class Basic(Closed):
    """HTTP Basic credentials (RFC 7617)."""

    kind: Literal["basic"]
    user: SecretRef
    password: SecretRef


class Hmac(Closed):
    """HMAC-SHA256 over each request body, and over head and payload of each answer.

    The answer's signature is base64 over the canonical JSON of `head`, a newline, and the
    payload text, with the same key.
    """

    kind: Literal["hmac_sha256"]
    key_id: SecretRef
    key: SecretRef
    key_id_header: Header
    signature_header: Header
    head: Path
    payload: Path
    signature: Path
    answered_key_id: Path


Auth = Annotated[OAuth2 | ApiKey | Basic | Hmac, Field(discriminator="kind")]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for child in value.values():
            yield from _leaves(child)
    else:
        yield value if isinstance(value, str) else ""


def _check_request(value: dict[str, Any]) -> dict[str, Any]:
    for leaf in _leaves(value):
        found = _LEAF.fullmatch(leaf)
        if leaf.startswith("="):
            continue
        if not found or found[1] not in REQUEST_VALUES:
            raise ValueError(f"{leaf!r} is neither `=text` nor one of ${sorted(REQUEST_VALUES)}")
        if (found[2] is not None) != (found[1] in ("as_of", "window_start", "window_end")):
            raise ValueError(f"{leaf!r}: dates and only dates have a format")
    return value


Request = Annotated[dict[str, Any], AfterValidator(_check_request)]


class Query(Closed):
    """One question, one answer."""

    driver: Literal["query"]
    path: UrlPath
    encoding: Literal["json", "xml"] = "json"
    root: str = ""
    request: Request


class Paged(Closed):
    """One question; the answer comes in pages, each asked for on its own."""

    driver: Literal["paged"]
    path: UrlPath
    encoding: Literal["json", "xml"] = "json"
    root: str = ""
    request: Request
    page_size: int = Field(ge=1, le=1000)
    max_pages: int = Field(ge=1, le=1000)


class Gateway(Closed):
    """One question per part (bank) behind one gateway; a part that is missing makes it partial."""

    driver: Literal["gateway"]
    path: UrlPath
    encoding: Literal["json", "xml"] = "json"
    root: str = ""
    request: Request
    parts: tuple[str, ...] = Field(min_length=1)


class Job(Closed):
    """Submit, get a business number (the ticket), poll until the answer is ready.

    A callback, where the source offers one, is only a hint to poll: it is never evidence.
    """

    driver: Literal["job"]
    path: UrlPath
    encoding: Literal["json", "xml"] = "json"
    root: str = ""
    request: Request
    ticket: Path
    status_path: UrlPath
    poll_seconds: Seconds
    poll_again_seconds: Seconds


Protocol = Annotated[Query | Paged | Gateway | Job, Field(discriminator="driver")]


class BreakerSpec(Closed):
    """After `failures` in a row nothing is sent for `open_seconds`; then one probe."""

    failures: int = Field(default=5, ge=1, le=100)
    open_seconds: Seconds = Decimal(20)


class Timing(Closed):
    """Seconds and tries. The deadline is total: it covers connecting, every page, every retry.

    `retry_permille` bounds retries over time: so many for each 1000 first attempts, beside a
    small reserve. A source in trouble is not met with a storm.
    """

    deadline_seconds: Seconds
    attempt_seconds: Seconds
    attempts: int = Field(ge=1, le=6)
    pause_seconds: Seconds = Decimal("0.2")
    pause_max_seconds: Seconds = Decimal(2)
    retry_after_max_seconds: int = Field(default=900, ge=1, le=86_400)
    breaker: BreakerSpec = BreakerSpec()
    retry_permille: int = Field(default=100, ge=0, le=1000)


class Limits(Closed):
    """How hard we may press the source, and how much we take from it."""

    concurrency: int = Field(ge=1, le=256)
    per_second: int = Field(ge=1, le=10_000)
    max_bytes: int = Field(ge=1_000, le=64_000_000)
    max_rows: int = Field(ge=1, le=100_000)


class Freshness(Closed):
    """How old data may be, and how many whole months before the day in question we ask for."""

    max_age_days: int = Field(ge=0, le=3660)
    lookback_months: int = Field(ge=1, le=120)


class Declaration(Closed):
    """One source as declared in `connectors/<id>.yaml`."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    digest: str = ""
    title: Titles
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    yields: tuple[StatementKind, ...] = Field(min_length=1)
    endpoint: Endpoint
    auth: Auth
    idempotency_header: Header
    protocol: Protocol
    timing: Timing
    limits: Limits
    freshness: Freshness
    expectations: Expectations = Expectations()
    answer: AnswerSpec

    @property
    def driver(self) -> str:
        """Name of the exchange pattern."""
        return self.protocol.driver

    @property
    def max_age_days(self) -> int:
        """Days after which data are stale."""
        return self.freshness.max_age_days

    @property
    def lookback_months(self) -> int:
        """Whole months before the day in question that are asked for."""
        return self.freshness.lookback_months

    @property
    def concurrency(self) -> int:
        """Questions to this source under way at once."""
        return self.limits.concurrency

    @property
    def deadline_seconds(self) -> Decimal:
        """Total time one asking may take."""
        return self.timing.deadline_seconds

    @cached_property
    def mapper(self) -> Mapper:
        """The compiled reader of this source's answers."""
        return Mapper(self.answer)

    def serves(self, purpose: str) -> bool:
        """Whether the declaration knows a legal basis for asking for `purpose`."""
        return any(p.purpose == purpose for p in self.purposes)

    @model_validator(mode="after")
    def _complete(self) -> Declaration:
        if self.answer.kinds != frozenset(self.yields):
            raise ValueError("`yields` lists exactly the statement kinds that `answer` maps")
        if isinstance(self.protocol, Gateway) != (self.answer.part is not None):
            raise ValueError("`answer.part` goes with the driver `gateway`")
        if isinstance(self.protocol, Paged) != (self.answer.paging is not None):
            raise ValueError("`answer.paging` goes with the driver `paged`")
        if isinstance(self.protocol, Paged) and self.answer.total is None:
            raise ValueError("a paged answer states its `total`, so that no page can be lost")
        return self
