"""Errors of audit, replay and the database's commands say where it went wrong and what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "verify"
KINDS = {"InputError", "NotFound", "Conflict", "Overloaded", "IntegrityError", "Erased"}
PATTERNS = (
    "cli/files.py",
    "cli/commands/audit*.py",
    "cli/commands/db.py",
    "cli/commands/replay.py",
    "service/audit*.py",
    "service/erased.py",
    "service/replay*.py",
    "service/retention.py",
    "service/master_key.py",
    "store/backup.py",
    "store/postgres_tools.py",
    "store/blobs.py",
    "store/engines.py",
    "store/erasing.py",
    "store/keyring.py",
    "store/log.py",
    "store/note.py",
    "store/reads.py",
    "store/vault.py",
)
FILES = sorted({path for pattern in PATTERNS for path in SOURCE.glob(pattern)})


def incomplete(text):
    """Lines of errors that are made without a place or without a remedy."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in KINDS:
            continue
        given = {word.arg for word in node.keywords}
        if None in given:  # passed on as it came
            continue
        if "problems" not in given and not {"where", "remedy"} <= given:
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_error_names_the_place_and_the_remedy(path):
    assert list(incomplete(path.read_text(encoding="utf-8"))) == []


def test_an_error_without_a_remedy_would_be_found():
    assert list(incomplete('raise NotFound("it is gone", where="here")')) == [1]
    assert list(incomplete('raise NotFound("it is gone", where="here", remedy="look")')) == []
    assert {pattern for pattern in PATTERNS if not list(SOURCE.glob(pattern))} == set()
