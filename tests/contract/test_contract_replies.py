"""Every connector against its recorded replies, and against what could become of them.

A new source is two files: `connectors/<id>.yaml` and `fixtures/replies/<id>/replies.yaml`. These
tests find both by themselves.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify import frames
from verify.connectors import Connectors, Declaration, DecodeContext, Decoded, decode
from verify.connectors.places import flat_row, get
from verify.connectors.protocols import Gateway
from verify.content import ContentSet, parse_yaml
from verify.domain.canonical import canonical_bytes
from verify.domain.evidence import EvidenceState

ROOT = Path(__file__).parents[2]
CONNECTORS = Connectors.from_content(ContentSet.load("connectors", ROOT))
NO_ROWS = (
    EvidenceState.MALFORMED,
    EvidenceState.SCHEMA_MISMATCH,
    EvidenceState.WRONG_SUBJECT,
)


@dataclass(frozen=True)
class Reply:
    source: str
    title: str
    bodies: tuple[bytes, ...]
    context: DecodeContext
    expect: dict[str, Any]

    @property
    def declaration(self) -> Declaration:
        return CONNECTORS.declaration(self.source)

    def decode(self, *bodies: bytes, **changes: Any) -> Decoded:
        context = DecodeContext(**{**_fields(self.context), **changes})
        return decode(self.declaration, bodies or self.bodies, context)


def _fields(context: DecodeContext) -> dict[str, Any]:
    return {name: getattr(context, name) for name in DecodeContext.__dataclass_fields__}


def _body(recorded: Any) -> bytes:
    """A recorded body: text, or base64 of what is no text."""
    return base64.b64decode(recorded["base64"]) if isinstance(recorded, dict) else recorded.encode()


def _replies() -> Iterator[Reply]:
    for source in CONNECTORS.sources:
        path = ROOT / "fixtures" / "replies" / source / "replies.yaml"
        data = parse_yaml(path.name, path.read_text(encoding="utf-8")).value
        assert data["synthetic"] == "true", f"{path}: recorded replies are synthetic and say so"
        for reply in data["replies"]:
            asked = reply["asked"]
            context = DecodeContext(
                household="h",
                evidence=f"{source}/p1",
                person="p1",
                name=asked["name"],
                id_number=asked["id_number"],
                as_of=dt.date.fromisoformat(asked["as_of"]),
            )
            bodies = tuple(_body(b) for b in reply["bodies"])
            yield Reply(source, reply["title"], bodies, context, reply["expect"])


REPLIES = list(_replies())
# An indicator says that there is something, and not what.
DISCLOSED = [r for r in REPLIES if r.expect["state"] == "partial"]
FOUND = [r for r in REPLIES if r.expect["state"] == "ok"]
# Those whose rows these tests can rewrite; tables of their own have tests of their own.
LISTED = [r for r in FOUND if r.declaration.answer.format != "table"]
EMPTY = [r for r in REPLIES if r.expect["state"] == "confirmed_empty"]
every = pytest.mark.parametrize("reply", REPLIES, ids=lambda r: f"{r.source}: {r.title}")
found = pytest.mark.parametrize("reply", FOUND, ids=lambda r: r.source)
listed = pytest.mark.parametrize("reply", LISTED, ids=lambda r: r.source)
empty = pytest.mark.parametrize("reply", EMPTY, ids=lambda r: r.source)


def test_every_connector_has_a_recorded_find_and_a_recorded_nothing() -> None:
    sources = list(CONNECTORS.sources)
    assert sorted({r.source for r in (*FOUND, *DISCLOSED)}) == sources
    assert sorted({r.source for r in EMPTY}) == sources


@every
def test_a_recorded_reply_gives_the_recorded_records(reply: Reply) -> None:
    decoded = reply.decode()
    assert decoded.state == reply.expect["state"], decoded
    assert str(decoded.as_of) == reply.expect["as_of"]
    frames.RECORDS.frame(decoded.rows)
    base = {
        "household": "h",
        "evidence": reply.context.evidence,
        "source": reply.source,
        "asked_person": "p1",
    }
    numbered = [
        {**base, "record": f"{reply.context.evidence}/{n}", **r}
        for n, r in enumerate(reply.expect["records"] or [], start=1)
    ]
    seen = [{k: str(v) for k, v in row.items() if v is not None} for row in decoded.rows]
    assert seen == numbered


@found
def test_kinds_are_those_that_the_connector_yields(reply: Reply) -> None:
    assert {r["kind"] for r in reply.decode().rows} <= set(reply.declaration.yields)


@found
def test_the_detail_of_a_record_is_canonical_json(reply: Reply) -> None:
    for row in reply.decode().rows:
        assert canonical_bytes(json.loads(row["detail"])).decode() == row["detail"]


@every
def test_another_subject_than_the_one_asked_about_is_wrong_subject(reply: Reply) -> None:
    for change in ({"id_number": "11010519491231002X"}, {"name": "另一人"}):
        decoded = reply.decode(**change)
        assert (decoded.state, decoded.rows) == (EvidenceState.WRONG_SUBJECT, [])


@every
def test_data_older_than_declared_are_stale_and_keep_their_rows(reply: Reply) -> None:
    limit = dt.timedelta(days=reply.declaration.max_age_days)
    just = reply.decode(as_of=reply.context.as_of + limit)
    late = reply.decode(as_of=reply.context.as_of + limit + dt.timedelta(days=1))
    assert just.state == reply.expect["state"]
    if reply in DISCLOSED:  # how little was said outweighs how old it is
        assert late.state is EvidenceState.PARTIAL
        return
    assert late.state is EvidenceState.STALE
    assert late.rows == reply.decode().rows


# -- what could become of a reply -------------------------------------------------------------


def _json_rows(declaration: Declaration, tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [r for s in declaration.answer.sections for r in get(tree, s.rows)]


def _change_rows(reply: Reply, change: Callable[[dict[str, str]], None]) -> list[bytes]:
    """The reply with `change` applied to every row, whatever its format."""
    return [_changed(reply.declaration, body, change) for body in reply.bodies]


def _changed(
    declaration: Declaration, body: bytes, change: Callable[[dict[str, str]], None]
) -> bytes:
    if declaration.answer.format in ("xml", "soap"):
        root = ET.fromstring(body)
        names = {s.rows.rpartition(".")[2] for s in declaration.answer.sections}
        for parent in root.iter():
            for row in [c for c in parent if len(c) and _local(c.tag) in names]:
                space = row.tag.removesuffix(_local(row.tag))
                fields = {_local(c.tag): c.text or "" for c in row}
                change(fields)
                row.clear()
                for tag, text in fields.items():
                    ET.SubElement(row, space + tag).text = text
        return ET.tostring(root, encoding="utf-8", xml_declaration=True)
    tree = json.loads(body)
    payload = declaration.answer.payload
    if payload is None:
        for row in _json_rows(declaration, tree):
            flat = dict(flat_row(row, ""))
            change(flat)
            row.clear()
            for name, value in flat.items():
                _put(row, name, value)
        return json.dumps(tree).encode()
    text = base64.b64decode(tree[payload.field]).decode(payload.encoding)
    comma = payload.delimiter
    header, *lines = [line.split(comma) for line in text.split("\r\n") if line]
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    for row in rows:
        change(row)
    header = list(rows[0]) if rows else header
    table = "\r\n".join(comma.join(cells) for cells in [header, *(r.values() for r in rows)])
    tree[payload.field] = base64.b64encode(f"{table}\r\n".encode(payload.encoding)).decode()
    return json.dumps(tree).encode()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _put(row: dict[str, Any], name: str, value: Any) -> None:
    """Set a value at a dotted name."""
    *above, last = name.split(".")
    for key in above:
        row = row.setdefault(key, {})
    row[last] = value


@listed
def test_an_unchanged_rewrite_changes_nothing(reply: Reply) -> None:
    assert reply.decode(*_change_rows(reply, lambda row: None)) == reply.decode()


@listed
def test_a_field_nobody_declared_is_a_signal_and_nothing_is_used(reply: Reply) -> None:
    decoded = reply.decode(*_change_rows(reply, lambda row: row.update(xinzeng="1")))
    assert (decoded.state, decoded.rows) == (EvidenceState.SCHEMA_MISMATCH, [])
    assert decoded.detail == "unexpected_field"
    assert all(s.endswith(".xinzeng") for s in decoded.signals)


@listed
def test_each_declared_field_that_disappears_is_noticed(reply: Reply) -> None:
    for section in reply.declaration.mapper.sections:
        for name in sorted(section.fields):

            def drop(row: dict[str, str], name: str = name) -> None:
                row.pop(name, None)

            bodies = _change_rows(reply, drop)
            if bodies == _change_rows(reply, lambda row: None):
                continue  # this reply has no row of that section
            decoded = reply.decode(*bodies)
            assert (decoded.state, decoded.rows) == (EvidenceState.SCHEMA_MISMATCH, []), name
            assert f"missing_field:{section.spec.rows}.{name}" in decoded.signals


@listed
def test_an_amount_a_hundred_times_too_large_is_implausible_not_riches(reply: Reply) -> None:
    for section in reply.declaration.mapper.sections:
        for bound in section.spec.expect:

            def inflate(row: dict[str, str], name: str = bound.field) -> None:
                if name in row and str(row[name] or "0").strip("0."):
                    row[name] = "9" * 12

            bodies = _change_rows(reply, inflate)
            if bodies == _change_rows(reply, lambda row: None):
                continue
            decoded = reply.decode(*bodies)
            assert (decoded.state, decoded.detail) == (
                EvidenceState.SCHEMA_MISMATCH,
                "implausible_value",
            ), bound.field


@every
def test_a_truncated_body_is_malformed(reply: Reply) -> None:
    last = reply.bodies[-1].rstrip()
    for cut in (1, len(last) // 2, len(last) - 1):
        decoded = reply.decode(*reply.bodies[:-1], last[:-cut])
        assert (decoded.state, decoded.rows) == (EvidenceState.MALFORMED, []), cut


@every
def test_a_web_page_in_place_of_an_answer_is_never_nothing_found(reply: Reply) -> None:
    page = b"<!DOCTYPE html>\n<html><body>login</body></html>"
    decoded = reply.decode(*reply.bodies[:-1], page)
    assert (decoded.state, decoded.detail) == (EvidenceState.SCHEMA_MISMATCH, "web_page")
    assert decoded.rows == []


@every
def test_an_empty_body_is_malformed(reply: Reply) -> None:
    for body in (b"", b" \r\n"):
        decoded = reply.decode(*reply.bodies[:-1], body)
        assert (decoded.state, decoded.detail) == (EvidenceState.MALFORMED, "empty_body")


@every
def test_bytes_after_the_end_are_malformed(reply: Reply) -> None:
    decoded = reply.decode(*reply.bodies[:-1], reply.bodies[-1] + b"{}")
    assert decoded.state is EvidenceState.MALFORMED


@found
def test_rows_in_another_order_give_the_same_records_with_the_same_ids(reply: Reply) -> None:
    def reversed_lists(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: reversed_lists(v) for k, v in reversed(value.items())}
        return [reversed_lists(v) for v in reversed(value)] if isinstance(value, list) else value

    bodies = list(reply.bodies)
    if reply.declaration.answer.format == "json":
        bodies = [json.dumps(reversed_lists(json.loads(b))).encode() for b in bodies]
    assert reply.decode(*reversed(bodies)) == reply.decode()


@pytest.mark.parametrize(
    "reply",
    [r for r in FOUND if isinstance(r.declaration.protocol, Gateway)],
    ids=lambda r: r.source,
)
def test_each_missing_body_of_several_makes_the_answer_partial(reply: Reply) -> None:
    for missing in range(len(reply.bodies)):
        kept = [b for i, b in enumerate(reply.bodies) if i != missing]
        assert reply.decode(*kept).state is EvidenceState.PARTIAL


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_raise_and_never_become_nothing_found(data: st.DataObject) -> None:
    reply = data.draw(st.sampled_from(FOUND))
    body = bytearray(data.draw(st.sampled_from(reply.bodies)))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    decoded = reply.decode(*[bytes(body)] * len(reply.bodies))
    assert decoded.state is not EvidenceState.CONFIRMED_EMPTY or not decoded.rows
    if decoded.state in NO_ROWS:
        assert decoded.rows == []
    frames.RECORDS.frame(decoded.rows)
