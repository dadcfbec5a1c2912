"""Random households with a truth, of which the engine is shown only a part."""

from __future__ import annotations

from hypothesis import strategies as st
from rules_oracle import BIRTHS, Household, Person, Thing

# Around every limit, so that comparisons are decided by a fen.
INCOMES = [0, 1, 50_000, 72_500, 87_000, 159_499, 159_500, 159_501, 246_500, 319_000, 500_000]
SAVINGS = [0, 1, 1_000_000, 3_827_999, 3_828_000, 4_210_799, 4_210_800, 4_593_600, 9_000_000]
FLOWS = ["wage", "labour_remuneration", "business_income", "pension"]
STOCKS = ["bank_balance", "wealth_product"]
STATUSES = st.sampled_from(["certain", "certain", "certain", "doubtful", "unanswered"])


@st.composite
def things(draw: st.DrawFn) -> Thing:
    kind = draw(
        st.sampled_from([*FLOWS, *STOCKS, "vehicle", "dwelling", "homestead", "non_residential"])
    )
    status = draw(STATUSES)
    if kind in FLOWS:
        amount = draw(st.sampled_from(INCOMES))
    elif kind in STOCKS:
        amount = draw(st.sampled_from(SAVINGS))
    else:
        amount = 1 if status != "unanswered" else draw(st.integers(0, 3))
    return Thing(
        kind,
        amount,
        status,
        real=status != "doubtful" or draw(st.booleans()),
        category=draw(st.sampled_from(["car", "disability_vehicle"])) if kind == "vehicle" else "",
        area_dm2=draw(st.sampled_from([1000, 3000, 6000])) if kind == "dwelling" else 0,
    )


CIRCUMSTANCES = [
    "disability",
    "secondary_student",
    "full_time_student",
    "long_term_co_resident",
    "serving_sentence",
    "wage_at_least_minimum",
]


@st.composite
def persons(draw: st.DrawFn, relation: str) -> Person:
    kinds = draw(st.lists(st.sampled_from(CIRCUMSTANCES), max_size=2, unique=True))
    truth = st.tuples(st.sampled_from([True, True, False]), st.booleans())
    return Person(
        relation,
        draw(st.sampled_from(sorted(BIRTHS))),
        draw(st.lists(things(), max_size=3)),
        {k: draw(truth) for k in kinds},
        draw(st.booleans()),
    )


@st.composite
def households(draw: st.DrawFn) -> Household:
    others = draw(
        st.lists(st.sampled_from(["spouse", "child", "parent", "sibling", "other"]), max_size=2)
    )
    members = [draw(persons(relation=r)) for r in ["self", *others]]
    return Household(
        draw(st.sampled_from(["urban", "rural"])),
        members,
        draw(st.sampled_from([500, 1500, 3000, 9000])),
        draw(st.booleans()),
        draw(st.booleans()),
    )
