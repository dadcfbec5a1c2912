"""Reads at the command line beside a running service: files in a folder until they are taken in.

One process writes an embedded database. A command that reads beside it leaves its read in the
folder `reads` of the home folder, durably and before it shows anything; the service puts it into
the trail within a second, or when it next starts. Taking in twice is taking in once: the file's
name is the read's id. Whoever runs the command holds the database's files, and this one, anyway.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import structlog

from verify.domain.access import Purpose
from verify.domain.errors import Conflict, Overloaded, VerifyError
from verify.service.audit_keys import make_folder, sync_folder, write_durably
from verify.store.accesses import AccessRow
from verify.store.ids import ACCESS_ID

_TEXTS = ("roles", "verification", "what", "document", "regions", "shown", "caller", "purpose")
_LARGEST = 1 << 20  # bytes of one read; a list of a thousand verifications is a thirtieth
_LATEST = 253_402_300_799_999  # the last millisecond of the year 9999

log = structlog.get_logger("verify.reads")


class ReadsFolder:
    """The folder of one installation."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "reads"
        self._told: set[str] = set()

    def keep(self, row: AccessRow) -> None:
        """Leave a read.

        Raises:
            Conflict: the folder cannot be written, so nothing may be shown.
        """
        try:
            make_folder(self._folder)
            left = self._folder / f"{row.id}.json"
            write_durably(left, json.dumps(asdict(row)).encode())
            owner = self._folder.parent.stat()
            for path in (self._folder, left):
                with contextlib.suppress(PermissionError):  # only an administrator may, and needs
                    os.chown(path, owner.st_uid, owner.st_gid)
        except OSError as error:
            raise Conflict(
                f"the read could not be put on record ({error.strerror}); nothing was shown",
                where=str(self._folder),
                remedy="run it as the user of the service, or on a copy that you may write",
            ) from None

    def take_in(self, keep: Callable[[AccessRow], None]) -> None:
        """Hand over every read that was left, oldest first, and take it off the folder.

        One that is no read, or may not be read, kept or taken off, stays and is named in the log
        once: whatever lies in the folder, it must not stop the caller, which keeps the log.

        Raises:
            Overloaded: the database takes nothing now.
        """
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("a_*.json")):
            if not _taken(path, keep) and path.name not in self._told:
                self._told.add(path.name)
                log.warning("reads.left", file=path.name)


def _taken(path: Path, keep: Callable[[AccessRow], None]) -> bool:
    """Whether a read was handed over and its file is gone."""
    row = _read(path)
    if row is None:
        return False
    try:
        keep(row)
    except Overloaded:
        raise
    except (VerifyError, ValueError, TypeError, OverflowError):
        return False  # no database could hold it
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError:
        return False
    return True


def _read(path: Path) -> AccessRow | None:
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            return None  # a pipe would be waited for, for ever
        values = json.loads(path.read_bytes())
        row = AccessRow(**values)
        whole = (
            ACCESS_ID.fullmatch(row.id) is not None
            and path.stem == row.id
            and row.caller.startswith("os:")
            and row.purpose in list(Purpose)
            and all(_storable(values[name]) for name in _TEXTS)
            and (type(row.at), type(row.stated), row.leaf) == (int, bool, None)
            and 0 <= row.at <= _LATEST
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return row if whole else None


def _storable(value: object) -> bool:
    """Whether both databases can hold it as text; a lone surrogate has no UTF-8 form."""
    if not isinstance(value, str) or "\0" in value:
        return False
    value.encode()  # a ValueError if it cannot be
    return True
