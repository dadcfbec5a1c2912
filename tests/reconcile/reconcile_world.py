"""Small synthetic worlds for reconciliation: invented people, payers and amounts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from verify import frames
from verify.domain.period import add_months
from verify.reconcile import Reconciled, reconcile

AS_OF = dt.date(2024, 8, 15)
YIELDS = {
    "tax": [
        "business_income",
        "company_role",
        "labour_remuneration",
        "property_income",
        "wage",
    ],
    "bank": ["account_movement", "bank_balance", "wealth_product"],
    "social": ["contribution", "death_notice", "pension"],
    "vehicle": ["vehicle"],
    "estate": ["dwelling", "homestead", "non_residential"],
}
SOURCE_OF = {kind: source for source, kinds in YIELDS.items() for kind in kinds}
SOURCE_OF["support_received"] = "court"
Row = dict[str, Any]


def month(text: str) -> tuple[dt.date, dt.date]:
    """First and last day of `2024-03`."""
    first = dt.date.fromisoformat(f"{text}-01")
    return first, add_months(first, 1) - dt.timedelta(days=1)


def window_months() -> list[str]:
    """The twelve months before the month of AS_OF."""
    return [f"{add_months(AS_OF, -n):%Y-%m}" for n in range(12, 0, -1)]


class World:
    """One or more households under construction; `run` reconciles them."""

    def __init__(self, *members: str, supporters: tuple[str, ...] = (), household: str = "h1"):
        self.household = household
        self.rows: dict[str, list[Row]] = {
            n: [] for n in ("persons", "records", "matches", "coverage", "declared", "claims")
        }
        for person in (*(members or ("p1",)), *supporters):
            role = "supporter" if person in supporters else "member"
            self._add(
                "persons",
                person=person,
                role=role,
                relation="other",
                name="测试",
                former_names=[],
                id_number="",
                birth=dt.date(1980, 1, 1),
                phone="",
                address="",
            )

    def _add(self, table: str, **row: Any) -> None:
        self.rows[table].append({"household": self.household, **row})

    def answer(self, evidence: str, state: str = "ok", **changes: Any) -> World:
        """Coverage of one exchange, e.g. `tax/p1`."""
        source, person = evidence.split("/")
        row = {
            "evidence": evidence,
            "source": source,
            "person": person,
            "mandatory": True,
            "state": state,
            "detail": "",
            "as_of": None,
            "yields": YIELDS.get(source, []),
            "records": 0,
        }
        self._add("coverage", **{**row, **changes})
        return self

    def record(
        self,
        kind: str,
        amount: int | None = None,
        *,
        person: str | None = "p1",
        evidence: str | None = None,
        months: str | None = None,
        year: int | None = None,
        key: str | None = "payer",
        judgement: str = "positive",
        weighs: bool = True,
        rule: str = "confirming_identifier",
        share: tuple[int, int] = (1, 1),
        **changes: Any,
    ) -> str:
        """A record and (with `person`) its judgement; returns the record's id."""
        evidence = evidence or f"{SOURCE_OF[kind]}/{person or 'p1'}"
        number = 1 + sum(r["evidence"] == evidence for r in self.rows["records"])
        record = f"{evidence}/{number}"
        granularity, start, end = "instant", None, None
        if months:
            granularity, (start, end) = "month", month(months)
        if year:
            granularity, start, end = "year", dt.date(year, 1, 1), dt.date(year, 12, 31)
        row = {
            "record": record,
            "evidence": evidence,
            "source": evidence.split("/")[0],
            "asked_person": evidence.split("/")[1],
            "subject_name": "测试",
            "subject_id": "synthetic",
            "kind": kind,
            "granularity": granularity,
            "period_start": start,
            "period_end": end,
            "as_of": dt.date(2024, 8, 1),
            "amount": amount,
            "object_key": key,
            "share_num": share[0],
            "share_den": share[1],
            "detail": "{}",
        }
        self._add("records", **{**row, **changes})
        if person:
            self.match(record, person, judgement, weighs=weighs, rule=rule)
        return record

    def match(
        self,
        record: str,
        person: str,
        judgement: str = "positive",
        *,
        weighs: bool = True,
        rule: str = "confirming_identifier",
        score: int = 9000,
    ) -> World:
        """One judgement."""
        self._add(
            "matches",
            record=record,
            person=person,
            judgement=judgement,
            weighs=weighs,
            score=score,
            prior=0,
            rule=rule,
            reasons=[],
        )
        return self

    def unsure(self, kind: str, amount: int | None = None, **changes: Any) -> str:
        """A record with a mistyped number: doubtful, and it weighs."""
        defaults: Row = {"judgement": "unsure", "rule": "id_near", "subject_id": "mistyped"}
        return self.record(kind, amount, **{**defaults, **changes})

    def namesake(self, kind: str, amount: int | None = None, **changes: Any) -> str:
        """A record that agrees in name alone."""
        defaults: Row = {
            "judgement": "unsure",
            "weighs": False,
            "rule": "name_only",
            "subject_id": None,
        }
        return self.record(kind, amount, **{**defaults, **changes})

    def declare(self, quantity: str, amount: int, person: str = "p1") -> World:
        """A declared amount in fen."""
        self._add("declared", person=person, quantity=quantity, amount=amount)
        return self

    def claim(self, kind: str, *, person: str = "p1", **changes: Any) -> World:
        """A claimed circumstance."""
        row: Row = {"person": person, "kind": kind, "holds": True, "documented": True}
        self._add("claims", **{**row, **changes})
        return self

    def frames(self) -> dict[str, pl.DataFrame]:
        """The seven input frames."""
        household = {
            "household": self.household,
            "programme": "dibao",
            "region": "310101",
            "residence": "urban",
            "as_of": AS_OF,
            "known_at": AS_OF,
        }
        shapes = {
            "persons": frames.PERSONS,
            "records": frames.RECORDS,
            "matches": frames.MATCHES,
            "coverage": frames.COVERAGE,
            "declared": frames.DECLARED,
            "claims": frames.CLAIMS,
        }
        return {"households": frames.HOUSEHOLDS.frame([household])} | {
            name: shape.frame(self.rows[name]) for name, shape in shapes.items()
        }

    def run(self) -> Reconciled:
        """Reconcile this household alone."""
        return reconcile(**self.frames())


def together(*worlds: World) -> Reconciled:
    """Reconcile several households in one batch."""
    each = [w.frames() for w in worlds]
    return reconcile(**{n: pl.concat([f[n] for f in each]) for n in each[0]})


def bounds(facts: pl.DataFrame, quantity: str, person: str | None = None) -> list[tuple[Any, ...]]:
    """`(lo, hi, kind of doubt)` of the facts about a quantity, in fact order."""
    rows = facts.filter(pl.col("quantity") == quantity)
    if person:
        rows = rows.filter(pl.col("person") == person)
    return [
        (r["lo"], r["hi"], (r["doubt"] or "").split(":")[0]) for r in rows.iter_rows(named=True)
    ]


def codes(result: Reconciled) -> set[tuple[str, str, str]]:
    """`(person, code, quantity)` of the discrepancies."""
    return set(result.discrepancies.select("person", "code", "quantity").iter_rows())


def substance(result: Reconciled) -> list[Row]:
    """Facts without the papers they rest on and the names of records."""
    return (
        result.facts.drop("evidence", "records", "doubt", "fact")
        .with_columns(open=result.facts["doubt"].is_not_null())
        .sort(pl.all(), nulls_last=True)
        .to_dicts()
    )
