from __future__ import annotations

import pytest

from support.live import installation


@pytest.fixture(scope="session")
def live_service(tmp_path_factory):
    """What `make demo` leaves running, for the commands in the docs."""
    with installation(tmp_path_factory.mktemp("docs")) as running:
        yield running
