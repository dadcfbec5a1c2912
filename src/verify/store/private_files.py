"""New files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path


def create(path: Path) -> int:
    """Make an empty file of mode 0600 and open it for reading and writing: its descriptor.

    Whatever had the name before is gone: a file with another mode would keep that mode, and a link
    would send what is secret, or the loss of what was there, somewhere else.

    Raises:
        OSError: it cannot be made, or somebody made one of that name at this very moment.
    """
    path.unlink(missing_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
