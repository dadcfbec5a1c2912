"""What every connector has to do with its recorded replies: the contract, as plain functions.

`verify.connectors.contract` makes pytest tests of them; `verify.service.connector_checks` runs them
on a changed declaration before anybody may approve it. A fault that a connector meets in the
field becomes one more check, for all.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from verify import frames
from verify.connectors.asking import Answer, Asker, Question
from verify.connectors.catalogue import Connectors
from verify.connectors.declaration import Declaration
from verify.connectors.decoding import DecodeContext, Decoded, decode
from verify.connectors.recordings import Recorded
from verify.domain.canonical import canonical_bytes
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState
from verify.domain.household import Authorisation

Check = Callable[[Declaration, Recorded], None]
Run = Callable[[], None]


def contract_of(
    connectors: Connectors, replies: Path, recorded: list[Recorded]
) -> Iterator[tuple[str, Run]]:
    """Every check of a connector by name, those of the declaration first; a broken one raises.

    `connectors` holds the one connector; `recorded` was read from `<replies>/<id>/replies.yaml`.
    """
    yield from _whole_checks(connectors, replies, recorded)
    declaration = connectors.declaration(connectors.sources[0])
    for reply in recorded:
        for name, check in CHECKS.items():
            yield f"{reply.title}: {name}", partial(check, declaration, reply)


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


# -- the connector as a whole -----------------------------------------------------------------


def _whole_checks(
    connectors: Connectors, replies: Path, recorded: list[Recorded]
) -> Iterator[tuple[str, Run]]:
    declaration = connectors.declaration(connectors.sources[0])

    def records_both() -> None:
        states = {str(r.expect.get("state")) for r in recorded}
        found = {"ok", "partial"} if declaration.answer.indicator else {"ok"}
        _require(states & found, "record an answer that finds something")
        _require("confirmed_empty" in states, "record an answer that finds nothing")

    def asks(who: Recorded, **changes: Any) -> Answer:
        environment = {declaration.endpoint.env: f"recorded:{replies}"}
        asker = Asker(connectors, environment, lambda: who.as_of)
        try:
            return asker.ask(*_question(declaration, who, **changes))
        finally:
            asker.close()

    def with_a_letter() -> None:
        for reply in recorded:
            answer = asks(reply)
            _require(answer.state is EvidenceState.OK, f"asking ended as {answer.state}")
            _require(answer.bodies == reply.bodies, "the recorded bodies come back as they are")

    def without_a_letter() -> None:
        answer = asks(recorded[0], revoked_on=recorded[0].as_of)
        _require(answer.state is EvidenceState.UNAUTHORISED, "no letter, and it was asked")
        _require(answer.bodies == (), "no letter, and it answered")

    def about_nobody_recorded() -> None:
        stranger = replace(recorded[0], id_number="10000019000101001X")
        answer = asks(stranger)
        _require(not answer.state.answered, "silence was taken for an answer")

    def yields_what_it_finds() -> None:
        kinds = {r["kind"] for reply in recorded for r in _read(declaration, reply).rows}
        _require(kinds <= {k.value for k in declaration.yields}, "a kind it does not yield")

    yield "records something found and nothing found", records_both
    yield "asks with a letter", with_a_letter
    yield "asks nobody without a letter", without_a_letter
    yield "takes silence for no answer", about_nobody_recorded
    yield "yields what it declares", yields_what_it_finds
    if not recorded:
        raise ContentError("there are no recorded replies", where=str(replies))


def _question(
    declaration: Declaration, who: Recorded, **changes: Any
) -> tuple[Question, list[Authorisation]]:
    purpose = declaration.purposes[0].purpose
    letter = Authorisation(
        letter="contract",
        person="p1",
        sources=(declaration.id,),
        purposes=(purpose,),
        signed_on=who.as_of,
        valid_from=who.as_of,
        valid_until=who.as_of,
    )
    question = Question(
        source=declaration.id,
        person="p1",
        name=who.name,
        id_number=who.id_number,
        former_names=(),
        as_of=who.as_of,
        purpose=purpose,
        request_id=f"contract-{who.id_number[-4:]}",
        case_number="contract",
    )
    return question, [replace(letter, **changes)]


# -- each reply -------------------------------------------------------------------------------


def _read(declaration: Declaration, reply: Recorded, *bodies: bytes, **changes: Any) -> Decoded:
    context = DecodeContext(
        household="h",
        evidence=f"{declaration.id}/p1",
        person="p1",
        name=reply.name,
        id_number=reply.id_number,
        as_of=reply.as_of,
    )
    return decode(declaration, bodies or reply.bodies, replace(context, **changes))


def _as_recorded(declaration: Declaration, reply: Recorded) -> None:
    decoded = _read(declaration, reply)
    _require(decoded.state == reply.expect["state"], f"{decoded.state}: {decoded.detail}")
    if "as_of" in reply.expect:
        _require(str(decoded.as_of) == str(reply.expect["as_of"]), f"as of {decoded.as_of}")
    frames.RECORDS.frame(decoded.rows)
    for row in decoded.rows:
        _require(
            canonical_bytes(json.loads(row["detail"])).decode() == row["detail"],
            "the detail of a record is canonical JSON",
        )
    if reply.expect.get("records") is not None:
        _same_records(decoded, reply.expect["records"])


def _same_records(decoded: Decoded, expected: list[dict[str, Any]]) -> None:
    """As many records as recorded, each with all that is recorded of it: amounts, days, kinds."""
    count = len(expected)
    _require(len(decoded.rows) == count, f"{len(decoded.rows)} records, not {count}")
    for number, (row, recorded) in enumerate(zip(decoded.rows, expected, strict=True), start=1):
        for column, value in recorded.items():
            read = "" if row.get(column) is None else str(row[column])
            _require(read == str(value), f"record {number}: {column} is {read!r}, not {value!r}")


def _another_subject(declaration: Declaration, reply: Recorded) -> None:
    for change in ({"id_number": "11010519491231002X"}, {"name": "另一人"}):
        decoded = _read(declaration, reply, **change)
        _require(decoded.state is EvidenceState.WRONG_SUBJECT, f"{decoded.state}")
        _require(not decoded.rows, "records of another person were used")


def _too_old(declaration: Declaration, reply: Recorded) -> None:
    decoded = _read(declaration, reply)
    if decoded.as_of is None or decoded.state is EvidenceState.PARTIAL:
        return
    later = decoded.as_of + dt.timedelta(days=declaration.max_age_days + 1)
    _require(_read(declaration, reply, as_of=later).state is EvidenceState.STALE, "not stale")


def _refused(what: str, damage: Callable[[bytes], bytes]) -> Check:
    def check(declaration: Declaration, reply: Recorded) -> None:
        decoded = _read(declaration, reply, *reply.bodies[:-1], damage(reply.bodies[-1]))
        _require(not decoded.state.answered, f"{what} was accepted as {decoded.state}")
        _require(not decoded.rows, f"records of {what} were used")

    return check


def _cut(body: bytes) -> bytes:
    return body.rstrip()[: len(body.rstrip()) // 2]


def _drifted(declaration: Declaration, reply: Recorded) -> None:
    if declaration.answer.format != "json":
        return
    tree = json.loads(reply.bodies[-1])
    decoded = _read(
        declaration, reply, *reply.bodies[:-1], json.dumps({**tree, "xinzeng": 1}).encode()
    )
    _require(decoded.state is EvidenceState.SCHEMA_MISMATCH, f"{decoded.state}")
    _require(decoded.signals, "an unknown field is a signal")


def _same_again(declaration: Declaration, reply: Recorded) -> None:
    first = _read(declaration, reply)
    _require(_read(declaration, reply) == first, "the same bytes were read in two ways")
    _require(_read(declaration, reply, *reversed(reply.bodies)) == first, "order decided")


CHECKS: dict[str, Check] = {
    "is read as recorded": _as_recorded,
    "is the same again, whatever the order": _same_again,
    "is never used for another person": _another_subject,
    "gets too old": _too_old,
    "is refused when cut off": _refused("a cut answer", _cut),
    "is refused as a web page": _refused(
        "a web page", lambda body: b"<!DOCTYPE html><html><body>log in</body></html>"
    ),
    "is refused without a byte": _refused("an empty body", lambda body: b""),
    "is refused with bytes behind its end": _refused("trailing bytes", lambda body: body + b"{}"),
    "says so when a field is new": _drifted,
}
