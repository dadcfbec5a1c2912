"""How a source knows us. Secrets are named here, never written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from verify.connectors.grammar import Closed, Path
from verify.connectors.protocols import Header, SecretRef, UrlPath


class NoAuth(Closed):
    """Nothing beside the address itself: a folder's or a database's own access rights."""

    kind: Literal["none"]


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
    """An HMAC over each request body, and over head and payload of each answer.

    With SHA-256, or with SM3 (GB/T 32905) where a source uses the commercial cipher suite. The
    answer's signature is base64 over the canonical JSON of `head`, a newline, and the payload
    text, with the same key.
    """

    kind: Literal["hmac_sha256", "hmac_sm3"]
    key_id: SecretRef
    key: SecretRef
    key_id_header: Header
    signature_header: Header
    head: Path
    payload: Path
    signature: Path
    answered_key_id: Path


class Signed(Closed):
    """Each request is signed: base64 of an HMAC over method, path, time, nonce and body, each
    on its own line. The source refuses what is old or was seen before."""

    kind: Literal["signed_request"]
    algorithm: Literal["hmac_sha256", "hmac_sm3"]
    key_id: SecretRef
    key: SecretRef
    key_id_header: Header
    signature_header: Header
    time_header: Header
    nonce_header: Header


class MutualTls(Closed):
    """A client certificate and its key, as PEM files (`<env>_FILE`)."""

    kind: Literal["mutual_tls"]
    certificate: SecretRef
    key: SecretRef


class SftpKey(Closed):
    """A user and a private key file (`<env>_FILE`) for SFTP, and the only host key accepted
    (in the form of known_hosts: type and base64)."""

    kind: Literal["sftp_key"]
    user: SecretRef
    key: SecretRef
    host_key: SecretRef


Auth = Annotated[
    NoAuth | OAuth2 | ApiKey | Basic | Hmac | Signed | MutualTls | SftpKey,
    Field(discriminator="kind"),
]
