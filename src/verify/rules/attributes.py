"""Quantities that are always there: of members and households, and of each thing."""

from __future__ import annotations

from collections.abc import Iterable

from verify.domain.verdict import Text
from verify.rules.grammar import RESIDENCES
from verify.rules.kinds import Kind
from verify.rules.plan import HOUSEHOLD, PERSON
from verify.rules.units import CAPS, Unit

ALWAYS = {
    "age": (PERSON, Kind(Unit.YEARS, 1000), Text("周岁", "age in completed years")),
    "relation": (PERSON, Kind(Unit.TEXT), Text("与申请人关系", "relation to the applicant")),
    "residence": (HOUSEHOLD, Kind(Unit.TEXT), Text("城乡", "urban or rural")),
    "area_of_region": (HOUSEHOLD, Kind(Unit.TEXT), Text("地区类别", "area the region belongs to")),
}
COUNTED = Text("计入家庭人口", "counts as a member")
DETAILS = {
    "worth": (Kind(Unit.FEN, CAPS[Unit.FEN]), Text("现值", "worth on the day")),
    "price": (Kind(Unit.FEN, CAPS[Unit.FEN]), Text("购置价格", "purchase price")),
    "debt": (Kind(Unit.FEN, CAPS[Unit.FEN]), Text("该财产上的债务", "debt secured on it")),
    "area": (Kind(Unit.DM2, CAPS[Unit.DM2]), Text("面积", "area")),
    "years_owned": (Kind(Unit.YEARS, 1000), Text("持有年数", "completed years since acquired")),
    "months_owned": (
        Kind(Unit.MONTHS, 12_000),
        Text("持有月数", "completed months since acquired"),
    ),
    "category": (Kind(Unit.TEXT), Text("类别", "class")),
    "basis": (Kind(Unit.TEXT), Text("权属依据", "title, contract or registration of the contract")),
    "danger": (Kind(Unit.TEXT), Text("危房等级", "danger grade")),
    "purpose": (Kind(Unit.TEXT), Text("用途", "what it is used for")),
}


def words_of(attribute: str, areas: Iterable[str]) -> list[str] | None:
    """The words an attribute can be, or None where the list is open."""
    if attribute == "residence":
        return list(RESIDENCES)
    return sorted(areas) if attribute == "area_of_region" else None
