"""GB/T 2260 region codes and the way from a county up to the nation."""

from __future__ import annotations

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

    @classmethod
    def read(cls, document: Document) -> Regions:
        """Read `regions.yaml`.

        Raises:
            ContentError: a code twice, a code whose province is missing, no nation.
        """
        model = document.model(RegionsM)
        titles: dict[str, Text] = {}
        for i, region in enumerate(model.regions):
            where = document.where(("regions", i, "code"))
            if region.code in titles:
                raise ContentError(f"region {region.code} is listed twice", where=where)
            titles[region.code] = Text(region.zh, region.en)
        for i, region in enumerate(model.regions):
            if any(a not in titles for a in (region.code[:2] + "0000", NATION)):
                where = document.where(("regions", i, "code"))
                raise ContentError(f"the province of {region.code} is not listed", where=where)
        return cls(titles)

    def ancestors(self, code: str) -> list[str]:
        """The region itself, then its prefecture, province and nation, as far as listed.

        Raises:
            UnknownRegion: the code is not in the table.
        """
        if code not in self.titles:
            raise UnknownRegion(
                f"no region has the code {code}" if code.isdigit() else "the region is not a code",
                remedy="give the six-digit GB/T 2260 code of the accepting county, e.g. 310104",
                problems=(
                    Problem(
                        "/region",
                        "unknown-region",
                        "the code is not in the region table.",
                        "Use a code of rules/regions.yaml, or have it added there.",
                    ),
                ),
            )
        chain = [code, code[:4] + "00", code[:2] + "0000", NATION]
        return [c for c in dict.fromkeys(chain) if c in self.titles]
