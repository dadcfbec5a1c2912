"""What a `resealed` entry must prove: that the values it is about have stayed the same.

Such an entry replaces what the ledger had recorded of a row, because its personal columns are
sealed since. They are opened with the keyring, and the form that was recorded before must come
out. Without master keys nothing can be told, and nothing is said.

- A later attempt at a question replaces what was resealed: nothing rests on it any more.
- Of several resealings the last form is the one that stands, and must prove the first.
- Where the scope's key was erased since, a sealed value cannot be opened. Then the entry stands as
  it was: until the erasure every check had proven it, and after it nothing may be resealed
  (`verify.store.amending`).
- An idempotency key is an HMAC, which cannot be opened. It may be replaced in a case of before the
  vault only, whose application has no salt. Caller and instant are those of the case; the key and
  the digest of the body are not proven.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.store import blobs, columns, forms
from verify.store.case import Case, digest_of
from verify.store.keyring import Erased, Keyring

Row = Mapping[str, Any]

_FORMS = {"verifications": forms.HEADER, "exchanges": forms.EXCHANGE}
_HASHED = "hs256:"


def judged(connection: Connection, case: Case, keyring: Keyring | None) -> Case:
    """The case with everything named that was resealed and is not proven."""
    was = case.recorded.was
    if keyring is None or not was:
        return case
    rows = {f"{row['source']}/{row['person']}": row for row in case.exchanges}
    found = set()
    for name, digest in was.items():
        if name == "idempotency":
            fits = _key_fits(connection, case, keyring)
        elif name == "header":
            fits = _fits(case, "verifications", case.header, digest, keyring)
        else:
            fits = _fits(case, "exchanges", rows.get(name), digest, keyring)
        if not fits:
            found.add(name)
    return replace(case, unproven=frozenset(found))


def _fits(case: Case, table: str, row: Row | None, was: object, keyring: Keyring) -> bool:
    """Whether the row is what was recorded, once some of its personal columns are opened."""
    if row is None:
        return True  # that it is missing is named anyway
    names = _FORMS[table]
    if digest_of(names, row) == was:
        return True
    try:
        plain = columns.opened(table, row, keyring)
    except Erased:
        return case.erased
    except (Conflict, IntegrityError):
        return False
    return any(digest_of(names, form) == was for form in _forms_of_before(table, row, plain))


def _forms_of_before(table: str, row: Row, plain: Row) -> Iterator[Row]:
    """The row with one or more of its sealed columns as they were before."""
    hidden = [name for name in columns.PERSONAL[table] if columns.is_sealed(row[name])]
    for count in range(len(hidden), 0, -1):
        for some in itertools.combinations(hidden, count):
            yield {**row, **{name: plain[name] for name in some}}


def _key_fits(connection: Connection, case: Case, keyring: Keyring) -> bool:
    if case.header is None or len(case.idempotency) != 1:
        return True  # named anyway
    row, header = case.idempotency[0], case.header
    same = (row["subject"], row["created_at"]) == (header["caller"], header["created_at"])
    hashed = all(str(row[name]).startswith(_HASHED) for name in ("key", "body_digest"))
    if not same or not hashed:
        return False
    application = str(header["application_digest"])
    try:
        return not blobs.opened(application, blobs.fetch(connection, application), keyring).salt
    except Erased:
        return case.erased
    except (Conflict, IntegrityError, NotFound):
        return True  # the application is not what it was: that is named
