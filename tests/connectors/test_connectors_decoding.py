"""Decoding answers: what each oddity means, on a small declared source."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.connectors import Connectors, DecodeContext, Decoded, decode
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState

S = EvidenceState
CONNECTORS = Connectors.from_content(ContentSet.load("connectors"))
NAME, NUMBER = "林晓梅", "310104198503120021"
CONTEXT = DecodeContext("h", "tax/p1", "p1", NAME, NUMBER, dt.date(2025, 5, 20))


def income(**changes: Any) -> dict[str, Any]:
    row = {
        "xm": NAME, "zjhm": NUMBER, "lxdh": "", "dz": "", "srxmdm": "0101", "kjywr": "厂",
        "srje": "100.00", "skssqq": "202501", "skssqz": "202501", "jsfs": "1",
    }  # fmt: skip
    return {**row, **changes}


def role(**changes: Any) -> dict[str, Any]:
    row = {
        "xm": NAME, "zjhm": NUMBER, "lxdh": "", "dz": "", "qymc": "店", "tyshxydm": "92",
        "rzlx": "01", "rjcze": "1.5", "zt": "1", "rzrq": "20200101",
    }  # fmt: skip
    return {**row, **changes}


def tax(*incomes: Any, roles: tuple[Any, ...] = (), **changes: Any) -> bytes:
    body = {
        "fhm": "0000", "fhxx": "", "lsh": "1", "sjrq": "20250520",
        "nsr": {"xm": NAME, "zjhm": NUMBER}, "pageNo": 1, "pageSize": 50, "pages": 1,
        "total": len(incomes) + len(roles), "srxx": list(incomes), "rzxx": list(roles),
    }  # fmt: skip
    return json.dumps({**body, **changes}).encode()


def read(*bodies: bytes) -> Decoded:
    return decode(CONNECTORS.declaration("tax"), bodies, CONTEXT)


def test_identical_rows_are_one_record() -> None:
    decoded = read(tax(income(), income()))
    assert (decoded.state, len(decoded.rows)) == (S.OK, 1)


def test_one_payment_stated_with_two_amounts_is_conflicting_and_both_are_kept() -> None:
    decoded = read(tax(income(), income(srje="200.00")))
    assert (decoded.state, decoded.detail) == (S.CONFLICTING, "same_object_differs")
    assert sorted(r["amount"] for r in decoded.rows) == [10000, 20000]


def test_rows_without_a_number_are_never_taken_for_one_object() -> None:
    decoded = read(tax(income(zjhm=""), income(zjhm="", srje="200.00")))
    assert (decoded.state, len(decoded.rows)) == (S.OK, 2)
    assert [r["subject_id"] for r in decoded.rows] == [None, None]


def test_namesakes_are_legitimate_rows_of_a_search_by_name() -> None:
    other = "330106199001010018"
    decoded = read(tax(income(), income(zjhm=other)))
    assert decoded.state is S.OK
    assert {r["subject_id"] for r in decoded.rows} == {NUMBER, other}


def test_a_role_that_has_ended_gives_no_record_but_the_answer_is_not_empty() -> None:
    decoded = read(tax(roles=(role(zt="2"),)))
    assert (decoded.state, decoded.rows) == (S.OK, [])


def test_no_rows_without_saying_that_nothing_was_found_is_not_empty() -> None:
    decoded = read(tax())
    assert (decoded.state, decoded.detail) == (S.SCHEMA_MISMATCH, "unconfirmed_empty")


def test_rows_beside_the_code_for_nothing_found_are_a_contradiction() -> None:
    decoded = read(tax(income(), fhm="1001"))
    assert (decoded.state, decoded.detail, decoded.rows) == (
        S.SCHEMA_MISMATCH,
        "empty_with_rows",
        [],
    )


@pytest.mark.parametrize(
    ("code", "state"),
    [("9001", S.UNAVAILABLE), ("9002", S.THROTTLED), ("9003", S.UNAUTHORISED)],
)
def test_a_source_that_says_it_cannot_answer_is_believed(code: str, state: EvidenceState) -> None:
    assert read(tax(fhm=code)).state is state
    assert read(json.dumps({"fhm": code}).encode()).state is state


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"fhm": "0099"}, "unknown_outcome"),
        ({"sjrq": "20250230"}, "unreadable"),
        ({"sjrq": None}, "unreadable"),
        ({"total": "many"}, "unreadable"),
        ({"total": True}, "unreadable"),
        ({"srxx": {}}, "unreadable"),
        ({"srxx": ["row"]}, "unreadable"),
        ({"nsr": {"xm": NAME}}, "missing_field"),
        ({"extra": {"deep": 1}}, "unexpected_field"),
    ],
)
def test_an_answer_unlike_its_declaration_is_a_schema_mismatch(
    change: dict[str, Any], detail: str
) -> None:
    decoded = read(tax(income(), **change))
    assert (decoded.state, decoded.detail, decoded.rows) == (S.SCHEMA_MISMATCH, detail, [])


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"srje": "1000000.01"}, "implausible_value"),
        ({"srje": "-1"}, "implausible_value"),
        ({"srje": "1e3"}, "unreadable"),
        ({"srje": ""}, "empty_value"),
        ({"srje": ["1"]}, "unreadable"),
        ({"srje": True}, "unreadable"),
        ({"srxmdm": "0102"}, "unknown_code"),
        ({"jsfs": "3"}, "unknown_code"),
        ({"skssqz": "202502"}, "period"),
        ({"jsfs": "2"}, "period"),
        ({"skssqq": "202513"}, "unreadable"),
        ({"xm": " "}, "empty_value"),
    ],
)
def test_one_row_that_cannot_be_read_spoils_the_answer(change: dict[str, Any], detail: str) -> None:
    decoded = read(tax(income(), income(**change)))
    assert (decoded.state, decoded.detail, decoded.rows) == (S.SCHEMA_MISMATCH, detail, [])
    assert all("srxx." in s for s in decoded.signals)


def test_a_yearly_settlement_keeps_its_granularity() -> None:
    [row] = read(tax(income(jsfs="2", skssqq="202401", skssqz="202412", srje="12000.00"))).rows
    assert (row["granularity"], row["amount"]) == ("year", 1200000)
    assert (row["period_start"], row["period_end"]) == (dt.date(2024, 1, 1), dt.date(2024, 12, 31))


def test_signals_never_hold_values() -> None:
    decoded = read(tax(income(srje="secret-value", xinzeng="another-secret")))
    assert decoded.signals
    assert "secret" not in "".join(decoded.signals).replace("xinzeng", "")


def test_the_worst_of_several_troubles_is_reported() -> None:
    other = json.loads(tax(income()))
    other["nsr"]["zjhm"] = "330106199001010018"
    assert read(tax(income()), json.dumps(other).encode(), b"{").state is S.WRONG_SUBJECT
    assert read(tax(income(xinzeng="1")), b"{").state is S.MALFORMED
    assert read().state is S.MALFORMED


def test_more_rows_than_declared_are_not_an_answer() -> None:
    rows = [income(kjywr=str(n)) for n in range(2001)]
    decoded = read(tax(*rows))
    assert (decoded.state, decoded.detail) == (S.SCHEMA_MISMATCH, "row_count")


@settings(max_examples=40, deadline=None)
@given(
    payers=st.lists(st.sampled_from("甲乙丙丁戊己"), min_size=1, max_size=6, unique=True),
    cut=st.integers(1, 5),
    data=st.data(),
)
def test_page_boundaries_and_row_order_do_not_matter(
    payers: list[str], cut: int, data: st.DataObject
) -> None:
    rows = [income(kjywr=p, srje=f"{ord(p)}.00") for p in payers]
    whole = read(tax(*rows))
    shuffled = data.draw(st.permutations(rows))
    pages = [shuffled[i : i + cut] for i in range(0, len(shuffled), cut)]
    bodies = [
        tax(*page, pageNo=n, pages=len(pages), total=len(rows))
        for n, page in enumerate(pages, start=1)
    ]
    assert read(*data.draw(st.permutations(bodies))) == whole


def test_the_window_of_movements_ends_on_the_day_of_the_data() -> None:
    from verify.connectors.places import Whole

    assert Whole(dt.date(2025, 5, 20), "").value("year_before_as_of") == dt.date(2024, 5, 21)
    assert Whole(dt.date(2024, 2, 29), "").value("year_before_as_of") == dt.date(2023, 3, 1)
    assert Whole(dt.date(2025, 2, 28), "").value("year_before_as_of") == dt.date(2024, 2, 29)
    assert Whole(dt.date(2025, 12, 31), "").value("year_before_as_of") == dt.date(2025, 1, 1)
