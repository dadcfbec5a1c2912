"""The log's tree in tiles of 256 hashes (the geometry of c2sp.org/tlog-tiles).

Tile `(level, number)` holds the roots of complete subtrees of 256**level leaves. A proof over a
hundred million leaves reads a handful of tiles; an append rewrites the right-most one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from verify.store.suites import SIZE, Suite

WIDTH = 256
BITS = 8

Fetch = Callable[[int, int], bytes]


class Tiles:
    """A tree of `size` leaves, read through `fetch(level, number)` and changed in memory."""

    def __init__(self, fetch: Fetch, size: int, suite: Suite) -> None:
        self._fetch = fetch
        self.suite = suite
        self._read: dict[tuple[int, int], bytes] = {}
        self.size = size
        self.changed: dict[tuple[int, int], bytes] = {}

    def node(self, height: int, index: int) -> bytes:
        """Root of the complete subtree over leaves `[index << height, (index + 1) << height)`.

        Raises:
            ValueError: the tiles do not hold it.
        """
        level, rest = divmod(height, BITS)
        first = index << rest
        hashes = self._tile(level, first // WIDTH)
        start = first % WIDTH
        part = hashes[start * SIZE : (start + (1 << rest)) * SIZE]
        if len(part) != SIZE << rest:
            raise ValueError("the tree's tiles are shorter than the tree")
        return self._fold([part[i : i + SIZE] for i in range(0, len(part), SIZE)])

    def append(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes."""
        for leaf in leaves:
            self._push(0, self.size, leaf)
            self.size += 1

    def _push(self, level: int, position: int, hash_: bytes) -> None:
        number, offset = divmod(position, WIDTH)
        # Anything beyond the tree's size in a tile would be a leftover, never a leaf.
        before = self._tile(level, number)[: offset * SIZE] if offset else b""
        if len(before) != offset * SIZE:
            raise ValueError("the tree's tiles are shorter than the tree")
        tile = before + hash_
        self._read[level, number] = self.changed[level, number] = tile
        if offset == WIDTH - 1:
            whole = self._fold([tile[i : i + SIZE] for i in range(0, len(tile), SIZE)])
            self._push(level + 1, number, whole)

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._read:
            self._read[level, number] = self._fetch(level, number)
        return self._read[level, number]

    def _fold(self, hashes: list[bytes]) -> bytes:
        while len(hashes) > 1:
            pairs = range(0, len(hashes), 2)
            hashes = [self.suite.node(hashes[i], hashes[i + 1]) for i in pairs]
        return hashes[0]
