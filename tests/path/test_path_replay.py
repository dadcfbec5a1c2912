"""Replay in a fresh process gives the same bytes, and names the byte that changed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from support.live import household, installation
from verify.service.master_key import open_store
from verify.settings import Settings


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A finished verification on disk, with nothing running any more."""
    home = tmp_path_factory.mktemp("sealed")
    with installation(home) as live:
        verification = live.check(household("01").application)
        assert live.verdict(verification)["outcome"] == "eligible"
    return home, verification


def replay(home, verification, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "verify.cli.main", "replay", verification, "--json"],
        env={**os.environ, "VERIFY_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PYTHONHASHSEED": "1", "TZ": "America/New_York"},
        {"POLARS_MAX_THREADS": "1", "LC_ALL": "C", "PYTHONHASHSEED": "77"},
    ],
    ids=["as is", "another hash seed and time zone", "one thread and plain locale"],
)
def test_a_fresh_process_gives_the_same_bytes_and_says_so(sealed, environment):
    code, result, errors = replay(*sealed, **environment)
    assert code == 0, (result, errors)
    assert result["identical"] is True
    assert result["faults"] == []
    assert result["differences"] == []


def change(home, statement, values=()):
    with sqlite3.connect(home / "verify.db") as db:
        changed = db.execute(statement, values).rowcount
    db.close()
    return changed


def flip(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


TARGETS = {
    "evidence": "SELECT e.bodies FROM exchanges e WHERE e.bodies != '[]' ORDER BY source LIMIT 1",
    "verdict": "SELECT verdict_digest FROM verdicts ORDER BY sequence DESC LIMIT 1",
    "rules": "SELECT rules_digest FROM verifications",
    "scoring": "SELECT scoring_digest FROM verifications",
    "application": "SELECT application_digest FROM verifications",
}


@pytest.mark.parametrize("thing", sorted(TARGETS))
def test_one_changed_byte_is_found_and_the_thing_is_named(sealed, thing):
    home, verification = sealed
    with sqlite3.connect(home / "verify.db") as db:
        found = db.execute(TARGETS[thing]).fetchone()[0]
        digest = json.loads(found)[0] if found.startswith("[") else found
        table, column = ("content", "blob") if thing in ("rules", "scoring") else ("blobs", "body")
        query = f"SELECT {column} FROM {table} WHERE digest = ?"
        body = bytes(db.execute(query, (digest,)).fetchone()[0])
    db.close()
    statement = f"UPDATE {table} SET {column} = ? WHERE digest = ?"
    assert change(home, statement, (flip(body, len(body) // 2), digest)) == 1
    try:
        code, result, _ = replay(home, verification)
        assert code == 7
        assert result["identical"] is False
        assert any(f["thing"].startswith(thing) for f in result["faults"]), result["faults"]
    finally:
        change(home, statement, (body, digest))
    assert replay(home, verification)[0] == 0


def test_a_rewritten_verdict_with_a_fitting_hash_is_still_found(sealed):
    """Somebody edits the verdict and repairs its digest: the ledger leaf says otherwise."""
    import hashlib

    home, verification = sealed
    with sqlite3.connect(home / "verify.db") as db:
        digest = db.execute("SELECT verdict_digest FROM verdicts").fetchone()[0]
    db.close()
    with open_store(Settings(home=home), read_only=True) as store:
        body = store.blob(digest)
    forged = body.replace(b'"outcome":"eligible"', b'"outcome":"ineligible"')
    assert forged != body
    new = "sha256:" + hashlib.sha256(forged).hexdigest()
    assert change(home, "INSERT INTO blobs (digest, body) VALUES (?, ?)", (new, forged)) == 1
    assert change(home, "UPDATE verdicts SET verdict_digest = ?", (new,)) == 1
    try:
        code, result, _ = replay(home, verification)
        assert code == 7
        assert any(f["thing"].startswith("verdict") for f in result["faults"]), result["faults"]
        assert any(
            d["pointer"].startswith("/outcome") or d["pointer"].startswith("/assessment")
            for d in result["differences"]
        ), result["differences"]
    finally:
        change(home, "UPDATE verdicts SET verdict_digest = ?", (digest,))
        change(home, "DELETE FROM blobs WHERE digest = ?", (new,))
