"""Copy a database while it is in use, and put a copy in its place.

SQLite: the engine's own online backup, one consistent snapshot, checked page by page. PostgreSQL
has tools of its own for this (`pg_dump`, `pg_basebackup`): they are called, not imitated.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL

from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.store import engines


def backup(url: str, target: Path) -> None:
    """Write a consistent copy to `target`, readable by its owner only.

    Raises:
        Conflict: the file is there already, or the tool is missing or fails.
        NotFound: there is no database.
    """
    parsed = engines.parse(url)
    if target.exists():
        raise Conflict("the backup's file is there already; it stays", where=str(target))
    draft = target.with_name(f".{target.name}.new")
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    try:
        if parsed.get_backend_name() == "sqlite":
            _copy(engines.sqlite_file(parsed), draft)
        else:
            _run("pg_dump", ["--format=custom", f"--file={draft}"], parsed)
        _durable(draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def restore(url: str, source: Path) -> None:
    """Put a copy in the database's place. SQLite only while no process has it open.

    The log decides whether the copy may be used: one that is older than what the witnesses saw
    stays closed to final verdicts until that is settled.

    Raises:
        NotFound: there is no such copy.
        IntegrityError: the copy is damaged.
        Conflict: another process uses the database, or the tool is missing or fails.
    """
    parsed = engines.parse(url)
    if not source.is_file():
        raise NotFound("there is no such backup", where=str(source))
    if parsed.get_backend_name() != "sqlite":
        options = ["--clean", "--if-exists", "--single-transaction", "--no-owner"]
        _run("pg_restore", [*options, str(source)], parsed)
        return
    file = engines.sqlite_file(parsed)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = engines.WriterLock(file)
    draft = file.with_name(f".{file.name}.restored")
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        _copy(source, draft)
        _durable(draft)
        # The write-ahead log belongs to the database that is replaced.
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        draft.replace(file)
        _durable(file)
    finally:
        draft.unlink(missing_ok=True)
        lock.release()


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise NotFound("there is no database file here", where=str(source))
    reading = sqlite3.connect(f"file:{quote(str(source.absolute()))}?mode=ro", uri=True)
    writing = sqlite3.connect(target, isolation_level=None)
    try:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")
        found = writing.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise IntegrityError(f"it cannot be copied ({error})", where=str(source)) from None
    finally:
        writing.close()
        reading.close()
    if found != "ok":
        raise IntegrityError("its pages are damaged", where=str(source))


def _durable(path: Path) -> None:
    for target in (path, path.parent):
        handle = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _run(tool: str, options: list[str], url: URL) -> None:
    """Run a tool on the database. The password is not among its words: anybody could read them."""
    program = shutil.which(tool)
    if program is None:
        raise Conflict(
            f"{tool} is not installed here",
            where="database",
            remedy="install PostgreSQL's client programs, or make the copy on the server",
        )
    plain = url.set(drivername="postgresql")._replace(password=None)
    secret = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    words = [program, f"--dbname={plain.render_as_string(hide_password=False)}", *options]
    environment = {**os.environ, **secret}
    done = subprocess.run(  # noqa: S603
        words, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        # Its messages may quote the address.
        raise Conflict(
            f"{tool} failed with status {done.returncode}",
            where="database",
            remedy=f"see that {tool} is as new as the server and that the user may do this",
        )
