"""What the tests of kills share."""

from __future__ import annotations

from pathlib import Path

import chaos_killing
import pytest


@pytest.fixture(scope="session")
def answers(tmp_path_factory) -> Path:
    """The departments' recorded answers, in a file that every process of a house reads."""
    path = tmp_path_factory.mktemp("answers") / "answers"
    chaos_killing.record_answers(path)
    return path
