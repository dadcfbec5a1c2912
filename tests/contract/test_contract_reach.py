"""Other ways to a source: TLS with an authority of its own, client certificates, SFTP, PostgreSQL,
recorded answers; and that each of them checks the letter and the address first."""

from __future__ import annotations

import contextlib
import datetime as dt
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
import psycopg
import pytest
from contract_bench import LIN, NOBODY, REGISTERS, TODAY, context, letters, question
from contract_tls import authority, tls_server
from sqlalchemy import create_engine, make_url, text

from verify.connectors import Answer, Asker, Connectors, decode
from verify.connectors.folders import LocalFolder
from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState
from verify.simulate.dialects import agriculture, education
from verify.simulate.state import Holdings

S = EvidenceState
CONTENT = ContentSet.load("connectors")
ROOT = Path(__file__).parents[2]


def connector(source: str, *changes: tuple[str, str]) -> Connectors:
    text_ = CONTENT.files[f"{source}.yaml"]
    for old, new in changes:
        assert old in text_, old
        text_ = text_.replace(old, new)
    return Connectors.from_content(ContentSet("connectors", {f"{source}.yaml": text_}))


def ask(
    connectors: Connectors,
    environment: dict[str, str],
    who: tuple[str, str] = LIN,
    held: dict[str, Any] | None = None,
    **changes: Any,
) -> Answer:
    [source] = connectors.sources
    asker = Asker(connectors, environment, lambda: TODAY)
    try:
        given = letters(connectors.sources, **(held or {}))
        return asker.ask(question(source, who, **changes), given)
    finally:
        asker.close()


# -- TLS ----------------------------------------------------------------------------------------

REPLY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ENDPOINT = 'default: "http://127.0.0.1:8472"}'
OWN_AUTHORITY = (ENDPOINT, f"{ENDPOINT[:-1]}, authority: {{env: VERIFY_SOURCE_VEHICLE_CA}}}}")
API_KEY = "auth: {kind: api_key, header: X-Api-Key, key: {env: VERIFY_SOURCE_VEHICLE_API_KEY}}"
MUTUAL = (
    API_KEY,
    (
        "auth: {kind: mutual_tls, certificate: {env: VERIFY_SOURCE_VEHICLE_CERT}, "
        "key: {env: VERIFY_SOURCE_VEHICLE_CERT_KEY}}"
    ),
)
ONCE = ("attempts: 3", "attempts: 1")


@pytest.fixture
def pem(tmp_path: Path) -> dict[str, str]:
    """Files with the authority and with a client certificate of it."""
    ours = authority().issue_cert("verify.example")
    authority().cert_pem.write_to_path(tmp_path / "ca.pem")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    ours.private_key_pem.write_to_path(tmp_path / "key.pem")
    return {
        "VERIFY_SOURCE_VEHICLE_CA_FILE": str(tmp_path / "ca.pem"),
        "VERIFY_SOURCE_VEHICLE_CERT_FILE": str(tmp_path / "cert.pem"),
        "VERIFY_SOURCE_VEHICLE_CERT_KEY_FILE": str(tmp_path / "key.pem"),
        "VERIFY_SOURCE_VEHICLE_API_KEY": "key",
    }


def test_a_source_whose_certificate_is_of_the_declared_authority_is_asked(
    pem: dict[str, str],
) -> None:
    with tls_server("good", REPLY) as server:
        answer = ask(
            connector("vehicle", OWN_AUTHORITY, ONCE),
            {**pem, "VERIFY_SOURCE_VEHICLE_URL": server.url},
        )
        assert LIN[1].encode() in server.received
    assert (answer.state, answer.detail) == (S.UNAVAILABLE, "http_503")


def test_without_that_authority_the_same_source_gets_not_one_byte(pem: dict[str, str]) -> None:
    with tls_server("good", REPLY) as server:
        answer = ask(connector("vehicle", ONCE), {**pem, "VERIFY_SOURCE_VEHICLE_URL": server.url})
        assert server.received == b""
    assert (answer.state, answer.detail) == (S.UNAVAILABLE, "tls")


def test_a_source_that_wants_a_client_certificate_gets_ours(pem: dict[str, str]) -> None:
    with tls_server("mutual", REPLY) as server:
        answer = ask(
            connector("vehicle", OWN_AUTHORITY, MUTUAL, ONCE),
            {**pem, "VERIFY_SOURCE_VEHICLE_URL": server.url},
        )
        assert LIN[1].encode() in server.received
    assert answer.detail == "http_503"


