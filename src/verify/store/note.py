"""Checkpoints and their signatures, in the C2SP formats that other transparency logs use.

A *note* (c2sp.org/signed-note) is text, an empty line, and signature lines:

    <origin>
    <size>
    <root, base64>

    — <key name> <base64(key id || signature)>

The log signs with Ed25519 (type 0x01). A witness cosigns (c2sp.org/tlog-cosignature, type 0x04):
its signature also covers the second at which it saw the checkpoint. Parsing is strict: one text
has one byte form, so that any changed byte of a note is a fault.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from verify.domain.errors import InputError
from verify.store.merkle import TreeHead
from verify.store.suites import SHA256, SIZE, Suite, suite

ED25519, COSIGNATURE = 0x01, 0x04
MAX_NOTE = 64 * 1024

_NAME = re.compile(r"[^\s+]{1,200}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_SIGNATURE = re.compile(r"— ([^\s+]{1,200}) ([A-Za-z0-9+/]{8,200}={0,2})")


def malformed(what: str, where: str = "checkpoint") -> InputError:
    """The error for text that is not what it should be."""
    return InputError(f"{what}", where=where, remedy="get it again from where it came from")


def b64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    """Strict base64: exactly the text that `b64` gives, so that no byte of it is free.

    Raises:
        InputError: anything else.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise malformed("it is not base64") from None
    if b64(data) != text:
        raise malformed("its base64 is not in the one canonical form")
    return data


