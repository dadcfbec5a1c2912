"""Schema migrations, run by the store itself when it opens for writing.

They live in the package, so an installed wheel upgrades its database without any other file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from verify.domain.errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0011"
"""The revision this code works with; equals the newest file in `versions/` (tested)."""

_LOCK = 0x7665_7269_6679  # "verify": PostgreSQL advisory lock of the migration


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for the packaged migrations."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", "verify.store:migrations")
    made.attributes["connection"] = connection
    return made


def current(connection: Connection) -> str | None:
    """The revision of the database; `None` for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection) -> None:
    """Bring the schema to `HEAD` in the caller's transaction.

    Raises:
        Conflict: the database was made by a newer version of this software.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    revision = current(connection)
    if revision == HEAD:
        return
    _run(connection, revision)


def _run(connection: Connection, revision: str | None) -> None:
    # Alembic takes longer to import than everything else here, and is rarely needed.
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    made = config(connection)
    if revision is not None:
        try:
            ScriptDirectory.from_config(made).get_revision(revision)
        except CommandError:
            raise _newer(revision) from None
    command.upgrade(made, "head")


def require_head(connection: Connection) -> None:
    """For a reader, which may not migrate.

    Raises:
        Conflict: the schema is not the one this code reads.
    """
    revision = current(connection)
    if revision != HEAD:
        raise Conflict(
            f"the database schema is at {revision or 'nothing'}, this version reads {HEAD}",
            where="database",
            remedy="open it once for writing with this version, which upgrades it",
        )


def _newer(revision: str) -> Conflict:
    return Conflict(
        f"the database schema is at {revision}, which this version does not know",
        where="database",
        remedy="use the version of the software that wrote it, or a newer one",
    )
