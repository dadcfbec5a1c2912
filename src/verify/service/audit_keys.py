"""Key files of the log and of witnesses: one line each, readable by their owner only."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from verify.domain.errors import Conflict
from verify.store import private_files
from verify.store.note import SigningKey

LOG_NAME = "verify.local/*"
WITNESS_NAME = "witness.local/*"


def load_key(path: Path) -> SigningKey:
    """Read a private key.

    Raises:
        Conflict: there is no such file, or others may read it.
        InputError: the file holds no key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise Conflict(
            "the signing key is not there",
            where=str(path),
            remedy="restore it from where you keep its copy; without it no verdict becomes final",
        ) from None
    if mode & 0o077:
        raise Conflict(
            "others than its owner may read this key file",
            where=str(path),
            remedy=f"chmod 600 {path}",
        )
    return SigningKey.parse(text)


def make_key(path: Path, name: str, kind: int) -> SigningKey:
    """Make a key and write it to a new file.

    Raises:
        Conflict: there is such a file already; a key is never overwritten.
    """
    key = SigningKey.generate(name, kind)
    make_folder(path.parent)
    if not write_new(path, key.secret_text.encode() + b"\n"):
        raise Conflict(
            "there is a key already; it stays",
            where=str(path),
            remedy="use that key, or name another file",
        )
    return key


def write_new(path: Path, data: bytes) -> bool:
    """Write a file that its owner only may read, whole or not at all, where there is none yet.

    False: there is a file (of whoever was faster); it stays as it is.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    write_durably(draft, data)
    try:
        # A link appears whole or not at all, and only where nothing is yet.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
        sync_folder(path.parent)
    return True


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file by one with these bytes, readable by its owner only, in one step."""
    draft = path.with_name(f".{path.name}.new")
    with os.fdopen(private_files.create(draft), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, readable by its owner only, whose own name survives a power loss too."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
