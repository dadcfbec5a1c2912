"""Who applies, who counts, who may be asked about: the application."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field

from verify.domain.money import Fen
from verify.domain.vocabulary import Circumstance, Relation, StatementKind


class Residence(enum.StrEnum):
    """Urban or rural: several published limits differ."""

    URBAN = "urban"
    RURAL = "rural"


class Role(enum.StrEnum):
    """Co-living members and statutory supporters are different sets (57号 articles 7 and 8)."""

    MEMBER = "member"
    SUPPORTER = "supporter"


@dataclass(frozen=True, slots=True)
class CircumstanceClaim:
    """A circumstance of a person and the paper that shows it.

    Without `document` it is only claimed: it counts as doubtful, never as fact.
    """

    kind: Circumstance
    holds: bool = True
    document: str = ""
    grade: int | None = None
    category: str = ""
    since: dt.date | None = None
    until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """What a statutory supporter pays per month, and on what ground."""

    monthly: Fen
    basis: str  # agreement | judgment | actual
    document: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A member or statutory supporter, as applied for.

    `person` is the caller's key, unique in the application (`p1`). `id_number` is an 18-digit
    GB 11643 number (15-digit numbers are lifted at the door).
    """

    person: str
    role: Role
    relation: Relation
    name: str
    id_number: str
    birth: dt.date
    former_names: tuple[str, ...] = ()
    phone: str = ""
    address: str = ""
    circumstances: tuple[CircumstanceClaim, ...] = ()
    support: Support | None = None


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A signed letter (授权书): which sources may be asked about whom, for what, when."""

    letter: str
    person: str
    sources: tuple[str, ...]
    purposes: tuple[str, ...]
    signed_on: dt.date
    valid_from: dt.date
    valid_until: dt.date
    signed_by: str = ""  # person key of a guardian, where the person cannot sign
    revoked_on: dt.date | None = None

    def covers(self, *, person: str, source: str, purpose: str, day: dt.date) -> bool:
        """Whether this letter allows asking `source` about `person` for `purpose` on `day`."""
        return (
            self.person == person
            and source in self.sources
            and purpose in self.purposes
            and self.valid_from <= day <= self.valid_until
            and (self.revoked_on is None or day < self.revoked_on)
        )


@dataclass(frozen=True, slots=True)
class DeclaredAmount:
    """What the family itself states: an amount per month (flows) or on the day (stocks)."""

    person: str
    kind: StatementKind
    amount: Fen


@dataclass(frozen=True, slots=True)
class Declaration:
    """The family's own statement (57号 article 9); kept beside what sources say, never instead."""

    amounts: tuple[DeclaredAmount, ...] = ()
    vehicles: int | None = None
    dwellings: int | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """One request to verify a household.

    `as_of` is the day whose law and facts count; `known_at` (default: `as_of` or later, set at
    acceptance) limits which published rules may be used. `region` is the GB/T 2260 code of the
    accepting county or street.
    """

    programme: str
    region: str
    residence: Residence
    as_of: dt.date
    known_at: dt.date
    purpose: str
    persons: tuple[Person, ...]
    authorisations: tuple[Authorisation, ...] = ()
    declared: Declaration = field(default_factory=Declaration)
    case_number: str = ""

    @property
    def members(self) -> tuple[Person, ...]:
        """Co-living members in the order given."""
        return tuple(p for p in self.persons if p.role is Role.MEMBER)
