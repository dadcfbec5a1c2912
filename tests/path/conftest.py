from __future__ import annotations

import pytest

from support.live import installation


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """One installation that the tests of this folder share; they only add verifications."""
    with installation(tmp_path_factory.mktemp("path")) as running:
        yield running


@pytest.fixture
def own(tmp_path):
    """An installation of one's own, to break."""
    with installation(tmp_path) as running:
        yield running
