"""A small synthetic register, the real simulated sources over sockets, and an asker."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import Any

from verify.connectors import Answer, Asker, Connectors, DecodeContext, Decoded, Question, decode
from verify.connectors.shared import MemoryState
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState
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
        "residences": [
            {**_WHO, "household_no": "310104-000117", "relation": "head", "since": "2008-04-09",
             "address": "示例路1号"},
            {**_WHO, "household_no": "310104-000021", "relation": "child", "since": "1985-03-12",
             "address": "示例路9号", "status": "moved_out"},
        ],
        "marriages": [
            {**_WHO, "spouse_name": HE[0], "spouse_id": HE[1],
             "certificate_no": "J310104-2010-000123",
             "registered_on": "2010-05-20", "address": "示例路1号"},
        ],
        "deaths": [
            {**_WHO, "died_on": "2025-02-03", "cremated_on": "2025-02-06", "place": "示例殡仪馆"},
            {"name": HE[0], "id": HE[1], "died_on": "2025-03-01"},
        ],
        "enterprises": [
            {**_WHO, "company": "梅梅小吃店", "credit_code": "92310000MA1FL00025",
             "role": "self_employed", "subscribed": "30000", "since": "2021-06-01"},
            {"name": LIN[0], "id": NAMESAKE_ID, "company": "梅林贸易有限公司",
             "credit_code": "91310000MA1FL00009", "role": "supervisor", "subscribed": "500000",
             "since": "2019-01-01", "status": "revoked"},
            {**_WHO, "company": "旧店", "credit_code": "92310000MA1FL00017",
             "role": "legal_representative", "subscribed": "30000", "since": "2015-06-01",
             "status": "cancelled"},
        ],
        "provident_funds": [
            {**_WHO, "account": "GJJ-0001", "employer": "晨光食品厂", "monthly_deposit": "1032.00",
             "balance": "45678.90"},
            {**_WHO, "account": "GJJ-0002", "monthly_deposit": "0", "balance": "1200.05",
             "status": "sealed"},
        ],
        "securities": [
            {**_WHO, "account": "A10001", "broker": "示例证券", "product": "stock",
             "code": "600000", "worth": "12345.67"},
            {**_WHO, "account": "A10001", "broker": "示例证券", "product": "cash",
             "worth": "890.12"},
            {**_WHO, "account": "F20002", "broker": "示例基金", "product": "fund",
             "code": "000001", "worth": "5000"},
        ],
        "policies": [
            {**_WHO, "insurer": "CLIC", "policy_no": "CL-1", "product": "两全保险",
             "cash_value": "21000.50", "yearly_premium": "3000", "since": "2016-08-01"},
            {**_WHO, "insurer": "CPIC", "policy_no": "CP-9", "cash_value": "0",
             "since": "2010-01-01", "status": "lapsed"},
            {**_WHO, "insurer": "PAIC", "policy_no": "PA-3", "product": "年金保险",
             "cash_value": "8000", "since": "2020-02-02"},
        ],
        "internet_assets": [
            {**_WHO, "platform": "示例支付", "account": "u1", "product": "balance",
             "amount": "35.20", "phone": "13800000000"},
            {**_WHO, "platform": "示例支付", "account": "u1", "product": "money_fund",
             "amount": "2100.00", "phone": "13800000000"},
            {**_WHO, "platform": "示例借贷", "account": "u7", "product": "loan_claim",
             "amount": "6000.00", "phone": "13800000000"},
        ],
        "disabilities": [
            {**_WHO, "certificate_no": "31010419850312002142", "category": "肢体", "grade": 2,
             "valid_until": "2032-01-31", "allowance": "430.00"},
        ],
        "enrolments": [
            {**_WHO, "school": "示例开放大学", "stage": "undergraduate", "student_no": "S-17",
             "yearly_fee": "5200", "since": "2023-09-01", "until": "2027-06-30"},
        ],
        "medical_bills": [
            {**_WHO, "settlement_no": "YB-1", "hospital": "示例医院", "month": "2024-11",
             "total": "18200.00", "self_paid": "3120.40"},
            {**_WHO, "settlement_no": "YB-2", "hospital": "示例医院", "month": "2025-02",
             "total": "640.00", "self_paid": "95.00"},
        ],
        "farm_subsidies": [
            {**_WHO, "year": "2024", "item": "耕地地力保护补贴", "amount": "356.40"},
        ],
        "farm_machines": [
            {**_WHO, "number": "沪01-12345", "type": "tractor", "bought_on": "2019-03-15",
             "price": "68000"},
        ],
        "utilities": [{**_WHO}],
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
    return DecodeContext("h", f"{source}/p1", "p1", who[0], who[1], as_of, max(as_of, TODAY))


@dataclass
class Bench:
    """The sources, the connectors and an asker that share short deadlines.

    `ignorant` are the same sources with empty registers; `content` the text of the connectors.
    """

    sim: SimulatedSources
    connectors: Connectors
    asker: Asker
    state: MemoryState = field(default_factory=MemoryState)
    answers: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    others: SimulatedSources | None = None
    text: ContentSet | None = None

    @property
    def ignorant(self) -> SimulatedSources:
        assert self.others is not None, "this bench has no ignorant sources"
        return self.others

    @property
    def content(self) -> ContentSet:
        assert self.text is not None, "this bench does not know its content"
        return self.text

    def url(self, source: str) -> str:
        """Where a source is."""
        return self.sim.urls[source]

    def ask(self, source: str, who: tuple[str, str] = LIN, **changes: Any) -> Answer:
        """Ask with a valid letter."""
        return self.asker.ask(question(source, who, **changes), letters(self.connectors.sources))

    def answer_of(self, source: str) -> tuple[bytes, ...]:
        """What the source says about LIN when nothing is wrong; asked for once."""
        if source not in self.answers:
            answer = self.ask(source)
            for _ in range(4):  # on a busy machine a hasty deadline may pass
                if answer.state is EvidenceState.OK:
                    break
                self.state.clear()
                answer = self.ask(source, ticket=answer.ticket)
            assert answer.state is EvidenceState.OK, answer
            self.answers[source] = answer.bodies
        return self.answers[source]

    def ask_and_decode(self, source: str, who: tuple[str, str] = LIN) -> tuple[Answer, Decoded]:
        """Ask, then read what came back."""
        answer = self.ask(source, who)
        return answer, decode(
            self.connectors.declaration(source), answer.bodies, context(source, who)
        )


def impatient(content: ContentSet, *, hasty: bool = False) -> ContentSet:
    """The same connectors with deadlines that tests can wait for; shorter still when `hasty`."""
    deadline, attempt = ("0.7", "0.25") if hasty else ("1.2", "0.4")

    def shorter(text: str) -> str:
        text = re.sub(r"deadline_seconds: \d+", f'deadline_seconds: "{deadline}"', text)
        text = re.sub(r"attempt_seconds: \d+", f'attempt_seconds: "{attempt}"', text)
        text = re.sub(
            r"attempts: 3}", 'attempts: 3, pause_seconds: "0.01", retry_permille: 1000}', text
        )
        return text.replace('poll_seconds: "0.25"', 'poll_seconds: "0.05"')

    return ContentSet(content.kind, {p: shorter(t) for p, t in content.files.items()})
