"""Strict reading of answers that are tables of their own: CSV, fixed width, XLSX, Parquet. Pure.

The first line (row) is the head: what the answer as a whole says. Parquet keeps it in the file's
key-value metadata. Every cell becomes text; nothing is guessed, repaired or calculated.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import polars as pl

from verify.connectors.grammar import Table
from verify.connectors.wire import Malformed, check_text

MAX_RATIO = 100
MAX_MEMBERS = 64
MAX_UNPACKED = 64_000_000
MAX_COLUMNS = 500

Rows = list[dict[str, str]]


def parse_table_file(body: bytes, table: Table, max_rows: int) -> tuple[Any, list[str]]:
    """The tree (`head`, `rows`) and the header of the rows.

    Raises:
        Malformed: bytes outside the encoding, a header given twice, another number of columns, a
            formula, more than `max_rows` rows, a file that unpacks to far more than it weighs.
    """
    if table.form == "csv":
        head, header, rows = _csv(_decoded(body, table), table, max_rows)
    elif table.form == "fixed":
        head, header, rows = _fixed(body, table, max_rows)
    elif table.form == "xlsx":
        head, header, rows = _xlsx(body, max_rows)
    else:
        return _parquet(body, table, max_rows)
    if len(head) != len(table.head):
        raise Malformed("head")
    return {"head": dict(zip(table.head, head, strict=True)), "rows": rows}, header


def _decoded(body: bytes, table: Table) -> str:
    try:
        text = body.decode(table.encoding, "strict")
    except UnicodeDecodeError:
        raise Malformed("encoding") from None
    if text.startswith("\ufeff"):
        raise Malformed("byte_order_mark")  # declared as utf-8-sig where a source writes one
    return text


def _csv(text: str, table: Table, max_rows: int) -> tuple[list[str], list[str], Rows]:
    if not text.endswith("\n"):
        raise Malformed("cut_off")  # a last line without its end may lack half of its last cell
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=table.delimiter, strict=True)
    try:
        head, header = next(reader, []), next(reader, [])
        return head, _header(header), list(_dicts(reader, header, max_rows))
    except csv.Error:
        raise Malformed("csv") from None


def _header(header: list[str]) -> list[str]:
    if not header or len(set(header)) != len(header) or len(header) > MAX_COLUMNS:
        raise Malformed("csv_header")
    for name in header:
        check_text(name)
    return header


def _dicts(lines: Any, header: list[str], max_rows: int) -> Iterator[dict[str, str]]:
    for number, cells in enumerate(lines):
        if len(cells) != len(header):
            raise Malformed("csv_columns")
        if number >= max_rows:
            raise Malformed("too_many_rows")
        for cell in cells:
            check_text(cell)
        yield dict(zip(header, cells, strict=True))


def _fixed(body: bytes, table: Table, max_rows: int) -> tuple[list[str], list[str], Rows]:
    """Lines of bytes: a Chinese character is two of them in GBK, and widths count bytes."""
    names = [c.name for c in table.columns]
    widths = [c.width for c in table.columns]
    lines = body.replace(b"\r\n", b"\n").split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise Malformed("head")
    if len(lines) - 1 > max_rows:
        raise Malformed("too_many_rows")
    head = _cut(lines[0], table.head_widths, table)
    rows = [dict(zip(names, _cut(line, widths, table), strict=True)) for line in lines[1:]]
    return head, names, rows


def _cut(line: bytes, widths: Any, table: Table) -> list[str]:
    if len(line) != sum(widths):
        raise Malformed("line_width")
    cells, at = [], 0
    for width in widths:
        try:
            cell = line[at : at + width].decode(table.encoding, "strict").strip(" ")
        except UnicodeDecodeError:
            raise Malformed("encoding") from None
        check_text(cell)
        cells.append(cell)
        at += width
    return cells


def unpacked_size(body: bytes) -> int:
    """What a zip says it unpacks to.

    Raises:
        Malformed: it is no zip, holds too many members, or is a bomb.
    """
    if body[:4] != b"PK\x03\x04" or body[-22:-18] != b"PK\x05\x06":
        raise Malformed("zip")  # cut off, or something stands before or behind it
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError):
        raise Malformed("zip") from None
    size = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members)
    if len(members) > MAX_MEMBERS or size > MAX_UNPACKED or size > MAX_RATIO * max(packed, 1):
        raise Malformed("bomb")
    return size


def _xlsx(body: bytes, max_rows: int) -> tuple[list[str], list[str], Rows]:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise Malformed("xlsx_not_installed") from None
    unpacked_size(body)
    try:
        book = load_workbook(io.BytesIO(body), read_only=True, data_only=False, keep_links=False)
        try:
            lines = _sheet(book.worksheets[0], max_rows)
        finally:
            book.close()
    except Malformed:
        raise
    except Exception:  # noqa: BLE001 - openpyxl raises whatever the file made it stumble over
        raise Malformed("xlsx") from None
    if len(lines) < 2:
        raise Malformed("head")
    head = [c for c in lines[0] if c]
    header = _header([c for c in lines[1] if c])
    padded = ([*line, *[""] * len(header)][: max(len(header), len(line))] for line in lines[2:])
    rows = (line[: len(header)] if not any(line[len(header) :]) else line for line in padded)
    return head, header, list(_dicts(rows, header, max_rows))


def _sheet(sheet: Any, max_rows: int) -> list[list[str]]:
    lines = []
    for number, cells in enumerate(sheet.iter_rows()):
        if number >= max_rows + 2:
            raise Malformed("too_many_rows")
        if len(cells) > MAX_COLUMNS:
            raise Malformed("csv_columns")
        lines.append([_cell(c) for c in cells])
    return lines


def _cell(cell: Any) -> str:
    if cell.value is None:
        return ""
    if cell.data_type in ("f", "e") or isinstance(cell.value, bool):
        raise Malformed("formula")  # a value that somebody's spreadsheet calculated
    return _text(cell.value)


def _text(value: Any) -> str:
    """A cell as the source wrote it; binary fractions, which hold no exact money, are refused."""
    if isinstance(value, float):
        if value != int(value) or abs(value) >= 1e15:
            raise Malformed("binary_fraction")
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    check_text(text)
    return text


_TYPES = (pl.String, pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32,
          pl.UInt64, pl.Date, pl.Null)  # fmt: skip


def _parquet(body: bytes, table: Table, max_rows: int) -> tuple[Any, list[str]]:
    if len(body) < 12 or body[:4] != b"PAR1" or body[-4:] != b"PAR1":
        raise Malformed("parquet")
    try:
        metadata = pl.read_parquet_metadata(io.BytesIO(body))
        counted = pl.scan_parquet(io.BytesIO(body)).select(pl.len()).collect().item()
        if counted > max_rows:
            raise Malformed("too_many_rows")
        frame = pl.read_parquet(io.BytesIO(body), n_rows=max_rows + 1)
    except Malformed:
        raise
    except BaseException as fault:
        # A panic inside Polars is no Exception; what interrupts the process is passed on.
        if isinstance(fault, KeyboardInterrupt | SystemExit | GeneratorExit):
            raise
        raise Malformed("parquet") from None
    if frame.height > max_rows or frame.width > MAX_COLUMNS:
        raise Malformed("too_many_rows")
    for dtype in frame.dtypes:
        if dtype not in _TYPES and not isinstance(dtype, pl.Decimal):
            raise Malformed("column_type")
    missing = [name for name in table.head if name not in metadata]
    if missing:
        raise Malformed("head")
    head = {name: str(metadata[name]) for name in table.head}
    for text in head.values():
        check_text(text)
    rows = [
        {k: "" if v is None else _text(v) for k, v in row.items()}
        for row in frame.iter_rows(named=True)
    ]
    return {"head": head, "rows": rows}, _header(frame.columns)
