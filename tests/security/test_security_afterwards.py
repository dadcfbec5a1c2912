"""The look after the whole suite finds what it is there to find, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from support import afterwards
from support.live import household

MEMBER = household("01").application["household"]["members"][0]


@pytest.mark.parametrize(
    "name", ["verify.db", "verify.db-wal", "copy.db", "serve.log", "witness/log.note"]
)
@pytest.mark.parametrize("value", [MEMBER["id_number"], MEMBER["name"]])
def test_a_file_of_ours_that_tells_on_a_family_is_named(tmp_path, name, value):
    path = tmp_path / "popen-gw0" / "test_x0" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\0" + b"\0" * 5000 + value.encode() + b"\0" * 100)
    (leak,) = afterwards.leaks(tmp_path, [])
    path.unlink()  # or the look after this very suite would find it, too
    assert str(path) in leak
    assert "member 1" in leak
    assert value not in leak


def test_what_a_test_wrote_as_input_is_no_leak(tmp_path):
    (tmp_path / "application.json").write_text(MEMBER["id_number"], encoding="utf-8")
    assert afterwards.leaks(tmp_path, []) == []


@pytest.mark.parametrize(
    "dress", ['{{"event":"x","who":"{}"}}', "2026-01-01 10:00:00 [info     ] {}"]
)
def test_a_log_line_that_tells_on_a_family_is_named(tmp_path, dress):
    line = dress.format(MEMBER["id_number"])
    captured = SimpleNamespace(
        nodeid="tests/x.py::test_y", sections=[("Captured stderr call", f"said aloud\n{line}\n")]
    )
    (leak,) = afterwards.leaks(tmp_path, afterwards.log_lines([captured]))
    assert leak.startswith("log of tests/x.py::test_y: id of 01")


def test_what_a_command_tells_its_user_is_no_log(tmp_path):
    captured = SimpleNamespace(
        nodeid="t", sections=[("Captured stdout call", f"✔ {MEMBER['name']} is eligible\n")]
    )
    assert list(afterwards.log_lines([captured])) == []


def test_an_exception_shown_with_its_variables_is_named(tmp_path):
    text = f"╭──── Traceback (most recent call last) ────\n│ name='{MEMBER['name']}'\n╰────\n"
    captured = SimpleNamespace(nodeid="t", sections=[("Captured stdout call", text)])
    assert afterwards.leaks(tmp_path, afterwards.log_lines([captured]))


def test_where_nobody_configured_logging_an_exception_shows_no_variable(tmp_path):
    code = (
        "import structlog\n"
        "from verify import telemetry\n"
        "telemetry.quiet_exceptions()\n"
        f"name = {MEMBER['name']!r}\n"
        "try:\n    raise ValueError(name)\n"
        "except ValueError:\n    structlog.get_logger().exception('worker.failed')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "worker.failed" in done.stdout
    assert "ValueError" in done.stdout
    assert MEMBER["name"] not in done.stdout + done.stderr
