"""The demo signals only processes that it started itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

from verify.cli.demo import children


def sleeper():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def recorded(process):
    return children.Child("sleeper", process.pid, children.fingerprint(process.pid))


def test_a_recorded_child_is_stopped_and_a_second_stop_finds_nothing(tmp_path):
    process = sleeper()
    child = recorded(process)
    children.save(tmp_path, [child])
    assert [c.name for c in children.stop(children.load(tmp_path))] == ["sleeper"]
    assert not child.running
    assert children.stop(children.load(tmp_path)) == []
    process.wait()


def test_another_process_of_the_same_id_is_left_alone(tmp_path):
    process = sleeper()
    try:
        child = recorded(process)
        stranger = replace(child, fingerprint="1 python -m verify.cli.main serve")
        assert children.stop([stranger]) == []
        assert child.running
    finally:
        process.kill()
        process.wait()


def test_the_record_is_readable_by_its_owner_alone_and_a_broken_one_is_ignored(tmp_path):
    children.save(tmp_path, [])
    file = tmp_path / children.PIDS_FILE
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(file.read_text()) == []
    file.write_text('[{"pid": 1}]')
    assert children.load(tmp_path) == []


def test_a_process_that_is_gone_has_no_fingerprint():
    process = sleeper()
    process.kill()
    process.wait()
    assert children.fingerprint(process.pid) == ""
    assert children.fingerprint(os.getpid())
