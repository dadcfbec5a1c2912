"""A synthetic population: applications, what the departments hold, and the truth about it.

Deterministic: the same seed and size give the same contents on every supported Python, and a
smaller population is the beginning of a larger one. Streaming: one household is made and written
at a time, so memory does not grow with the size. Nobody in it exists.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from verify.domain.errors import InputError, Problem
from verify.domain.money import yuan_text
from verify.simulate.books import Books, Entries, Row
from verify.simulate.corruption import Corruption, CorruptionRates
from verify.simulate.dice import Dice
from verify.simulate.earnings import AS_OF
from verify.simulate.families import YEAR, Family, make_family
from verify.simulate.holdings import fill
from verify.simulate.jsonlines import write_lines
from verify.simulate.names import name_person
from verify.simulate.people import SHANGHAI, Member, NumberOffice
from verify.simulate.strangers import add_strangers

# Whom a letter names: those that decide, and the signals.
SOURCES = ("bank", "real_estate", "social_insurance", "tax", "utilities", "vehicle")
FILES = ("applications", "registers", "truth")
_FLOWS = (
    "wage", "labour_remuneration", "business_income", "property_income", "pension",
    "central_basic_pension", "preferential_pension", "unemployment_benefit",
)  # fmt: skip


@dataclass
class PopulationSummary:
    """What was generated. `digests` are SHA-256 of the uncompressed files."""

    households: int
    seed: int
    region: str
    as_of: str
    rates: CorruptionRates
    persons: int = 0
    rows: int = 0
    unreported: int = 0
    sizes: Counter[str] = field(default_factory=Counter)
    patterns: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    corruptions: Counter[str] = field(default_factory=Counter)
    digests: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of `summary.json`."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        data |= {"synthetic": True, "rates": asdict(self.rates)}
        return json.dumps(data, ensure_ascii=False, sort_keys=True, indent=2) + "\n"


def generate(
    households: int,
    seed: int,
    out: Path,
    *,
    region: str = "310000",
    rates: CorruptionRates | None = None,
) -> PopulationSummary:
    """Write a population to `out`: three gzip files of JSON lines and `summary.json`.

    `applications.jsonl.gz` has one `POST /v1/verifications` body per line, `registers.jsonl.gz`
    what the departments hold for that household, `truth.jsonl.gz` whose each register row is,
    how it was corrupted, and true incomes and assets in fen. `region` is Shanghai (310000) or
    one of its districts.

    Raises:
        InputError: the size or the region cannot be generated.
    """
    districts = _districts(households, region)
    rates = rates or CorruptionRates()
    summary = PopulationSummary(households, seed, region, AS_OF.isoformat(), rates)
    office = NumberOffice(seed)
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(write_lines(out / f"{name}.jsonl.gz")) for name in FILES}
        for number in range(1, households + 1):
            made = _household(Dice(seed, number), number, office, districts, summary)
            for name, value in zip(FILES, made, strict=True):
                files[name].write(value)
    summary.digests = {f"{name}.jsonl": files[name].digest for name in FILES}
    (out / "summary.json").write_text(summary.to_json(), encoding="utf-8")
    return summary


def _districts(households: int, region: str) -> tuple[str, ...]:
    problems = []
    if households < 1:
        problems.append(Problem("/households", "too-few", "there are none.", "Give 1 or more."))
    if region != "310000" and region not in SHANGHAI:
        problems.append(
            Problem(
                "/region",
                "no-people-there",
                "the generator only knows addresses in Shanghai.",
                "Use 310000 or the code of one of its districts.",
            )
        )
    if problems:
        raise InputError("the population cannot be generated", problems=tuple(problems))
    return SHANGHAI if region == "310000" else (region,)


def _household(
    dice: Dice,
    number: int,
    office: NumberOffice,
    districts: tuple[str, ...],
    summary: PopulationSummary,
) -> tuple[Row, Row, Row]:
    """The application, the registers and the truth of one household."""
    rates = summary.rates
    rural = dice.chance(150)
    pattern, family = make_family(
        dice,
        office,
        rural=rural,
        ethnic_per_mille=rates.ethnic,
        rare_per_mille=rates.rare_character,
    )
    for member in family.members:
        _rename(dice, member, rates)
    books = Books(number, dice, office, rates)
    fill(books, family, rural=rural)
    add_strangers(books, family)
    case = f"S{summary.seed}-{number:08d}"
    application = _application(dice, family, books, case, dice.one_of(districts), rural=rural)
    rows = books.sorted_rows()
    registers = {table: [row for row, _ in entries] for table, entries in rows.items() if entries}
    truth = _truth(family, books, rows, case=case, pattern=pattern)
    _count(summary, pattern, family, truth)
    return application, registers, truth


def _rename(dice: Dice, member: Member, rates: CorruptionRates) -> None:
    """Some adults have borne another name; not all of them mention it."""
    person = member.person
    if member.work == "child" or not dice.chance(rates.former_names):
        return
    former = name_person(
        dice, person.sex, person.birth.year, style=person.style, family=person.family
    )
    if former.full != person.name:
        member.person = replace(person, former_name=former.full)


def _application(
    dice: Dice, family: Family, books: Books, case: str, district: str, *, rural: bool
) -> Row:
    told = books.rates.former_name_told
    members = [_person(m, told=dice.chance(told)) for m in family.members]
    supporters = [_person(m, told=False) for m in family.supporters]
    amounts = [
        {"person": person, "kind": kind, "amount": yuan_text(amount)}
        for (person, kind), amount in sorted(books.told.items())
        if person.startswith("p")
    ]
    return {
        "programme": "dibao" if dice.chance(800) else "dibao_margin",
        "region": district,
        "residence": "rural" if rural else "urban",
        "as_of": AS_OF.isoformat(),
        "purpose": "social_assistance",
        "case_number": case,
        "household": {"members": members, "supporters": supporters},
        "authorisations": [_letter(m, family.members[0], case) for m in family.members],
        "declared": {
            "amounts": amounts,
            "vehicles": books.things["vehicles"],
            "dwellings": books.things["dwellings"] + books.things["homestead"],
        },
    }


def _person(member: Member, *, told: bool) -> Row:
    person = member.person
    row: Row = {
        "person": member.key,
        "relation": member.relation,
        "name": person.name,
        "id_number": person.id_number,
        "phone": person.phone,
        "address": person.address,
        "circumstances": member.circumstances,
    }
    if person.former_name and told:
        row["former_names"] = [person.former_name]
    if member.support:
        row["support"] = member.support
    return row


def _letter(member: Member, guardian: Member, case: str) -> Row:
    letter = {
        "letter": f"SQ-{case}-{member.key}",
        "person": member.key,
        "sources": list(SOURCES),
        "purposes": ["social_assistance"],
        "signed_on": "2025-05-18",
        "valid_from": "2025-05-18",
        "valid_until": "2035-12-31",
    }
    if member.person.birth.year > YEAR - 18:
        letter["signed_by"] = guardian.key
    return letter


def _truth(family: Family, books: Books, rows: Entries, *, case: str, pattern: str) -> Row:
    everyone = (*family.members, *family.supporters)
    persons = [_true_person(m, books) for m in everyone]
    members = persons[: len(family.members)]
    return {
        "household": books.household,
        "case_number": case,
        "pattern": pattern,
        "persons": persons,
        "rows": [
            {
                "table": table,
                "row": index,
                "holder": place,
                "person": holder.person,
                "corruption": holder.corruption.value,
            }
            for table, entries in rows.items()
            for index, (_, holders) in enumerate(entries)
            for place, holder in enumerate(holders)
        ],
        "unreported": [
            {"account": account, "person": person, "fen": fen}
            for account, person, fen in books.unreported
        ],
        "members": {
            "income_12m_fen": sum(p["income_12m_fen"] for p in members),
            "assets_fen": sum(p["assets_fen"] for p in members),
            "vehicles": books.things["vehicles"],
            "dwellings": books.things["dwellings"],
            "homesteads": books.things["homestead"],
            "non_residential": books.things["non_residential"],
        },
    }


def _true_person(member: Member, books: Books) -> Row:
    flows = {k: books.earned[member.key, k] for k in _FLOWS if books.earned[member.key, k]}
    total = sum(flows.values())
    return {
        "person": member.key,
        "role": member.role,
        "relation": member.relation,
        "name": member.person.name,
        "former_name": member.person.former_name,
        "id_number": member.person.id_number,
        "birth": member.person.birth.isoformat(),
        "income_12m_fen": total,
        "income_month_fen": total // 12,
        "income_12m_by_kind_fen": flows,
        "assets_fen": books.owned[member.key, "bank_balance"]
        + books.owned[member.key, "wealth_product"],
    }


def _count(summary: PopulationSummary, pattern: str, family: Family, truth: Row) -> None:
    summary.persons += len(family.members) + len(family.supporters)
    summary.sizes[str(len(family.members))] += 1
    summary.patterns[pattern] += 1
    summary.relations.update(m.relation for m in (*family.members, *family.supporters))
    summary.corruptions.update(row["corruption"] for row in truth["rows"])
    summary.rows += len(truth["rows"])
    summary.unreported += len(truth["unreported"])


ALL_CORRUPTIONS = tuple(c.value for c in Corruption)
"""Every kind of corruption that `truth.jsonl` may name."""
