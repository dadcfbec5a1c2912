"""What is refused, and how: a problem names field, reason and remedy, and repeats nothing."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.api import problems
from verify.api.body import MAX_DEPTH, MalformedBody, parse
from verify.domain.access import LOCAL

SECRET = "绝密姓名QZX"


def stored(live) -> int:
    return len(live.system.store.list(LOCAL, cursor=None, limit=200)[0])


@pytest.fixture
def nothing_stored(live):
    before = stored(live)
    yield
    assert stored(live) == before


def post(client, content, **headers):
    return client.post(
        "/v1/verifications",
        content=content,
        headers={"Content-Type": "application/json", **headers},
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"programme": ', "not-json"),
        (b"", "not-json"),
        (b'{"a": NaN}', "not-a-number"),
        (b'{"a": -Infinity}', "not-a-number"),
        (b'{"programme": "dibao", "programme": "x"}', "duplicate-key"),
        (b'{"a": "\xff"}', "not-utf-8"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": "b\\u0000c"}', "nul-character"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "too-deep"),
        (b"[" * 100_000 + b"]" * 100_000, "too-deep"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_body_that_is_not_plain_json_is_refused_with_the_place(
    caseworker, refusal, nothing_stored, body, code
):
    found = refusal(post(caseworker, body), 400, "malformed-json")
    assert found["errors"][0]["code"] == code
    assert found["errors"][0]["remedy"]


def test_broken_json_names_line_and_column(caseworker, refusal):
    found = refusal(post(caseworker, b'{\n  "programme" "x"}'), 400)
    assert "line 2, column 15" in found["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        (lambda a: a.update(region="999999"), 422, "unknown-region", "/region"),
        (lambda a: a.update(as_of="2001-01-01"), 422, "law-not-in-force", "/as_of"),
        (lambda a: a.update(programme="housing"), 422, "unknown-programme", "/programme"),
        (lambda a: a.update(as_of=1747699200), 422, "invalid-input", "/as_of"),
        (lambda a: a.update(verdict="eligible"), 422, "invalid-input", "/verdict"),
        (lambda a: a["household"].update(state="completed"), 422, None, "/household/state"),
        (lambda a: a["declared"].update(dwellings="1"), 422, None, "/declared/dwellings"),
        (
            lambda a: a["household"]["members"][1].update(id_number="310110197403024157"),
            422,
            "invalid-input",
            "/household/members/1/id_number",
        ),
        (
            lambda a: a["household"]["members"].append(dict(a["household"]["members"][1])),
            422,
            None,
            "/household/members/4/person",
        ),
        (
            lambda a: a["authorisations"][0].update(
                valid_from="2020-01-01", valid_until="2021-01-01"
            ),
            422,
            None,
            "/authorisations/0/valid_until",
        ),
        (
            lambda a: a["authorisations"][0].update(sources=["astrology"]),
            422,
            None,
            "/authorisations/0/sources",
        ),
        (
            lambda a: a["declared"]["amounts"][0].update(amount=2760.0),
            422,
            None,
            "/declared/amounts/0/amount",
        ),
    ],
    ids=[
        "unknown region", "before any rule", "unknown programme", "a number for a date",
        "a field of the server", "a server field deeper", "text for a number", "impossible id",
        "duplicate member", "expired letter", "unknown source", "money as a float",
    ],
)  # fmt: skip
def test_bad_input_names_field_reason_and_remedy(
    caseworker, refusal, nothing_stored, application, change, status, code, pointer
):
    change(application)
    found = refusal(caseworker.post("/v1/verifications", json=application), status, code)
    fault = next(e for e in found["errors"] if e["pointer"] == pointer)
    assert fault["reason"]
    assert fault["remedy"]


def leaves(value, at=()):
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaves(child, (*at, key))
    elif isinstance(value, list):
        for i, child in enumerate(value):
            yield from leaves(child, (*at, i))
    else:
        yield at


def test_no_value_that_was_sent_comes_back(caseworker, application, example):
    """A canary in every field, one at a time, and as the wrong type: never in the answer."""
    kinds = {tuple("#" if isinstance(p, int) else p for p in at): at for at in leaves(example)}
    assert len(kinds) > 20
    for at in kinds.values():
        broken = json.loads(json.dumps(example))
        place = broken
        for part in at[:-1]:
            place = place[part]
        for canary in (SECRET * 40, {SECRET: 1}, [SECRET]):
            place[at[-1]] = canary
            answer = caseworker.post("/v1/verifications", json=broken)
            assert answer.status_code == 422, at
            told = answer.json()
            if isinstance(canary, dict):  # the name of an unknown field is named, nothing else
                told["errors"] = [
                    {**e, "pointer": ""} if e["code"] == "extra-forbidden" else e
                    for e in told["errors"]
                ]
            assert SECRET not in json.dumps(told, ensure_ascii=False), at


def test_a_large_body_is_refused_by_its_declared_length(caseworker, refusal, nothing_stored):
    found = refusal(post(caseworker, b'"' + b"x" * 10_000_000 + b'"'), 413, "too-large")
    assert "1000000 bytes" in found["detail"]


def test_a_large_body_is_refused_while_it_arrives(live, nothing_stored):
    """No length is declared and the body never ends: the service stops listening, and says so."""
    host, port = live.url.removeprefix("http://").split(":")
    head = (
        "POST /v1/verifications HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {live.caseworker_key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode())
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        for _ in range(17):
            connection.sendall(chunk)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=gbk"])
def test_a_body_that_is_not_declared_json_is_refused(caseworker, refusal, kind):
    answer = post(caseworker, b"{}", **{"Content-Type": kind})
    refusal(answer, 415, "unsupported-media-type")


def test_an_unknown_address_is_a_problem_too(caseworker, refusal):
    refusal(caseworker.get("/v1/nothing"), 404, "not-found")
    refusal(caseworker.get(f"/{SECRET}"), 404)


def test_a_wrong_method_names_the_right_ones(caseworker, refusal):
    answer = caseworker.delete("/v1/verifications")
    refusal(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


def test_a_wrong_parameter_is_named_without_its_value(caseworker, refusal):
    answer = caseworker.get("/v1/verifications", params={"limit": SECRET})
    found = refusal(answer, 422, "invalid-input")
    assert found["errors"][0]["pointer"] == "query:limit"
    assert SECRET not in answer.text


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "schlüssel"])
def test_an_unusable_idempotency_key_is_refused(live, refusal, nothing_stored, application, key):
    answer = httpx.post(
        f"{live.url}/v1/verifications",
        json=application,
        headers=[
            (b"Authorization", f"Bearer {live.caseworker_key}".encode()),
            (b"Idempotency-Key", key.encode("utf-8")),
        ],
        trust_env=False,
    )
    found = refusal(answer, 422)
    assert found["errors"][0]["pointer"] == "header:Idempotency-Key"


def test_each_problem_has_a_page_that_explains_it(nobody):
    kinds = problems.known_errors()
    assert {"conflict", "not-found", "law-not-in-force", "malformed-json"} <= set(kinds)
    for code, kind in kinds.items():
        page = nobody.get(f"/problems/{code}")
        assert page.status_code == 200
        assert kind.title in page.text
    assert nobody.get("/problems/nothing").status_code == 404


def test_an_unexpected_failure_tells_nothing_of_the_inside(live, caseworker, refusal, monkeypatch):
    def fails(*_):
        raise RuntimeError(f"the value was {SECRET}")

    monkeypatch.setattr(live.system.verifications, "page", fails)
    answer = caseworker.get("/v1/verifications")
    found = refusal(answer, 500, "internal")
    assert SECRET not in answer.text
    assert "Runtime" not in answer.text
    assert found["remedy"]


def test_answers_forbid_sniffing_caching_and_framing(caseworker, judged):
    for path in ("", "/verdict", "/report", "/nothing"):
        headers = caseworker.get(f"/v1/verifications/{judged}{path}").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"],
                                                                      exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
        inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
@settings(max_examples=80, deadline=None)
def test_plain_json_reads_as_itself(value):
    assert parse(json.dumps(value, ensure_ascii=False).encode("utf-8")) == value


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_json_or_a_problem(raw):
    try:
        value, faults = parse(raw), ()
    except MalformedBody as error:
        value, faults = None, error.problems
    assert faults or value == json.loads(raw)