def test_a_client_certificate_given_for_another_host_is_not_shown(pem: dict[str, str]) -> None:
    with tls_server("mutual", REPLY) as server:
        environment = {
            **pem,
            "VERIFY_SOURCE_VEHICLE_URL": server.url,
            "VERIFY_SOURCE_VEHICLE_CERT_HOST": "vehicles.example:443",
        }
        answer = ask(connector("vehicle", OWN_AUTHORITY, MUTUAL, ONCE), environment)
        assert server.received == b""
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "secret_given_for_another_host")


# -- SFTP ---------------------------------------------------------------------------------------


class _Door(paramiko.ServerInterface):
    """Lets one user in with one key."""

    def __init__(self, key: paramiko.PKey) -> None:
        self._key = key

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == "verify" and key == self._key
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


class _Files(paramiko.SFTPServerInterface):
    """A folder over SFTP."""

    root = Path()

    def _path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def lstat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).lstat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    stat = lstat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        import os

        try:
            descriptor = os.open(self._path(path), flags, 0o600)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = paramiko.SFTPHandle(flags)
        stream = os.fdopen(descriptor, "wb" if flags & os.O_WRONLY else "rb")
        handle.readfile = handle.writefile = stream
        return handle

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        self._path(oldpath).replace(self._path(newpath))
        return paramiko.SFTP_OK


@dataclass
class Sftp:
    """Where it listens, its folder, its host key, and the key it lets in."""

    port: int
    root: Path
    host_key: paramiko.PKey
    environment: dict[str, str]


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Sftp]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    def new_key(name: str) -> paramiko.PKey:
        made = Ed25519PrivateKey.generate()
        pem_ = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        (tmp_path / name).write_bytes(pem_)
        return paramiko.Ed25519Key.from_private_key_file(str(tmp_path / name))

    host, ours = new_key("host"), new_key("ours")
    root = tmp_path / "share"
    for folder in ("drop/requests", "drop/answers"):
        (root / folder).mkdir(parents=True)
    _Files.root = root
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    stop, transports = threading.Event(), []

    def serve() -> None:
        while not stop.is_set():
            try:
                wire, _ = listener.accept()
            except TimeoutError:
                continue
            transport = paramiko.Transport(wire)
            transport.add_server_key(host)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
            transports.append(transport)
            try:
                transport.start_server(server=_Door(ours))
            except (paramiko.SSHException, EOFError, OSError):
                continue  # the client did not like our key, which is one of the tests

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    prefix = "VERIFY_SOURCE_AGRICULTURE_"
    yield Sftp(
        port,
        root / "drop",
        host,
        {
            f"{prefix}URL": f"sftp://127.0.0.1:{port}/drop",
            f"{prefix}USER": "verify",
            f"{prefix}SSH_KEY_FILE": str(tmp_path / "ours"),
            f"{prefix}HOST_KEY": f"{host.get_name()} {host.get_base64()}",
        },
    )
    stop.set()
    thread.join(timeout=5)
    for transport in transports:
        transport.close()
    listener.close()


SFTP = (
    "auth: {kind: none}",
    (
        "auth: {kind: sftp_key, user: {env: VERIFY_SOURCE_AGRICULTURE_USER}, "
        "key: {env: VERIFY_SOURCE_AGRICULTURE_SSH_KEY}, "
        "host_key: {env: VERIFY_SOURCE_AGRICULTURE_HOST_KEY}}"
    ),
)


def test_a_request_file_goes_out_over_sftp_and_the_answer_file_comes_back(sftp: Sftp) -> None:
    connectors = connector("agriculture", SFTP, ("deadline_seconds: 4", "deadline_seconds: 3"))
    first = ask(connectors, sftp.environment)
    assert (first.state, first.pending, first.detail) == (S.TIMEOUT, True, "still_working")
    [request] = (sftp.root / "requests").iterdir()
    assert LIN[1] not in request.name
    asked = agriculture.read(request.read_bytes())
    assert (asked.id, asked.letter) == (LIN[1], "SQ-1")
    body = agriculture.write(asked, Holdings(REGISTERS), TODAY, asked)
    (sftp.root / "answers" / f"{request.stem}.xlsx").write_bytes(body)
    second = ask(connectors, sftp.environment, ticket=first.ticket)
    assert (second.state, second.bodies) == (S.OK, (body,))
    decoded = decode(connectors.declaration("agriculture"), second.bodies, context("agriculture"))
    assert decoded.state is S.OK


def test_another_host_key_gets_no_request_and_no_log_in(sftp: Sftp, tmp_path: Path) -> None:
    other = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "ours"))
    environment = {
        **sftp.environment,
        "VERIFY_SOURCE_AGRICULTURE_HOST_KEY": f"{other.get_name()} {other.get_base64()}",
    }
    answer = ask(connector("agriculture", SFTP), environment)
    assert (answer.state, answer.detail) == (S.UNAUTHORISED, "another_host_key")
    assert list((sftp.root / "requests").iterdir()) == []


