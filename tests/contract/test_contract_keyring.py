"""Secrets out of the system's key store: the real `keyring`, with a backend that is a file."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from contract_bench import Bench, letters, question
from contract_tls import tls_server
from keyring.backend import KeyringBackend
from keyring.errors import InitError

from verify.connectors import Answer, Asker
from verify.domain.evidence import EvidenceState

S = EvidenceState
KEY = "VERIFY_SOURCE_VEHICLE_API_KEY"
URL = "VERIFY_SOURCE_VEHICLE_URL"


class FileKeyring(KeyringBackend):
    """A key store in a file, as a machine without a desktop has one."""

    priority = 1

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.asked: list[tuple[str, str]] = []

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            raise InitError("the key store is locked")
        found: dict[str, str] = json.loads(self.path.read_text())
        return found

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append((service, username))
        return self._read().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        kept = self._read() if self.path.exists() else {}
        self.path.write_text(json.dumps({**kept, f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        del kept[f"{service}/{username}"]
        self.path.write_text(json.dumps(kept))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileKeyring]:
    before = keyring.get_keyring()
    mine = FileKeyring(tmp_path / "keys.json")
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def ask(asker: Asker, bench: Bench) -> Answer:
    return asker.ask(question("vehicle"), letters(bench.connectors.sources))


def test_a_secret_is_found_in_the_key_store_and_opens_the_source(
    store: FileKeyring, bench: Bench, asker_on: Callable[..., Asker]
) -> None:
    keyring.set_password("verify", "vehicle", bench.sim.secrets[KEY])
    asker = asker_on(**{KEY: "", f"{KEY}_KEYRING": "verify/vehicle"})
    assert store.asked == [], "no secret is read before the first question"
    assert ask(asker, bench).state is S.OK
    assert store.asked == [("verify", "vehicle")]


def test_another_key_in_the_store_is_refused_by_the_source_itself(
    store: FileKeyring, bench: Bench, asker_on: Callable[..., Asker]
) -> None:
    """The control: what opens the source is the secret, not the way to it."""
    keyring.set_password("verify", "vehicle", "some other key")
    answer = ask(asker_on(**{KEY: "", f"{KEY}_KEYRING": "verify/vehicle"}), bench)
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "source_refused_401")


def test_a_secret_of_the_key_store_goes_to_the_host_it_was_given_for(
    store: FileKeyring, bench: Bench, asker_on: Callable[..., Asker]
) -> None:
    keyring.set_password("verify", "vehicle", bench.sim.secrets[KEY])
    given = {KEY: "", f"{KEY}_KEYRING": "verify/vehicle"}
    place = bench.sim.environment()[URL].removeprefix("http://")
    assert ask(asker_on(**given, **{f"{KEY}_HOST": place}), bench).state is S.OK


def test_for_another_host_the_secret_is_refused_and_not_a_byte_is_sent(
    store: FileKeyring, bench: Bench, asker_on: Callable[..., Asker]
) -> None:
    keyring.set_password("verify", "vehicle", bench.sim.secrets[KEY])
    given = {KEY: "", f"{KEY}_KEYRING": "verify/vehicle", f"{KEY}_HOST": "vehicles.example:443"}
    before = len(bench.sim.requests("vehicle"))
    answer = ask(asker_on(**given), bench)
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "secret_given_for_another_host")
    assert len(bench.sim.requests("vehicle")) == before
    with tls_server("untrusted") as rogue:
        answer = ask(asker_on(**given, **{URL: rogue.url}), bench)
        assert rogue.received == b""
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "secret_given_for_another_host")


@pytest.mark.parametrize("entry", ["verify/nobody", "verify", "/", "another/vehicle"])
def test_an_entry_that_is_not_there_is_a_missing_secret(
    store: FileKeyring, bench: Bench, asker_on: Callable[..., Asker], entry: str
) -> None:
    keyring.set_password("verify", "vehicle", bench.sim.secrets[KEY])
    answer = ask(asker_on(**{KEY: "", f"{KEY}_KEYRING": entry}), bench)
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "secret_missing")


def test_a_key_store_that_is_locked_sends_nothing(
    store: FileKeyring, bench: Bench, asker_on: Callable[..., Asker]
) -> None:
    before = len(bench.sim.requests("vehicle"))
    answer = ask(asker_on(**{KEY: "", f"{KEY}_KEYRING": "verify/vehicle"}), bench)
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "secret_unreadable")
    assert len(bench.sim.requests("vehicle")) == before


def test_a_secret_of_the_key_store_is_never_printed(
    store: FileKeyring,
    bench: Bench,
    asker_on: Callable[..., Asker],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = bench.sim.secrets[KEY]
    keyring.set_password("verify", "vehicle", secret)
    given = {KEY: "", f"{KEY}_KEYRING": "verify/vehicle"}
    asker = asker_on(**given)
    answers = [ask(asker, bench)]
    bench.sim.set_profile("vehicle", fault="refused")
    answers.append(ask(asker, bench))
    bench.sim.set_profile("vehicle", fault="http_500")
    answers.append(ask(asker, bench))
    answers.append(ask(asker_on(**given, **{f"{KEY}_HOST": "vehicles.example:443"}), bench))
    assert [a.state for a in answers] == [S.OK, S.UNAUTHORISED, S.UNAVAILABLE, S.UNAUTHORISED]
    out, err = capfd.readouterr()
    said = [out, err, caplog.text, *map(repr, answers), repr(asker), repr(vars(asker))]
    assert not any(secret in text for text in said)
    assert not any(secret.encode() in body for a in answers for body in a.bodies)
