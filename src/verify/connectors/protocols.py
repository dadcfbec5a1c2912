"""How a source is talked to: what each driver needs to know. One model per driver.

A driver of another package adds its own model by entry point (`verify.connectors.drivers`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints

from verify.connectors.grammar import Closed, Path

Env = Annotated[str, StringConstraints(pattern=r"^VERIFY_[A-Z0-9_]{1,80}$")]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/{}-]{0,200}$")]
Seconds = Annotated[Decimal, Field(gt=0, le=86_400)]
_PIECE = r"[A-Za-z0-9_.-]{0,40}"
FileName = Annotated[str, StringConstraints(pattern=rf"^{_PIECE}\{{request\}}{_PIECE}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,120}$")]

_QUESTION = ("name", "id_number", "former_names", "as_of", "window_start", "window_end")
_WHO_ASKS = ("letter", "purpose", "requester", "case_number", "request_id", "callback_url")
_WHERE = ("page", "page_size", "offset", "cursor", "part")
REQUEST_VALUES = frozenset((*_QUESTION, *_WHO_ASKS, *_WHERE))
_LEAF = re.compile(r"\$([a-z_]+)(?: (\S+))?")


class SecretRef(Closed):
    """The name of a secret: an environment variable, or `<env>_FILE`, or `<env>_KEYRING`."""

    env: Env


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list):
        for child in value:
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


class ProtocolSpec(Closed):
    """What every driver's model has.

    `reach` says what the endpoint's address is; `bodies` how the bodies of one answer belong
    together: `one`, the `pages` of one list, or `parts` that each stand for themselves.
    """

    reach: ClassVar[Literal["http", "folder", "database"]] = "http"
    bodies: ClassVar[Literal["one", "pages", "parts"]] = "one"
    driver: str


class HttpSpec(ProtocolSpec):
    """A request over HTTP. SOAP wraps it into an envelope and says its action."""

    path: UrlPath
    encoding: Literal["json", "xml", "soap"] = "json"
    root: str = ""
    namespace: str = ""
    action: str = ""
    request: Request


class Query(HttpSpec):
    """One question, one answer."""

    driver: Literal["query"]


class XRoad(HttpSpec):
    """One question through an X-Road-style security server (message protocol for REST).

    `client` and `service` are identifiers such as `CN/GOV/310000/MZ-HEDUI`; the server's answer
    must repeat our message id.
    """

    driver: Literal["x_road"]
    client: Token
    service: Token


class DciSearch(ProtocolSpec):
    """A search in a DCI / G2P Connect registry (`/registry/sync/search`).

    `sender` and `receiver` name the two systems, `registry` and `record` what is searched.
    """

    driver: Literal["dci_search"]
    path: UrlPath = "/registry/sync/search"
    sender: Token
    receiver: Token
    registry: Token
    record: Token
    id_type: Token = "NATIONAL_ID"
    page_size: int = Field(default=200, ge=1, le=1000)


class Paged(HttpSpec):
    """One question; the answer comes in pages, each asked for on its own.

    The next page is asked for by its number, by the number of rows before it, or by the cursor
    that the page before gave.
    """

    bodies: ClassVar[Literal["one", "pages", "parts"]] = "pages"
    driver: Literal["paged"]
    by: Literal["page", "offset", "cursor"] = "page"
    page_size: int = Field(ge=1, le=1000)
    max_pages: int = Field(ge=1, le=1000)


class Gateway(HttpSpec):
    """One question per part (bank) behind one gateway; a part that is missing makes it partial."""

    bodies: ClassVar[Literal["one", "pages", "parts"]] = "parts"
    driver: Literal["gateway"]
    parts: tuple[str, ...] = Field(min_length=1)


class Job(HttpSpec):
    """Submit, get a business number (the ticket), poll until the answer is ready, for days.

    A callback, where the source offers one, is only a hint to poll: it is never evidence.
    """

    driver: Literal["job"]
    ticket: Path
    status_path: UrlPath
    poll_seconds: Seconds
    poll_again_seconds: Seconds


class Archive(Closed):
    """The answer file is a zip with exactly one member beside its signature.

    `signature` is a member that holds base64 of an HMAC over the other member's bytes;
    `cipher` says that the answer file is nonce (12 bytes), cipher text and tag.
    """

    member: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]
    signature: str = ""
    signed: Literal["hmac_sha256", "hmac_sm3"] | None = None
    sign_key: SecretRef | None = None
    cipher: Literal["aes_256_gcm", "sm4_gcm"] | None = None
    cipher_key: SecretRef | None = None


class FileDrop(ProtocolSpec):
    """A request file into one folder, the answer file from another, hours or days later.

    `{request}` in a name is a hash of the request id: no name ever holds personal data. A file
    that is still being written has another name (`.part`) or another size a moment later.
    """

    reach: ClassVar[Literal["http", "folder", "database"]] = "folder"
    driver: Literal["file_drop"]
    outbox: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")] = "requests"
    inbox: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")] = "answers"
    request_name: FileName
    answer_name: FileName
    encoding: Literal["json", "xml"] = "json"
    root: str = ""
    request: Request
    archive: Archive | None = None
    poll_seconds: Seconds = Decimal("0.5")
    poll_again_seconds: Seconds = Decimal(600)


class SqlView(ProtocolSpec):
    """Rows of a read-only view, chosen by identity number.

    `data_day` names a view of one row and one column: the day of which the data are.
    """

    reach: ClassVar[Literal["http", "folder", "database"]] = "database"
    driver: Literal["sql_view"]
    view: Identifier
    id_column: Identifier
    columns: tuple[Identifier, ...] = Field(min_length=1)
    data_day: Identifier
