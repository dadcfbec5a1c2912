"""The service as a process: it says where it is, one process writes, it stops cleanly."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit


@contextlib.contextmanager
def service(cli, *words):
    address_file = cli.home / "address"
    process = subprocess.Popen(
        [sys.executable, "-m", "verify.cli.main", "serve", "--port", "0", "--for", "120",
         "--address-file", str(address_file), *words],
        cwd=cli.home, env=cli.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 90
    try:
        while not address_file.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, address_file.read_text().strip()
    finally:
        process.kill()
        process.communicate()


def status(url, path):
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_answers_refuses_a_second_writer_lets_readers_in_and_stops_on_sigterm(cli):
    with service(cli) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert status(url, "/healthz") == 200
        assert status(url, "/v1/verifications") == 401

        second = cli("access", "create-key", "--role", "auditor", "--region", "*", "--label", "x")
        assert second.returncode == 4, second.stderr
        assert cli.json("list")["verifications"] == []

        taken = cli("serve", "--port", url.rpartition(":")[2], "--home", str(cli.home / "other"))
        assert taken.returncode == 4
        assert "--port" in taken.stderr

        process.send_signal(signal.SIGTERM)
        printed, messages = process.communicate(timeout=40)
        assert process.returncode == 0, messages
        assert printed == ""
        assert "serve.stopped" in messages
    # The lock is free again.
    assert cli("access", "list").returncode == 0
    assert cli("db", "upgrade").returncode == 0


def test_it_stops_by_itself_after_the_time_given(cli):
    done = cli("serve", "--port", "0", "--for", "1")
    assert done.returncode == 0, done.stderr
    done = cli("serve", "--worker-only", "--for", "1")
    assert done.returncode == 0, done.stderr


def test_neither_api_nor_worker_is_bad_input(cli):
    assert cli("serve", "--no-worker", "--worker-only").returncode == 2
