"""Strict decoding of untrusted bytes: JSON, XML, CSV in a signed envelope. Pure.

Anything that a lenient parser would repair or guess is refused: duplicate keys, NaN and
Infinity, numbers that are too long, a byte order mark, trailing bytes, deep nesting, document
type declarations and entities, a wrong number of columns, bytes outside the declared encoding.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_DEPTH = 12
MAX_TEXT = 4_000
MAX_DIGITS = 24
# Control characters and lone surrogates: the first have no place in a register, the second have
# no UTF-8 form and would fail only when the record is sealed.
_BAD_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HTML = re.compile(rb"\s*<(!doctype\s+html|html)\b", re.IGNORECASE)


class Malformed(Exception):
    """The bytes are not what the format demands; `code` is stable and holds no data."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def looks_like_web_page(body: bytes) -> bool:
    """Whether a human-readable page came in place of an answer (log-in, captcha, error page)."""
    return _HTML.match(body[:200]) is not None


def parse_json(body: bytes) -> Any:
    """Read strict JSON.

    Raises:
        Malformed: see the module text.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_decimal,
            parse_int=_integer,
        )
    except Malformed:
        raise
    except UnicodeDecodeError:
        raise Malformed("encoding") from None
    except (ValueError, RecursionError):
        raise Malformed("json") from None
    _check_tree(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("duplicate_key")
    return result


def _no_constant(_: str) -> NoReturn:
    raise Malformed("not_a_number")


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_DIGITS:
        raise Malformed("number_too_long")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Malformed("number_too_long") from None
    if abs(value.adjusted()) > MAX_DIGITS:
        raise Malformed("number_too_long")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Malformed("number_too_long")
    return int(text)


def _check_tree(root: Any) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            kind = type(value)  # as a parser makes them: never a subclass
            if kind is str:
                check_text(value)
            elif kind is dict:
                for key in value:
                    check_text(key)
                below.extend(value.values())
            elif kind is list:
                below.extend(value)
        if not below:
            return
        level = below
    raise Malformed("too_deep")


def check_text(text: str) -> None:
    """Refuse a text that is too long, or holds control characters or lone surrogates."""
    if len(text) > MAX_TEXT or _BAD_TEXT.search(text):
        raise Malformed("text")


SOAP_ENVELOPES = frozenset(
    ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
)


class SoapFault(Exception):
    """The envelope holds a fault in place of an answer."""


def parse_soap(body: bytes, lists: frozenset[str]) -> Any:
    """Read what stands in the body of a SOAP envelope (1.1 or 1.2), without its namespaces.

    Raises:
        Malformed: see `parse_xml`; or it is no envelope with exactly one element in its body.
        SoapFault: the source refused.
    """
    root = _root(body)
    name = str(root.tag)
    envelope, _, local = name.removeprefix("{").partition("}")
    if envelope not in SOAP_ENVELOPES or local != "Envelope":
        raise Malformed("envelope")
    held = [e for part in root if part.tag == f"{{{envelope}}}Body" for e in part]
    if len(held) != 1:
        raise Malformed("envelope")
    if held[0].tag == f"{{{envelope}}}Fault":
        raise SoapFault
    for node in held[0].iter():
        node.tag = str(node.tag).rpartition("}")[2]
        # Types and nil marks of a schema say nothing that the declaration does not say.
        for attribute in [a for a in node.attrib if a.startswith("{")]:
            del node.attrib[attribute]
    return _tree(held[0], lists)


def parse_xml(body: bytes, lists: frozenset[str]) -> Any:
    """Read XML without document type or entities into mappings, lists and texts.

    `lists` names the dotted paths (below the root) of repeated elements; any other repeated
    element is refused. Attributes become `@name`. An element without children is its text.

    Raises:
        Malformed: see the module text.
    """
    return _tree(_root(body), lists)


def _root(body: bytes) -> Element:
    try:
        root: Element = fromstring(
            body, forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
        return root
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise Malformed("xml") from None


def _tree(root: Element, lists: frozenset[str]) -> Any:
    value = _element(root, "", lists, 0)
    return value if isinstance(value, dict) else {"#text": value}


def _element(node: Element, path: str, lists: frozenset[str], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Malformed("too_deep")
    inner_lists = {p.removeprefix(f"{path}.") if path else p for p in lists if _child(p, path)}
    result: dict[str, Any] = {f"@{k}": v for k, v in node.attrib.items()}
    result.update({name: [] for name in inner_lists})
    texts = [node.text or "", *(c.tail or "" for c in node)]
    if not len(node) and not result:
        check_text(texts[0])
        return texts[0].strip()
    if any(t.strip() for t in texts):
        raise Malformed("mixed_text")
    for child in node:
        tag = str(child.tag)
        below = f"{path}.{tag}" if path else tag
        value = _element(child, below, lists, depth + 1)
        if tag in inner_lists:
            result[tag].append(value)
        elif tag in result:
            raise Malformed("duplicate_key")
        else:
            result[tag] = value
    return result


def _child(candidate: str, path: str) -> bool:
    parent, _, _ = candidate.rpartition(".")
    return parent == path


def parse_table(
    text: Any, encoding: str, delimiter: str, max_rows: int
) -> tuple[list[str], list[dict[str, str]]]:
    """Read a base64 text that holds a CSV table: its header, and its rows by header.

    Raises:
        Malformed: bad base64, bytes outside `encoding`, a header given twice, a row with another
            number of columns than the header, or more than `max_rows` rows.
    """
    if not isinstance(text, str):
        raise Malformed("payload")
    try:
        plain = base64.b64decode(text, validate=True).decode(encoding, "strict")
    except (binascii.Error, ValueError):
        raise Malformed("encoding") from None
    try:
        reader = csv.reader(io.StringIO(plain, newline=""), delimiter=delimiter, strict=True)
        header = next(reader, [])
        if not header or len(set(header)) != len(header):
            raise Malformed("csv_header")
        rows: list[dict[str, str]] = []
        for cells in reader:
            if len(cells) != len(header):
                raise Malformed("csv_columns")
            if len(rows) >= max_rows:
                raise Malformed("too_many_rows")
            for cell in cells:
                check_text(cell)
            rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error:
        raise Malformed("csv") from None
    return header, rows
