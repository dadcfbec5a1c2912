"""Rows for spreadsheets: CSV (RFC 4180) in which no cell can be taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
"""What a spreadsheet may take for the beginning of something to run (OWASP, CSV injection; the
full-width forms are read like the narrow ones in East Asian locales)."""


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV under a head that is there for no rows, too; lists as words.

    A text that a spreadsheet could run, also after leading blanks, begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(v) for v in value) if isinstance(value, list) else str(value)
    if text[:1] in FORMULA or text.lstrip()[:1] in FORMULA:
        return f"'{text}"
    return text
