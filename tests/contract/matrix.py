"""The fault matrix as data, expanded to cells; and how each fault is provoked."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from contract_bench import LIN, NOBODY, REGISTERS, TODAY, Bench, context, letters, question
from contract_tls import tls_server

from verify.connectors import Answer, Asker, Connectors, Decoded, decode
from verify.content import ContentSet
from verify.domain.evidence import EvidenceState
from verify.simulate.registers import Registers

TESTS = Path(__file__).parents[1]
DATA = yaml.safe_load(Path(__file__).with_name("matrix.yaml").read_text(encoding="utf-8"))
NOT_APPLICABLE = "n/a: "
LEAST_REASON = 8  # characters of a reason that says something
PHASES = tuple(DATA["phases"])
# Sources that answer later: what they were given is a ticket.
TICKETED = ("file_drop", "job")


@dataclass(frozen=True)
class Cell:
    """One fault at one source in one phase: what it must end as, or why it cannot happen there."""

    fault: str
    ref: str
    strikes: str
    says: str
    source: str
    phase: str
    expected: str
    by: str = ""

    @property
    def applies(self) -> bool:
        return not self.expected.startswith(NOT_APPLICABLE)

    @property
    def states(self) -> tuple[EvidenceState, ...]:
        return tuple(EvidenceState(s) for s in self.expected.split("/"))

    def __str__(self) -> str:
        return f"{self.fault} x {self.source} x {self.phase}"


@dataclass(frozen=True)
class Ended:
    """How a provoked fault ended: what asking said, and what decoding made of the bytes.

    `about` is who the bytes are about where they alone carry the fault; else nobody.
    """

    state: EvidenceState
    detail: str
    bodies: tuple[bytes, ...] = ()
    decoded: Decoded | None = None
    sent: int = 0
    transport: EvidenceState = EvidenceState.OK
    about: tuple[str, str] | None = None


def cells(declarations: Mapping[str, Any], data: Mapping[str, Any] = DATA) -> Iterator[Cell]:
    """Every fault with every source in every phase. A missing expectation is an empty text."""
    for fault in data["faults"]:
        for source, declaration in declarations.items():
            for phase in data["phases"]:
                expected = _expected(fault, source, declaration.protocol, phase, data)
                yield Cell(
                    fault["id"], fault["ref"], fault["strikes"], fault["says"], source, phase,
                    expected, fault.get("by", ""),
                )  # fmt: skip


def _expected(
    fault: Mapping[str, Any], source: str, protocol: Any, phase: str, data: Mapping[str, Any]
) -> str:
    said = str(
        fault.get("source", {}).get(source)
        or fault.get("driver", {}).get(protocol.driver)
        or fault.get(protocol.reach, "")
    )
    if said.startswith(NOT_APPLICABLE) or not said:
        return said  # what cannot happen to a source can be in no verdict
    if phase == "asking" and fault["strikes"] == "waiting":
        return f"{NOT_APPLICABLE}strikes only after the task was submitted"
    if phase != "waiting":
        return said
    between = data["between"]
    if "waiting" in fault:
        return str(between[fault["waiting"]])
    if fault["strikes"] == "after_store":
        return str(between["after_store"])
    return said if protocol.driver in TICKETED else str(between.get(protocol.reach, ""))


def holes(
    found: list[Cell], provoked: Mapping[str, Any], taken: set[str], tests: Path = TESTS
) -> list[str]:
    """Cells that no test takes and no reason explains, in words; empty where there are none."""
    made = []
    for cell in found:
        if not cell.expected:
            made.append(f"{cell}: state what must happen, or `n/a: why`")
        elif not cell.applies:
            if len(cell.expected.removeprefix(NOT_APPLICABLE).strip()) < LEAST_REASON:
                made.append(f"{cell}: say why it cannot happen there")
        elif cell.by:
            if not _there(tests, cell.by):
                made.append(f"{cell}: there is no test {cell.by}")
        elif cell.fault not in provoked:
            made.append(f"{cell}: no test provokes it")
        elif cell.phase not in taken:
            made.append(f"{cell}: no test takes the phase")
    return made


def _there(tests: Path, name: str) -> bool:
    path, _, test = name.partition("::")
    file = tests / path
    text = file.read_text("utf-8") if file.is_file() else ""
    return f"\ndef {test}(" in text


# -- provoking --------------------------------------------------------------------------------

Provoke = Callable[[Bench, str], Ended]
PROVOKE: dict[str, Provoke] = {}


def provokes(fault: str) -> Callable[[Provoke], Provoke]:
    def register(function: Provoke) -> Provoke:
        PROVOKE[fault] = function
        return function

    return register


def _ended(bench: Bench, source: str, answer: Answer, who: tuple[str, str], sent: int) -> Ended:
    if not answer.bodies or answer.state not in (EvidenceState.OK, EvidenceState.PARTIAL):
        return Ended(answer.state, answer.detail, answer.bodies, None, sent, answer.state)
    decoded = decode(bench.connectors.declaration(source), answer.bodies, context(source, who))
    state = decoded.state if answer.state is EvidenceState.OK else answer.state
    if not decoded.state.answered and answer.state is EvidenceState.PARTIAL:
        state = decoded.state
    detail = decoded.detail or answer.detail
    return Ended(state, detail, answer.bodies, decoded, sent, answer.state, about=who)


# What a task that was submitted before goes on with: its request id and its ticket.
_UNDER_WAY: ContextVar[dict[str, str]] = ContextVar("under_way", default={})  # noqa: B039


# Whether the answer to it is ready, when the fault is in place.
_READY: ContextVar[bool] = ContextVar("ready", default=False)


def _ask(
    bench: Bench,
    source: str,
    who: tuple[str, str] = LIN,
    asker: Asker | None = None,
    held: dict[str, Any] | None = None,
    **changes: Any,
) -> Ended:
    if _READY.get():
        bench.sim.set_profile(source, delay_seconds=0.0)
    before = len(bench.sim.requests(source))
    fresh = f"m-{source}-{time.monotonic_ns()}"
    asked = question(source, who, **{"request_id": fresh, **_UNDER_WAY.get(), **changes})
    given = letters(bench.connectors.sources, **(held or {}))
    answer = (asker or bench.asker).ask(asked, given)
    return _ended(bench, source, answer, who, len(bench.sim.requests(source)) - before)


@contextmanager
def under_way(bench: Bench, source: str, cell: Cell, hurried: Asker) -> Iterator[None]:
    """Within, the source is asked for what was submitted to it before, which is ready now."""
    bench.answer_of(source)
    who = NOBODY if cell.fault == "finds_nothing" else LIN
    job = bench.connectors.declaration(source).protocol.driver == "job"
    bench.sim.set_profile(source, delay_seconds=JOB_SECONDS if job else 60.0)
    for attempt in range(5):
        name = f"w-{source}-{attempt}-{time.monotonic_ns()}"
        submitted = time.monotonic()
        given = letters(bench.connectors.sources)
        first = hurried.ask(question(source, who, request_id=name), given)
        if first.pending:
            break
    assert (first.pending, first.bodies) == (True, ())
    bench.state.clear()
    if cell.strikes != "before_send":
        time.sleep(max(0.0, submitted + JOB_SECONDS - time.monotonic()) if job else 0.0)
    token = _UNDER_WAY.set({"request_id": name, "ticket": first.ticket})
    ready = _READY.set(cell.strikes != "before_send")
    try:
        yield
    finally:
        _UNDER_WAY.reset(token)
        _READY.reset(ready)


JOB_SECONDS = 0.6


def _profile(**changes: Any) -> Provoke:
    def provoke(bench: Bench, source: str) -> Ended:
        bench.sim.set_profile(source, **changes)
        return _ask(bench, source)

    return provoke


for _id, _changes in {
    "answers": {},
    "silent": {"fault": "timeout"},
    "slow_drip": {"fault": "slow_drip"},
    "burst_of_500": {"fault": "http_500", "fault_count": 1},
    "always_500": {"fault": "http_500"},
    "web_page": {"fault": "html_error_page"},
    "truncated": {"fault": "truncated"},
    "extra_field": {"fault": "extra_field"},
    "missing_field": {"fault": "missing_field"},
    "throttled": {"fault": "throttled", "retry_after": "7"},
    "throttled_absurdly": {"fault": "throttled", "retry_after": "99999999"},
    "refused": {"fault": "refused"},
    "redirected": {"fault": "redirect"},
    "wrong_subject": {"fault": "wrong_subject"},
    "forged": {"fault": "bad_signature"},
    "part_down": {"parts_down": ("PSBK", "PAIC")},
    "still_working": {"delay_seconds": 60.0},
}.items():
    PROVOKE[_id] = _profile(**_changes)

for _id, _held in {
    "letter_expired": {"valid_until": TODAY - dt.timedelta(days=1)},
    "letter_revoked": {"revoked_on": TODAY},
    "letter_of_another": {"person": "p2"},
}.items():
    PROVOKE[_id] = lambda bench, source, held=_held: _ask(bench, source, held=held)


@provokes("purpose_unknown")
def _(bench: Bench, source: str) -> Ended:
    return _ask(bench, source, held={"purposes": ("curiosity",)}, purpose="curiosity")


@provokes("finds_nothing")
def _(bench: Bench, source: str) -> Ended:
    return _ask(bench, source, NOBODY)


@provokes("stale")
def _(bench: Bench, source: str) -> Ended:
    limit = bench.connectors.declaration(source).max_age_days
    bench.sim.set_profile(source, stale_days=limit + 1)
    return _ask(bench, source)


@provokes("closed")
def _(bench: Bench, source: str) -> Ended:
    bench.sim.switch_off(source)
    try:
        return _ask(bench, source)
    finally:
        bench.sim.switch_on(source)


@provokes("quarantined")
def _(bench: Bench, source: str) -> Ended:
    bench.asker.watch.quarantine(bench.connectors.declaration(source), "magnitude")
    return _ask(bench, source)


@provokes("breaker_open")
def _(bench: Bench, source: str) -> Ended:
    until = time.time_ns() // 1_000_000 + 60_000
    bench.state.put(f"breaker/{source}", 0, {"until": until, "reason": "breaker_open"})
    return _ask(bench, source)


@provokes("asked_to_wait")
def _(bench: Bench, source: str) -> Ended:
    until = time.time_ns() // 1_000_000 + 60_000
    bench.state.put(f"breaker/{source}", 0, {"until": until, "reason": "slow_down"})
    return _ask(bench, source)


def _with(bench: Bench, source: str, environment: dict[str, str], **options: Any) -> Ended:
    asker = Asker(bench.connectors, environment, lambda: TODAY, **options)
    try:
        return _ask(bench, source, asker=asker)
    finally:
        asker.close()


# -- what the registers hold, and clocks ------------------------------------------------------

_OTHERWISE: dict[str, dict[str, Any]] = {
    "tax_incomes": {"amount": Decimal(7)},
    "tax_roles": {"capital": Decimal(7)},
    "vehicles": {"vehicle_class": "motorcycle"},
    "titles": {"area_m2": Decimal(99)},
    "accounts": {"balance": Decimal(7)},
    "contributions": {"base": Decimal(7000)},
    "payouts": {"amount": Decimal(7)},
    "residences": {"relation": "spouse"},
    "marriages": {"spouse_name": "另一人"},
    "deaths": {"died_on": dt.date(2025, 2, 4)},
    "enterprises": {"subscribed": Decimal(7)},
    "provident_funds": {"balance": Decimal(7)},
    "securities": {"worth": Decimal(7)},
    "policies": {"cash_value": Decimal(7)},
    "internet_assets": {"amount": Decimal(7)},
    "disabilities": {"grade": 3},
    "enrolments": {"school": "别的学校"},
    "medical_bills": {"self_paid": Decimal(7)},
    "farm_subsidies": {"amount": Decimal(7)},
    "farm_machines": {"price": Decimal(7)},
}


def _copies(change: Callable[[str, Any], dict[str, Any]]) -> Registers:
    """Every row of the registers once more, with some fields otherwise."""
    tables = {
        table: [row.model_copy(update=change(table, row)) for row in getattr(REGISTERS, table)]
        for table in Registers.model_fields
    }
    return Registers(**tables)


def _inflated(table: str, row: Any) -> dict[str, Any]:
    return {k: v * 10**8 for k, v in row if isinstance(v, Decimal)}


def _holding(change: Callable[[str, Any], dict[str, Any]]) -> Provoke:
    def provoke(bench: Bench, source: str) -> Ended:
        with bench.sim.extra(_copies(change)):
            return _ask(bench, source)

    return provoke


PROVOKE["duplicated"] = _holding(lambda table, row: {})
PROVOKE["contradicts_itself"] = _holding(lambda table, row: _OTHERWISE.get(table, {}))
PROVOKE["unit_changed"] = _holding(_inflated)
PROVOKE["its_clock_ahead"] = _profile(stale_days=-1)
PROVOKE["from_the_future"] = _profile(stale_days=-400)

for _id, _days in {"our_clock_back": -1, "our_clock_ahead": 1}.items():

    def _jump(bench: Bench, source: str, days: int = _days) -> Ended:
        now, now_ns = time.time, time.time_ns
        off = days * 86_400
        with (
            mock.patch("time.time", side_effect=lambda: now() + off),
            mock.patch("time.time_ns", side_effect=lambda: now_ns() + off * 10**9),
        ):
            return _ask(bench, source)

    PROVOKE[_id] = _jump


@provokes("changed_midway")
def _(bench: Bench, source: str) -> Ended:
    before = bench.answer_of(source)
    declaration = bench.connectors.declaration(source)
    first = decode(declaration, before, context(source))
    assert first.state.answered
    bench.sim.set_profile(source, fault="missing_field")
    second = _ask(bench, source)
    # Each answer is read as it came: the change harms none that came before it.
    assert decode(declaration, before, context(source)) == first
    return second


@provokes("contradicted")
def _(bench: Bench, source: str) -> Ended:
    """The first address knows nobody, the second (the ordinary one) knows him."""
    second = f"VERIFY_SOURCE_{source.upper()}_SECOND_URL"
    text = bench.content.files[f"{source}.yaml"]
    declared = text.replace("\nauth:", f"\nsecond: {{env: {second}, compare: true}}\nauth:", 1)
    connectors = Connectors.from_content(ContentSet("connectors", {f"{source}.yaml": declared}))
    url = connectors.declaration(source).endpoint.env
    both = {**bench.sim.environment(), url: bench.ignorant.urls[source], second: bench.url(source)}
    places = ",".join(u.removeprefix("http://") for u in (both[url], both[second]))
    hosts = {f"{name}_HOST": places for name in bench.sim.secrets}
    asker = Asker(connectors, {**both, **hosts}, lambda: TODAY)
    try:
        answer = asker.ask(question(source), letters((source,)))
    finally:
        asker.close()
    return _ended(bench, source, answer, LIN, 1)


@provokes("not_configured")
def _(bench: Bench, source: str) -> Ended:
    env = bench.connectors.declaration(source).endpoint.env
    return _with(bench, source, {k: v for k, v in bench.sim.environment().items() if k != env})


@provokes("secret_missing")
def _(bench: Bench, source: str) -> Ended:
    prefix = f"VERIFY_SOURCE_{source.upper()}_"
    kept = {
        k: v
        for k, v in bench.sim.environment().items()
        if not k.startswith(prefix) or k.endswith("_URL")
    }
    return _with(bench, source, kept)


@provokes("answer_after_days")
def _(bench: Bench, source: str) -> Ended:
    bench.sim.set_profile(source, delay_seconds=60.0)
    given = letters(bench.connectors.sources)
    for _ in range(5):  # on a busy machine even submitting may take too long
        name = f"later-{source}-{time.monotonic_ns()}"
        first = bench.asker.ask(question(source, request_id=name), given)
        bench.state.clear()
        if first.pending:
            break
    assert (first.pending, first.bodies) == (True, ())
    bench.sim.set_profile(source, delay_seconds=0.0)
    if source in ("real_estate", "provident_fund"):  # these fix the hour when they take the task
        bench.sim.switch_off(source)
        bench.sim.switch_on(source)
    return _ask(bench, source, request_id=name, ticket=first.ticket)


@provokes("forgotten_ticket")
def _(bench: Bench, source: str) -> Ended:
    return _ask(bench, source, ticket="BDC0000000000000000")


for _variant in ("untrusted", "expired", "wrong_host", "old"):

    def _tls(bench: Bench, source: str, variant: str = _variant) -> Ended:
        with tls_server(variant) as server:
            env = bench.connectors.declaration(source).endpoint.env
            given = {**bench.sim.environment(), env: server.url}
            ended = _with(bench, source, given)
            assert server.received == b"", "nothing may be sent before the handshake holds"
            return replace(ended, sent=0)

    PROVOKE[f"tls_{_variant}"] = _tls


# -- the stored bytes -------------------------------------------------------------------------


def _stored(change: Callable[[list[bytes], Bench, str], list[bytes]]) -> Provoke:
    """Decode the source's own answer after `change`."""

    def provoke(bench: Bench, source: str) -> Ended:
        bodies = list(bench.answer_of(source))
        changed = change(bodies, bench, source)
        declaration = bench.connectors.declaration(source)
        decoded = decode(declaration, changed, context(source))
        return Ended(decoded.state, decoded.detail, tuple(changed), decoded, about=LIN)

    return provoke


