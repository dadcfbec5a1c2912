"""A disk that is watched: every change a process makes to its files, in one order.

SQLite's files are seen through a VFS of apsw, the others (witness, keys) through `os`. Before
each operation `before(operation)` is called; it may note it, raise an error in its place, or kill
the process. `Power` makes of the notes what a disk may hold after the power went.
"""

from __future__ import annotations

import contextlib
import io
import os
import posixpath  # pathlib goes through the calls that are watched here
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from support.apsw_sqlite import Driver
from verify.store import engines

SECTOR = 512


@dataclass(frozen=True)
class Operation:
    """What is about to happen; `path` is relative to the watched folder."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = field(default=b"", repr=False)
    target: str = ""
    sqlite: bool = False  # it is SQLite that calls, and takes its own errors only


Before = Callable[[Operation], None]


class Disk:
    """The files below a folder, watched while `attached`."""

    def __init__(self, folder: Path, before: Before) -> None:
        self._folder = str(folder.resolve())
        self._before = before
        self._open: dict[int, str] = {}
        self._vfs: Any = None

    def name(self, path: Any) -> str | None:
        """Path below the folder, or `None` for one elsewhere."""
        whole = posixpath.abspath(os.fspath(path))
        inside = whole == self._folder or whole.startswith(self._folder + os.sep)
        return posixpath.relpath(whole, self._folder) if inside else None

    def about(self, kind: str, path: Any, **more: Any) -> None:
        if (name := self.name(path)) is not None:
            self._before(Operation(kind, name, **more))

    @contextlib.contextmanager
    def attached(self, synchronous: str = "FULL") -> Iterator[None]:
        """Watch what this process does from now on."""
        self._vfs = _Files(self)
        real = {name: getattr(os, name) for name in _PATCHED}
        sqlite = engines.sqlite3
        engines.sqlite3 = Driver(self._vfs.name, synchronous)
        for name in _PATCHED:
            setattr(os, name, getattr(_Calls(self, real), name))
        try:
            yield
        finally:
            for name, call in real.items():
                setattr(os, name, call)
            engines.sqlite3 = sqlite
            self._vfs.unregister()


# -- SQLite's files ---------------------------------------------------------------------------


class _Files(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self.name = f"watched-{id(disk)}"
        self._disk = disk
        super().__init__(self.name, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path and flags[0] & apsw.SQLITE_OPEN_CREATE and not posixpath.exists(path):
            self._disk.about("create", path, sqlite=True)
        return _File(self._disk, path, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:
        self._disk.about("delete", name, sqlite=True)
        super().xDelete(name, syncdir)
        if syncdir:
            self._disk.about("sync-folder", posixpath.dirname(name), sqlite=True)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, path: str | None, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._path = path
        # The unix VFS makes a new journal's name durable with its first sync.
        self._fresh = bool(path) and str(path).endswith(("-wal", "-journal"))
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._path:
            try:
                self._disk.about("write", self._path, offset=offset, data=bytes(data), sqlite=True)
            except ShortWrite:
                super().xWrite(data[: len(data) // 2], offset)
                raise apsw.FullError("short write") from None
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self._path:
            self._disk.about("sync", self._path, sqlite=True)
        super().xSync(flags)
        if self._fresh:
            self._fresh = False
            self._disk.about("sync-folder", posixpath.dirname(str(self._path)), sqlite=True)

    def xTruncate(self, size: int) -> None:
        if self._path:
            self._disk.about("truncate", self._path, offset=size, sqlite=True)
        super().xTruncate(size)


class ShortWrite(Exception):
    """Raised by `before`: only half of the bytes reach the disk, then an error."""


# -- all other files --------------------------------------------------------------------------

_PATCHED = ("open", "fdopen", "fsync", "replace", "link", "unlink", "mkdir", "close")


class _Calls:
    """`os`, as far as the product's own files need it."""

    def __init__(self, disk: Disk, real: dict[str, Any]) -> None:
        self._disk = disk
        self._real = real

    def open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        there = posixpath.exists(path)
        if flags & os.O_CREAT and not there:
            self._disk.about("create", path)
        elif flags & os.O_TRUNC:
            self._disk.about("truncate", path)
        handle: int = self._real["open"](path, flags, mode, **more)
        if (name := self._disk.name(path)) is not None:
            self._disk._open[handle] = name
        return handle

    def close(self, handle: int) -> None:
        self._disk._open.pop(handle, None)
        self._real["close"](handle)

    def fdopen(self, handle: int, *words: Any, **more: Any) -> Any:
        if handle in self._disk._open and words and "w" in words[0]:
            return _Stream(self, self._disk, handle)
        return self._real["fdopen"](handle, *words, **more)

    def fsync(self, handle: int) -> None:
        if (name := self._disk._open.get(handle)) is not None:
            folder = posixpath.isdir(posixpath.join(self._disk._folder, name))
            self._disk._before(Operation("sync-folder" if folder else "sync", name))
        self._real["fsync"](handle)

    def replace(self, source: Any, target: Any, **more: Any) -> None:
        self._disk.about("rename", source, target=self._disk.name(target) or "")
        self._real["replace"](source, target, **more)

    def link(self, source: Any, target: Any, **more: Any) -> None:
        if not posixpath.exists(target):
            self._disk.about("link", source, target=self._disk.name(target) or "")
        self._real["link"](source, target, **more)

    def unlink(self, path: Any, **more: Any) -> None:
        if posixpath.exists(path):
            self._disk.about("delete", path)
        self._real["unlink"](path, **more)

    def mkdir(self, path: Any, *words: Any, **more: Any) -> None:
        if not posixpath.exists(path):
            self._disk.about("mkdir", path)
        self._real["mkdir"](path, *words, **more)


