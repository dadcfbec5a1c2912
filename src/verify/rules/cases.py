"""Golden cases: households with the outcome the law gives them, beside the rulebook they test.

`rules/<country>/<region>/cases/<programme>/<date>/*.yaml`; each case has a title that a
caseworker would say. They are run by the test suite and by `verify rules test`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from verify.content import ContentSet, Document
from verify.domain.errors import ContentError
from verify.domain.household import Residence
from verify.domain.money import currency_of, yuan_text
from verify.domain.verdict import Assessment, FindingState, Interval, Outcome
from verify.rules.assess import assess
from verify.rules.given import GivenHousehold, GivenMember, Key
from verify.rules.given_frames import facts_from_given
from verify.rules.law import Law

Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expect(_Model):
    """What the law gives. Tests that are not named must be satisfied or not apply."""

    outcome: Outcome
    not_satisfied: list[str] = Field(default_factory=list)
    undetermined: list[str] = Field(default_factory=list)
    questions: list[str] | None = Field(None, description="Kinds of the decisive questions.")
    counted: list[Key] | None = Field(None, description="Members who count for certain.")
    values: dict[str, Amount] = Field(
        default_factory=dict, description="Exact value of a test: yuan, or a number of things."
    )
    benefit: Amount | None = None
    charges: dict[str, Amount] = Field(
        default_factory=dict, description="What the household would have to pay, by name."
    )


class CaseM(_Model):
    """One household and what is expected of it."""

    title: Annotated[str, StringConstraints(min_length=10, max_length=160)]
    as_of: dt.date | None = None
    known_at: dt.date | None = None
    accepted_on: dt.date | None = None
    region: str | None = None
    residence: Residence = Residence.URBAN
    members: list[GivenMember]
    expect: Expect


class CasesM(_Model):
    """A file of cases for one programme and day."""

    cases_schema: Literal["verify.cases/1"] = Field(alias="schema")
    synthetic: Literal["true"]  # no real household is ever a case
    programme: str
    region: str
    as_of: dt.date
    cases: list[CaseM] = Field(min_length=1)


@dataclass(frozen=True)
class Case:
    """A case ready to run; `where` is its `file:line`."""

    title: str
    where: str
    given: GivenHousehold
    expect: Expect


@dataclass(frozen=True)
class CaseResult:
    """How a case came out; `differences` is empty where it passed."""

    title: str
    where: str  # `file:line`
    assessment: Assessment
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the law gave what the case expects."""
        return not self.differences


def load_cases(content: ContentSet) -> list[Case]:
    """Read every case of a `rules` content set, in the order of files.

    Raises:
        ContentError: a file does not fit, its path contradicts it, or a title is used twice.
    """
    cases: list[Case] = []
    for path in sorted(content.files):
        if "/cases/" in path:
            cases += read_cases(path, content.document(path))
    for title, count in Counter(c.title for c in cases).items():
        if count > 1:
            where = [c.where for c in cases if c.title == title]
            raise ContentError(f"two cases have the title {title!r}", where=where[-1])
    return cases


def read_cases(path: str, document: Document) -> list[Case]:
    """The cases of one file.

    Raises:
        ContentError: the file does not fit, or its path contradicts it.
    """
    model = document.model(CasesM)
    *_, programme, day, _ = path.split("/")
    if (programme, day) != (model.programme, model.as_of.isoformat()):
        raise ContentError(
            f"the folder says {programme}/{day}, the file {model.programme}/{model.as_of}",
            where=document.where(("as_of",)),
            remedy="move the file or correct it",
        )
    return [_case(document, model, i, case) for i, case in enumerate(model.cases)]


def _case(document: Document, model: CasesM, i: int, case: CaseM) -> Case:
    where = document.where(("cases", i))
    try:
        given = GivenHousehold(
            programme=model.programme,
            region=case.region or model.region,
            residence=case.residence,
            as_of=case.as_of or model.as_of,
            known_at=case.known_at,
            accepted_on=case.accepted_on,
            members=case.members,
        )
    except ValidationError as error:
        raise ContentError(error.errors()[0]["msg"], where=where) from None
    return Case(case.title, where, given, case.expect)


def run(law: Law, content: ContentSet) -> list[CaseResult]:
    """Run every golden case of a `rules` content set."""
    return run_cases(law, load_cases(content))


def run_cases(law: Law, cases: list[Case]) -> list[CaseResult]:
    """Run cases as one batch; results are in the order given."""
    keys = [f"{i:06d}" for i in range(len(cases))]
    parts = facts_from_given([(k, c.given) for k, c in zip(keys, cases, strict=True)], law)
    found = assess(law, parts.households, parts.persons, parts.facts, parts.doubts, trace=False)
    return [
        CaseResult(case.title, case.where, assessment, tuple(_differences(case.expect, assessment)))
        for case, assessment in zip(cases, found, strict=True)
    ]


def _differences(expect: Expect, found: Assessment) -> list[str]:
    by_state: dict[FindingState, list[str]] = {s: [] for s in FindingState}
    for finding in found.findings:
        by_state[finding.state].append(finding.test)
    compared: list[tuple[str, Any, Any]] = [
        ("outcome", expect.outcome.value, found.outcome.value),
        (
            "not_satisfied",
            sorted(expect.not_satisfied),
            sorted(by_state[FindingState.NOT_SATISFIED]),
        ),
        ("undetermined", sorted(expect.undetermined), sorted(by_state[FindingState.UNDETERMINED])),
    ]
    if expect.questions is not None:
        compared.append(
            ("questions", sorted(expect.questions), sorted(q.kind.value for q in found.questions))
        )
    if expect.counted is not None:
        counted = [person for person, state, _ in found.composition if state == "counted"]
        compared.append(("counted", sorted(expect.counted), counted))
    for test, amount in expect.values.items():
        finding = next(f for f in found.findings if f.test == test)
        compared.append((f"value of {test}", amount, _amount(finding.value, finding.unit)))
    if expect.benefit is not None:
        monthly = found.benefit.monthly if found.benefit else Interval(None, None)
        compared.append(("benefit", expect.benefit, _amount(monthly, "fen")))
    for name, amount in expect.charges.items():
        charge = next(c for c in found.charges if c.name == name)
        compared.append((f"charge {name}", amount, _amount(charge.value, charge.unit)))
    return [
        f"{what}: expected {want}, found {have}" for what, want, have in compared if want != have
    ]


def _amount(value: Interval, unit: str) -> str:
    if not value.exact or value.lo is None:
        return f"{value.lo} to {value.hi} {unit}"
    return yuan_text(value.lo) if currency_of(unit) else str(value.lo)
