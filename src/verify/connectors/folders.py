"""Folders in which requests and answers are exchanged: of this machine, or over SFTP."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from verify.connectors.auths import SftpKey
from verify.connectors.egress import Egress, EgressRefused
from verify.connectors.http import Failure
from verify.domain.evidence import EvidenceState

if TYPE_CHECKING:
    from verify.connectors.credentials import Secrets


class Folder(Protocol):
    """A place with files in it; names are relative, without parents."""

    def write(self, name: str, data: bytes) -> None:
        """Put a file there in one step: nobody sees half of it. Writing it again is no error."""

    def size(self, name: str) -> int | None:
        """The size of a plain file, nothing where there is none."""

    def read(self, name: str, most: int) -> bytes:
        """The file's bytes, `most` + 1 of them where it is larger."""


class LocalFolder:
    """A folder of this machine. Links are not followed out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, name: str) -> Path:
        return self._root / name

    def write(self, name: str, data: bytes) -> None:
        """See `Folder.write`."""
        path = self._path(name)
        draft = path.with_name(f".{path.name}.part")
        with _trouble():
            draft.unlink(missing_ok=True)  # left by a crash, or a link that leads elsewhere
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(draft, flags, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)

    def size(self, name: str) -> int | None:
        """See `Folder.size`."""
        with _trouble():
            try:
                found = self._path(name).lstat()
            except FileNotFoundError:
                if self._path(name).parent.is_dir():
                    return None
                raise  # a share that is not mounted is no answer to come
        if not stat.S_ISREG(found.st_mode):
            raise Failure(EvidenceState.MALFORMED, "not_a_file")
        return found.st_size

    def read(self, name: str, most: int) -> bytes:
        """See `Folder.read`."""
        with _trouble():
            flags = os.O_RDONLY | os.O_NOFOLLOW
            with os.fdopen(os.open(self._path(name), flags), "rb") as stream:
                return stream.read(most + 1)


@contextlib.contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise Failure(EvidenceState.UNAVAILABLE, "folder", retryable=True) from None


class SftpFolder:
    """A folder of another machine, over SFTP; only the declared host key is accepted."""

    def __init__(self, client: Any, root: str) -> None:
        self._client = client
        self._root = root.rstrip("/")

    def write(self, name: str, data: bytes) -> None:
        """See `Folder.write`."""
        path = f"{self._root}/{name}"
        folder, _, base = path.rpartition("/")
        draft = f"{folder}/.{base}.part"
        with _trouble():
            self._client.putfo(io.BytesIO(data), draft)
            self._client.posix_rename(draft, path)

    def size(self, name: str) -> int | None:
        """See `Folder.size`."""
        with _trouble():
            try:
                found = self._client.lstat(f"{self._root}/{name}")
            except FileNotFoundError:
                self._client.lstat(f"{self._root}/{name}".rpartition("/")[0])
                return None
        if not stat.S_ISREG(found.st_mode or 0):
            raise Failure(EvidenceState.MALFORMED, "not_a_file")
        return int(found.st_size or 0)

    def read(self, name: str, most: int) -> bytes:
        """See `Folder.read`."""
        with _trouble(), self._client.open(f"{self._root}/{name}", "rb") as stream:
            return bytes(stream.read(most + 1))


@contextlib.contextmanager
def open_folder(
    address: str, auth: Any, secrets: Secrets, egress: Egress, seconds: float
) -> Iterator[Folder]:
    """The folder at `file:///path` or `sftp://host:port/path`, for one asking.

    Raises:
        Failure: it cannot be reached, or is not what we were told to trust.
    """
    parts = urlsplit(address)
    if parts.scheme == "file":
        yield LocalFolder(Path(parts.path))
        return
    if not isinstance(auth, SftpKey):
        raise Failure(EvidenceState.UNAUTHORISED, "sftp_needs_a_key")
    place = (parts.hostname or "", parts.port or 22)
    with _sftp(place, auth, secrets, egress, seconds) as client:
        yield SftpFolder(client, parts.path)


@contextlib.contextmanager
def _sftp(
    place: tuple[str, int], auth: SftpKey, secrets: Secrets, egress: Egress, seconds: float
) -> Iterator[Any]:
    try:
        import paramiko
    except ImportError:
        raise Failure(EvidenceState.UNAVAILABLE, "sftp_not_installed") from None
    expected = secrets.read(auth.host_key).split()[-1]
    try:
        key = paramiko.PKey.from_path(secrets.path(auth.key))
        wire = socket.create_connection((egress.address(*place), place[1]), timeout=seconds)
    except EgressRefused as refused:
        raise Failure(EvidenceState.UNAUTHORISED, f"egress_{refused.code}") from None
    except OSError:
        raise Failure(EvidenceState.UNAVAILABLE, "not_reachable", retryable=True) from None
    except (paramiko.SSHException, ValueError, TypeError):
        raise Failure(EvidenceState.UNAUTHORISED, "secret_unreadable") from None
    transport = paramiko.Transport(wire)
    try:
        transport.start_client(timeout=seconds)
        if transport.get_remote_server_key().get_base64() != expected:
            raise Failure(EvidenceState.UNAUTHORISED, "another_host_key")
        transport.auth_publickey(secrets.read(auth.user), key)
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise Failure(EvidenceState.UNAVAILABLE, "folder")
        client.get_channel().settimeout(seconds)  # type: ignore[union-attr]
        yield client
    except paramiko.AuthenticationException:
        raise Failure(EvidenceState.UNAUTHORISED, "source_refused_key") from None
    except (paramiko.SSHException, TimeoutError, EOFError):
        raise Failure(EvidenceState.UNAVAILABLE, "not_reachable", retryable=True) from None
    finally:
        transport.close()