@dataclass(frozen=True)
class PublicKey:
    """A verifier key: `<name>+<key id, hex>+<base64(type || key)>`."""

    name: str
    kind: int
    raw: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell a note's signatures apart."""
        return _key_id(self.name, self.kind, self.raw)

    @property
    def text(self) -> str:
        """The key as one line."""
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.kind]) + self.raw)}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read a verifier key.

        Raises:
            InputError: it is not one, or its key id is not its own.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
            raise malformed("this is not a key of the form name+id+key", "key")
        body = unb64(parts[2])
        if len(body) != 33 or body[0] not in (ED25519, COSIGNATURE):
            raise malformed("this key is of no kind known here (Ed25519)", "key")
        key = cls(parts[0], body[0], body[1:])
        if key.key_id.hex() != parts[1]:
            raise malformed("the key id is not that of the key", "key")
        return key

    def holds(self, text: str, signature: bytes) -> bool:
        """Whether this is the key's signature of a note's text."""
        message, raw = text.encode(), signature
        if self.kind == COSIGNATURE:
            if len(signature) != 72:
                return False
            message = _cosigned(text, int.from_bytes(signature[:8]))
            raw = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(raw, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def _key_id(name: str, kind: int, raw: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + bytes([kind]) + raw).digest()[:4]


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


@dataclass(frozen=True)
class SigningKey:
    """A private key: `PRIVATE+KEY+<name>+<key id>+<base64(type || seed)>`."""

    name: str
    kind: int
    _private: Ed25519PrivateKey

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> SigningKey:
        """A new key. In a name, `*` stands for eight hex digits of the key: nobody else's."""
        private = Ed25519PrivateKey.generate()
        mark = hashlib.sha256(private.public_key().public_bytes_raw()).hexdigest()[:8]
        return cls(name.replace("*", mark), kind, private)

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read a private key.

        Raises:
            InputError: it is not one. The text itself is never repeated.
        """
        parts = text.strip().split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"] or not _NAME.fullmatch(parts[2]):
            raise malformed("this is not a private key", "key file")
        body = unb64(parts[4])
        if len(body) != 33 or body[0] not in (ED25519, COSIGNATURE):
            raise malformed("this key is of no kind known here (Ed25519)", "key file")
        key = cls(parts[2], body[0], Ed25519PrivateKey.from_private_bytes(body[1:]))
        if key.public.key_id.hex() != parts[3]:
            raise malformed("the key id is not that of the key", "key file")
        return key

    @property
    def secret_text(self) -> str:
        """The private key as one line, for a file that only its owner may read."""
        seed = self._private.private_bytes_raw()
        return (
            f"PRIVATE+KEY+{self.name}+{self.public.key_id.hex()}+{b64(bytes([self.kind]) + seed)}"
        )

    @property
    def public(self) -> PublicKey:
        """What others check its signatures with."""
        return PublicKey(self.name, self.kind, self._private.public_key().public_bytes_raw())

    def sign(self, text: str, seconds: int = 0) -> Signature:
        """Sign a note's text; a cosigner also signs the second."""
        if self.kind == COSIGNATURE:
            raw = seconds.to_bytes(8) + self._private.sign(_cosigned(text, seconds))
        else:
            raw = self._private.sign(text.encode())
        return Signature(self.name, self.public.key_id, raw)


@dataclass(frozen=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    raw: bytes

    @property
    def line(self) -> str:
        """The line, with its line feed."""
        return f"— {self.name} {b64(self.key_id + self.raw)}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read one line (without its line feed); raises `InputError`."""
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise malformed("a signature line is not of the form `— name base64`")
        body = unb64(found[2])
        if len(body) < 5:
            raise malformed("a signature is too short")
        return cls(found[1], body[:4], body[4:])

    @property
    def seconds(self) -> int:
        """When a witness saw the checkpoint."""
        return int.from_bytes(self.raw[:8])


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: whose, how many leaves, and the root over them."""

    origin: str
    size: int
    root: bytes
    suite: Suite = SHA256

    @property
    def head(self) -> TreeHead:
        """Size and root."""
        return TreeHead(self.size, self.root)

    @property
    def text(self) -> str:
        """The text that is signed. A tree that is not SHA-256 says so in an extension line."""
        extension = "" if self.suite is SHA256 else f"hash {self.suite.name}\n"
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n{extension}"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a checkpoint's text; raises `InputError`."""
        lines = text.split("\n")
        if len(lines) not in (4, 5) or lines[-1] or not _NAME.fullmatch(lines[0]):
            raise malformed("it does not have the lines of a checkpoint")
        if not _SIZE.fullmatch(lines[1]):
            raise malformed("its size is not a number")
        value = unb64(lines[2])
        if len(value) != SIZE:
            raise malformed("its root is not a digest")
        chosen = SHA256
        if len(lines) == 5:
            if not lines[3].startswith("hash ") or lines[3] == "hash sha256":
                raise malformed("it has an extension line that is not known here")
            chosen = suite(lines[3].removeprefix("hash "))
        return cls(lines[0], int(lines[1]), value, chosen)


@dataclass(frozen=True)
class Note:
    """A checkpoint with its signatures."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]

    @property
    def text(self) -> str:
        """The whole note."""
        return self.checkpoint.text + "\n" + "".join(s.line for s in self.signatures)

    @classmethod
    def parse(cls, text: str) -> Note:
        """Read a signed checkpoint; raises `InputError`."""
        body, gap, lines = text.partition("\n\n")
        if len(text) > MAX_NOTE or not gap or not lines.endswith("\n"):
            raise malformed("it is not a signed note")
        signatures = tuple(Signature.parse(line) for line in lines[:-1].split("\n"))
        note = cls(Checkpoint.parse(body + "\n"), signatures)
        if note.text != text:
            raise malformed("it is not in the one canonical form")
        return note

    def by(self, key: PublicKey) -> Signature | None:
        """The key's signature, if it is there and holds."""
        for signature in self.signatures:
            if (signature.name, signature.key_id) == (key.name, key.key_id) and key.holds(
                self.checkpoint.text, signature.raw
            ):
                return signature
        return None

    def only_by(self, keys: Sequence[PublicKey]) -> bool:
        """Whether every line is the valid signature of another one of `keys`, all of them."""
        return len(self.signatures) == len(keys) and all(
            s == self.by(k) for s, k in zip(self.signatures, keys, strict=True)
        )

    def with_(self, *more: Signature) -> Note:
        """The note with further signatures."""
        return Note(self.checkpoint, (*self.signatures, *more))