def _last(make: Callable[[bytes], bytes]) -> Provoke:
    return _stored(lambda bodies, bench, source: [*bodies[:-1], make(bodies[-1])])


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
    b'<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]><a>&d;&d;&d;&d;</a>'
)


def _zip_bomb() -> bytes:
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(3):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", b"\0" * 30_000_000)
    return made.getvalue()


_ZIP_BOMB: list[bytes] = []


def zip_bomb() -> bytes:
    if not _ZIP_BOMB:
        _ZIP_BOMB.append(_zip_bomb())
    return _ZIP_BOMB[0]


PROVOKE["empty_body"] = _last(lambda body: b"")
PROVOKE["trailing_bytes"] = _last(lambda body: body + b"{}")
PROVOKE["byte_order_mark"] = _last(lambda body: b"\xef\xbb\xbf" + body)
PROVOKE["other_encoding"] = _last(lambda body: body.decode("utf-8", "replace").encode("utf-16-le"))
PROVOKE["random_bytes"] = _last(lambda body: bytes((i * 97 + 13) % 256 for i in range(len(body))))
PROVOKE["entity_bomb"] = _last(lambda body: BOMB)
PROVOKE["zip_bomb"] = _last(lambda body: zip_bomb()[:190_000])
PROVOKE["too_deep"] = _last(
    lambda body: (
        b"<a>" * 5000 + b"</a>" * 5000 if body.startswith(b"<") else b"[" * 5000 + b"]" * 5000
    )
)
PROVOKE["too_large"] = _stored(
    lambda bodies, bench, source: [
        *bodies[:-1],
        bodies[-1] + b" " * bench.connectors.declaration(source).limits.max_bytes,
    ]
)


