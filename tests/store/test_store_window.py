"""Final verdicts stop when nothing has been witnessed for the window, whatever made it so."""

from __future__ import annotations

import fcntl
import http.server
import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

import pytest

from support.desk import HOUR, person
from support.live import serve_app
from support.notary import Office
from verify.api.witness import create_witness
from verify.domain.access import Purpose
from verify.domain.errors import Conflict, Overloaded
from verify.service import audit_cosigner, audit_notary, audit_witness
from verify.service.audit_cosigner import Cosigner
from verify.service.audit_notary import Notary
from verify.service.audit_witness import FileWitness, HttpWitness
from verify.service.reads_folder import ReadsFolder
from verify.settings import Settings
from verify.store import SealStatus, tables
from verify.store.accesses import Read, row_of
from verify.store.note import COSIGNATURE, SigningKey

FINAL = {"outcome": "eligible", "final": True, "state": "completed", "due_at": None}
EVIL = SigningKey.generate("evil.example", COSIGNATURE)


@pytest.fixture
def office(store, tmp_path):
    made = Office(store, tmp_path / "home")
    made.finished(1)
    return made


@pytest.fixture
def away(monkeypatch):
    """From now on the witness's folder takes nothing."""

    def gone(*_: object) -> None:
        raise Overloaded("away", where="witness", remedy="wait")

    return lambda: monkeypatch.setattr(FileWitness, "add", gone)


def may_finish(office) -> bool:
    return office.notary.may_finish(office.desk.now)


def planted(insider, at: int) -> None:
    insider.add(
        tables.accesses,
        {
            "id": "a_" + "0" * 26,
            "at": at,
            **dict.fromkeys(("roles", "verification", "document", "purpose"), ""),
            "caller": "os:root",
            "what": "list",
            "regions": "",
            "shown": "",
            "stated": False,
            "leaf": None,
        },
    )


def test_a_stopped_process_that_holds_the_witness_does_not_keep_the_window_open(
    office, monkeypatch
):
    monkeypatch.setattr(audit_cosigner, "LOCK_SECONDS", 0.05)
    (lock,) = office.home.glob("witness/*/lock")
    office.desk.accept()
    (claim,) = office.desk.claim(lease_ms=20 * HOUR)
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        office.notary.once()
        assert office.notary.standing.away == (f"file:{office.home / 'witness'}",)
        assert may_finish(office)
        office.desk.now += 4 * HOUR + 1
        assert office.desk.seal(claim, **FINAL).status is SealStatus.HELD
    assert office.notary.once().away == ()
    assert office.desk.seal(claim, **FINAL).status is SealStatus.SEALED


def test_a_notary_that_hangs_lets_nothing_become_final_and_is_not_waited_for_at_the_end(
    office, monkeypatch
):
    monkeypatch.setattr(audit_notary, "CLOSE_SECONDS", 0.05)
    reached, go_on = threading.Event(), threading.Event()
    add = FileWitness.add

    def hanging(self, *words):
        reached.set()
        assert go_on.wait(60)
        return add(self, *words)

    office.settings = {"checkpoint_seconds": 0.01}
    office.reopen()
    office.notary.start()
    monkeypatch.setattr(FileWitness, "add", hanging)
    office.desk.accept()
    assert reached.wait(60)
    office.desk.now += 4 * HOUR
    assert may_finish(office)
    office.desk.now += 1
    assert not may_finish(office)
    office.notary.close()
    go_on.set()
    office.notary._thread.join(60)


@pytest.mark.parametrize("at", [1, 9 * 10**15])
def test_a_date_planted_in_the_database_neither_opens_nor_closes_the_window(
    office, insider, away, at
):
    away()
    planted(insider, at)
    office.notary.once()
    assert office.notary.standing.witnessed < office.notary.standing.size
    office.desk.now += 4 * HOUR
    assert may_finish(office)
    office.desk.now += 1
    assert not may_finish(office)


def test_a_read_that_was_left_for_long_does_not_close_the_window(office, away):
    away()
    folder = ReadsFolder(office.home)
    read = Read("list", Purpose.AUDIT, stated=True)
    folder.keep(row_of(person("os:alice"), read, office.desk.now - 30 * HOUR))
    folder.take_in(office.store.record_access)
    assert office.notary.once().size > office.notary.standing.witnessed
    assert may_finish(office)


def test_a_restart_gives_no_new_window(office, away):
    away()
    office.desk.accept()
    office.desk.now += 3 * HOUR
    office.reopen()
    assert may_finish(office)
    office.desk.now += HOUR + 1000
    for _ in range(2):
        office.reopen()
        assert not may_finish(office)


def test_an_idle_log_is_witnessed_however_long_the_witness_is_away(office, away):
    away()
    for again in (False, True):
        office.desk.now += 50 * HOUR
        if again:
            office.reopen()
        assert may_finish(office)
    # What comes now has the whole window.
    office.desk.accept()
    office.desk.now += 4 * HOUR
    assert may_finish(office)
    office.desk.now += 1
    assert not may_finish(office)


