from __future__ import annotations

import pytest

from support.live import installation


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """One installation for this folder; tests only add to it."""
    with installation(tmp_path_factory.mktemp("console")) as running:
        yield running
