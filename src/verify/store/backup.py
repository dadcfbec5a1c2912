"""Copy a database while it is in use, and put a copy in its place.

SQLite: the engine's own online backup, one consistent snapshot, checked page by page. PostgreSQL
has tools of its own for this (`pg_dump`, `pg_restore`): they are called, not imitated
(`verify.store.postgres_tools` finds those of the server's version).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL

from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.store import engines, postgres_tools, private_files
from verify.store.postgres_tools import Ended, Program

_SQLITE, _DUMP = b"SQLite format 3\0", b"PGDMP"
_OURS = "verifications"
"""A table that every copy of this product's database holds."""


def backup(url: str, target: Path, programs: Path | None = None) -> None:
    """Write a consistent copy to `target`, readable by its owner only.

    `programs` is the folder with PostgreSQL's client programs; `None` looks for them.

    Raises:
        Conflict: the file is there already; on PostgreSQL, the tool is missing, of another
            version, or fails.
        NotFound: there is no database.
        IntegrityError: what was written cannot be read back.
        Overloaded: PostgreSQL does not answer.
    """
    parsed = engines.parse(url)
    if target.exists():
        raise Conflict(
            "the backup's file is there already; it stays",
            where=str(target),
            remedy="choose another name, or move that file away",
        )
    draft = target.with_name(f".{target.name}.new")
    os.close(private_files.create(draft))
    try:
        if parsed.get_backend_name() == "sqlite":
            _copy(engines.sqlite_file(parsed), draft)
        else:
            _dump(parsed, draft, programs)
        _durable(draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def restore(url: str, source: Path, programs: Path | None = None) -> None:
    """Put a copy in the database's place.

    SQLite: in place of the file, only while no process has it open. PostgreSQL: into an empty
    database, all of it or nothing; what is in another database is never replaced.

    The log decides whether the copy may be used: one that is older than what the witnesses saw
    stays closed to final verdicts until that is settled.

    Raises:
        NotFound: there is no such copy.
        IntegrityError: the copy is damaged, or is no copy.
        Conflict: another process uses the database; it is a copy of the other kind of database;
            on PostgreSQL, the database is not empty, or the tool is missing, of another version,
            or fails.
        Overloaded: PostgreSQL does not answer.
    """
    parsed = engines.parse(url)
    kind = parsed.get_backend_name()
    _must_be_a_copy(source, kind)
    if kind != "sqlite":
        _undump(parsed, source, programs)
        return
    file = engines.sqlite_file(parsed)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = engines.WriterLock(file)
    draft = file.with_name(f".{file.name}.restored")
    try:
        os.close(private_files.create(draft))
        _copy(source, draft)
        _durable(draft)
        _settle(file)
        # The write-ahead log belongs to the database that is replaced.
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        draft.replace(file)
        _durable(file)
    finally:
        draft.unlink(missing_ok=True)
        lock.release()


def _must_be_a_copy(source: Path, kind: str) -> None:
    """Raise unless a file can be read and is not a copy of the other kind of database."""
    try:
        with source.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise NotFound(
            f"there is no such backup, or it cannot be read ({error.strerror})",
            where=str(source),
            remedy="check the path, and whether you may read it; the database is as it was",
        ) from None
    other = {"sqlite": (_DUMP, "PostgreSQL"), "postgresql": (_SQLITE, "SQLite")}[kind]
    if head.startswith(other[0]):
        raise Conflict(
            f"this is a copy of a {other[1]} database; the one to restore is of another kind",
            where=str(source),
            remedy=f"set VERIFY_DATABASE_URL to a {other[1]} database, or choose another copy",
        )


def _dump(url: URL, draft: Path, programs: Path | None) -> None:
    found = postgres_tools.installed("pg_dump", programs)
    server = postgres_tools.ask_server(url)
    program = postgres_tools.fitting(found, server)
    ended = postgres_tools.run(program, ["--format=custom", f"--file={draft}"], url)
    if ended.status:
        raise _failed(program, ended)
    # The program of the same installation reads its own file; where there is none, it stays unread.
    reader = Program(program.path.with_name("pg_restore"), program.major)
    if reader.path.exists():
        _must_be_whole(reader, draft)


def _undump(url: URL, source: Path, programs: Path | None) -> None:
    found = postgres_tools.installed("pg_restore", programs)
    server = postgres_tools.ask_server(url)
    program = postgres_tools.fitting(found, server)
    if server.relations:
        raise Conflict(
            f"the database is not empty ({server.relations} tables and sequences); all of it stays",
            where="database",
            remedy="make an empty one (createdb), point VERIFY_DATABASE_URL to it and restore "
            "there; keep the old one until `verify audit check` is content",
        )
    _must_be_whole(program, source)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", str(source)]
    ended = postgres_tools.run(program, options, url)
    if ended.status:
        raise _failed(program, ended)


def _must_be_whole(program: Program, copy: Path) -> None:
    """Read a dump from its first byte to its last, and raise unless it is one of ours."""
    listed = postgres_tools.run(program, ["--list", str(copy)])
    read = listed if listed.status else postgres_tools.run(program, [f"-f{os.devnull}", str(copy)])
    if "unsupported version" in read.complaint:
        raise Conflict(
            f"this copy was written by a newer pg_dump than this pg_restore ({program.major})",
            where=str(copy),
            remedy="restore it into a server as new as that pg_dump; the database is as it was",
        )
    if read.status:
        raise _damaged(copy, "it is damaged, or no copy of a PostgreSQL database")
    if f" TABLE public {_OURS} " not in listed.output:
        raise _damaged(copy, "it is a copy of some other database")


def _failed(program: Program, ended: Ended) -> Conflict:
    """The error for a tool that failed. Its own words may quote the address, or a row."""
    tool = program.path.name
    otherwise = (
        f"status {ended.status}",
        "see that the server runs, has space, and that the user may do this",
    )
    known = (why for words, *why in _COMPLAINTS if words in ended.complaint)
    reason, remedy = next(known, otherwise)
    return Conflict(
        f"{tool} {program.major} ({program.path}) failed: {reason}; nothing was changed",
        where="database",
        remedy=remedy,
    )


_COMPLAINTS = (
    (
        "permission denied",
        "the database's user may not do this",
        "use the owner of the database and of its tables",
    ),
    (
        "No space left on device",
        "there is no space left",
        "free some, or choose another disk",
    ),
    (
        "already exists",
        "something was made in the database meanwhile",
        "stop whatever uses the database, make an empty one, and restore there",
    ),
)


def _damaged(copy: Path, reason: str) -> IntegrityError:
    return IntegrityError(
        reason,
        where=str(copy),
        remedy="take another copy; the database is as it was",
    )


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise NotFound(
            "there is no database file here",
            where=str(source),
            remedy="check VERIFY_HOME or VERIFY_DATABASE_URL",
        )
    reading = sqlite3.connect(f"file:{quote(str(source.absolute()))}?mode=ro", uri=True)
    writing = sqlite3.connect(target, isolation_level=None)
    try:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")
        found = writing.execute("PRAGMA integrity_check").fetchone()[0]
        ours = writing.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_OURS,)).fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_FULL":
            raise Conflict(
                "there is no space left for the copy; nothing was changed",
                where=str(target.parent),
                remedy="free some, or choose another disk",
            ) from None
        raise _damaged(source, f"it cannot be copied ({error})") from None
    finally:
        writing.close()
        reading.close()
    if found != "ok":
        raise _damaged(source, "its pages are damaged")
    if ours is None:
        raise _damaged(source, "it is some other database")


def _settle(file: Path) -> None:
    """Bring what only the write-ahead log holds into the file: should what comes next fail, the
    old database is all there. One that cannot be read any more is left as it is."""
    if not file.exists():
        return
    with contextlib.suppress(sqlite3.DatabaseError):
        old = sqlite3.connect(file)
        try:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            old.close()


def _durable(path: Path) -> None:
    for target in (path, path.parent):
        handle = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