def test_the_word_witnessed_in_the_database_counts_only_with_the_signatures(office, insider, away):
    away()
    office.desk.accept()
    office.notary.once()
    unsigned = next(row for row in insider.rows(tables.checkpoints) if not row["witnessed"])
    insider.change(tables.checkpoints, unsigned, {"witnessed": True})
    office.desk.now += 4 * HOUR + 1
    office.notary.once()
    assert not may_finish(office)
    office.reopen()
    assert not may_finish(office)


def test_a_clock_that_is_set_back_does_not_lengthen_the_window(office, away, monkeypatch):
    away()
    office.desk.accept()
    office.notary.once()
    steady = audit_notary._steady() + 4 * HOUR + 1
    monkeypatch.setattr(audit_notary, "_steady", lambda: steady)
    office.desk.now -= 100 * HOUR
    assert not may_finish(office)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at", 2**70),
        ("what", "\ud800"),
        ("document", "\0"),
        ("shown", [[]]),
        ("caller", "os:\ud800"),
    ],
)
def test_no_file_among_the_reads_stops_what_becomes_final(office, name, value):
    folder = ReadsFolder(office.home)
    row = row_of(person("os:alice"), Read("list", Purpose.AUDIT, stated=True), office.desk.now)
    folder.keep(row)
    left = office.home / "reads" / f"{row.id}.json"
    left.write_text(json.dumps({**asdict(row), name: value}))
    (left.parent / ("a_" + "1" * 26 + ".json")).write_text("[" * 100_000)
    notary = Notary(
        office.store,
        Settings(home=office.home),
        lambda: office.desk.now,
        before=lambda: folder.take_in(office.store.record_access),
    )
    assert notary.may_finish(office.desk.now)
    assert left.exists()


# -- a witness that misbehaves ----------------------------------------------------------------


class _Serving:
    """A witness that answers every POST as it likes."""

    def __init__(self, reply: Callable[[http.server.BaseHTTPRequestHandler], None]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self.send_response(204)
                self.end_headers()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                reply(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def _elsewhere(body: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(409)
        handler.send_header("Content-Type", audit_witness.SIZE_TYPE)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def _dripping(head: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(head)
            for _ in range(1200):
                handler.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            pass

    return reply


@pytest.mark.parametrize(
    "reply",
    [
        *(_elsewhere(body) for body in (b"oops\n", b"", b"-1\n", "٣".encode(), b"9" * 4400)),
        _dripping(b"HTTP/1.1 200 OK\r\n\r\n"),
        _dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    ],
    ids=["a word", "empty", "negative", "other digits", "long", "dripping", "dripping header"],
)
def test_one_witness_that_answers_nonsense_is_away_and_stops_nobody(
    open_sqlite, tmp_path, monkeypatch, reply
):
    monkeypatch.setattr(audit_witness, "TIMEOUT_SECONDS", 0.3)
    with _Serving(reply) as url:
        witnesses = f"file:{tmp_path / 'near'} {url}#{EVIL.public.text}"
        settings = {"witnesses": witnesses, "witness_quorum": 1}
        office = Office(open_sqlite(), tmp_path / "home", settings)
        office.desk.accept()
        standing = office.notary.once()
    assert (standing.refused, standing.away) == ("", (url,))
    assert standing.witnessed == standing.size == 1
    assert may_finish(office)


@pytest.mark.parametrize(
    "address", ["http://h:99999", "http://[::1", "ftp://h:1", "http://", "http://h:x"]
)
def test_an_address_that_is_none_is_refused_in_words(address):
    with pytest.raises(Conflict, match="not the address of a witness"):
        HttpWitness(address, EVIL.public)


# -- the witness's folder ---------------------------------------------------------------------


def test_a_witness_whose_checkpoint_alone_is_gone_does_not_begin_anew(office):
    office.checkpoint_file.unlink()
    office.desk.accept()
    assert office.notary.once().refused == "integrity"
    (fault,) = office.audits.check(cases=False).faults
    assert fault.reason == "the witness's own checkpoint is gone"


def test_a_witness_that_was_killed_at_its_first_checkpoint_goes_on(office):
    """Before the checkpoint there was only the copy of the leaves; after it, no `begun` yet."""
    begun = office.checkpoint_file.with_name("begun")
    for gone in ([begun], [begun, office.checkpoint_file]):
        for path in gone:
            path.unlink()
        office.reopen()
        assert office.notary.once().refused == ""
        assert begun.exists()
        assert office.checkpoint_file.exists()
        assert office.faults == set()


def test_a_folder_that_a_service_used_meanwhile_is_filled_up_from_the_log(office):
    served = Cosigner.open(office.home / "witness")
    with serve_app(create_witness(served)) as url:
        office.settings = {"witnesses": f"{url}#{served.key.text}"}
        office.reopen()
        office.finished(2)
    leaves, short = office.leaves_file, office.leaves_file.read_bytes()
    office.settings = {}
    # Not if what is there was changed; a torn end is no change.
    leaves.write_bytes(bytes(32) + short[32:])
    office.reopen()
    assert office.notary.once().refused == "integrity"
    leaves.write_bytes(short + b"torn")
    office.reopen()
    assert office.notary.once().refused == ""
    assert leaves.stat().st_size == 32 * office.store.log.head().size > len(short)
    office.finished(3)
    assert office.faults == set()
