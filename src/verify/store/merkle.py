"""The Merkle tree of RFC 6962 (section 2.1): roots, inclusion and consistency proofs.

Pure functions. A tree is known by a function `node(height, index)` that gives the root of the
complete subtree over leaves `[index << height, (index + 1) << height)`; `verify.store.tiles` reads
it from the database, `Leaves` from a list. Proofs are checked with the algorithms of RFC 9162
(2.1.3.2 and 2.1.4.2), which accept exactly one proof for a question: a proof with anything added,
removed or changed is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from verify.store.suites import SHA256, SIZE, Suite

Node = Callable[[int, int], bytes]
Hashes = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TreeHead:
    """Number of leaves and the root over them."""

    size: int
    root: bytes


def root(node: Node, size: int, suite: Suite = SHA256) -> bytes:
    """Root of the first `size` leaves."""
    return _over(node, 0, size, suite) if size else suite.empty()


def _over(node: Node, low: int, high: int, suite: Suite) -> bytes:
    """Root over leaves `[low, high)`; `low` is a multiple of the largest power of two inside."""
    count = high - low
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, low >> height)
    middle = low + _split(count)
    return suite.node(_over(node, low, middle, suite), _over(node, middle, high, suite))


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def inclusion(node: Node, index: int, size: int, suite: Suite = SHA256) -> Hashes:
    """The path from leaf `index` to the root of the first `size` leaves, leaf's sibling first."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in a tree of this size")
    return tuple(_path(node, index, 0, size, suite))


def _path(node: Node, index: int, low: int, high: int, suite: Suite) -> list[bytes]:
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if index < middle:
        return [*_path(node, index, low, middle, suite), _over(node, middle, high, suite)]
    return [*_path(node, index, middle, high, suite), _over(node, low, middle, suite)]


def consistency(node: Node, old: int, new: int, suite: Suite = SHA256) -> Hashes:
    """Proof that the first `old` leaves of the tree of `new` leaves are what they were."""
    if not 0 <= old <= new:
        raise ValueError("the older tree must not be larger")
    if old in (0, new):
        return ()
    return tuple(_proof(node, old, 0, new, suite, whole=True))


def _proof(node: Node, old: int, low: int, high: int, suite: Suite, *, whole: bool) -> list[bytes]:
    if old == high:
        return [] if whole else [_over(node, low, high, suite)]
    middle = low + _split(high - low)
    if old <= middle:
        rest = _proof(node, old, low, middle, suite, whole=whole)
        return [*rest, _over(node, middle, high, suite)]
    rest = _proof(node, old, middle, high, suite, whole=False)
    return [*rest, _over(node, low, middle, suite)]


def included(
    leaf: bytes, index: int, head: TreeHead, proof: Sequence[bytes], suite: Suite = SHA256
) -> bool:
    """Whether the proof shows that leaf hash `leaf` is at `index` in the tree."""
    if not 0 <= index < head.size or not _well_formed(leaf, head.root, *proof):
        return False
    here, last, found = index, head.size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = suite.node(sibling, found)
            while here & 1 == 0 and here:
                here, last = here >> 1, last >> 1
        else:
            found = suite.node(found, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and found == head.root


def consistent(old: TreeHead, new: TreeHead, proof: Sequence[bytes], suite: Suite = SHA256) -> bool:
    """Whether the proof shows that the new tree only adds to the old one."""
    if not 0 <= old.size <= new.size or not _well_formed(old.root, new.root, *proof):
        return False
    if old.size == new.size:
        return not proof and old.root == new.root
    if old.size == 0:
        return not proof and old.root == suite.empty()
    return _extends(old, new, list(proof), suite)


def _extends(old: TreeHead, new: TreeHead, path: list[bytes], suite: Suite) -> bool:
    if old.size & (old.size - 1) == 0:
        path = [old.root, *path]
    if not path:
        return False
    here, last = old.size - 1, new.size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            before, after = suite.node(sibling, before), suite.node(sibling, after)
            while here & 1 == 0 and here:
                here, last = here >> 1, last >> 1
        else:
            after = suite.node(after, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and before == old.root and after == new.root


def _well_formed(*values: bytes) -> bool:
    return all(len(value) == SIZE for value in values)


class Leaves:
    """A tree that grows in memory: appends in amortised constant time."""

    def __init__(self, leaves: Sequence[bytes] = (), suite: Suite = SHA256) -> None:
        self.suite = suite
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        height, hash_ = 0, leaf
        while True:
            if len(self._levels) == height:
                self._levels.append([])
            level = self._levels[height]
            level.append(hash_)
            if len(level) & 1:
                return
            hash_ = self.suite.node(level[-2], level[-1])
            height += 1

    def node(self, height: int, index: int) -> bytes:
        """Root of a complete subtree."""
        return self._levels[height][index]

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves (default: all)."""
        return root(self.node, len(self) if size is None else size, self.suite)


class Frontier:
    """The right edge of a growing tree: enough for its root, in logarithmic space."""

    def __init__(self, suite: Suite = SHA256) -> None:
        self.suite = suite
        self.size = 0
        self._peaks: list[bytes] = []  # one for every 1 bit of `size`, the largest subtree first

    def copy(self) -> Frontier:
        """Another frontier at the same place."""
        made = Frontier(self.suite)
        made.size, made._peaks = self.size, list(self._peaks)
        return made

    def extend(self, leaves: bytes) -> None:
        """Add leaf hashes, 32 bytes each."""
        for start in range(0, len(leaves), SIZE):
            peak = leaves[start : start + SIZE]
            size = self.size
            while size & 1:
                peak = self.suite.node(self._peaks.pop(), peak)
                size >>= 1
            self._peaks.append(peak)
            self.size += 1

    def root(self) -> bytes:
        """Root over all leaves so far."""
        if not self._peaks:
            return self.suite.empty()
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = self.suite.node(peak, found)
        return found