class _Stream(io.RawIOBase):
    """A file opened for writing, each write at once."""

    def __init__(self, calls: _Calls, disk: Disk, handle: int) -> None:
        self._calls = calls
        self._disk = disk
        self._handle = handle
        self._at = 0

    def fileno(self) -> int:
        return self._handle

    def write(self, data: Any) -> int:
        body = bytes(data)
        name = self._disk._open[self._handle]
        try:
            self._disk._before(Operation("write", name, self._at, body))
        except ShortWrite:
            os.pwrite(self._handle, body[: len(body) // 2], self._at)
            raise OSError(28, "No space left on device") from None
        os.pwrite(self._handle, body, self._at)
        self._at += len(body)
        return len(body)

    def seek(self, offset: int, whence: int = 0) -> int:
        assert whence == 0
        self._at = offset
        return offset

    def truncate(self, size: int | None = None) -> int:
        length = self._at if size is None else size
        self._disk._before(Operation("truncate", self._disk._open[self._handle], length))
        os.ftruncate(self._handle, length)
        return length

    def close(self) -> None:
        if not self.closed:
            self._calls.close(self._handle)
        super().close()


# -- power loss -------------------------------------------------------------------------------

Pending = tuple[int, bytes | None]
"""Offset and bytes of a write, or the new length and `None`."""


@dataclass
class _Inode:
    durable: bytes = b""
    pending: list[Pending] = field(default_factory=list)
    folder: bool = False

    def sync(self) -> None:
        self.durable = _applied(self.durable, self.pending)
        self.pending = []


def _applied(content: bytes, changes: Sequence[Pending]) -> bytes:
    body = bytearray(content)
    for offset, data in changes:
        if data is None:
            body = body[:offset] + bytes(max(offset - len(body), 0))
            continue
        if len(body) < offset + len(data):
            body += bytes(offset + len(data) - len(body))
        body[offset : offset + len(data)] = data
    return bytes(body)


Names = dict[str, int]
Change = Callable[[Names], None]


class Power:
    """What the disk may hold if the power goes after each of the noted operations.

    A file keeps what was synced; of the writes after that any may be lost, and one may be torn in
    the middle of its sectors. Names (created, renamed, deleted) are durable once their folder was
    synced; before, any number of the last ones may be lost.
    """

    def __init__(self) -> None:
        self._inodes: list[_Inode] = []
        self._names: Names = {}
        self._now: Names = {}
        self._open: list[tuple[str, Change]] = []

    def after(self, done: Operation) -> None:
        """The operation has happened."""
        path = done.path
        folder = posixpath.dirname(path)
        match done.kind:
            case "create" | "mkdir":
                self._inodes.append(_Inode(folder=done.kind == "mkdir"))
                number = len(self._inodes) - 1
                self._rename(folder, lambda names: names.__setitem__(path, number))
            case "delete":
                self._rename(folder, lambda names: names.pop(path, None))
            case "rename":
                self._rename(
                    folder, lambda n: n.__setitem__(done.target, n.pop(path)) if path in n else None
                )
            case "link":
                self._rename(
                    folder, lambda n: n.__setitem__(done.target, n[path]) if path in n else None
                )
            case "write" | "truncate":
                data = done.data if done.kind == "write" else None
                self._inodes[self._now[path]].pending.append((done.offset, data))
            case "sync":
                self._inodes[self._now[path]].sync()
            case "sync-folder":
                self._sync_folder("" if path == "." else path)

    def _rename(self, folder: str, change: Change) -> None:
        change(self._now)
        self._open.append((folder, change))

    def _sync_folder(self, folder: str) -> None:
        """Only its own names, as POSIX has it, though most file systems do more."""
        for owner, change in self._open:
            if owner == folder:
                change(self._names)
        self._open = [(owner, change) for owner, change in self._open if owner != folder]

    def image(self, chance: random.Random | None = None) -> dict[str, bytes | None]:
        """Files by path (`None`: a folder). Without `chance` all that was not synced is lost."""
        names = dict(self._names)
        kept = chance.randint(0, len(self._open)) if chance else 0
        for _, change in self._open[:kept]:
            change(names)
        inodes = {number: self._content(number, chance) for number in set(names.values())}
        image: dict[str, bytes | None] = {}
        for path, number in sorted(names.items()):
            # What lies in a folder whose own name was lost is lost too.
            if (folder := posixpath.dirname(path)) in image or not folder:
                image[path] = inodes[number]
        return image

    def _content(self, number: int, chance: random.Random | None) -> bytes | None:
        inode = self._inodes[number]
        if inode.folder:
            return None
        if chance is None:
            return inode.durable
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        kept = [p for p in inode.pending if chance.random() < share]
        if kept and chance.random() < 0.5:
            at = chance.randrange(len(kept))
            kept[at] = _torn(kept[at], chance)
        return _applied(inode.durable, kept)


def _torn(change: Pending, chance: random.Random) -> Pending:
    """A write of which some sectors arrived and one holds nonsense."""
    offset, data = change
    if not data:
        return change
    cut = chance.randrange(len(data)) // SECTOR * SECTOR
    return offset, data[:cut] + chance.randbytes(min(SECTOR, len(data) - cut))


def write_image(image: dict[str, bytes | None], folder: Path) -> None:
    """Put an image into an empty folder."""
    folder.mkdir(parents=True)
    for path, body in image.items():
        place = folder / path
        if body is None:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
        place.chmod(0o600)
