"""Canaries: values about people that may turn up nowhere outside sealed evidence, in any dress.

Twelve encodings, since a leak seldom writes a value as it is:

    utf8 gb18030 utf16    the text as bytes
    base64 hex percent    (base64 in both alphabets, at each of its three alignments)
    json html             escapes, as documents and pages write them
    transliterated        full-width digits and letters; a name as pinyin
    reversed              back to front
    digest                unsalted MD5, SHA-1, SHA-256, SM3: as good as the value, for an id
    deflate               inside zlib, gzip or zip

One pass over all forms of all canaries (Aho-Corasick), blind to the case of ASCII letters.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import polars as pl
from cryptography.hazmat.primitives import hashes
from pypinyin import lazy_pinyin

ENCODINGS = (
    "utf8", "gb18030", "utf16", "base64", "hex", "percent", "json", "html", "transliterated",
    "reversed", "digest", "deflate",
)  # fmt: skip
CHUNK, OVERLAP = 1 << 20, 1024
INFLATED = 1 << 22
_STREAM = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|PK\x03\x04")


def forms(value: str) -> dict[str, list[bytes]]:
    """What to look for, by encoding. `deflate` is looked into instead (`Sweep.scan`)."""
    raw = value.encode()
    found = {
        "utf8": [raw],
        "gb18030": [value.encode("gb18030")],
        "utf16": [value.encode("utf-16-le"), value.encode("utf-16-be")],
        "base64": list(_base64(raw)),
        "hex": [raw.hex().encode()],
        "percent": ["".join(f"%{b:02X}" for b in raw).encode(), quote(value).encode()],
        "json": ["".join(f"\\u{ord(c):04x}" for c in value).encode()],
        "html": [
            "".join(f"&#{ord(c)};" for c in value).encode(),
            "".join(f"&#x{ord(c):x};" for c in value).encode(),
            html.escape(value).encode(),
        ],
        "transliterated": _transliterated(value),
        "reversed": [value[::-1].encode(), raw[::-1]],
        "digest": list(_digests(raw)),
    }
    # A form that is the value itself is the first encoding's.
    same = set(found["utf8"])
    return {k: v if k == "utf8" else [f for f in v if f not in same] for k, v in found.items()}


def _base64(raw: bytes) -> Iterator[bytes]:
    for before in range(3):
        padded = b"\0" * before + raw
        whole = len(padded) // 3 * 3
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Only characters that no neighbouring byte has a part in.
            yield encode(padded)[(before * 8 + 5) // 6 : whole * 8 // 6]


def _transliterated(value: str) -> list[bytes]:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)
    spoken = lazy_pinyin(value)
    return [wide.encode(), "".join(spoken).encode(), " ".join(spoken).encode()]


def _digests(raw: bytes) -> Iterator[bytes]:
    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(raw)
    for digest in (
        *(hashlib.new(n, raw).digest() for n in ("md5", "sha1", "sha256")),
        sm3.finalize(),
    ):
        yield digest
        yield digest.hex().encode()


def planted(value: str, encoding: str) -> bytes:
    """A leak of the value in that encoding, as a leaky program would write it."""
    if encoding == "deflate":
        return zlib.compress(b"a harmless beginning, then " + value.encode())
    return forms(value)[encoding][0]


@dataclass(frozen=True, order=True)
class Hit:
    """Which canary was found, and in what dress. The value itself is not repeated."""

    canary: str
    encoding: str


class Sweep:
    """Looks for every form of every canary (`{name: value}`)."""

    def __init__(self, canaries: Mapping[str, str]) -> None:
        self._hits: dict[str, Hit] = {}
        for name, value in canaries.items():
            for encoding, some in forms(value).items():
                for form in some:
                    self._hits.setdefault(_text(form), Hit(name, encoding))
        self._patterns = sorted(self._hits)

    def scan(self, data: bytes) -> set[Hit]:
        """What is found in these bytes, compressed parts included."""
        return self.scan_all([data])[0]

    def scan_all(self, items: Sequence[bytes]) -> list[set[Hit]]:
        """`scan` of several, in their order; to make ready for a search takes longer than one."""
        rows = [
            (number, inside, part[at : at + CHUNK + OVERLAP].decode("latin-1"))
            for number, data in enumerate(items)
            for inside, part in ((False, data), *((True, body) for body in _inflated(data)))
            for at in range(0, max(len(part), 1), CHUNK)
        ]
        schema = {"item": pl.Int64, "inside": pl.Boolean, "text": pl.String}
        chunks = pl.DataFrame(rows, schema, orient="row")
        texts = pl.col("text").str.extract_many(
            self._patterns, ascii_case_insensitive=True, overlapping=True
        )
        hits: list[set[Hit]] = [set() for _ in items]
        found = chunks.select("item", "inside", texts).explode("text").drop_nulls().unique()
        for item, inside, text in found.iter_rows():
            # What comes back is the pattern or the text, by version; both read the same here.
            hit = self._hits[_text_of(text)]
            hits[item].add(Hit(hit.canary, "deflate") if inside else hit)
        return hits


def _text(form: bytes) -> str:
    return _text_of(form.decode("latin-1"))


def _text_of(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def _inflated(data: bytes) -> Iterator[bytes]:
    """Whatever can be unpacked, wherever it begins."""
    for match in _STREAM.finditer(data):
        at, head = match.start(), match[0]
        if head == b"PK\x03\x04":
            name, extra = (int.from_bytes(data[at + o : at + o + 2], "little") for o in (26, 28))
            at, bits = at + 30 + name + extra, -15
        else:
            bits = 31 if head[0] == 0x1F else 15
        try:
            body = zlib.decompressobj(bits).decompress(data[at : at + INFLATED], INFLATED)
        except zlib.error:
            continue
        if len(body) > 8:
            yield body
