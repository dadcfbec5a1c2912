"""GB/T 2260 region codes and the way from a county up to the nation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from verify.content import Document
from verify.domain.errors import ContentError, Problem, UnknownRegion
from verify.domain.verdict import Text
from verify.rules.grammar import RegionsM

NATION = "000000"


@dataclass(frozen=True)
class Regions:
    """The region table; codes not in it are unknown."""

    titles: Mapping[str, Text]
    became: Mapping[str, str]  # codes that were merged or renamed, and what replaced them
    within: Mapping[str, str]  # what lies between a region and its country
    until: Mapping[str, dt.date]  # the last day of a code that was replaced

    @classmethod
    def read(cls, document: Document) -> Regions:
        """Read `regions.yaml`.

        Raises:
            ContentError: a code twice, a code whose province is missing, no nation, a region
                within one that is not listed, is elsewhere, or lies within another.
        """
        model = document.model(RegionsM)
        titles: dict[str, Text] = {}
        for i, region in enumerate(model.regions):
            where = document.where(("regions", i, "code"))
            if region.code in titles:
                raise ContentError(f"region {region.code} is listed twice", where=where)
            titles[region.code] = Text(region.zh, region.en)
        became = {r.code: r.became for r in model.regions if r.became}
        within = {r.code: r.within for r in model.regions if r.within}
        for i, region in enumerate(model.regions):
            where = document.where(("regions", i, "code"))
            if any(a not in titles for a in _needed(region.code)):
                raise ContentError(f"the region above {region.code} is not listed", where=where)
            if region.became is not None and (
                region.became not in titles or region.became in became
            ):
                raise ContentError(
                    f"{region.code} became {region.became}, which is not a current code",
                    where=where,
                    remedy="name the code in use today, and list it",
                )
            outer = region.within
            if outer is not None and (
                outer not in titles or outer[:2] != region.code[:2] or outer in within
            ):
                raise ContentError(
                    f"{region.code} lies within {outer}, which cannot be",
                    where=where,
                    remedy="name a listed region of the same country that lies within no other",
                )
        until = {r.code: r.until for r in model.regions if r.until}
        return cls(titles, became, within, until)

    def ancestors(self, code: str) -> list[str]:
        """The region itself, then its prefecture, province and nation, as far as listed.

        A code that was merged or renamed is looked up as what replaced it, after its own rules.

        Raises:
            UnknownRegion: the code is not in the table.
        """
        if code not in self.titles:
            raise UnknownRegion(
                f"no region has the code {code}" if code.isdigit() else "the region is not a code",
                remedy="give the code of the accepting county (GB/T 2260, e.g. 310104) or, outside "
                "China, of ISO 3166",
                problems=(
                    Problem(
                        "/region",
                        "unknown-region",
                        "the code is not in the region table.",
                        "Use a code of rules/regions.yaml, or have it added there.",
                    ),
                ),
            )
        chain = [code, *self._above(code)]
        if (current := self.became.get(code)) is not None:
            chain = [code, current, *self._above(current)]
        return [c for c in dict.fromkeys(chain) if c in self.titles]

    def _above(self, code: str) -> list[str]:
        """Codes of the regions above: GB/T 2260 by digits, ISO 3166-2 as listed and by country."""
        if code.isdigit():
            return [code[:4] + "00", code[:2] + "0000", NATION]
        return [*([self.within[code]] if code in self.within else []), code[:2]]


def _needed(code: str) -> list[str]:
    """Regions above that must be listed."""
    return [code[:2] + "0000", NATION] if code.isdigit() else [code[:2]]
