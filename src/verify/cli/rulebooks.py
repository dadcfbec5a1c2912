"""Where a command finds rules: the content folder, another folder, or the store by digest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from verify.domain.errors import ContentError, InputError

if TYPE_CHECKING:
    from verify.connectors import Connectors
    from verify.content import ContentSet
    from verify.domain.access import Caller
    from verify.store import Store

DIGEST = "sha256:"


def read_rules(where: str | None, home: Path | None = None) -> ContentSet:
    """Rules from a folder (`rules/` itself or what holds it) or, by digest, from the store.

    Without `where`: the content folder of this installation.

    Raises:
        InputError: there are no rules in the folder.
        NotFound: no set with that digest is stored.
    """
    from verify.content import ContentSet
    from verify.store import Store

    if where is None:
        return ContentSet.load("rules")
    if where.startswith(DIGEST):
        from verify.cli.environment import settings_for

        settings = settings_for(home)
        with Store.open(settings.resolved_database_url, read_only=True) as store:
            return ContentSet.from_blob(store.content(where))
    folder = Path(where)
    folder = folder / "rules" if (folder / "rules").is_dir() else folder
    try:
        content = ContentSet.of_folder("rules", folder)
    except ContentError as error:
        raise InputError(error.reason, where=error.where, remedy=error.remedy) from None
    if not content.files:
        raise InputError(
            "there are no rules in this folder",
            where=where,
            remedy="give the folder `rules` or the one that holds it, or a digest sha256:...",
        )
    return content


def connectors_beside(where: str | None) -> Connectors:
    """The connectors that lie beside the rules, or else those of this installation.

    Raises:
        ContentError: they are not sound.
    """
    from verify.connectors import Connectors
    from verify.content import ContentSet

    for folder in (Path(where), Path(where).parent) if where else ():
        if (folder / "connectors").is_dir():
            return Connectors.from_content(
                ContentSet.of_folder("connectors", folder / "connectors")
            )
    return Connectors.from_content(ContentSet.load("connectors"))


def acting(store: Store) -> Caller:
    """Who gives the command: the holder of the key in VERIFY_KEY, or else this account's user.

    Raises:
        NotAuthenticated: the key does not hold.
    """
    import getpass

    from verify.domain.access import LOCAL, Caller
    from verify.service.access import Authenticator
    from verify.settings import Settings

    if key := os.environ.get("VERIFY_KEY"):
        return Authenticator(Settings(), store).authenticate(f"Bearer {key}")
    return Caller(f"os:{getpass.getuser()}", LOCAL.roles, LOCAL.regions)
