"""After a whole run, nothing about the people in it lies around: not in any place, in any dress."""

from __future__ import annotations

import copy
import io
import json
import logging
import re
import tempfile
from pathlib import Path

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.canaries import ENCODINGS, Hit, Sweep, forms, planted
from support.desk import Desk
from support.insider import Insider
from support.live import household, installation
from verify import telemetry
from verify.api import logs
from verify.connectors import http
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.store import tables
from verify.store.backup import backup

PLACES = ("logs", "metrics", "traces", "urls", "errors", "temporary", "database", "rows", "backup")
HOUSEHOLD = household("01")
LONG_NUMBER = re.compile(r"\d{10,}")


def people() -> dict[str, str]:
    """Everything about the household that is nobody's business."""
    application = HOUSEHOLD.application
    found = {}
    for number, member in enumerate(application["household"]["members"], 1):
        found |= {f"name {number}": member["name"], f"id {number}": member["id_number"]}
        if member["address"] not in found.values():
            found[f"address {number}"] = member["address"]
    held = json.dumps(HOUSEHOLD.registers.model_dump(mode="json"), ensure_ascii=False)
    ids = "".join(found.values())
    numbers = sorted(number for number in set(LONG_NUMBER.findall(held)) if number not in ids)
    assert numbers, "the household has no account"
    return found | {f"account {n}": value for n, value in enumerate(numbers, 1)}


def told(application):
    """The application, with what callers write into free text because nobody stops them."""
    first = application["household"]["members"][0]
    said = f"{first['name']} {first['id_number']}"
    read = ApplicationIn.model_validate(application).model_dump(mode="json", exclude_none=True)
    read["declared"]["amounts"] = copy.deepcopy(application["declared"]["amounts"])  # as text
    made = {**read, "case_number": said}
    for letter in made["authorisations"]:
        letter["letter"] = f"{letter['letter']}/{first['id_number']}"
    return made, {"Idempotency-Key": f"for-{first['id_number']}", "Prefer": "wait=40"}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """What one run left in every place, and the canaries that ran with it."""
    home = tmp_path_factory.mktemp("canaries")
    scratch = home / "scratch"
    scratch.mkdir()
    stream, lines = io.StringIO(), []
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(scratch))
        patch.setattr(tempfile, "tempdir", None)
        real = http._Transport.handle_request

        def seen(transport, request):
            lines.append(f"{request.method} {request.url}")
            return real(transport, request)

        patch.setattr(http._Transport, "handle_request", seen)
        logs.configure(logging.DEBUG, stream)
        telemetry.use(provider)
        try:
            found = _run(home / "v", scratch)
        finally:
            telemetry.use(None)
            root.handlers[:] = handlers
            root.setLevel(level)
            structlog.configure(**before)
        patch.setattr(tempfile, "tempdir", None)
    found |= {
        "logs": stream.getvalue().encode(),
        "traces": "\n".join(span.to_json() for span in exporter.get_finished_spans()).encode(),
        "urls": "\n".join(lines).encode(),
    }
    return found


def _run(home: Path, scratch: Path) -> dict[str, bytes]:
    with installation(home) as live:
        application, headers = told(HOUSEHOLD.application)
        with live.client() as caseworker, live.client(live.auditor_key) as auditor:
            errors = _asked(live, caseworker, auditor, application, headers)
            metrics = auditor.get("/metrics").content
        secrets = {name: value for name, value in live.sources.secrets.items() if len(value) > 8}
        keys = {"key 1": live.caseworker_key, "key 2": live.auditor_key}
        master = (home / "master.key").read_text(encoding="utf-8").strip()
        backup(live.system.settings.resolved_database_url, home / "copy.db")
        insider = Insider(live.system.settings.resolved_database_url)
        rows = [insider.rows(table) for table in tables.metadata.sorted_tables]
        insider.engine.dispose()
        running = b"".join(p.read_bytes() for p in sorted(home.glob("verify.db*")))
    left = [p for p in sorted(scratch.rglob("*")) if p.is_file()]
    return {
        "canaries": json.dumps({**people(), **secrets, **keys, "master": master}).encode(),
        "metrics": metrics,
        "errors": errors,
        "temporary": b"\n".join(
            [*(str(p).encode() for p in left), *(p.read_bytes() for p in left)]
        ),
        "database": running + b"".join(p.read_bytes() for p in sorted(home.glob("verify.db*"))),
        "rows": "\n".join(
            _shown(v) for table in rows for row in table for v in row.values()
        ).encode(),
        "backup": (home / "copy.db").read_bytes(),
    }


