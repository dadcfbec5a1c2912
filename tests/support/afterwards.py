"""After the whole suite: nothing about the families of the fixtures lies in what it left behind.

Looked at are the files that the product itself writes (databases with their journals, backups,
logs, the witness's notes) in every temporary folder of the run, and every log line that any test
captured. Files that a test wrote as input, and archives and reports, which are made to hold such
data, are not leaks. A database that a test fills
without a vault holds no fixture family.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from support.canaries import Sweep
from support.live import ROOT, households

OURS = re.compile(r"(verify\.db.*|.*\.db(-wal|-shm|-journal)?|.*\.log|.*\.backup|.*\.dump)")
WITNESS = "witness"
# A log line of ours: a JSON object, or what structlog prints to a terminal.
LINE = re.compile(r"(\{.*\}|\d{4}-\d\d-\d\d[ T]\S+ \[\w+ *\] .*)")
TRACEBACK = re.compile(r"^╭─+ Traceback .*?^╰─", re.MULTILINE | re.DOTALL)
MOST = 64 * 1024 * 1024
GROUP = 16 * 1024 * 1024


def families() -> Sweep:
    """Looks for the ids, and the names of three characters and more, of every fixture family.

    A name that stands in the content (the frequencies of names) stands in every database.
    """
    canaries: dict[str, str] = {}
    public = "".join(
        path.read_text(encoding="utf-8")
        for kind in ("connectors", "rules", "scoring")
        for path in sorted((ROOT / kind).rglob("*.yaml"))
    )
    for household in households():
        for number, member in enumerate(household.application["household"]["members"], 1):
            where = f"{household.path.stem} member {number}"
            canaries[f"id of {where}"] = member["id_number"]
            if len(member["name"]) > 2 and member["name"] not in public:
                canaries[f"name of {where}"] = member["name"]
    return Sweep(canaries)


def files(folder: Path) -> Iterator[Path]:
    """What the product wrote under a folder."""
    for path in sorted(folder.rglob("*")):
        ours = OURS.fullmatch(path.name) or WITNESS in path.parent.parts
        if ours and path.is_file() and not path.is_symlink():
            yield path


def log_lines(reports: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The captured log lines of each test."""
    for report in reports:
        for name, text in report.sections:
            if name.startswith("Captured"):
                lines = [line for line in text.splitlines() if LINE.fullmatch(line)]
                # What a program prints of an exception, variables of its frames and all.
                lines += TRACEBACK.findall(text)
                if lines:
                    yield report.nodeid, "\n".join(lines)


def _in_groups(folder: Path) -> Iterator[dict[Path, bytes]]:
    """What lies in the files, some megabytes of it at a time."""
    group: dict[Path, bytes] = {}
    for path in files(folder):
        with path.open("rb") as file:
            group[path] = file.read(MOST)
        if sum(map(len, group.values())) > GROUP:
            yield group
            group = {}
    yield group


def leaks(folder: Path, logged: Iterable[tuple[str, str]]) -> list[str]:
    """Each leak: where, whose, in what dress; never the value."""
    sweep, found = families(), []
    for group in _in_groups(folder):
        for path, hits in zip(group, sweep.scan_all(list(group.values())), strict=True):
            found += [f"{path}: {hit.canary} ({hit.encoding})" for hit in sorted(hits)]
    texts = dict(logged)
    if sweep.scan("\n".join(texts.values()).encode()):
        for test, text in texts.items():
            hits = sorted(sweep.scan(text.encode()))
            found += [f"log of {test}: {hit.canary} ({hit.encoding})" for hit in hits]
    return found
