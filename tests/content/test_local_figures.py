"""Published figures of local law, stated a second time, against what the rulebooks say.

A rulebook and its golden cases are written by the same hand; this table is not read from either.
"""

from __future__ import annotations

import datetime as dt

import pytest

from verify.content import ContentSet
from verify.rules import Law

LAW = Law.from_content(ContentSet.load("rules"))

# Rulebook, limit, day, and the figure as published: one, or one by words; None: declared unknown.
FIGURES = [
    ("120000/dibao", "standard", "2017-03-31", {"urban": "780", "rural": "700"}),
    ("120000/dibao", "standard", "2017-04-01", "860"),
    ("120000/dibao", "standard", "2018-04-01", None),
    ("120000/dibao", "asset_months", "2017-03-31", "24"),
    ("120000/dibao_margin", "income_line", "2017-03-31", {"urban": "1170", "rural": "1050"}),
    ("120000/dibao_margin", "income_line", "2017-04-01", "1290"),
    ("120000/dibao_margin", "asset_months", "2017-03-31", "36"),
    ("130000/dibao", "standard", "2013-05-01", None),
    ("130000/dibao", "area_multiple", "2013-05-01", "2"),
    ("130900/medical_aid", "asset_months", "2025-01-01", "48"),
    ("130900/medical_aid", "car_limit", "2025-01-01", "50000"),
    ("152200/dibao", "employment_rate", "2025-05-19", "0.1"),
    ("330000/dibao", "veto_capital", "2019-01-14", "200000"),
    ("330000/dibao", "veto_money_months", "2019-01-14", "120"),
    ("330100/dibao", "standard", "2009-01-01", {"urban": "400", "rural": "300"}),
    ("330100/dibao", "standard", "2013-06-30", {"urban": "525", "rural": "450"}),
    ("330100/dibao", "standard", "2013-07-01", "588"),
    ("330100/dibao", "standard", "2016-06-30", "744"),
    ("330100/dibao", "standard", "2016-07-01", "819"),
    ("330100/dibao", "standard", "2022-09-30", "1102"),
    ("330100/dibao", "standard", "2022-10-01", "1216"),
    ("330100/dibao", "standard", "2023-07-31", "1259"),
    ("330100/dibao", "standard", "2025-01-23", "1301"),
    ("330100/dibao", "standard", "2026-01-23", None),
    ("330100/dibao_margin", "multiple", "2022-10-01", "2"),
    ("330100/housing_aid", "income_limit", "2012-01-01", "20439"),
    ("330100/housing_aid", "asset_limit", "2012-01-01", "34065"),
    ("330100/housing_aid", "income_limit", "2014-01-01", "24757"),
    ("330100/housing_aid", "asset_limit", "2014-01-01", "41262"),
    ("330108/dibao_margin", "income_cap", "2023-02-17", "2280"),
    ("330108/dibao_margin", "asset_months", "2023-02-17", "72"),
    ("330108/dibao_margin", "small_area", "2023-02-17", "40.2"),
    ("360700/dibao", "veto_capital", "2025-01-01", "100000"),
    ("360700/dibao", "employment_rate", "2025-01-01", "0.3"),
    ("360700/dibao", "veto_money_multiple", "2025-01-01", "1.5"),
    ("370300/dibao", "standard", "2023-01-01", {"urban": "924", "rural": "801"}),
    ("410000/dibao_margin", "multiple", "2023-01-01", "1.5"),
    ("410000/dibao_margin", "asset_months", "2023-01-01", "36"),
    ("410000/dibao_margin", "capital_limit", "2023-01-01", "200000"),
    ("420000/dibao_margin", "multiple", "2024-08-19", "1.5"),
    ("420000/dibao_margin", "money_limit", "2024-08-19", None),
    ("420000/dibao_margin", "vehicle_price_limit", "2024-08-19", None),
    ("421381/dibao", "standard", "2022-11-01", "438"),
    ("500000/dibao", "asset_months", "2023-07-18", "24"),
    ("500000/dibao", "vehicle_exemption", "2023-07-18", "30000"),
    ("510100/dibao", "standard", "2025-01-01", {"districts": "990", "counties": "950"}),
    ("510723/dibao", "standard", "2021-01-01", {"urban": "610", "rural": "410"}),
    ("510723/dibao", "support_rate", "2021-01-01", "0.25"),
    ("530100/dibao_margin", "purchase_limit", "2025-01-01", "50000"),
    ("620000/rigid_spending", "vehicle_limit", "2025-07-01", "150000"),
    ("620000/rigid_spending", "asset_months", "2025-07-01", "36"),
    ("630000/dibao_margin", "car_price_limit", "2025-01-01", "90000"),
    ("630000/dibao_margin", "unexplained_limit", "2025-01-01", "30000"),
    ("630000/dibao_margin", "homes_allowed", "2025-01-01", {"urban": "1", "rural": "0"}),
]

# Rulebook, test, and the comparison as published.
OPERATORS = [
    ("120000/dibao", "income", "<"),
    ("120000/dibao", "money_assets", "<="),
    ("120000/dibao_margin", "above_standard", ">"),
    ("120000/dibao_margin", "income", "<="),
    ("130000/dibao", "money_assets", "<="),
    ("330000/dibao", "supporter_capital", "<"),
    ("360700/dibao", "supporter_capital", "<"),
    ("410000/dibao_margin", "income", "<="),
    ("410000/dibao_margin", "money_assets", "<"),
    ("410000/dibao_margin", "capital", "<"),
    ("420000/dibao_margin", "above_standard", ">"),
    ("420000/dibao_margin", "income", "<"),
    ("620000/rigid_spending", "ratio", ">"),
]


@pytest.mark.parametrize(("book", "limit", "day", "figure"), FIGURES)
def test_the_figure_of_the_rulebook_is_the_published_one(book, limit, day, figure):
    on = dt.date.fromisoformat(day)
    entry = LAW.books[f"cn/{book}"].regime(on, on).entries[limit].model
    assert entry.effective_from == on
    assert (entry.table or entry.value) == figure
    assert (entry.unknown is not None) == (figure is None)


@pytest.mark.parametrize(("book", "test", "operator"), OPERATORS)
def test_the_comparison_of_the_rulebook_is_the_published_one(book, test, operator):
    (found,) = (t for t in LAW.books[f"cn/{book}"].plan.tests if t.name == test)
    assert found.model.operator == operator
