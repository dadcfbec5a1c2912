"""The simulated departments as a process: served, switched, stopped cleanly."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from support.commandline import fixture_file
from verify.cli.environment import read_env_file

SOURCES = ("bank", "real_estate", "social_insurance", "tax", "vehicle")


@contextlib.contextmanager
def simulated(cli, *words):
    process = subprocess.Popen(
        [sys.executable, "-m", "verify.cli.main", "simulate", "--ports", "free",
         "--household", str(fixture_file("03")), "--for", "120", *words],
        cwd=cli.home, env=cli.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    file = cli.home / "var" / "sources.env"
    deadline = time.monotonic() + 60
    try:
        while not file.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process, file
    finally:
        process.kill()
        process.communicate()


def accepts(url):
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def test_all_answer_are_switched_off_and_on_and_stop_cleanly(cli):
    with simulated(cli, "--json") as (process, file):
        environment = read_env_file(file)
        assert file.stat().st_mode & 0o077 == 0
        urls = {s: environment[f"VERIFY_SOURCE_{s.upper()}_URL"] for s in SOURCES}
        assert all(accepts(url) for url in urls.values())

        assert cli("connectors", "test", "tax").returncode == 0
        assert cli.json("simulate", "off", "tax") == {"source": "tax", "on": False}
        assert not accepts(urls["tax"])
        assert all(accepts(urls[s]) for s in SOURCES if s != "tax")
        state = cli.json("connectors", "test", "tax", code=6)["state"]
        assert state == "unavailable"

        cli.json("simulate", "on", "tax")
        assert cli.json("connectors", "test", "tax")["state"] == "confirmed_empty"

        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        shown = json.loads(printed)["sources"]
        assert {s: shown[s] for s in SOURCES} == urls
        assert shown == {s: environment[f"VERIFY_SOURCE_{s.upper()}_URL"] for s in shown}
        assert not file.exists()
        assert not accepts(urls["bank"])


def test_an_unknown_source_is_not_found_and_without_sources_the_remedy_is_named(cli):
    done = cli("simulate", "off", "tax")
    assert done.returncode == 2
    assert "verify simulate" in done.stderr
    with simulated(cli):
        assert cli("simulate", "off", "lottery").returncode == 3


@pytest.mark.parametrize("ports", ["tax", "tax=x", "lottery=80", "tax=70000"])
def test_ports_that_cannot_be_read_are_bad_input(cli, ports):
    done = cli("simulate", "--ports", ports, "--for", "1")
    assert done.returncode == 2
    assert "--ports" in done.stderr


def test_a_population_is_the_same_bytes_for_the_same_seed(cli):
    for name in ("a", "b"):
        done = cli("simulate", "population", "--households", "3", "--seed", "7", "--out", name)
        assert done.returncode == 0, done.stderr
    files = sorted(p.name for p in (cli.home / "a").iterdir())
    assert files
    for name in files:
        assert (cli.home / "a" / name).read_bytes() == (cli.home / "b" / name).read_bytes()


def test_a_population_in_tables_can_be_read_as_of_a_day(cli):
    size = ("--households", "40", "--seed", "7", "--form", "tables")
    made = [cli.json("simulate", "population", *size, "--out", name) for name in ("a", "b")]
    assert made[0]["digests"] == made[1]["digests"]
    assert made[0]["rows"]["sources/bank/accounts"] > 0
    shown = cli.json("simulate", "extract", "a", "--on", "2025-05-20", "--out", "day")
    assert 0 < shown["rows"]["bank/accounts"] < made[0]["rows"]["sources/bank/accounts"]
    again = cli("simulate", "population", *size, "--out", "a")
    assert again.returncode == 2
    assert "new folder" in again.stderr
    served = cli("simulate", "--population", "a", "--for", "1")
    assert served.returncode == 2
    assert "--form lines" in served.stderr


def test_a_roster_has_the_rates_that_were_asked_for(cli):
    size = ("--people", "300", "--records", "400", "--seed", "7", "--out", "r")
    made = cli.json("simulate", "roster", *size, "--rate", "id_missing=1000000")
    assert made["rates_per_million"]["id_missing"] == 1_000_000
    assert made["counts"]["id_mishap"]["id_missing"] > 300
    for rate in ("id_missing", "luck=1"):
        assert cli("simulate", "roster", *size, "--rate", rate).returncode == 2
