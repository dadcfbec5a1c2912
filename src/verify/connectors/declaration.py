"""What one connector declares: whom we ask, on what legal basis, how, and what it means.

One YAML file in `connectors/` is one `Declaration`. Secrets and addresses are never in it, only
the names of the environment variables that hold them.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    PlainValidator,
    SerializeAsAny,
    StringConstraints,
    Tag,
    model_validator,
)

from verify.connectors.auths import Auth
from verify.connectors.grammar import AnswerSpec, Closed, Expectations
from verify.connectors.mapping import Mapper
from verify.connectors.plugins import third_party
from verify.connectors.protocols import (
    DciSearch,
    Env,
    FileDrop,
    Gateway,
    Header,
    Job,
    Paged,
    ProtocolSpec,
    Query,
    Seconds,
    SecretRef,
    SqlView,
    XRoad,
)
from verify.domain.vocabulary import StatementKind


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
    """The environment variable with the address; the default serves the simulated source.

    https is required, except on the loopback interface; `authority` names the PEM file of the
    one authority that may have signed the source's certificate. A folder is `file:///path` or
    `sftp://host/path`, a database an SQLAlchemy URL. Whatever the driver, the environment (and
    it alone) may say `recorded:/path`: then recorded answers take the source's place.
    """

    env: Env
    default: str = ""
    authority: SecretRef | None = None


def _which(value: Any) -> str:
    """The tag of the driver's model: a built-in one, or that of another package."""
    driver = value.get("driver") if isinstance(value, dict) else getattr(value, "driver", None)
    return driver if driver in _BUILT_IN else "other"


def _other(value: Any) -> ProtocolSpec:
    if isinstance(value, ProtocolSpec):
        return value
    name = str(value.get("driver", "")) if isinstance(value, dict) else ""
    return third_party(name).spec.model_validate(value)


_BUILT_IN = frozenset(
    ("query", "x_road", "dci_search", "paged", "gateway", "job", "file_drop", "sql_view")
)
Protocol = Annotated[
    Annotated[Query, Tag("query")]
    | Annotated[XRoad, Tag("x_road")]
    | Annotated[DciSearch, Tag("dci_search")]
    | Annotated[Paged, Tag("paged")]
    | Annotated[Gateway, Tag("gateway")]
    | Annotated[Job, Tag("job")]
    | Annotated[FileDrop, Tag("file_drop")]
    | Annotated[SqlView, Tag("sql_view")]
    | Annotated[SerializeAsAny[ProtocolSpec], PlainValidator(_other), Tag("other")],
    Discriminator(_which),
]


class Second(Closed):
    """A second address of the same register, in an environment variable of its own.

    Asked `after_seconds` if the first has not answered by then; or always, with `compare`: then
    the two must say the same, or the answer is conflicting.
    """

    env: Env
    after_seconds: Seconds = Decimal(2)
    compare: bool = False


class BreakerSpec(Closed):
    """After `failures` in a row nothing is sent for `open_seconds`; then one probe.

    A probe that fails doubles the pause, up to ten minutes.
    """

    failures: int = Field(default=5, ge=1, le=100)
    open_seconds: Seconds = Decimal(5)


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
    second: Second | None = None
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
        if self.second is not None and self.protocol.driver in ("job", "file_drop"):
            raise ValueError("a source that answers later has no `second`: its ticket is of one")
        bodies = self.protocol.bodies
        if (bodies == "parts") != (self.answer.part is not None):
            raise ValueError("`answer.part` goes with the driver `gateway`")
        if (bodies == "pages") != (self.answer.paging is not None):
            raise ValueError("`answer.paging` goes with the driver `paged`")
        if bodies == "pages" and self.answer.total is None:
            raise ValueError("a paged answer states its `total`, so that no page can be lost")
        if isinstance(self.protocol, Paged) and self.answer.paging is not None:
            self.answer.paging.fits(self.protocol.by)
        return self