def _asked(live, caseworker, auditor, application, headers) -> bytes:
    """Read everything there is to read; return every answer that was a refusal."""
    answer = caseworker.post("/v1/verifications", json=application, headers=headers)
    assert answer.status_code in (200, 201, 202), answer.text
    verification = answer.json()["id"]
    live.system.verifications.wait(verification, LOCAL, 40)
    base = f"/v1/verifications/{verification}"
    for part in ("", "/verdict", "/trace", "/evidence", "/report", "/report?format=html"):
        assert caseworker.get(base + part).status_code == 200, part
    for part in ("/receipt", "/events", "/bundle"):
        auditor.get(base + part)
    assert auditor.post(f"{base}/replay").json()["identical"]
    first = application["household"]["members"][0]
    whole = json.dumps(application, ensure_ascii=False)
    wrong = copy.deepcopy(application)
    wrong["household"]["members"][0]["id_number"] = first["id_number"][:-1] + "5"
    bad = {**application, "region": first["name"], "programme": first["id_number"]}
    refused = [
        caseworker.post("/v1/verifications", content=whole[:-1]),
        caseworker.post("/v1/verifications", json=wrong),
        caseworker.post("/v1/verifications", json=bad),
        caseworker.post("/v1/verifications", json={**application, first["name"]: whole}),
        caseworker.post("/v1/verifications", json={**application, "note": first["id_number"]},
                        headers=headers),
        caseworker.post("/v1/assessments", json=application),
        caseworker.get(f"/v1/verifications/{first['id_number']}"),
        caseworker.get(f"/v1/{first['name']}/{first['id_number']}"),
        caseworker.get("/v1/verifications", params={"cursor": first["id_number"]}),
        auditor.get("/v1/audit/inclusion", params={"verification": first["id_number"]}),
        caseworker.get(base, headers={"Authorization": f"Bearer {first['id_number']}"}),
    ]  # fmt: skip
    assert all(answer.status_code >= 400 for answer in refused), refused
    return b"\n".join(answer.content + str(answer.headers).encode() for answer in refused)


def _shown(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@pytest.fixture(scope="module")
def sweep(places):
    return Sweep(json.loads(places["canaries"]))


@pytest.mark.parametrize("place", PLACES)
def test_a_whole_run_leaves_nothing_about_anybody(places, sweep, place):
    if place != "temporary":
        assert places[place], "nothing was looked at"
    assert sweep.scan(places[place]) == set()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("place", PLACES)
def test_a_planted_leak_is_found(places, sweep, place, encoding):
    """The same look at the same bytes, with one leak in their middle."""
    clean, middle = places[place], len(places[place]) // 2
    # Digits are the same in GB 18030 as in ASCII: a name it is, there.
    for canary in ("name 1",) if encoding == "gb18030" else ("name 1", "id 1"):
        leak = planted(people()[canary], encoding)
        leaky = clean[:middle] + leak + clean[middle:]
        assert Hit(canary, encoding) in sweep.scan(leaky), canary


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_canary_is_found_in_every_dress(sweep, places, encoding):
    canaries = json.loads(places["canaries"])
    dressed = {
        name: planted(value, encoding)
        for name, value in canaries.items()
        if encoding == "deflate" or forms(value)[encoding]
    }
    found = sweep.scan(b"-- ".join(b"\n" + leak for leak in dressed.values()))
    assert {hit.canary for hit in found if hit.encoding == encoding} == set(dressed)


def test_a_leak_on_the_seam_of_two_chunks_is_found(sweep):
    value = people()["id 1"].encode()
    for shift in (1, 9, 17):
        assert sweep.scan(b"." * ((1 << 20) - shift) + value + b".") == {Hit("id 1", "utf8")}


def test_there_are_twelve_encodings_and_names_ids_accounts_and_tokens_among_the_canaries(places):
    assert len(set(ENCODINGS)) == 12
    kinds = {name.split()[0] for name in json.loads(places["canaries"])}
    assert kinds >= {"name", "id", "address", "account", "key", "master"}


def test_a_database_that_is_not_sealed_is_caught(store, database_url):
    """The negative control: the same look finds the same people where nothing is sealed."""
    nobody = {"id": "310110196001010018", "name": "欧阳无此人"}
    desk = Desk(store)
    desk.keep()
    desk.accept(application=json.dumps(nobody, ensure_ascii=False).encode())
    insider = Insider(database_url)
    rows = [insider.rows(table) for table in tables.metadata.sorted_tables]
    insider.engine.dispose()
    text = "\n".join(_shown(v) for table in rows for row in table for v in row.values())
    assert {h.canary for h in Sweep(nobody).scan(text.encode("latin-1"))} == {"id", "name"}
