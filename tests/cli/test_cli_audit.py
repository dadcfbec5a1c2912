"""`verify audit` on a real installation, and a witness as a process of its own."""

from __future__ import annotations

import base64
import csv
import io
import json
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import nullcontext

import pytest

from support.commandline import Cli
from support.live import ROOT, household, installation
from verify.bootstrap import build
from verify.domain.access import LOCAL
from verify.domain.errors import InputError, IntegrityError
from verify.service.audit_receipt import check_receipt, read_document
from verify.service.audit_trust import Trust
from verify.settings import Settings
from verify.store.accesses import AccessFilters
from verify.store.note import COSIGNATURE, SigningKey


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A finished, witnessed verification on disk, with nothing running any more."""
    cli = Cli(tmp_path_factory.mktemp("audit"))
    with installation(cli.home / "var") as live:
        verification = live.check(household("03").application)
    return cli, verification


def test_an_exported_archive_is_checked_with_nothing_but_the_keys(kept, tmp_path):
    cli, verification = kept
    keys = tmp_path / "keys.txt"
    keys.write_text(cli("audit", "keys").stdout)
    assert len(keys.read_text().splitlines()) == 2
    archive = tmp_path / "case.zip"
    refused = cli.json("audit", "export", verification, "--out", str(archive), code=2)
    assert refused["error"]["code"] == "purpose-needed"
    cli.json("audit", "export", verification, "--out", str(archive), "--purpose", "audit")
    assert archive.stat().st_mode & 0o077 == 0
    found = cli.json("audit", "verify", str(archive), "--keys", str(keys))
    assert found["intact"] is True
    assert found["verification"] == verification
    # The log's key alone is not enough, and a wrong file is told as such.
    keys.write_text(keys.read_text().splitlines()[0])
    assert cli.json("audit", "verify", str(archive), "--keys", str(keys), code=7)["faults"]
    wrong = cli.json("audit", "verify", str(keys), "--keys", str(keys), code=2)
    assert wrong["error"]["code"] == "invalid-input"


def test_a_forged_archive_is_neither_verified_nor_called_identical(tmp_path):
    cli, replays = Cli(tmp_path), ROOT / "fixtures" / "replays"
    keys, archive = replays / "keys.txt", tmp_path / "case.zip"
    archive.write_bytes((replays / "02-a-namesakes-company.zip").read_bytes())
    with zipfile.ZipFile(archive, "a") as forged:
        forged.writestr("documents/letter.txt", "forged letter")
    found = cli.json("audit", "verify", str(archive), "--keys", str(keys), code=7)
    assert "documents/letter.txt" in {fault["thing"] for fault in found["faults"]}
    (replayed,) = cli.json("replay", "--bundle", str(archive), code=7)["divergent"]
    assert "documents/letter.txt" in {fault["thing"] for fault in replayed["faults"]}
    assert (replayed["identical"], replayed["differences"]) == (False, [])


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A receipt of long ago, a log that grew since, and the public keys."""
    cli = Cli(tmp_path_factory.mktemp("grown"))
    with installation(cli.home / "var") as live:
        first = live.check(household("03").application)
        live.system.notary.once()
        with live.client() as client:
            receipt = client.get(f"/v1/verifications/{first}/receipt").json()
        live.check(household("02").application)
        live.system.notary.once()
    (cli.home / "receipt.json").write_text(json.dumps(receipt))
    (cli.home / "keys.txt").write_text(cli("audit", "keys").stdout)
    return cli


def test_a_receipt_of_last_year_proves_that_the_log_only_grew_since(grown):
    said = ("audit", "since", "receipt.json", "--keys", "keys.txt")
    found = grown.json(*said, "--out", "growth.json")["growth"]
    assert 0 < found["from"] < found["to"]
    assert all(found["witnesses"].values())
    offline = ("audit", "verify", "growth.json", "--keys", "keys.txt")
    assert grown.json(*offline)["growth"] == found
    assert "only grew" in grown(*offline).stdout
    # Whoever changes any part of it is found out.
    proof = json.loads((grown.home / "growth.json").read_text())
    for changed in (
        {**proof, "proof": proof["proof"][:-1]},
        {**proof, "earlier": proof["later"], "later": proof["earlier"]},
        {**proof, "proof": [*proof["proof"][:-1], base64.b64encode(bytes(32)).decode()]},
        {**proof, "later": proof["later"].replace("\n\n", "\nx\n\n", 1)},
        {**proof, "proof": None},
    ):
        (grown.home / "forged.json").write_text(json.dumps(changed))
        forged = grown("audit", "verify", "forged.json", "--keys", "keys.txt")
        assert forged.returncode == 7, forged.stdout
    wrong = grown.json("audit", "since", "keys.txt", "--keys", "keys.txt", code=2)
    assert "no signed checkpoint" in json.dumps(wrong["error"])


