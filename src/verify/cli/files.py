"""Files that a command is told to read or write; what goes wrong says where and what next."""

from __future__ import annotations

from pathlib import Path

from verify.domain.errors import Conflict, NotFound
from verify.service.audit_keys import write_durably


def read_file(path: Path) -> bytes:
    """The bytes of a file that somebody named.

    Raises:
        NotFound: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"cannot read this file ({error.strerror})",
            where=str(path),
            remedy="check the path, and whether you may read it",
        ) from None


def write_file(path: Path, data: bytes) -> None:
    """Write a file durably, readable by its owner only.

    Raises:
        Conflict: it cannot be written there.
    """
    try:
        write_durably(path, data)
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> Conflict:
    """The error for a file that cannot be written."""
    return Conflict(
        f"cannot write this file ({error.strerror})",
        where=str(path),
        remedy="make its folder, or choose a place where you may write, then run it again",
    )
