"""Where requests may not go, and who never gets a secret or a real person's number."""

from __future__ import annotations

import datetime as dt
import http.server
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from verify.connectors import Answer, Asker, Connectors, Question
from verify.connectors.egress import Egress
from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState
from verify.domain.household import Authorisation

CORPUS = yaml.safe_load(Path(__file__).with_name("ssrf.yaml").read_text(encoding="utf-8"))
TODAY = dt.date(2025, 5, 20)
REAL_NAME, REAL_ID = "林晓梅", "310104198503120021"
SECRET = "the-key-of-the-vehicle-office"
ALLOWED = {"VERIFY_EGRESS_ALLOW": "listed.example"}
CONTENT = ContentSet.load("connectors")
DEFAULT = "http://127.0.0.1:8472"

# Every attempt to connect in this process while the list is set. Audit hooks cannot be removed.
_attempts: list[tuple[str, Any]] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _attempts is not None and event in ("socket.connect", "socket.sendto"):
        _attempts.append((event, arguments[1]))


sys.addaudithook(_watch)


@pytest.fixture
def attempts() -> Iterator[list[tuple[str, Any]]]:
    """What this process tried to connect to during the test."""
    global _attempts  # noqa: PLW0603 -- an audit hook sees module state only
    _attempts = []
    yield _attempts
    _attempts = None


