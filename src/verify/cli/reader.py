"""Who reads at the command line: the user of the operating system, for a stated purpose."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace

from verify.domain.access import LOCAL, Caller, Purpose


def reader(purpose: Purpose | None = None) -> Caller:
    """Whoever runs the command, who may do everything here: they hold the files."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # no such user in this container
        name = str(number)
    me = replace(LOCAL, subject=f"os:{name}")
    return me if purpose is None else me.reading_for(purpose)