def test_a_receipt_says_nothing_besides_what_it_proves(grown):
    receipt = json.loads((grown.home / "receipt.json").read_text())
    leaf = receipt["leaf"]
    forged = [
        {**receipt, "verdict": "sha256:" + "0" * 64},
        {**receipt, "sequence": 2},
        {**receipt, "outcome": "ineligible"},
        {**receipt, "leaf": {**leaf, "payload": {**leaf["payload"], "outcome": "ineligible"}}},
        {name: value for name, value in receipt.items() if name != "leaf"},
        {**receipt, "proof": {**receipt["proof"], "outcome": "ineligible"}},
        {**receipt, "proof": {**receipt["proof"], "leaf": True}},
        {**receipt, "proof": []},
    ]
    trust = Trust.read((grown.home / "keys.txt").read_text())
    assert check_receipt(receipt, trust)["verification"] == receipt["verification"]
    for changed in forged:
        with pytest.raises(IntegrityError):
            check_receipt(read_document(json.dumps(changed).encode()), trust)
    for text in ('{"a":' * 100_000, '{"proof":null,' + json.dumps(receipt)[1:], "{}x", "[]"):
        with pytest.raises(InputError):
            read_document(text.encode())
    (grown.home / "forged.json").write_text(json.dumps(forged[0]))
    assert grown("audit", "verify", "forged.json", "--keys", "keys.txt").returncode == 7


def test_how_many_witnesses_must_have_signed_is_said_with_a_quorum(grown):
    log, witness = (grown.home / "keys.txt").read_text().split()
    other = SigningKey.generate("other/*", COSIGNATURE).public.text
    receipt = json.loads((grown.home / "receipt.json").read_text())
    for lines, quorum, holds in [
        ((log, witness, other), None, False),
        ((log, witness, other), 1, True),
        ((log, f"retired {witness}", other), None, True),
        ((log, witness, f"retired {other}"), None, True),
        ((log, witness, f"retired {other}"), 2, False),
        ((log, other), 1, False),
    ]:
        trust = Trust.read("\n".join(lines), quorum)
        with nullcontext() if holds else pytest.raises(IntegrityError):
            check_receipt(receipt, trust)
    (grown.home / "more.txt").write_text("\n".join((log, witness, other)))
    words = ("receipt.json", "--keys", "more.txt")
    assert "--quorum" in json.dumps(grown.json("audit", "verify", *words, code=7))
    assert grown.json("audit", "since", *words, "--quorum", "1")["intact"] is True


def test_a_log_that_was_put_back_does_not_stand_up_to_an_older_receipt(grown, kept):
    cli, _ = kept
    (cli.home / "receipt.json").write_bytes((grown.home / "receipt.json").read_bytes())
    (cli.home / "keys.txt").write_bytes((grown.home / "keys.txt").read_bytes())
    refused = cli.json("audit", "since", "receipt.json", "--keys", "keys.txt", code=7)
    assert "the log" in json.dumps(refused)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("replay", "--bundle", "none.zip"), 3),
        (("audit", "verify", "none.zip", "--keys", "none.txt"), 3),
        (("db", "backup", "nowhere/copy.db"), 4),
        (("audit", "export", "ID", "--purpose", "audit", "--out", "nowhere/case.zip"), 4),
        (("replay", "ID", "--sequence", "9"), 3),
    ],
)
def test_a_file_or_verdict_that_is_not_there_is_no_fault_of_the_program(kept, words, code):
    cli, verification = kept
    given = [verification if word == "ID" else word for word in words]
    error = cli.json(*given, code=code)["error"]
    assert any(part in error["where"] for part in ("none", "nowhere", verification))
    assert error["remedy"]


