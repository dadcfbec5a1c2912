"""The look after the whole suite finds what it is there to find, and nothing else."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from support import afterwards
from support.live import ROOT, household

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


def test_no_logger_of_ours_is_handed_an_exception():
    """Whoever embeds us chooses how logs are shown, and may show every variable of every frame."""
    handed = re.compile(r"\.exception\(\s*\"|exc_info\s*=")
    sources = sorted((ROOT / "src").rglob("*.py"))
    assert len(sources) > 300
    assert [path.name for path in sources if handed.search(path.read_text("utf-8"))] == []
    assert handed.search('log.exception("worker.failed")')
