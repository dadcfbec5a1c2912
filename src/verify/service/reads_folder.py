"""Reads at the command line beside a running service: files in a folder until they are taken in.

One process writes an embedded database. A command that reads beside it leaves its read in the
folder `reads` of the home folder, durably and before it shows anything; the service puts it into
the trail within a second, or when it next starts. Taking in twice is taking in once: the file's
name is the read's id. Whoever runs the command holds the database's files, and this one, anyway.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import structlog

from verify.domain.access import Purpose
from verify.domain.errors import Conflict
from verify.service.audit_keys import make_folder, sync_folder, write_durably
from verify.store.accesses import AccessRow
from verify.store.ids import ACCESS_ID

log = structlog.get_logger("verify.reads")


class ReadsFolder:
    """The folder of one installation."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "reads"

    def keep(self, row: AccessRow) -> None:
        """Leave a read.

        Raises:
            Conflict: the folder cannot be written, so nothing may be shown.
        """
        try:
            make_folder(self._folder)
            write_durably(self._folder / f"{row.id}.json", json.dumps(asdict(row)).encode())
        except OSError as error:
            raise Conflict(
                f"the read could not be put on record ({error.strerror}); nothing was shown",
                where=str(self._folder),
                remedy="run it as the user of the service, or on a copy that you may write",
            ) from None

    def take_in(self, keep: Callable[[AccessRow], None]) -> None:
        """Hand over every read that was left, oldest first, and take it off the folder.

        One that is no read stays where it is, and is named in the log.
        """
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("a_*.json")):
            row = _read(path)
            if row is None:
                log.warning("reads.unreadable", file=path.name)
                continue
            keep(row)
            path.unlink(missing_ok=True)
            sync_folder(self._folder)


def _read(path: Path) -> AccessRow | None:
    try:
        values = json.loads(path.read_bytes())
        row = AccessRow(**values)
        whole = (
            ACCESS_ID.fullmatch(row.id) is not None
            and path.stem == row.id
            and row.caller.startswith("local")
            and row.purpose in list(Purpose)
            and row.leaf is None
            and isinstance(row.at, int)
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return row if whole else None
