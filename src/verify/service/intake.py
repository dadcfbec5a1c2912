"""Read an application: the same parser for the API, the command line and the fixtures.

Everything wrong is reported at once, each fault with its JSON pointer, reason and remedy; values
are never echoed, because a faulty field may hold personal data.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from verify.domain.errors import InputError, Problem
from verify.domain.household import (
    Application,
    Authorisation,
    CircumstanceClaim,
    Declaration,
    DeclaredAmount,
    Person,
    Residence,
    Role,
    Support,
)
from verify.domain.identifiers import parse_citizen_id
from verify.domain.money import Fen, fen_from_yuan
from verify.domain.vocabulary import Circumstance, Nature, Relation, StatementKind

MAX_PERSONS = 40

# A key stands in evidence ids, addresses and the log: so many digits would be somebody's number.
Key = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32, pattern=r"^(?:[0-9]{0,9}[a-z_-])*[0-9]{0,9}$"),
]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
# No control characters: they forge log lines and break documents.
_PLAIN_TEXT = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_PLAIN_TEXT)]
Short = Annotated[str, StringConstraints(max_length=200, pattern=_PLAIN_TEXT)]
Brief = Annotated[str, StringConstraints(max_length=64, pattern=_PLAIN_TEXT)]


def _yuan(value: Any) -> Any:
    """Money crosses the edge as decimal text in yuan, never as a JSON number (a float)."""
    if not isinstance(value, str):
        raise ValueError('an amount is decimal text in yuan, for example "1595.00"')
    return fen_from_yuan(value)


Yuan = Annotated[Fen, BeforeValidator(_yuan), Field(json_schema_extra={"type": "string"})]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CircumstanceIn(_In):
    """A circumstance of a member and the document that shows it."""

    kind: Circumstance
    holds: bool = True
    document: Short = Field("", description="Certificate or file number; without it: only claimed.")
    grade: int | None = Field(None, ge=1, le=4)
    category: Short = ""
    since: dt.date | None = None
    until: dt.date | None = None


class SupportIn(_In):
    """Monthly support that a statutory supporter pays."""

    monthly: Yuan
    basis: Annotated[str, StringConstraints(pattern="^(agreement|judgment|actual)$")]
    document: Short = ""


class PersonIn(_In):
    """A co-living member or a statutory supporter."""

    person: Key = Field(description="Your key for the person, unique in the application.")
    relation: Relation = Field(description="Relation to the applicant; the applicant is `self`.")
    name: Name
    id_number: Annotated[str, StringConstraints(min_length=15, max_length=18)] = Field(
        description="Citizen identity number (GB 11643), 18 characters; 15 are lifted."
    )
    former_names: list[Name] = Field(default_factory=list, max_length=8)
    phone: Brief = ""
    address: Short = ""
    circumstances: list[CircumstanceIn] = Field(default_factory=list, max_length=16)
    support: SupportIn | None = None


class AuthorisationIn(_In):
    """A signed authorisation letter (授权书)."""

    letter: Code
    person: Key
    sources: list[Code] = Field(min_length=1, max_length=40)
    purposes: list[Code] = Field(min_length=1, max_length=20)
    signed_on: dt.date
    valid_from: dt.date
    valid_until: dt.date
    signed_by: Brief = ""
    revoked_on: dt.date | None = None


class DeclaredAmountIn(_In):
    """Declared income per month, or declared savings on the day."""

    person: Key
    kind: StatementKind
    amount: Yuan


class DeclarationIn(_In):
    """What the family itself states."""

    amounts: list[DeclaredAmountIn] = Field(default_factory=list, max_length=200)
    vehicles: int | None = Field(None, ge=0, le=100)
    dwellings: int | None = Field(None, ge=0, le=100)


class HouseholdIn(_In):
    """Co-living members, and the statutory supporters outside the household."""

    members: list[PersonIn] = Field(min_length=1, max_length=MAX_PERSONS)
    supporters: list[PersonIn] = Field(default_factory=list, max_length=MAX_PERSONS)


class ApplicationIn(_In):
    """One household to verify."""

    programme: Code = Field(description="For example `dibao` or `dibao_margin`.")
    region: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(
        description="GB/T 2260 code of the accepting county."
    )
    residence: Residence = Residence.URBAN
    as_of: dt.date = Field(description="The day whose law and facts count.")
    known_at: dt.date | None = Field(
        None, description="Use only rules published by this day; default: the day of acceptance."
    )
    purpose: Code = "social_assistance"
    case_number: Brief = ""
    household: HouseholdIn
    authorisations: list[AuthorisationIn] = Field(default_factory=list, max_length=200)
    declared: DeclarationIn = Field(default_factory=DeclarationIn)


def read_application(body: ApplicationIn, today: dt.date) -> Application:
    """Turn the request body into the domain's application, checking what a schema cannot.

    Raises:
        InputError: with one `Problem` per fault: impossible id, duplicate member, letter that
            is expired, revoked or for an unknown person, no or two applicants, future date.
    """
    problems: list[Problem] = []
    persons = [
        _person(p, Role.MEMBER, f"/household/members/{i}", problems)
        for i, p in enumerate(body.household.members)
    ] + [
        _person(p, Role.SUPPORTER, f"/household/supporters/{i}", problems)
        for i, p in enumerate(body.household.supporters)
    ]
    _check_household(body, problems)
    _check_letters(body, today, problems)
    _check_declared(body, problems)
    if body.as_of > today:
        problems.append(
            Problem("/as_of", "future-date", "it lies in the future.", "Give today or earlier.")
        )
    if problems:
        raise InputError(
            f"the application has {len(problems)} fault(s); nothing was stored",
            remedy="correct the named fields and send it again",
            problems=tuple(problems),
        )
    return Application(
        programme=body.programme,
        region=body.region,
        residence=body.residence,
        as_of=body.as_of,
        known_at=body.known_at or today,
        purpose=body.purpose,
        persons=tuple(p for p in persons if p is not None),
        authorisations=tuple(
            Authorisation(
                **{**a.model_dump(), "sources": tuple(a.sources), "purposes": tuple(a.purposes)}
            )
            for a in body.authorisations
        ),
        declared=Declaration(
            amounts=tuple(
                DeclaredAmount(a.person, a.kind, a.amount) for a in body.declared.amounts
            ),
            vehicles=body.declared.vehicles,
            dwellings=body.declared.dwellings,
        ),
        case_number=body.case_number,
    )


def _person(p: PersonIn, role: Role, at: str, problems: list[Problem]) -> Person | None:
    try:
        identity = parse_citizen_id(p.id_number)
    except ValueError as error:
        problems.append(
            Problem(
                f"{at}/id_number",
                "impossible-id",
                f"{error}.",
                "Copy the number from the identity card.",
            )
        )
        return None
    return Person(
        person=p.person,
        role=role,
        relation=p.relation,
        name=p.name,
        id_number=identity.number,
        birth=identity.birth,
        former_names=tuple(p.former_names),
        phone=p.phone,
        address=p.address,
        circumstances=tuple(CircumstanceClaim(**c.model_dump()) for c in p.circumstances),
        support=Support(p.support.monthly, p.support.basis, p.support.document)
        if p.support
        else None,
    )


def _check_household(body: ApplicationIn, problems: list[Problem]) -> None:
    everyone = [
        (f"/household/{group}/{i}", p)
        for group, people in (
            ("members", body.household.members),
            ("supporters", body.household.supporters),
        )
        for i, p in enumerate(people)
    ]
    for field, remedy in (
        ("person", "Give each person a key of their own."),
        ("id_number", "Name each person once."),
    ):
        seen = Counter(getattr(p, field) for _, p in everyone)
        first: set[str] = set()
        for at, p in everyone:
            value = getattr(p, field)
            if seen[value] > 1 and value in first:
                problems.append(
                    Problem(
                        f"{at}/{field}",
                        "duplicate-member",
                        "another person of the application has the same.",
                        remedy,
                    )
                )
            first.add(value)
    applicants = [p for p in body.household.members if p.relation is Relation.SELF]
    if len(applicants) != 1:
        problems.append(
            Problem(
                "/household/members",
                "applicant",
                f"{len(applicants)} members have the relation `self`.",
                "Exactly one member is the applicant.",
            )
        )


def _check_letters(body: ApplicationIn, today: dt.date, problems: list[Problem]) -> None:
    known = {p.person for p in (*body.household.members, *body.household.supporters)}
    for i, letter in enumerate(body.authorisations):
        at = f"/authorisations/{i}"
        if letter.person not in known:
            problems.append(
                Problem(
                    f"{at}/person",
                    "unknown-person",
                    "no person has this key.",
                    "Use a key from /household.",
                )
            )
        if letter.valid_until < letter.valid_from:
            problems.append(
                Problem(
                    f"{at}/valid_until",
                    "letter-period",
                    "it lies before valid_from.",
                    "Copy the dates from the letter.",
                )
            )
        elif letter.valid_until < today:
            problems.append(
                Problem(
                    f"{at}/valid_until",
                    "letter-expired",
                    "the letter has expired; nobody may be asked with it.",
                    "Have the person sign a new authorisation letter.",
                )
            )
        if letter.revoked_on is not None and letter.revoked_on <= today:
            problems.append(
                Problem(
                    f"{at}/revoked_on",
                    "letter-revoked",
                    "the letter has been revoked.",
                    "Leave it out, or have the person sign a new one.",
                )
            )


def _check_declared(body: ApplicationIn, problems: list[Problem]) -> None:
    known = {p.person for p in (*body.household.members, *body.household.supporters)}
    seen: set[tuple[str, StatementKind]] = set()
    for i, amount in enumerate(body.declared.amounts):
        at = f"/declared/amounts/{i}"
        if amount.person not in known:
            problems.append(
                Problem(
                    f"{at}/person",
                    "unknown-person",
                    "no person has this key.",
                    "Use a key from /household.",
                )
            )
        if amount.kind.nature not in (Nature.FLOW, Nature.STOCK):
            problems.append(
                Problem(
                    f"{at}/kind",
                    "not-an-amount",
                    "this kind is not money.",
                    "Use a kind of income or savings.",
                )
            )
        if (amount.person, amount.kind) in seen:
            problems.append(
                Problem(
                    at,
                    "declared-twice",
                    "this kind is declared twice for the person.",
                    "Add the amounts up.",
                )
            )
        seen.add((amount.person, amount.kind))
