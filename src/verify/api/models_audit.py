"""What auditors get: checks that stand out, who looked at a person, who was asked."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from verify.api.models import Access, Digest, Instant, Out


class CheckOnRecord(Out):
    """A check, without anything about the people in it."""

    verification: str
    caller: str
    region: str
    programme: str
    state: str
    accepted_at: Instant
    changed_at: Instant


class CheckList(Out):
    """Checks in the order of their ids."""

    checks: list[CheckOnRecord]
    next: str | None = Field(description="Cursor of the next page.")


class PersonIn(BaseModel):
    """Whom the auditor asks about. In a body, because addresses are logged everywhere."""

    model_config = ConfigDict(extra="forbid")

    id_number: str = Field(min_length=1, max_length=40)


class CaseOfPerson(Out):
    """A verification that names the person, and the person's key in it."""

    verification: str
    person: str


class PersonAccesses(Out):
    """The cases that name a person, and every read of them."""

    cases: list[CaseOfPerson]
    accesses: list[Access]


class Question(Out):
    """One question to one source about one member, and how it ended."""

    evidence: str
    source: str
    person: str
    status: str
    state: str | None
    records: int | None = Field(description="Records in the answer; none before a verdict.")
    asked_on: str | None
    letter: str
    answers: list[Digest]
    entry: int | None = Field(description="Position of the ledger entry that proves it.")


class Asked(Out):
    """Every question that was promised, negatives included."""

    verification: str
    planned: int
    complete: bool
    intact: bool
    erased: bool = Field(description="Its evidence was erased; the ledger still proves the rest.")
    asked: list[Question]


class SupposeIn(BaseModel):
    """What is supposed to be otherwise; what is left out stays as it was sealed."""

    model_config = ConfigDict(extra="forbid")

    rules: str = Field("", max_length=71, description="Digest of a rule set that is kept here.")
    scoring: str = Field("", max_length=71, description="Digest of a scoring that is kept here.")
    as_of: str = Field("", max_length=10, description="A day, `2025-10-01`.")
    without: str = Field(
        "",
        max_length=120,
        description="A record `bank/p1/3`, or an answer `bank/p1`: as if it had not come.",
    )


class Differs(Out):
    """One place where the supposed verdict differs from the sealed one."""

    pointer: str
    sealed: str
    replayed: str


class ComparedSide(Out):
    """How a test comes out, in words of both languages."""

    state: dict[str, str]
    value: dict[str, object]
    operator: dict[str, str]
    limit: dict[str, object]


class ComparedTest(Out):
    """A test as it was sealed beside the same test as supposed; null: not asked there."""

    test: str
    title: dict[str, str]
    sealed: ComparedSide | None
    supposed: ComparedSide | None
    differs: bool


class Supposition(Out):
    """What it would come to. Never stored, never a verdict."""

    verification: str
    sequence: int
    stored: bool
    sealed: dict[str, object]
    supposed: dict[str, object]
    tests: list[ComparedTest]
    differences: list[Differs]
