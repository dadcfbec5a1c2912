"""An estimated linking model: integers only, savable, the same for one row and for millions.

Weights are milli-bits. A model is made by `identity.estimate` from registers and then held fixed:
judging with it looks at no other row's values, so a pair scores alike alone and in a batch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from verify.domain.canonical import digest
from verify.domain.errors import InputError
from verify.domain.verdict import Text

SCHEMA = "verify.model/1"
_COMMON_KEPT = 200_000  # values stored with a model; a rarer one counts as the rarest


@dataclass(frozen=True)
class FieldModel:
    """One field: weights by level (`missing` last, 0), and how rare each value is.

    An exact agreement on a value weighs `exact + rarity(value)` where `rarity` is kept, at least
    the next level's weight. `m` and `u` are the estimates behind the weights, for reports.
    """

    name: str
    kind: str
    title: Text
    weights: tuple[int, ...]
    exact: int
    rarity: pl.DataFrame | None
    m: tuple[float, ...]
    u: tuple[float, ...]


@dataclass(frozen=True)
class Model:
    """Everything that scores and judges a pair; all numbers but `m` and `u` are milli-bits.

    `digest` names the scoring content it was estimated under.
    """

    family: str
    digest: str
    prior: int
    positive: int
    unsure: int
    kept: int
    fields: tuple[FieldModel, ...]

    def field(self, name: str) -> FieldModel:
        """One field by name."""
        return next(f for f in self.fields if f.name == name)

    def has(self, name: str) -> bool:
        """Whether the model knows this field."""
        return any(f.name == name for f in self.fields)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form. Of rarities only those below the rarest are stored, commonest first."""
        return {
            "schema": SCHEMA,
            "family": self.family,
            "scoring": self.digest,
            "prior": self.prior,
            "cutoffs": {"positive": self.positive, "unsure": self.unsure, "kept": self.kept},
            "fields": [_field_dict(f) for f in self.fields],
        }

    @property
    def model_digest(self) -> str:
        """Digest of the stored form without the estimates, which are floats."""
        data = self.to_dict()
        for field in data["fields"]:
            del field["m"], field["u"]
        return digest(data)

    def save(self, path: Path) -> None:
        """Write the model as JSON."""
        path.write_text(json.dumps(self.to_dict(), ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read a saved model.

        Raises:
            InputError: it is not one.
        """
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise InputError(
                f"not a linking model ({type(error).__name__})",
                where=path.name,
                remedy="give a file written by `verify match link --save-model`",
            ) from None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Model:
        """The model of a stored form."""
        if data["schema"] != SCHEMA:
            raise ValueError(data["schema"])
        cutoffs = data["cutoffs"]
        return cls(
            data["family"],
            data["scoring"],
            int(data["prior"]),
            int(cutoffs["positive"]),
            int(cutoffs["unsure"]),
            int(cutoffs["kept"]),
            tuple(_field_of(f) for f in data["fields"]),
        )


def _field_dict(field: FieldModel) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": field.name,
        "kind": field.kind,
        "title": {"zh": field.title.zh, "en": field.title.en},
        "weights": list(field.weights),
        "exact": field.exact,
        "m": list(field.m),
        "u": list(field.u),
    }
    if field.rarity is not None:
        rarest = int(field.rarity["milli"].max() or 0)  # type: ignore[arg-type]  # an integer column
        common = (
            field.rarity.filter(pl.col("milli") < rarest).sort("milli", "value").head(_COMMON_KEPT)
        )
        data["rarity"] = {
            "rarest": rarest,
            "values": dict(zip(common["value"].to_list(), common["milli"].to_list(), strict=True)),
        }
    return data


def _field_of(data: dict[str, Any]) -> FieldModel:
    rarity = None
    if "rarity" in data:
        stored = data["rarity"]
        rarity = pl.DataFrame(
            {
                "value": ["", *stored["values"]],  # the empty text is no value: it holds the rarest
                "milli": [int(stored["rarest"]), *map(int, stored["values"].values())],
            },
            schema={"value": pl.String, "milli": pl.Int64},
        )
    return FieldModel(
        data["name"],
        data["kind"],
        Text(data["title"]["zh"], data["title"]["en"]),
        tuple(map(int, data["weights"])),
        int(data["exact"]),
        rarity,
        tuple(map(float, data["m"])),
        tuple(map(float, data["u"])),
    )
