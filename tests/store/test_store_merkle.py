"""The tree: agrees with an independent implementation, and believes no proof but the right one."""

from __future__ import annotations

import hashlib
import os
import random
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.domain.errors import Conflict
from verify.store.merkle import (
    Frontier,
    Leaves,
    TreeHead,
    consistency,
    consistent,
    included,
    inclusion,
    root,
)
from verify.store.suites import SHA256, SM3, suite
from verify.store.tiles import WIDTH, Tiles

PROOFS = int(os.environ.get("VERIFY_PROOFS", "50000"))
BOTH = pytest.mark.parametrize("kind", [SHA256, SM3], ids=lambda s: s.name)


def entry(i: int) -> bytes:
    return b"entry %d" % i


def tree(size: int, kind=SHA256) -> Leaves:
    return Leaves([kind.leaf(entry(i)) for i in range(size)], kind)


def plain_root(leaves: list[bytes], kind) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return kind.digest(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return kind.node(plain_root(leaves[:split], kind), plain_root(leaves[split:], kind))


@pytest.fixture(scope="module")
def other():
    """The same entries in a tree by somebody else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymerkle import InmemoryTree

        made = InmemoryTree(algorithm="sha256")
        for i in range(300):
            made.append_entry(entry(i))
    return made


def test_roots_agree_with_an_independent_implementation(other):
    ours = tree(300)
    for size in range(1, 301):
        assert ours.root(size) == other.get_root(size), size


def test_inclusion_proofs_agree_with_an_independent_implementation(other):
    ours = tree(300)
    for size in (1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100, 255, 256, 257, 300):
        for index in {0, 1, size // 3, size // 2, size - 2, size - 1}:
            if 0 <= index < size:
                theirs = other.prove_inclusion(index + 1, size).serialize()["path"]
                mine = [h.hex() for h in inclusion(ours.node, index, size)]
                assert theirs[1:] == mine, (index, size)


def test_consistency_with_an_independent_implementations_roots(other):
    ours = tree(300)
    heads = {n: TreeHead(n, other.get_root(n)) for n in range(1, 301)}
    for new in (1, 2, 3, 6, 7, 8, 64, 65, 255, 256, 257, 300):
        for old in range(1, new + 1):
            proof = consistency(ours.node, old, new)
            assert consistent(heads[old], heads[new], proof), (old, new)
            if old != new:
                forged = TreeHead(old, hashlib.sha256(b"another past").digest())
                assert not consistent(forged, heads[new], proof)


@BOTH
def test_roots_are_those_of_the_rfc_in_every_suite(kind):
    leaves = [kind.leaf(entry(i)) for i in range(70)]
    grown = Leaves(suite=kind)
    edge = Frontier(kind)
    for size in range(71):
        expected = plain_root(leaves[:size], kind)
        assert grown.root() == edge.root() == expected
        if size < 70:
            grown.append(leaves[size])
            edge.extend(leaves[size])


@BOTH
def test_every_leaf_of_every_size_is_provable_in_every_suite(kind):
    ours = tree(40, kind)
    for size in range(1, 41):
        head = TreeHead(size, ours.root(size))
        for index in range(size):
            proof = inclusion(ours.node, index, size, kind)
            assert included(kind.leaf(entry(index)), index, head, proof, kind)
        for old in range(size + 1):
            proof = consistency(ours.node, old, size, kind)
            assert consistent(TreeHead(old, ours.root(old)), head, proof, kind)


def test_suites_that_are_not_available_say_so():
    with pytest.raises(Conflict, match="SM2 signatures need a certified module"):
        suite("sm3-sm2")
    with pytest.raises(Conflict, match="md5"):
        suite("md5")


def test_a_tree_in_tiles_is_the_same_tree():
    stored: dict[tuple[int, int], bytes] = {}

    def fetch(level: int, number: int) -> bytes:
        return stored.get((level, number), b"")

    expected = Leaves()
    chance = random.Random(7)
    size = 0
    while size < WIDTH * WIDTH + 300:
        tiles = Tiles(fetch, size, SHA256)
        # Mostly large steps; small ones around the edges of tiles.
        step = chance.choice((1, 2, 255, 256, 4000))
        fresh = [SHA256.leaf(entry(i)) for i in range(size, size + step)]
        tiles.append(fresh)
        for leaf in fresh:
            expected.append(leaf)
        stored.update(tiles.changed)
        size += step
        reread = Tiles(fetch, size, SHA256)
        assert root(reread.node, size) == expected.root()
        index = chance.randrange(size)
        assert inclusion(reread.node, index, size) == inclusion(expected.node, index, size)
        old = chance.randrange(1, size + 1)
        assert consistency(reread.node, old, size) == consistency(expected.node, old, size)


def mutated(chance: random.Random, proof: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """A proof that differs in at least one byte, order or length."""
    parts = list(proof)
    kind = chance.randrange(6)
    if not parts or kind == 0:
        parts.insert(chance.randrange(len(parts) + 1), chance.randbytes(32))
    elif kind == 1:
        del parts[chance.randrange(len(parts))]
    elif kind == 2:
        i, at = chance.randrange(len(parts)), chance.randrange(32)
        parts[i] = parts[i][:at] + bytes([parts[i][at] ^ 1 << chance.randrange(8)]) + parts[i][at + 1:]  # fmt: skip  # noqa: E501
    elif kind == 3:
        parts.append(parts[chance.randrange(len(parts))])
    elif kind == 4:
        i = chance.randrange(len(parts))
        parts[i] = parts[i][: chance.randrange(32)]
    else:
        parts.reverse()
    return tuple(parts)


def test_no_mutated_proof_is_believed():
    chance = random.Random(20251125)
    ours = tree(1024)
    roots = [ours.root(n) for n in range(1025)]
    tried = 0
    while tried < PROOFS:
        size = chance.randrange(1, 1025)
        head = TreeHead(size, roots[size])
        index, old = chance.randrange(size), chance.randrange(1, size + 1)
        leaf = SHA256.leaf(entry(index))
        path = inclusion(ours.node, index, size)
        proof = consistency(ours.node, old, size)
        before = TreeHead(old, roots[old])
        assert included(leaf, index, head, path)
        assert consistent(before, head, proof)
        wrong = mutated(chance, path)
        if wrong != path:
            assert not included(leaf, index, head, wrong)
            tried += 1
        wrong = mutated(chance, proof)
        if wrong != proof:
            assert not consistent(before, head, wrong)
            tried += 1
        other = chance.randrange(1025)
        if other != index:
            assert not included(leaf, other, head, path)
            assert not included(SHA256.leaf(entry(other)), index, head, path)
            tried += 2
        if other != old:
            assert not consistent(TreeHead(old, roots[other]), head, proof)
            tried += 1
        if other != size:
            assert not included(leaf, index, TreeHead(size, roots[other]), path)
            assert not consistent(before, TreeHead(size, roots[other]), proof)
            tried += 2


@given(st.integers(-3, 20), st.integers(-3, 20), st.lists(st.binary(max_size=40), max_size=6))
def test_arbitrary_proofs_are_refused_and_never_stumble(index, size, proof):
    head = TreeHead(size, SHA256.leaf(b"r"))
    assert not included(SHA256.leaf(b"x"), index, head, proof)
    assert not consistent(TreeHead(index, SHA256.leaf(b"y")), head, proof)


def test_a_leaf_outside_the_tree_has_no_proof():
    ours = tree(5)
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="not in a tree"):
            inclusion(ours.node, index, size)
    with pytest.raises(ValueError, match="must not be larger"):
        consistency(ours.node, 6, 5)