def test_reads_at_the_command_line_are_on_record_when_the_service_is_back(kept):
    cli, verification = kept
    home = cli.home / "var"
    for path in (home / "reads").glob("*"):
        path.unlink()
    cli.json("list")
    cli.json("explain", verification, "--purpose", "review")
    assert len(list((home / "reads").iterdir())) == 2
    with build(Settings(home=home), worker=False) as system:
        system.notary.once()
        rows = system.store.accesses(LOCAL, AccessFilters((verification,)), "", 2)
    assert [(r.what, r.purpose, r.stated) for r in rows] == [
        ("explanation", "review", True),
        ("list", "check", False),
    ]
    assert {r.caller.partition(":")[0] for r in rows} == {"os"}
    assert list((home / "reads").iterdir()) == []


def test_every_question_of_an_auditor_is_answered_as_a_table_too(kept):
    cli, verification = kept
    sought = household("03").application["household"]["members"][0]["id_number"]
    refused = cli.json("audit", "accesses", "--person", stdin=sought, code=2)
    assert refused["error"]["code"] == "purpose-needed"

    def table(*words, stdin=""):
        answer = cli("audit", *words, "--csv", stdin=stdin)
        assert answer.returncode == 0, answer.stderr
        return list(csv.DictReader(io.StringIO(answer.stdout)))

    about = table("accesses", "--person", "--purpose", "complaint", stdin=sought)
    assert {verification} == {row["verification"] for row in about if row["verification"]}
    assert sought not in str(about)
    assert table("accesses", "--person", "--purpose", "audit", stdin="10101019000101001X") == []
    asked = table("asked", verification)
    assert "confirmed_empty" in {row["state"] for row in asked}
    everything = table("accesses", "--all", "--limit", "1")
    assert len(everything) == len({row["id"] for row in everything}) > 1
    for words in (("unread", "--days", "0"), ("caseless",)):
        assert table(*words, "--all") == cli.json("audit", *words)["checks"]


def test_a_full_check_names_the_changed_row(kept):
    cli, verification = kept
    found = cli.json("audit", "check")
    assert found["intact"] is True
    assert found["witnessed"] == found["leaves"] > 0
    with sqlite3.connect(cli.home / "var" / "verify.db") as db:
        db.execute("UPDATE tree_leaves SET digest = replace(digest, 'a', 'b') WHERE number = 0")
    found = cli.json("audit", "check", code=7)
    assert {(f["subject"], f["thing"]) for f in found["faults"]} == {(verification, "tree leaf 0")}


def test_a_witness_of_its_own_cosigns_and_stops_on_sigterm(tmp_path):
    cli = Cli(tmp_path)
    key = cli.json("witness", "w", "--key")["key"]
    from verify.service.audit_witness import HttpWitness
    from verify.store.note import Checkpoint, Note, PublicKey, SigningKey

    log = SigningKey.generate("log.example")
    address = tmp_path / "address"
    words = ["witness", "w", "--log", log.public.text, "--port", "0", "--address-file", "address"]
    process = subprocess.Popen(
        [sys.executable, "-m", "verify.cli.main", *words],
        cwd=tmp_path,
        env=cli.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        while not address.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        far = HttpWitness(address.read_text().strip(), PublicKey.parse(key))
        point = Checkpoint("log.example", 1, bytes(32))
        note = Note(point, (log.sign(point.text),))
        given = far.add(0, (), note, lambda _a, _b: b"")
        assert note.with_(given).by(far.key) == given
        assert far.latest("log.example").checkpoint == point
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert json.dumps(key)[1:-1] in errors.decode()
    # What is to be told to the service stands on one line, to be copied whole.
    told = f'VERIFY_WITNESSES="{address.read_text().strip()}#{key}"'
    assert told in errors.decode().splitlines()


def test_a_witness_key_that_was_copied_badly_is_named_with_where_it_stands(kept):
    cli, _ = kept
    cut = "http://127.0.0.1:1#witness.local/06701f37+25c71aaa+BNt7c2tB"
    error = cli.json("audit", "check", code=2, VERIFY_WITNESSES=cut)["error"]
    assert error["where"] == "VERIFY_WITNESSES: http://127.0.0.1:1"
    assert "verify witness" in error["remedy"]
