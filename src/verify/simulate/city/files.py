"""Parquet files written part by part, with their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

_CHUNK = 1 << 20


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    hashed = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            hashed.update(piece)
    return hashed.hexdigest()


def write_part(path: Path, frame: pl.DataFrame) -> str:
    """Write one file and return its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, compression="zstd", compression_level=1, statistics=False)
    return digest(path)


class PartWriter:
    """Writes the parts of one table and joins them into one file at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = path.with_suffix(".parts")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._parts: list[Path] = []

    def write(self, frame: pl.DataFrame) -> None:
        """Add a part."""
        part = self._folder / f"{len(self._parts):05d}.parquet"
        frame.write_parquet(part, compression="zstd", statistics=False)
        self._parts.append(part)

    def finish(self) -> str:
        """Join the parts, remove them, and return the digest of the whole file."""
        pl.scan_parquet(self._parts).sink_parquet(
            self._path, compression="zstd", maintain_order=True, row_group_size=250_000
        )
        for part in self._parts:
            part.unlink()
        self._folder.rmdir()
        return digest(self._path)
