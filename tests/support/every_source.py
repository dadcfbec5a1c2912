"""Shanghai's rules as a place would have them that asks every connected source."""

from __future__ import annotations

from functools import cache

from support.commandline import ROOT
from verify.connectors import Connectors
from verify.content import ContentSet
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.judging import Content

CONNECTORS = Connectors.from_content(ContentSet.load("connectors", ROOT))
MANDATORY = """mandatory_sources: [tax, vehicle, real_estate, bank, social_insurance]
auxiliary_sources: [utilities]"""
SAVINGS = "quantities: [bank_balance, wealth_product]"
INCOME = "quantities: [unemployment_benefit]"
# What a place counts that counts more than Shanghai does.
MORE_SAVINGS = ("securities", "fund", "insurance_cash_value", "internet_finance", "receivable",
                "housing_fund")  # fmt: skip
MORE_INCOME = ("disability_allowance", "agricultural_subsidy")
COUNTED = {*MORE_SAVINGS, *MORE_INCOME}


@cache
def content(mandatory: tuple[str, ...] = CONNECTORS.sources) -> Content:
    """Shanghai's dibao with every source mandatory, and with more kinds of means counted."""
    rules = ContentSet.load("rules", ROOT)
    path = "cn/310000/dibao.yaml"
    assert MANDATORY in rules.files[path]
    listed = f"mandatory_sources: [{', '.join(mandatory)}]"
    text = rules.files[path].replace(MANDATORY, listed)
    for old, more in ((SAVINGS, MORE_SAVINGS), (INCOME, MORE_INCOME)):
        assert text.count(old) == 1
        text = text.replace(old, f"{old.removesuffix(']')}, {', '.join(more)}]")
    files = {**rules.files, path: text}
    law = Law.from_content(ContentSet("rules", files), lazily=True)
    return Content(law, Scoring.from_content(ContentSet.load("scoring", ROOT)), CONNECTORS)


# The five that Shanghai asks, and those whose kinds the extended rulebook counts.
MEANS = [
    s
    for s in CONNECTORS.sources
    if s in ("bank", "real_estate", "social_insurance", "tax", "vehicle")
    or COUNTED & {k.value for k in CONNECTORS.declaration(s).yields}
]
