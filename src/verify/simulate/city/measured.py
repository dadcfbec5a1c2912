"""Counts over the whole city, set beside the published figures it follows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.timeline import DAYS

_YEARS = DAYS / 365


class Measured:
    """Adds up part by part; a share is a count over a count, as a float for reading only."""

    def __init__(self) -> None:
        self._n: Counter[str] = Counter()

    def add(
        self, town: pl.DataFrame, born: pl.DataFrame, income: pl.DataFrame, assets: pl.DataFrame
    ) -> None:
        """Count one part."""
        n, heads = self._n, town.filter(pl.col("role") == "head")
        n["people"] += town.height
        n["households"] += heads.height
        for size, count in heads["size"].value_counts().iter_rows():
            n[f"size/{size}"] += count
        for name, wanted in (
            ("men", pl.col("sex") == "m"), ("old", pl.col("age") >= 60),
            ("young", pl.col("age") < 15), ("rural", pl.col("rural")),
            ("wang", pl.col("surname") == "王"), ("dotted", pl.col("style") != "han"),
            ("dead", pl.col("died_on").is_not_null()),
        ):  # fmt: skip
            n[name] += int(town.select(wanted.sum()).item())
        n["pudong"] += int((heads["district"] == "310115").sum())
        n["born_2025"] += int((born["year"] == 2025).sum())
        wages = income.filter(pl.col("quantity") == "wage")
        n["wage"] += int(wages["fen"].sum())
        n["earners"] += wages.height
        by = {
            q: int(f) for q, f in assets.group_by("quantity").agg(pl.col("fen").sum()).iter_rows()
        }
        n["deposits"] += by.get("bank_balance", 0)
        n["vehicles"] += by.get("vehicles", 0)

    def add_certificates(self, certificates: int) -> None:
        """Count one part's certificates of disability."""
        self._n["disabled"] += certificates

    def against_published(self) -> list[dict[str, Any]]:
        """`figure`, `generated`, `published` and the source of the published one."""
        n = self._n
        sizes = dict(marginals.HOUSEHOLD_SIZES)
        lines: list[tuple[str, float, float, str]] = [
            ("people per household", n["people"] / n["households"], 2.62, marginals.CENSUS),
            *(
                (f"households of {size}", n[f"size/{size}"] / n["households"],
                 sizes[size] / 10_000, marginals.YEARBOOK)
                for size in (1, 2, 3, 4)
            ),
            ("men", n["men"] / n["people"], 0.5124, marginals.CENSUS),
            ("aged 60 and over", n["old"] / n["people"], 0.2338, marginals.CENSUS_SHANGHAI),
            ("aged under 15", n["young"] / n["people"], 0.0980, marginals.CENSUS_SHANGHAI),
            ("aged under 15, whole country", n["young"] / n["people"], 0.1795, marginals.CENSUS),
            ("in the countryside", n["rural"] / n["people"], 0.107, marginals.CENSUS_SHANGHAI),
            ("in Pudong", n["pudong"] / n["households"], 0.2284, marginals.CENSUS_SHANGHAI),
            ("surname 王", n["wang"] / n["people"], 0.0725, marginals.SURNAME_WANG),
            ("deaths per person and year", n["dead"] / n["people"] / _YEARS, 0.00776,
             marginals.COMMUNIQUE),
            ("births per person and year", n["born_2025"] / n["people"], 0.00677,
             marginals.COMMUNIQUE),
            ("certified disabled", n["disabled"] / n["people"],
             marginals.CERTIFIED_DISABLED_PER_MILLION / 1_000_000, marginals.DISABILITY),
            ("wage a year of those with any (yuan)", n["wage"] / 100 / max(1, n["earners"]),
             92_000, marginals.WAGES + ", mean of both weighted by the assumed shares"),
            ("bank deposits per person (yuan)", n["deposits"] / 100 / n["people"],
             marginals.DEPOSITS_YUAN_PER_PERSON, marginals.DEPOSITS),
        ]  # fmt: skip
        return [
            {"figure": figure, "generated": round(made, 5), "published": told, "source": source}
            for figure, made, told, source in lines
        ]
