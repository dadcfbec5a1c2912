"""Hand-written households: an application, what the departments hold, and what to expect.

`fixtures/households/NN-slug.yaml` tells one family's story each. Everything in them is made up;
the numbers are well-formed but belong to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from verify.content import parse_yaml
from verify.domain.verdict import DoubtKind, Outcome
from verify.simulate.registers import Registers


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Title(_Strict):
    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class _Expect(_Strict):
    """What the verdict must say. Absent lists are not checked, empty ones are."""

    outcome: Outcome
    final: bool = True
    not_satisfied: list[str] | None = None
    undetermined: list[str] | None = None
    questions: list[DoubtKind] | None = None
    advisories: list[DoubtKind] | None = None


class _File(_Strict):
    title: _Title
    story: str = Field(min_length=1)
    law: str = Field(min_length=1)
    synthetic: Literal["true"]
    namesake_of: dict[str, str] = Field(default_factory=dict)
    application: dict[str, Any]
    registers: Registers
    expect: _Expect


@dataclass(frozen=True)
class HouseholdFixture:
    """One hand-written household.

    `application` is the body of `POST /v1/verifications` (scalars as text, as YAML gave them).
    `namesake_of` names the people whose name also occurs in another file on purpose, with the
    number of that file. `expect` holds the outcome, whether it is final, and, where the file
    says so, the tests not satisfied or undetermined and the kinds of questions and advisories.
    """

    path: Path
    title: dict[str, str]
    story: str
    law: str
    application: dict[str, Any]
    registers: Registers
    expect: dict[str, Any]
    namesake_of: dict[str, str] = field(default_factory=dict)


def load_household(path: Path) -> HouseholdFixture:
    """Read one fixture.

    Raises:
        ContentError: with `file:line`, when it does not have the form described above.
    """
    document = parse_yaml(path.as_posix(), path.read_text(encoding="utf-8"))
    read = document.model(_File)
    return HouseholdFixture(
        path=path,
        title=read.title.model_dump(),
        story=read.story,
        law=read.law,
        application=read.application,
        registers=read.registers,
        expect=read.expect.model_dump(mode="json", exclude_none=True),
        namesake_of=read.namesake_of,
    )


def load_all(folder: Path) -> list[HouseholdFixture]:
    """Every household of a folder, in the order of the file names."""
    return [load_household(path) for path in sorted(folder.glob("*.yaml"))]


def merge_registers(registers: Iterable[Registers]) -> Registers:
    """What the departments hold when all these people live in one city."""
    parts = list(registers)
    merged = {
        name: [row for part in parts for row in getattr(part, name)]
        for name in Registers.model_fields
    }
    return Registers.model_validate(merged)
