"""PostgreSQL's own client programs: the right version is found, run without the password in sight.

Of all that are installed, those of the server's major version are taken, and no others. An older
`pg_dump` refuses the server. A newer one copies it, but that copy may never come back: a newer
`pg_restore` sets what the server does not know (`transaction_timeout`, from 17 on), and the
server's own cannot read the newer file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from verify.domain.errors import Conflict, Overloaded

VERSIONED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
"""Where Debian and Red Hat put the programs of each version."""
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
"""


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server as it answers: its major version, and how much its database holds."""

    major: int
    relations: int


@dataclass(frozen=True)
class Program:
    """A client program and its major version."""

    path: Path
    major: int


@dataclass(frozen=True)
class Ended:
    """How a program ended: its status, what it printed, what it complained about (in English)."""

    status: int
    output: str
    complaint: str


def ask_server(url: URL) -> Server:
    """Ask the database for its version and contents.

    Raises:
        Overloaded: it does not answer, or does not let this user in.
    """
    engine = create_engine(url, hide_parameters=True, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
            relations = int(connection.execute(text(_TABLES)).scalar_one())
    except SQLAlchemyError:
        # Its words may quote the address.
        raise Overloaded(
            "the database does not answer, is not there, or does not let this user in; "
            "nothing was changed",
            where="database",
            remedy="see that the server runs and the database was made (createdb), and check "
            "VERIFY_DATABASE_URL and its password",
        ) from None
    finally:
        engine.dispose()
    return Server(number // 10000, relations)


def installed(tool: str, folder: Path | None) -> tuple[Program, ...]:
    """Every installed version of a program, the first on PATH before others of its version.

    `folder` (VERIFY_POSTGRES_BIN) is the only place looked at, where it is given.

    Raises:
        Conflict: there is none.
    """
    found = []
    for place in _places(tool, folder):
        if (major := _major(place)) is not None:
            found.append(Program(place, major))
    if found:
        return tuple(found)
    raise Conflict(
        f"{tool} is not installed here",
        where="VERIFY_POSTGRES_BIN" if folder is not None else "database",
        remedy="install PostgreSQL's client programs of the server's version, name their folder "
        "in VERIFY_POSTGRES_BIN, or make the copy on the server",
    )


def fitting(programs: tuple[Program, ...], server: Server) -> Program:
    """The first program of the server's major version.

    Raises:
        Conflict: there are only others.
    """
    for program in programs:
        if program.major == server.major:
            return program
    tool = programs[0].path.name
    versions = ", ".join(f"{p.major} ({p.path})" for p in programs)
    raise Conflict(
        f"the server is PostgreSQL {server.major}, and {tool} here is {versions}: an older one "
        "cannot read the server, and what a newer one writes may not go back into it; nothing was "
        "written",
        where="database",
        remedy=f"install the client programs of PostgreSQL {server.major} (on Debian "
        f"postgresql-client-{server.major}), or name their folder in VERIFY_POSTGRES_BIN",
    )


def run(program: Program, options: list[str], url: URL | None = None) -> Ended:
    """Run a program on a database, or on a file alone.

    The password is not among its words: anybody could read them.
    """
    words = [str(program.path), *options]
    secret: dict[str, str] = {}
    if url is not None:
        plain = url.set(drivername="postgresql")._replace(password=None)
        words.insert(1, f"--dbname={plain.render_as_string(hide_password=False)}")
        secret = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    environment = {**os.environ, "LC_ALL": "C", **secret}
    done = subprocess.run(  # noqa: S603
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=environment,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _places(tool: str, folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder / tool
        return
    if (named := shutil.which(tool)) is not None:
        yield Path(named)
    for pattern in VERSIONED:
        root = Path(pattern).anchor
        yield from sorted(found / tool for found in Path(root).glob(pattern.removeprefix(root)))


def _major(program: Path) -> int | None:
    """The major version that a program says it has; `None` where it is none or does not run."""
    if not os.access(program, os.X_OK) or program.is_dir():
        return None
    said = run(Program(program, 0), ["--version"])
    found = _VERSION.search(said.output)
    return None if said.status or found is None else int(found[1])
