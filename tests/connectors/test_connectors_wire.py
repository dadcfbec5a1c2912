"""Untrusted bytes: what a lenient parser would repair or guess is refused, with a stable code."""

from __future__ import annotations

import base64
import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.connectors.wire import Malformed, parse_json, parse_table, parse_xml

CANNOT_GUESS = {
    "json": [b"", b"{", b"{}{}", b"\xef\xbb\xbf{}", b"{'a':1}", b'{"a":1,}', b"[" * 100_000],
    "encoding": [b'{"a":"\xff"}', '{"a":"中"}'.encode("gbk")],
    "duplicate_key": [b'{"a":1,"a":1}', b'[{"b":{"a":1,"a":2}}]'],
    "not_a_number": [b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}'],
    "number_too_long": [b'{"a":1e400}', b"[" + b"9" * 5000 + b"]", b"[0." + b"1" * 99 + b"]"],
    "too_deep": [b"[" * 40 + b"]" * 40],
    "text": [b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"\\u0007":1}', b'"' + b"x" * 5000 + b'"'],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "body"), [(code, body) for code, bodies in CANNOT_GUESS.items() for body in bodies]
)
def test_json_that_needs_guessing_is_refused(code: str, body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_json(body)
    assert caught.value.code == code


def test_json_numbers_stay_exact() -> None:
    assert parse_json(b'{"a":0.1,"b":12345678901234567890}') == {
        "a": Decimal("0.1"),
        "b": 12345678901234567890,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text("中a·", max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=3), inner),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_what_json_writes_is_what_is_read(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_make_a_parser_do_anything_but_refuse(body: bytes) -> None:
    for parse in (parse_json, lambda b: parse_xml(b, frozenset({"R"}))):
        with contextlib.suppress(Malformed):
            parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<a>",
        b"<a/><b/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        b"<a>&undefined;</a>",
        b"\x00<a/>",
    ],
)
def test_xml_with_entities_or_faults_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_xml(body, frozenset())
    assert caught.value.code == "xml"


def test_xml_becomes_a_tree_in_which_only_declared_elements_repeat() -> None:
    lists = frozenset({"Cars.Car"})
    assert parse_xml(b"<R><H>1</H><Cars><Car><P>x</P></Car></Cars></R>", lists) == {
        "H": "1",
        "Cars": {"Car": [{"P": "x"}]},
    }
    assert parse_xml(b"<R><Cars/></R>", lists) == {"Cars": {"Car": []}}
    with pytest.raises(Malformed) as caught:
        parse_xml(b"<R><H>1</H><H>2</H></R>", lists)
    assert caught.value.code == "duplicate_key"


def test_xml_attributes_and_stray_text_do_not_slip_through() -> None:
    assert parse_xml(b'<R><H a="1"/></R>', frozenset()) == {"H": {"@a": "1"}}
    for body in (b"<R>stray<H>1</H></R>", b'<R><H a="1">x</H></R>'):
        with pytest.raises(Malformed) as caught:
            parse_xml(body, frozenset())
        assert caught.value.code == "mixed_text"


def table(text: str, encoding: str = "gb18030") -> str:
    return base64.b64encode(text.encode(encoding)).decode()


def test_a_gb18030_table_keeps_rare_characters() -> None:
    header, rows = parse_table(table("姓名,余额\r\n𬍛䶮,1\r\n"), "gb18030", ",", 10)
    assert (header, rows) == (["姓名", "余额"], [{"姓名": "𬍛䶮", "余额": "1"}])


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("***", "encoding"),
        (base64.b64encode(b"\xff\xff\xff").decode(), "encoding"),
        (table("a,b\r\n1\r\n"), "csv_columns"),
        (table("a,b\r\n1,2,3\r\n"), "csv_columns"),
        (table("a,a\r\n1,2\r\n"), "csv_header"),
        (table(""), "csv_header"),
        (table('a\r\n"x"y\r\n'), "csv"),
        (table("a\r\n1\r\n2\r\n3\r\n4\r\n"), "too_many_rows"),
        (None, "payload"),
    ],
)
def test_a_table_that_does_not_add_up_is_refused(payload: Any, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_table(payload, "gb18030", ",", 3)
    assert caught.value.code == code
