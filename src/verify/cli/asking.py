"""One question to one source about an identity that belongs to nobody."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from typing import Any

from verify.connectors import Asker, Connectors, DecodeContext, Question, decode
from verify.connectors.declaration import Declaration
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState
from verify.domain.household import Authorisation
from verify.domain.identifiers import check_digit
from verify.service import wording
from verify.service.clock import day_of, now_ms

Plain = dict[str, Any]

# No area code begins with 10 (GB/T 2260 starts at 11), so nobody can hold such a number; its form
# and check digit are right, so every source can look it up and find nothing.
NOBODY_17 = "10000019000101001"
NOBODY_NAME = "连通测试"


def describe(declaration: Declaration) -> Plain:
    """A declaration for lists: no addresses, no secrets, only the names that hold them."""
    return {
        "id": declaration.id,
        "digest": declaration.digest,
        "title": declaration.title.model_dump(),
        "driver": declaration.driver,
        "purposes": [p.model_dump(mode="json") for p in declaration.purposes],
        "yields": [k.value for k in declaration.yields],
        "max_age_days": declaration.max_age_days,
        "lookback_months": declaration.lookback_months,
        "deadline_seconds": str(declaration.deadline_seconds),
        "environment": sorted(
            [
                declaration.endpoint.env,
                *(
                    value["env"]
                    for value in declaration.auth.model_dump().values()
                    if isinstance(value, dict) and "env" in value
                ),
            ]
        ),
    }


def ask_synthetic(source: str, environment: Mapping[str, str]) -> Plain:
    """Ask, decode, and say how it ended.

    Raises:
        NotFound: no such source is declared.
    """
    connectors = Connectors.from_content(ContentSet.load("connectors"))
    declaration = connectors.declaration(source)
    today = day_of(now_ms())
    purpose = declaration.purposes[0].purpose
    number = NOBODY_17 + check_digit(NOBODY_17)
    asker = Asker(connectors, environment, today=lambda: today)
    started = time.monotonic_ns()
    try:
        question = Question(
            source=source,
            person="p1",
            name=NOBODY_NAME,
            id_number=number,
            former_names=(),
            as_of=today,
            purpose=purpose,
            request_id=f"connectivity-test-{started}",
            case_number="connectivity-test",
        )
        answer = asker.ask(question, [_letter(source, purpose, today)])
    finally:
        asker.close()
    state, detail, records = answer.state, answer.detail, 0
    signals: tuple[str, ...] = ()
    if answer.bodies:
        context = DecodeContext(
            household="h", evidence=f"{source}/p1", person="p1", name=NOBODY_NAME,
            id_number=number, as_of=today,
        )  # fmt: skip
        decoded = decode(declaration, answer.bodies, context)
        if answer.state.answered:
            state, detail = decoded.state, decoded.detail
        signals, records = decoded.signals, len(decoded.rows)
    if answer.pending:
        state, detail = EvidenceState.TIMEOUT, "still_working"
    return {
        "source": source,
        "state": state.value,
        "words": wording.word(wording.STATE, state.value),
        "detail": detail,
        "signals": list(signals),
        "records": records,
        "bodies": len(answer.bodies),
        "milliseconds": (time.monotonic_ns() - started) // 1_000_000,
    }


def _letter(source: str, purpose: str, today: dt.date) -> Authorisation:
    return Authorisation(
        letter="connectivity-test",
        person="p1",
        sources=(source,),
        purposes=(purpose,),
        signed_on=today,
        valid_from=today,
        valid_until=today,
    )
