"""kill -9 before the system calls of one check, on the SQLite that Python itself brings.

The same through a watched file system, without strace, is in `test_chaos_points`; `make chaos`
takes every system call (VERIFY_CALLS=all).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import chaos_desk
import pytest

CALLS = os.environ.get("VERIFY_CALLS", "")  # "all": before every one
COUNT = 1

SCRIPT = Path(chaos_desk.__file__)
CHANGING = "pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat2,link,linkat"


def traced(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """One check in a process under strace, which follows its threads."""
    words = ["strace", "-f", "-qq", "-e", f"trace={CHANGING}", *options]
    url = f"sqlite:///{folder / 'v.db'}"
    return subprocess.run(
        [*words, sys.executable, str(SCRIPT), url, str(folder), str(COUNT)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_killed_before_a_write_or_a_sync_the_check_still_ends_well(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    log = tmp_path / "calls"
    done = traced(whole, "-o", str(log))
    assert done.returncode == 0, done.stderr
    calls = len(re.findall(r"^\d+ +(?!\+\+\+|---)", log.read_text(), re.M))
    assert calls > 40
    points = range(1, calls + 1) if CALLS == "all" else range(5, calls + 1, max(calls // 5, 1))
    for number in points:
        folder = tmp_path / f"at{number}"
        folder.mkdir()
        url = f"sqlite:///{folder / 'v.db'}"
        inject = f"inject={CHANGING}:signal=SIGKILL:when={number}"
        traced(folder, "-o", "/dev/null", "-e", inject)
        chaos_desk.finish(url, folder, COUNT)
        assert chaos_desk.faults(url, folder, [], ended=COUNT) == [], number
        shutil.rmtree(folder)
    print(f"\n{len(points)} kills before {calls} system calls")
