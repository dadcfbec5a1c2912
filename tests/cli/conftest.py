from __future__ import annotations

from typing import Any

import pytest

from support.commandline import Cli, fixture_file
from verify.cli.demo.story import as_body
from verify.simulate.households import load_household


@pytest.fixture
def cli(tmp_path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def application() -> dict[str, Any]:
    """A small household as a JSON body."""
    return as_body(load_household(fixture_file("03")))