def _twice(body: bytes) -> bytes:
    """The first field of the document a second time."""
    if body.startswith(b"<?xml"):
        root = body.index(b">", body.index(b"<", 5)) + 1
        if b"Envelope" in body[:root]:
            root = body.index(b"Response", root)
            root = body.index(b">", root) + 1
        tag = body[root + 1 : body.index(b">", root)].split(b" ")[0].strip(b"/")
        end = body.index(b"</" + tag + b">", root) + len(tag) + 3
        return body[:root] + body[root:end] + body[root:]
    text = body.decode()
    key = next(iter(json.loads(text)))
    return f'{{"{key}":1,{text.lstrip()[1:]}'.encode()


PROVOKE["duplicate_keys"] = _last(_twice)


def _number(text: bytes) -> Callable[[bytes], bytes]:
    """The first field of the document turned into this number."""

    def make(body: bytes) -> bytes:
        tree = json.loads(body)
        key = next(iter(tree))
        mark = "@@number@@"
        return json.dumps({**tree, key: mark}).encode().replace(f'"{mark}"'.encode(), text)

    return make


PROVOKE["not_a_number"] = _last(_number(b"NaN"))
PROVOKE["absurd_number"] = _last(_number(b"9" * 5000))
PROVOKE["body_twice"] = _stored(lambda bodies, bench, source: [*bodies, bodies[0]])


