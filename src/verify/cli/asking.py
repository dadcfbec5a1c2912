"""The sources as this installation declares them now, and as listings show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from verify.connectors import Connectors, Declaration

Plain = dict[str, Any]


def describe(declaration: Declaration) -> Plain:
    """A declaration for lists: no addresses, no secrets, only the names that hold them."""
    return {
        "id": declaration.id,
        "digest": declaration.digest,
        "title": declaration.title.model_dump(),
        "driver": declaration.driver,
        "purposes": [p.model_dump(mode="json") for p in declaration.purposes],
        "yields": [k.value for k in declaration.yields],
        "max_age_days": declaration.max_age_days,
        "lookback_months": declaration.lookback_months,
        "deadline_seconds": str(declaration.deadline_seconds),
        "environment": sorted(
            [
                declaration.endpoint.env,
                *(
                    value["env"]
                    for value in declaration.auth.model_dump().values()
                    if isinstance(value, dict) and "env" in value
                ),
            ]
        ),
    }


def sources_in_use(home: Path | None) -> Connectors:
    """The versions in force in the installation; those of the folder where there is none yet.

    Opens the store for reading only.
    """
    from verify.bootstrap import build
    from verify.cli.environment import settings_for
    from verify.content import ContentSet
    from verify.domain.errors import NotFound

    try:
        with build(settings_for(home), worker=False, read_only=True) as system:
            return system.contents.connectors
    except NotFound:
        return Connectors.from_content(ContentSet.load("connectors"))


def replies_in_use(source: str, home: Path | None) -> str | None:
    """The recorded replies that the version in force was checked against, if there are any."""
    from verify.bootstrap import build
    from verify.cli.environment import settings_for
    from verify.domain.errors import NotFound
    from verify.service.connector_publishing import shipped_replies

    try:
        with build(settings_for(home), worker=False, read_only=True) as system:
            return system.connector_publishing.replies(source)
    except NotFound:
        return shipped_replies(source)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    from verify.domain.errors import InputError

    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(
            "the file is not UTF-8 text", where=str(path), remedy="save it as UTF-8"
        ) from None
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path)) from None