# -- folders and databases ------------------------------------------------------------------------


def test_a_link_in_the_answers_folder_is_not_followed(tmp_path: Path) -> None:
    for name in ("requests", "answers"):
        (tmp_path / name).mkdir()
    connectors = connector("agriculture", ("deadline_seconds: 4", 'deadline_seconds: "0.4"'))
    environment = {"VERIFY_SOURCE_AGRICULTURE_URL": f"file://{tmp_path}"}
    first = ask(connectors, environment)
    secret = tmp_path / "secret"
    secret.write_text("not an answer")
    (tmp_path / "answers" / f"NY-{first.ticket}.xlsx").symlink_to(secret)
    answer = ask(connectors, environment, ticket=first.ticket)
    assert (answer.state, answer.detail, answer.bodies) == (S.MALFORMED, "not_a_file", ())


def test_a_link_laid_where_a_request_is_written_leads_nowhere(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("something of another department")
    (tmp_path / ".request.json.part").symlink_to(theirs)
    LocalFolder(tmp_path).write("request.json", b"a question")
    assert theirs.read_text() == "something of another department"
    written = tmp_path / "request.json"
    assert (written.read_bytes(), written.is_symlink()) == (b"a question", False)


@pytest.mark.parametrize("address", ["file:///srv", "sqlite:////srv/school.db"])
def test_a_declaration_cannot_bring_a_folder_or_a_database_along(address: str) -> None:
    source = "agriculture" if address.startswith("file") else "education"
    env = f"VERIFY_SOURCE_{source.upper()}_URL"
    connectors = connector(source, (f"{{env: {env}}}", f'{{env: {env}, default: "{address}"}}'))
    with pytest.raises(ContentError) as caught:
        Asker(connectors, {}, lambda: TODAY)
    assert caught.value.where == env


@pytest.mark.parametrize(
    "address", ["mysql://h/d", "postgresql:///d", "postgresql://evil.example/d", "not a url"]
)
def test_a_database_that_is_not_on_the_allow_list_is_not_opened(address: str) -> None:
    environment = {
        "VERIFY_SOURCE_EDUCATION_URL": address,
        "VERIFY_EGRESS_ALLOW": "school.example:5432",
    }
    with pytest.raises(ContentError):
        Asker(connector("education"), environment, lambda: TODAY)


def _school(url: str, view: str = "") -> tuple[Connectors, dict[str, str]]:
    """A department's PostgreSQL with an enrolment of LIN, and the connector that reads it."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    columns = ", ".join(f"{c} text" for c in education.COLUMNS)
    with engine.begin() as db:
        db.execute(text(f"CREATE TABLE t_students ({columns})"))
        db.execute(text(f"CREATE VIEW v_students AS SELECT * FROM t_students {view}"))
        db.execute(text("CREATE TABLE data_day (data_day date)"))
        db.execute(text("INSERT INTO data_day VALUES ('2025-05-20')"))
        cells = dict(zip(education.COLUMNS, (
            LIN[0], LIN[1], "S-1", "示例学校", "BK", "Y", "5200.00", "2023-09-01", "2027-06-30",
        ), strict=True))  # fmt: skip
        names = ", ".join(f":{c}" for c in education.COLUMNS)
        db.execute(text(f"INSERT INTO t_students VALUES ({names})"), cells)
    engine.dispose()
    where = engine.url
    environment = {
        "VERIFY_SOURCE_EDUCATION_URL": where.render_as_string(hide_password=False),
        "VERIFY_EGRESS_ALLOW": f"{where.host}:{where.port or 5432}",
    }
    return connector("education", PATIENCE), environment


PATIENCE = ("deadline_seconds: 5", "deadline_seconds: 1")


@pytest.mark.postgres
def test_a_view_on_postgresql_is_read(postgres_tcp_url: str) -> None:
    connectors, environment = _school(postgres_tcp_url)
    answer = ask(connectors, environment)
    decoded = decode(connectors.declaration("education"), answer.bodies, context("education"))
    assert (answer.state, decoded.state, len(decoded.rows)) == (S.OK, S.OK, 2)


@pytest.mark.postgres
def test_a_view_on_postgresql_that_would_write_is_not_allowed_to(postgres_tcp_url: str) -> None:
    with psycopg.connect(postgres_tcp_url) as db:
        db.execute("CREATE TABLE t_read (n int)")
        db.execute(
            "CREATE FUNCTION note() RETURNS boolean LANGUAGE sql VOLATILE"
            " AS $$ INSERT INTO t_read VALUES (1); SELECT true $$"
        )
    connectors, environment = _school(postgres_tcp_url, "WHERE note()")
    answer = ask(connectors, environment)
    assert (answer.state, answer.detail, answer.bodies) == (S.UNAVAILABLE, "database", ())
    with psycopg.connect(postgres_tcp_url) as db:
        assert db.execute("SELECT count(*) FROM t_read").fetchone() == (0,)


@pytest.mark.postgres
def test_a_slow_view_on_postgresql_meets_the_deadline(postgres_tcp_url: str) -> None:
    connectors, environment = _school(postgres_tcp_url, "WHERE pg_sleep(30) IS NOT NULL")
    started = time.monotonic()
    answer = ask(connectors, environment)
    assert (answer.state, answer.detail, answer.bodies) == (S.TIMEOUT, "no_answer_in_time", ())
    assert time.monotonic() - started < 5


@pytest.mark.postgres
@pytest.mark.parametrize("dumb_after", ["connecting", "the_log_in"])
def test_a_database_that_has_frozen_meets_the_deadline_too(
    postgres_tcp_url: str, dumb_after: str
) -> None:
    """Accepts, or even lets us in, and then says nothing: no time-out of its own can help."""
    connectors, environment = _school(postgres_tcp_url)
    url = make_url(environment["VERIFY_SOURCE_EDUCATION_URL"])
    with frozen(("127.0.0.1", url.port or 5432), mute=dumb_after == "connecting") as at:
        there = url.set(port=at).render_as_string(hide_password=False)
        started = time.monotonic()
        answer = ask(
            connectors,
            {"VERIFY_SOURCE_EDUCATION_URL": there, "VERIFY_EGRESS_ALLOW": f"127.0.0.1:{at}"},
        )
    assert (answer.state, answer.detail, answer.bodies) == (S.TIMEOUT, "no_answer_in_time", ())
    assert time.monotonic() - started < 5


@contextlib.contextmanager
def frozen(behind: tuple[str, int], *, mute: bool) -> Iterator[int]:
    """A port that passes on what it hears until the log-in is through, and then nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = [listener]

    def serve() -> None:
        with contextlib.suppress(OSError):
            near, _ = listener.accept()
            ends.append(near)
            if mute:
                return
            far = socket.create_connection(behind)
            ends.append(far)
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    heard = ready.recv(65_536)
                    (far if ready is near else near).sendall(heard)
                    # `Z` ends the log-in: ReadyForQuery, five bytes behind its letter.
                    if ready is far and heard[-6:-5] == b"Z":
                        return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        for end in ends:
            end.close()
        thread.join(timeout=5)


def test_a_database_cannot_be_changed_by_its_driver(tmp_path: Path) -> None:
    education.fill(tmp_path / "s.db", REGISTERS.enrolments, TODAY)
    before = (tmp_path / "s.db").read_bytes()
    url = f"sqlite:///file:{tmp_path}/s.db?mode=ro&uri=true"
    connectors = connector("education")
    for who, state in ((LIN, S.OK), (NOBODY, S.CONFIRMED_EMPTY)):
        answer = ask(connectors, {"VERIFY_SOURCE_EDUCATION_URL": url}, who)
        where = context("education", who)
        assert decode(connectors.declaration("education"), answer.bodies, where).state is state
    assert (tmp_path / "s.db").read_bytes() == before


# -- recorded answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("source", [p.stem for p in sorted((ROOT / "connectors").glob("*.yaml"))])
def test_recorded_answers_can_stand_in_for_any_source(source: str) -> None:
    connectors = connector(source)
    env = connectors.declaration(source).endpoint.env
    environment = {env: f"recorded:{ROOT / 'fixtures/replies'}"}
    answer = ask(connectors, environment, NOBODY)
    decoded = decode(connectors.declaration(source), answer.bodies, context(source, NOBODY))
    assert (answer.state, decoded.state) == (S.OK, S.CONFIRMED_EMPTY)
    unknown = ask(connectors, environment, ("某人", "11010519491231002X"))
    assert (unknown.state, unknown.detail) == (S.UNAVAILABLE, "not_recorded")
    held = {"revoked_on": TODAY - dt.timedelta(days=1)}
    assert ask(connectors, environment, NOBODY, held).state is S.UNAUTHORISED


def test_a_declaration_cannot_put_recorded_answers_in_its_own_place() -> None:
    connectors = connector("tax", ("http://127.0.0.1:8471", "recorded:/srv"))
    with pytest.raises(ContentError):
        Asker(connectors, {}, lambda: TODAY)