@dataclass
class Listener:
    """A server that is not the source; `bytes_seen` is everything anyone sent it."""

    port: int
    connections: int = 0
    bytes_seen: bytes = b""
    location: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def listener() -> Iterator[Listener]:
    seen = Listener(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            with seen.lock:
                seen.bytes_seen += self.requestline.encode() + bytes(self.headers) + body
            self.send_response(302 if seen.location else 200)
            if seen.location:
                self.send_header("location", seen.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[socket.socket, Any]:
            with seen.lock:
                seen.connections += 1
            return super().get_request()

    server = Server(("127.0.0.1", 0), Handler)
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield seen
    server.shutdown()
    server.server_close()


def vehicle_at(address: str) -> Connectors:
    """The vehicle connector whose declaration an administrator pointed elsewhere."""
    text = CONTENT.files["vehicle.yaml"]
    assert DEFAULT in text
    # JSON text is YAML text; a line feed in an address must arrive as one.
    quoted = "".join(c if c.isprintable() and c not in '"\\' else _escaped(c) for c in address)
    changed = text.replace(DEFAULT, quoted).replace("attempts: 3", "attempts: 1")
    return Connectors.from_content(ContentSet("connectors", {"vehicle.yaml": changed}))


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"


def ask(connectors: Connectors, environment: dict[str, str], **options: Any) -> Answer:
    """Ask about a real person, with a letter that covers everything."""
    asker = Asker(connectors, environment, lambda: TODAY, **options)
    letter = Authorisation(
        letter="SQ-1",
        person="p1",
        sources=("vehicle",),
        purposes=("social_assistance",),
        signed_on=TODAY,
        valid_from=TODAY,
        valid_until=TODAY,
    )
    question = Question(
        source="vehicle",
        person="p1",
        name=REAL_NAME,
        id_number=REAL_ID,
        former_names=(),
        as_of=TODAY,
        purpose="social_assistance",
        request_id="r-1",
        case_number="A-1",
    )
    try:
        return asker.ask(question, [letter])
    finally:
        asker.close()


def test_the_corpus_holds_at_least_200_addresses_and_none_twice() -> None:
    urls = [entry["url"] for part in ("written", "unlisted") for entry in CORPUS[part]]
    assert len(urls) == len(set(urls))
    assert sum(len(part) for part in CORPUS.values()) >= 200


@pytest.mark.parametrize("part", ["written", "unlisted"])
def test_an_address_nobody_allowed_is_refused_before_any_connection(
    part: str, attempts: list[tuple[str, Any]], listener: Listener
) -> None:
    environment = {**ALLOWED, "VERIFY_SOURCE_VEHICLE_API_KEY": SECRET}
    for entry in CORPUS[part]:
        address = entry["url"].replace("{port}", str(listener.port))
        for connectors, given in (
            (vehicle_at(address), environment),
            (
                vehicle_at(DEFAULT),
                {**environment, "VERIFY_SOURCE_VEHICLE_URL": address},
            ),
        ):
            with pytest.raises(ContentError) as caught:
                ask(connectors, given)
            assert caught.value.where == "VERIFY_SOURCE_VEHICLE_URL", entry
    assert (attempts, listener.connections) == ([], 0)


@pytest.mark.parametrize("entry", CORPUS["resolves"], ids=lambda e: e["why"])
def test_a_listed_name_that_resolves_where_nobody_allowed_is_not_connected_to(
    entry: dict[str, Any], attempts: list[tuple[str, Any]]
) -> None:
    egress = Egress.from_environment(ALLOWED, resolve=lambda host, port: entry["addresses"])
    answer = ask(
        vehicle_at(DEFAULT),
        {
            "VERIFY_SOURCE_VEHICLE_URL": "https://listed.example",
            "VERIFY_SOURCE_VEHICLE_API_KEY": SECRET,
        },
        egress=egress,
    )
    assert (answer.state, answer.bodies) == (EvidenceState.UNAUTHORISED, ())
    assert answer.detail in ("egress_address_not_permitted", "egress_no_address")
    assert attempts == []


def test_a_second_look_up_never_happens_so_that_it_cannot_answer_differently(
    attempts: list[tuple[str, Any]],
) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    egress = Egress(frozenset({"localhost:9"}), resolve=lambda host, port: next(answers))
    answer = ask(
        vehicle_at(DEFAULT),
        {
            "VERIFY_SOURCE_VEHICLE_URL": "http://localhost:9",
            "VERIFY_SOURCE_VEHICLE_API_KEY": SECRET,
        },
        egress=egress,
    )
    assert answer.state is EvidenceState.UNAVAILABLE
    assert [where for _, where in attempts] == [("127.0.0.1", 9)]
    assert next(answers) == ["10.0.0.1"]  # asked for once


@pytest.mark.parametrize("entry", CORPUS["redirects"], ids=lambda e: e["url"])
def test_a_redirect_is_not_followed_anywhere(
    entry: dict[str, Any], attempts: list[tuple[str, Any]], listener: Listener
) -> None:
    listener.location = entry["url"].replace("{port}", str(listener.port))
    answer = ask(
        vehicle_at(DEFAULT),
        {
            "VERIFY_SOURCE_VEHICLE_URL": f"http://127.0.0.1:{listener.port}",
            "VERIFY_SOURCE_VEHICLE_API_KEY": SECRET,
        },
    )
    assert (answer.state, answer.detail) == (EvidenceState.UNAVAILABLE, "redirected")
    assert [where for _, where in attempts] == [("127.0.0.1", listener.port)]
    assert listener.connections == 1


def test_a_listed_network_opens_private_addresses_and_no_others() -> None:
    egress = Egress.from_environment(
        {**ALLOWED, "VERIFY_EGRESS_NETWORKS": "10.20.0.0/16"},
        resolve=lambda host, port: ["10.20.3.4"],
    )
    assert egress.address("listed.example", 443) == "10.20.3.4"
    with pytest.raises(OSError, match="address_not_permitted"):
        Egress.from_environment(ALLOWED, resolve=lambda host, port: ["10.20.3.4"]).address(
            "listed.example", 443
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VERIFY_EGRESS_ALLOW", "https://listed.example"),
        ("VERIFY_EGRESS_ALLOW", "*.example"),
        ("VERIFY_EGRESS_ALLOW", "listed.example:http"),
        ("VERIFY_EGRESS_ALLOW", "127.1"),
        ("VERIFY_EGRESS_NETWORKS", "10.20.0.0/33"),
        ("VERIFY_EGRESS_NETWORKS", "everything"),
    ],
)
def test_an_allow_list_that_cannot_be_read_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(ContentError) as caught:
        Egress.from_environment({name: value})
    assert caught.value.where == name


# -- after a host edit ------------------------------------------------------------------------


@pytest.mark.parametrize("hop", ["the declaration", "another variable", "the environment"])
def test_after_a_host_edit_a_rogue_listener_gets_no_secret_and_no_real_number(
    hop: str, attempts: list[tuple[str, Any]], listener: Listener
) -> None:
    rogue = f"http://127.0.0.1:{listener.port}"
    environment = {
        "VERIFY_SOURCE_VEHICLE_URL": "https://listed.example",
        "VERIFY_SOURCE_VEHICLE_API_KEY": SECRET,
        "VERIFY_SOURCE_VEHICLE_API_KEY_HOST": "listed.example:443",
        "VERIFY_SOURCE_OTHER_URL": rogue,
    }
    text = CONTENT.files["vehicle.yaml"].replace("attempts: 3", "attempts: 1")
    if hop == "the declaration":
        # Allowed by the list, as a source of its own might be; the secret still is not for it.
        text = text.replace(DEFAULT, rogue).replace(
            "endpoint: {env: VERIFY_SOURCE_VEHICLE_URL", "endpoint: {env: VERIFY_SOURCE_NEW_URL"
        )
    elif hop == "another variable":
        text = text.replace(
            "endpoint: {env: VERIFY_SOURCE_VEHICLE_URL", "endpoint: {env: VERIFY_SOURCE_OTHER_URL"
        )
        del environment["VERIFY_SOURCE_VEHICLE_API_KEY_HOST"]
    else:
        environment["VERIFY_SOURCE_VEHICLE_URL"] = rogue
    connectors = Connectors.from_content(ContentSet("connectors", {"vehicle.yaml": text}))
    answer = ask(connectors, environment)
    assert (answer.state, answer.detail) == (
        EvidenceState.UNAUTHORISED,
        "secret_given_for_another_host",
    )
    assert (attempts, listener.connections, listener.bytes_seen) == ([], 0, b"")


def test_the_host_the_secret_was_given_for_does_get_it(listener: Listener) -> None:
    ask(
        vehicle_at(DEFAULT),
        {
            "VERIFY_SOURCE_VEHICLE_URL": f"http://127.0.0.1:{listener.port}",
            "VERIFY_SOURCE_VEHICLE_API_KEY": SECRET,
        },
    )
    assert SECRET.encode() in listener.bytes_seen
    assert REAL_ID.encode() in listener.bytes_seen  # the negative tests can fail