@provokes("other_subject_stored")
def _(bench: Bench, source: str) -> Ended:
    bodies = bench.answer_of(source)
    other = replace(context(source), name="另一人", id_number="11010519491231002X")
    decoded = decode(bench.connectors.declaration(source), bodies, other)
    return Ended(decoded.state, decoded.detail, tuple(bodies), decoded)


@provokes("aged")
def _(bench: Bench, source: str) -> Ended:
    declaration = bench.connectors.declaration(source)
    later = TODAY + dt.timedelta(days=declaration.max_age_days + 1)
    bodies = bench.answer_of(source)
    decoded = decode(declaration, bodies, context(source, as_of=later))
    return Ended(decoded.state, decoded.detail, tuple(bodies), decoded)


def _redeclared(bench: Bench, source: str, **changes: Any) -> Ended:
    """The source's own bytes under a declaration that reads one place differently.

    The same as bytes that changed at that place, for every format alike.
    """
    declaration = bench.connectors.declaration(source)
    answer = declaration.answer.model_copy(update=changes)
    other = declaration.model_copy(update={"answer": answer})
    other.__dict__.pop("mapper", None)
    bodies = bench.answer_of(source)
    decoded = decode(other, bodies, context(source))
    return Ended(decoded.state, decoded.detail, tuple(bodies), decoded)


@provokes("unknown_outcome")
def _(bench: Bench, source: str) -> Ended:
    outcome = bench.connectors.declaration(source).answer.outcome
    changed = outcome.model_copy(update={"ok": ("@",), "empty": ("@@",)})
    return _redeclared(bench, source, outcome=changed)


@provokes("count_lies")
def _(bench: Bench, source: str) -> Ended:
    """Every row but the last of the last list, while the count stays."""
    declaration = bench.connectors.declaration(source)
    section = declaration.answer.sections[-1]
    mapper = declaration.mapper
    last = mapper.sections[-1]
    read = last.rows
    last.rows = lambda tree: read(tree)[:-1] if read(tree) else read(tree)  # type: ignore[method-assign]
    try:
        bodies = bench.answer_of(source)
        decoded = decode(declaration, bodies, context(source))
    finally:
        del last.rows
    assert section.rows
    return Ended(decoded.state, decoded.detail, tuple(bodies), decoded)
