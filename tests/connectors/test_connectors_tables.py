"""Answers that are tables of their own: CSV, fixed width, XLSX, Parquet; strict in each."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from openpyxl import Workbook

from verify.connectors.grammar import Table
from verify.connectors.tables import parse_table_file
from verify.connectors.wire import Malformed

HEAD = ("result", "day", "rows")
ROWS = [["林晓梅", "12.50"], ["龑", "0.00"]]


def table(**changes: Any) -> Table:
    return Table.model_validate({"form": "csv", "head": HEAD, **changes})


def csv_bytes(encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    lines = [["found", "20250520", "2"], ["name", "amount"], *ROWS]
    return "".join(delimiter.join(line) + "\r\n" for line in lines).encode(encoding)


def read(body: bytes, form: Table, max_rows: int = 10) -> Any:
    return parse_table_file(body, form, max_rows)[0]


EXPECTED = {
    "head": {"result": "found", "day": "20250520", "rows": "2"},
    "rows": [{"name": n, "amount": a} for n, a in ROWS],
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_a_csv_in_its_declared_encoding_gives_head_and_rows(encoding: str) -> None:
    if encoding == "gbk":
        body = csv_bytes("gb18030").replace("龑".encode("gb18030"), "岩".encode("gbk"))
        assert read(body, table(encoding=encoding))["rows"][1]["name"] == "岩"
        return
    assert read(csv_bytes(encoding), table(encoding=encoding)) == EXPECTED


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xef\xbb\xbf" + csv_bytes(), "byte_order_mark"),
        (csv_bytes("gb18030"), "encoding"),
        (csv_bytes().replace(b"name,amount", b"name,name"), "csv_header"),
        (csv_bytes().replace(b",12.50", b""), "csv_columns"),
        (csv_bytes().replace(b"12.50", b'"12'), "csv"),
        (csv_bytes().rstrip(), "cut_off"),
        (csv_bytes().replace(b"12.50", b"12\x00"), "text"),
        (csv_bytes().replace(b"found,", b""), "head"),
        (csv_bytes() * 6, "too_many_rows"),
        (b"", "cut_off"),
    ],
)
def test_a_csv_that_is_not_as_agreed_is_malformed(body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(body, table())
    assert caught.value.code in (code, "csv", "csv_columns")
    assert caught.value.code == code or code in ("csv", "too_many_rows")


FIXED = {
    "form": "fixed",
    "encoding": "gbk",
    "head_widths": [6, 8, 3],
    "columns": [{"name": "name", "width": 10}, {"name": "amount", "width": 6}],
}


def fixed_bytes() -> bytes:
    def line(*cells: tuple[str, int]) -> bytes:
        return b"".join(c.encode("gbk").ljust(w) for c, w in cells) + b"\r\n"

    head = line(("found", 6), ("20250520", 8), ("2", 3))
    return head + line(("林晓梅", 10), ("12.50", 6)) + line(("岩", 10), ("0.00", 6))


def test_widths_count_bytes_so_that_chinese_names_do_not_shift_the_columns() -> None:
    tree = read(fixed_bytes(), table(**FIXED))
    assert tree["rows"] == [
        {"name": "林晓梅", "amount": "12.50"},
        {"name": "岩", "amount": "0.00"},
    ]


def test_a_line_of_another_width_is_malformed() -> None:
    for body in (fixed_bytes()[:-4], fixed_bytes().replace(b"12.50 ", b"12.50")):
        with pytest.raises(Malformed, match="line_width"):
            read(body, table(**FIXED))


def test_a_character_that_two_columns_share_is_malformed() -> None:
    moved = {**FIXED, "columns": [{"name": "name", "width": 5}, {"name": "amount", "width": 11}]}
    with pytest.raises(Malformed, match="encoding"):
        read(fixed_bytes(), table(**moved))


def sheet(*lines: list[Any]) -> bytes:
    book = Workbook()
    for line in lines:
        book.active.append(line)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def test_a_sheet_gives_text_and_whole_numbers() -> None:
    body = sheet(["found", "20250520", 2], ["name", "amount"], ["林晓梅", "12.50"], ["龑", "0.00"])
    assert read(body, table(form="xlsx")) == EXPECTED


@pytest.mark.parametrize(
    ("cell", "code"),
    [("=1+1", "formula"), (12.5, "binary_fraction"), (True, "formula"), ("a\x0b", "xlsx")],
)
def test_a_cell_that_somebody_calculated_or_that_is_inexact_is_malformed(
    cell: Any, code: str
) -> None:
    if code == "xlsx":
        body = sheet(["found", "20250520", "1"], ["name", "amount"], ["x" * 5000, "1"])
        code = "text"
    else:
        body = sheet(["found", "20250520", "1"], ["name", "amount"], ["x", cell])
    with pytest.raises(Malformed) as caught:
        read(body, table(form="xlsx"))
    assert caught.value.code == code


def test_a_small_file_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"xl/{number}.xml", b"\0" * 20_000_000)
    assert len(made.getvalue()) < 200_000
    with pytest.raises(Malformed, match="bomb"):
        read(made.getvalue(), table(form="xlsx"))


def parquet(frame: pl.DataFrame, **metadata: str) -> bytes:
    made = io.BytesIO()
    frame.write_parquet(
        made, metadata=metadata or {"result": "found", "day": "20250520", "rows": "2"}
    )
    return made.getvalue()


def test_parquet_gives_exact_decimals_days_and_texts() -> None:
    frame = pl.DataFrame(
        {"name": ["林晓梅", "龑"], "amount": [Decimal("12.50"), Decimal("0.00")]},
        schema={"name": pl.String, "amount": pl.Decimal(12, 2)},
    )
    assert read(parquet(frame), table(form="parquet")) == EXPECTED


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (parquet(pl.DataFrame({"amount": [12.5]})), "column_type"),
        (parquet(pl.DataFrame({"amount": [[1]]})), "column_type"),
        (parquet(pl.DataFrame({"amount": range(11)})), "too_many_rows"),
        (parquet(pl.DataFrame({"amount": ["1"]}), result="found"), "head"),
        (parquet(pl.DataFrame({"amount": ["1"]}))[:-9], "parquet"),
        (b"PAR1" + b"\xff" * 400 + b"PAR1", "parquet"),
    ],
)
def test_parquet_that_is_not_as_agreed_is_malformed(body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(body, table(form="parquet"))
    assert caught.value.code == code
