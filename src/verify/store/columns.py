"""Columns that may hold personal data: sealed at rest, each value bound to its place.

A caller may write a name or an id number into a case number or the name of a letter, and a
source into its ticket. Such a value is stored as

    sealed:1:<scope>:<base64url of AES-256-GCM>

under the data key of the verification's scope (`verify.store.vault`), with scope, table, column
and row as associated data: moved anywhere else, it does not open. Ledger entries bind the stored
text, so an erased value is still proven to be the one that was recorded. A case number is found
by its blind index only (`verifications.case_blind`).
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from verify.domain.errors import Conflict, IntegrityError
from verify.store.keyring import Keyring, erased
from verify.store.vault import SEALED_TEXT, Sealer, no_master

PERSONAL: Mapping[str, tuple[str, ...]] = {
    "verifications": ("case_number",),
    "exchanges": ("letter", "ticket"),
}
"""Per table, the columns that are sealed."""

GONE = SEALED_TEXT + ":"
"""What stands for a plain value whose scope had been erased before it could be sealed."""

CASE = "case"
"""Kind of the blind index of case numbers."""


def row_name(table: str, row: Mapping[str, Any]) -> str:
    """What names a row in the associated data of its sealed values."""
    if table == "verifications":
        return str(row["id"])
    return f"{row['verification']}/{row['source']}/{row['person']}"


def seal(table: str, row: dict[str, Any], sealer: Sealer) -> dict[str, Any]:
    """The row with its personal columns sealed."""
    name = row_name(table, row)
    hidden = {c: sealer.seal_text(row[c], f"{table}/{c}/{name}") for c in PERSONAL[table]}
    return {**row, **hidden}


def opened(table: str, row: Mapping[str, Any], keyring: Keyring | None) -> dict[str, Any]:
    """The row with its personal columns as they were given; a plain value is as it is.

    Raises:
        Erased: their key was erased on purpose.
        Conflict: the master key is not here.
        IntegrityError: a value was changed, or moved here from another place.
    """
    name = row_name(table, row)
    return {
        **row,
        **{c: _open(row[c], f"{table}/{c}/{name}", keyring) for c in PERSONAL[table]},
    }


def shown(
    table: str, row: Mapping[str, Any], keyring: Keyring | None, *, always: bool = False
) -> dict[str, Any]:
    """The row to look at: an erased value says that it was erased.

    `always`: one that was altered, or whose key is elsewhere, says so too instead of raising.
    """
    try:
        return opened(table, row, keyring)
    except Conflict as error:
        if not always and error.code != "erased":
            raise
        return _told(table, row, "(erased)" if error.code == "erased" else "(sealed)")
    except IntegrityError:
        if not always:
            raise
        return _told(table, row, "(altered)")


def _told(table: str, row: Mapping[str, Any], word: str) -> dict[str, Any]:
    return {**row, **{c: word if is_sealed(row[c]) else row[c] for c in PERSONAL[table]}}


def is_sealed(value: object) -> bool:
    """Whether a stored value is sealed."""
    return isinstance(value, str) and value.startswith(SEALED_TEXT)


def _open(value: Any, place: str, keyring: Keyring | None) -> Any:
    if not is_sealed(value):
        return value
    if value == GONE:
        raise erased("")
    if keyring is None:
        raise no_master()
    scope = value.removeprefix(SEALED_TEXT).rpartition(":")[0]
    key = keyring.opening(scope)
    try:
        return key.open_text(value, place)
    except (ValueError, IndexError, binascii.Error):
        keyring.require_there(scope)
        raise IntegrityError(
            "a sealed column was changed, or moved here from another place",
            where=place,
            remedy="restore the database from a backup and keep the changed one as evidence",
        ) from None
