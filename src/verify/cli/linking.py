"""Reading what `verify match` works on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from verify.content import ContentSet
from verify.domain.errors import InputError, NotFound
from verify.identity import Model
from verify.identity.waterfall import Waterfall, pair_waterfall
from verify.scoring.linking import LinkSettings, link_settings

_MOST_SHOWN = 20  # candidates of one row


def read_register(path: Path) -> pl.DataFrame:
    """A register from Parquet or CSV (all columns as text).

    Raises:
        InputError: no such file, or neither format.
    """
    try:
        if path.suffix.casefold() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"not a readable register ({type(error).__name__})",
            where=path.name,
            remedy="give a Parquet file, or a CSV file in UTF-8 with a header line",
        ) from None


def read_families(folder: Path | None) -> Mapping[str, LinkSettings]:
    """The script families of a scoring folder (default: the content in use)."""
    if folder is None:
        return link_settings(ContentSet.load("scoring"))
    return link_settings(ContentSet.of_folder("scoring", folder))


def waterfalls(pairs: Path, model: Path, left: str, right: str) -> list[tuple[str, Waterfall]]:
    """The explanations of a row's pairs, best first, each with the other row's id.

    Raises:
        NotFound: the row has no such pair among those that were kept.
    """
    chosen = Model.load(model)
    kinds = read_families(None)[chosen.family].kinds
    keep = pl.col("unique_id_l") == left
    if right:
        keep &= pl.col("unique_id_r") == right
    try:
        rows = pl.scan_parquet(pairs).filter(keep).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"not judged pairs ({type(error).__name__})", where=pairs.name) from None
    if rows.is_empty():
        raise NotFound(
            "no such pair was kept",
            where=pairs.name,
            remedy="pairs far below the cut-offs, and those never compared, are not kept",
        )
    ordered = rows.sort("score", "unique_id_r", descending=[True, False]).head(_MOST_SHOWN)
    return [(row["unique_id_r"], pair_waterfall(row, chosen, kinds)) for row in ordered.to_dicts()]
