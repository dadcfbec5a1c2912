"""The demo's two child processes: start them detached, know them again, stop them.

A process id alone proves nothing (ids are reused), so beside it the file keeps when the process
was started and what it runs; only a process that still fits is ever signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from verify.cli.environment import write_private
from verify.domain.errors import Overloaded, VerifyError

PIDS_FILE = "pids.json"
STOP_SECONDS = 15
PROGRAM = "verify.cli.main"


# Handles of the children of this very process, to learn how they ended.
_STARTED: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Child:
    """A detached process of the demo."""

    name: str
    pid: int
    fingerprint: str

    @property
    def running(self) -> bool:
        """Whether this very process (not another of the same id) is still there."""
        return bool(self.fingerprint) and fingerprint(self.pid) == self.fingerprint


def start(name: str, words: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
    """Start `verify WORDS...` in a process group of its own, its output into `log`."""
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", PROGRAM, *words],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    _STARTED[process.pid] = process
    return Child(name, process.pid, _shown(process))


def _shown(process: subprocess.Popen[bytes], seconds: float = 5) -> str:
    """The fingerprint of a new process, once the system shows the command that it was given.

    A busy system still shows none for a moment after the program was replaced.
    """
    deadline = time.monotonic() + seconds
    while PROGRAM not in (found := fingerprint(process.pid)):
        if process.poll() is not None or time.monotonic() > deadline:
            break
        time.sleep(0.005)
    return found


def wait_until(
    child: Child, ready: Callable[[], bool], seconds: float, log: Path, what: str
) -> None:
    """Wait until `ready`.

    Raises:
        VerifyError: the process ended before; the message quotes the end of its log.
        Overloaded: it is not ready in time.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if not child.running:
            raise VerifyError(
                f"{what} ended while it was starting ({_ending(child)}): {tail(log)}",
                where=str(log),
                remedy="see the log file",
            )
        if time.monotonic() > deadline:
            raise Overloaded(
                f"{what} is not ready after {seconds:.0f} s", where=str(log), remedy="see its log"
            )
        time.sleep(0.03)


def tail(log: Path, lines: int = 4) -> str:
    """The last lines of a log, on one line."""
    text = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " | ".join(line.strip() for line in text[-lines:]) or "its log is empty"


def fingerprint(pid: int) -> str:
    """Start time and command of a process; empty when there is none, or only its remains."""
    _reap(pid)
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # Fields after the name in brackets: state is the 3rd of the line, start time the 22nd.
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else f"{fields[19]} {command.strip()}"
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/ps", "-o", "lstart=,command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _reap(pid: int) -> None:
    """Let the system forget a child of ours that has ended."""
    if pid in _STARTED:
        _STARTED[pid].poll()


def _ending(child: Child) -> str:
    code = _STARTED[child.pid].poll() if child.pid in _STARTED else None
    if code is None:
        return "it is another process now"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def save(home: Path, children: Sequence[Child]) -> None:
    """Remember the children for `--stop` and for the next run."""
    write_private(home / PIDS_FILE, json.dumps([asdict(c) for c in children], indent=2) + "\n")


def load(home: Path) -> list[Child]:
    """The children of the last run; none when the file is missing or unreadable."""
    try:
        return [Child(**c) for c in json.loads((home / PIDS_FILE).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def stop(children: Sequence[Child]) -> list[Child]:
    """Ask each to stop, then insist; returns those that were running.

    Raises:
        VerifyError: one does not end even so.
    """
    running = [c for c in children if c.running]
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        for child in running:
            if child.running:
                os.kill(child.pid, number)
        if _all_gone(running, seconds):
            return running
    raise VerifyError("a process of the demo does not end", remedy="end it by its id")


def _all_gone(children: Sequence[Child], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(c.running for c in children):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True
