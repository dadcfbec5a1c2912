"""Gzip files of JSON lines: one value at a time, the same lines always the same contents."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


class LineWriter:
    """Writes values and keeps the digest of what was written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    def write(self, value: Any) -> None:
        """One JSON value, one line."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        line = text.encode("utf-8") + b"\n"
        self._hash.update(line)
        self._stream.write(line)

    @property
    def digest(self) -> str:
        """Of everything written, before compression."""
        return self._hash.hexdigest()


@contextlib.contextmanager
def write_lines(path: Path) -> Iterator[LineWriter]:
    """Write a gzip file of JSON lines."""
    # No name and no time in the header: the same lines give the same file.
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as packed,
        io.BufferedWriter(packed, 1 << 16) as stream,
    ):
        yield LineWriter(stream)


def read_lines(path: Path) -> Iterator[Any]:
    """The values of a gzip file of JSON lines, in order."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)
