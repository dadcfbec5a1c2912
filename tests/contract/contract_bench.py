"""A small synthetic register, the real simulated sources over sockets, and an asker."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import Any

from verify.connectors import Answer, Asker, Connectors, DecodeContext, Decoded, Question, decode
from verify.connectors.shared import MemoryState
from verify.content import ContentSet
from verify.domain.household import Authorisation
from verify.simulate.registers import Registers
from verify.simulate.server import SimulatedSources

TODAY = dt.date(2025, 5, 20)
# Synthetic: well-formed numbers that belong to nobody.
LIN = ("林晓梅", "310104198503120021")
NAMESAKE_ID = "330106199001010018"
HE = ("何志强", "310104198308150030")
NOBODY = ("查无此", "310104197001010039")

_WHO = {"name": LIN[0], "id": LIN[1]}
REGISTERS = Registers.model_validate(
    {
        "tax_incomes": [
            *(
                {**_WHO, "item": "wage", "payer": "晨光食品厂", "amount": "3120.50", "month": m}
                for m in ("2024-11", "2024-12", "2025-01", "2025-02")
            ),
            {**_WHO, "item": "rent", "payer": "租户", "amount": "800", "month": "2025-03"},
            {**_WHO, "item": "business", "payer": "梅梅小吃", "amount": "12000", "year": "2024"},
            {"name": LIN[0], "id": NAMESAKE_ID, "item": "labour", "payer": "某平台",
             "amount": "450.05", "month": "2025-04"},
        ],
        "tax_roles": [
            {"name": LIN[0], "id": NAMESAKE_ID, "company": "梅林贸易有限公司",
             "since": "2019-01-01", "credit_code": "91310000MA1FL00009",
             "role": "supervisor", "capital": "500000"},
            {**_WHO, "company": "旧店", "credit_code": "92310000MA1FL00017", "since": "2015-06-01",
             "role": "legal_representative", "capital": "30000", "status": "cancelled"},
        ],
        "vehicles": [
            {**_WHO, "plate": "沪A00001", "vehicle_class": "electric_bicycle", "brand": "绿源",
             "registered_on": "2022-03-05", "price": "2599"},
            {**_WHO, "plate": "沪A00002", "vehicle_class": "car", "registered_on": "2009-01-02",
             "price": "88000", "status": "scrapped"},
        ],
        "titles": [
            {"title_no": "沪(2012)徐字不动产权第000001号", "use": "residential",
             "address": "示例路1号", "area_m2": "62.5", "registered_on": "2012-03-05",
             "owners": [{**_WHO, "share": "1/2"}, {"name": HE[0], "id": HE[1], "share": "1/2"}]},
            {"title_no": "沪网签2024000002", "basis": "contract", "use": "parking",
             "area_m2": "12.05", "address": "示例路2号",
             "registered_on": "2024-12-01", "owners": [_WHO]},
        ],
        "accounts": [
            {**_WHO, "bank": "ICBK", "account": "6200010000000001", "type": "current",
             "balance": "1234.56", "credits_12m": "20000", "debits_12m": "19000.01",
             "joint_with": [{"name": HE[0], "id": HE[1]}]},
            {**_WHO, "bank": "RCBK", "account": "6200020000000002", "type": "wealth",
             "balance": "10000"},
        ],
        "contributions": [
            {**_WHO, "month": "2025-01", "base": "7384", "employer": "晨光食品厂"},
            {**_WHO, "month": "2025-02", "base": "7384", "employer": "晨光食品厂"},
        ],
        "payouts": [
            {**_WHO, "month": "2025-03", "item": "unemployment", "amount": "2175"},
            {**_WHO, "month": "2025-04", "item": "resident_pension", "amount": "1555",
             "central_basic": "143"},
        ],
        "statuses": [{**_WHO}],
    }
)  # fmt: skip


def letters(connected: tuple[str, ...], **changes: Any) -> list[Authorisation]:
    """A letter of `p1` for all sources, valid around TODAY."""
    letter = Authorisation(
        letter="SQ-1",
        person="p1",
        sources=connected,
        purposes=("social_assistance",),
        signed_on=TODAY,
        valid_from=TODAY,
        valid_until=TODAY + dt.timedelta(days=30),
    )
    return [replace(letter, **changes)]


def question(source: str, who: tuple[str, str] = LIN, **changes: Any) -> Question:
    """A question about somebody, as the worker puts it."""
    asked = Question(
        source=source,
        person="p1",
        name=who[0],
        id_number=who[1],
        former_names=(),
        as_of=TODAY,
        purpose="social_assistance",
        request_id=f"v1-{source}-{who[1]}",
        case_number="A-1",
    )
    return replace(asked, **changes)


def context(source: str, who: tuple[str, str] = LIN, as_of: dt.date = TODAY) -> DecodeContext:
    """Where the records of an answer belong."""
    return DecodeContext("h", f"{source}/p1", "p1", who[0], who[1], as_of)


@dataclass
class Bench:
    """The sources, the connectors and an asker that share short deadlines."""

    sim: SimulatedSources
    connectors: Connectors
    asker: Asker
    state: MemoryState = field(default_factory=MemoryState)

    def ask(self, source: str, who: tuple[str, str] = LIN, **changes: Any) -> Answer:
        """Ask with a valid letter."""
        return self.asker.ask(question(source, who, **changes), letters(self.connectors.sources))

    def ask_and_decode(self, source: str, who: tuple[str, str] = LIN) -> tuple[Answer, Decoded]:
        """Ask, then read what came back."""
        answer = self.ask(source, who)
        return answer, decode(
            self.connectors.declaration(source), answer.bodies, context(source, who)
        )


def impatient(content: ContentSet) -> ContentSet:
    """The same connectors with deadlines that tests can wait for."""

    def shorter(text: str) -> str:
        text = re.sub(r"deadline_seconds: \d+", 'deadline_seconds: "1.2"', text)
        text = re.sub(r"attempt_seconds: \d+", 'attempt_seconds: "0.4"', text)
        text = re.sub(
            r"attempts: 3}", 'attempts: 3, pause_seconds: "0.01", retry_permille: 1000}', text
        )
        return text.replace('poll_seconds: "0.25"', 'poll_seconds: "0.05"')

    return ContentSet(content.kind, {p: shorter(t) for p, t in content.files.items()})
