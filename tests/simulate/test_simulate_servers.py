"""The simulated departments: search as old systems search, fail on demand, stop cleanly."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from verify.simulate.registers import Registers
from verify.simulate.server import SimulatedSources, load_registers
from verify.simulate.state import DATABASES, FOLDERS, SOURCES

# Synthetic: nobody has these numbers.
WANG = ("王伟", "310104198001010017")
NAMESAKE_ID = "330106199001010018"
_CAR = {"vehicle_class": "car", "registered_on": "2020-01-01", "price": "1"}
REGISTERS = Registers.model_validate(
    {
        "vehicles": [
            {**_CAR, "name": WANG[0], "id": WANG[1], "plate": "own"},
            {**_CAR, "name": WANG[0], "id": NAMESAKE_ID, "plate": "namesake"},
            {**_CAR, "name": WANG[0], "plate": "no-number"},
            {**_CAR, "name": "王玮", "id": "310104800101001", "plate": "15-digits"},
            {**_CAR, "name": "李娜", "id": "110105199103030020", "plate": "stranger"},
        ],
        "payouts": [
            {
                "name": WANG[0],
                "id": NAMESAKE_ID,
                "month": "2025-01",
                "item": "unemployment",
                "amount": "1",
            }
        ],
    }
)


@pytest.fixture
def sim() -> Iterator[SimulatedSources]:
    with SimulatedSources(REGISTERS) as sources:
        yield sources


def call(
    url: str, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=10)
    try:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def vehicles(sim: SimulatedSources, name: str, number: str) -> str:
    body = (
        "<Request><Head><SerialNo>1</SerialNo><Requester>r</Requester><Purpose>p</Purpose>"
        "<LetterNo>l</LetterNo><CaseNo/></Head><Query>"
        f"<Name>{name}</Name><IdNo>{number}</IdNo><AsOf>2025/05/20</AsOf></Query></Request>"
    )
    key = sim.secrets["VERIFY_SOURCE_VEHICLE_API_KEY"]
    url = sim.urls["vehicle"]
    status, _, answer = call(url, "POST", "/vio/VehicleQuery", body.encode(), X_Api_Key=key)
    assert status == 200
    return answer.decode()


def test_all_sources_are_up_in_less_than_two_seconds() -> None:
    started = time.monotonic()
    with SimulatedSources(REGISTERS) as sources:
        assert time.monotonic() - started < 2
        assert sorted(sources.urls) == list(SOURCES)
        offline = {s: sources.urls[s] for s in (*FOLDERS, *DATABASES)}
        assert all(u.startswith(("file:///", "sqlite:///file:/")) for u in offline.values())
        listening = sources.urls.keys() - offline.keys()
        assert all(sources.urls[s].startswith("http://127.0.0.1:") for s in listening)


def test_a_search_finds_by_number_lifted_number_or_name(sim: SimulatedSources) -> None:
    answer = vehicles(sim, *WANG)
    assert all(p in answer for p in ("own", "namesake", "no-number", "15-digits"))
    assert "stranger" not in answer


def test_social_insurance_finds_by_number_alone(sim: SimulatedSources) -> None:
    body = {
        "requestId": "1",
        "requester": "r",
        "purpose": "p",
        "authorizationNo": "l",
        "caseNo": "",
        "subject": {"name": WANG[0], "idNumber": WANG[1]},
        "fromMonth": "2024-05",
        "toMonth": "2025-05",
        "asOf": "2025-05-20",
    }
    key = sim.secrets["VERIFY_SOURCE_SOCIAL_INSURANCE_API_KEY"]
    _, _, raw = call(
        sim.urls["social_insurance"],
        "POST",
        "/si/v1/insured/query",
        json.dumps(body).encode(),
        X_Api_Key=key,
    )
    assert json.loads(raw)["payouts"] == []


@pytest.mark.parametrize("source", ["bank", "real_estate", "social_insurance", "tax", "vehicle"])
def test_without_credentials_nothing_is_told(sim: SimulatedSources, source: str) -> None:
    paths = {
        "bank": "/gateway/v1/query",
        "real_estate": "/bdc/applications",
        "social_insurance": "/si/v1/insured/query",
        "tax": "/api/v2/nsr/query",
        "vehicle": "/vio/VehicleQuery",
    }
    assert call(sim.urls[source], "POST", paths[source], b"{}")[0] == 401
    assert sim.requests(source) == []


def test_a_bad_request_is_refused(sim: SimulatedSources) -> None:
    key = sim.secrets["VERIFY_SOURCE_VEHICLE_API_KEY"]
    for body in (b"<x", b"<Request/>", b'<!DOCTYPE x [<!ENTITY e "1">]><Request>&e;</Request>'):
        answer = call(sim.urls["vehicle"], "POST", "/vio/VehicleQuery", body, X_Api_Key=key)
        assert answer[0] == 400


def test_a_source_switched_off_refuses_connections_and_keeps_its_port(
    sim: SimulatedSources,
) -> None:
    before = sim.urls["vehicle"]
    sim.switch_off("vehicle")
    assert not sim.is_on("vehicle")
    with pytest.raises(ConnectionRefusedError):
        call(before, "GET", "/")
    sim.switch_on("vehicle")
    assert sim.urls["vehicle"] == before
    assert "own" in vehicles(sim, *WANG)


def test_the_log_holds_no_personal_data(sim: SimulatedSources) -> None:
    vehicles(sim, *WANG)
    text = str(sim.requests("vehicle"))
    assert sim.subject(WANG[1]) in text
    assert WANG[0] not in text
    assert WANG[1] not in text


def test_the_control_endpoint_needs_its_token(sim: SimulatedSources) -> None:
    assert call(sim.control_url, "GET", "/sources")[0] == 401
    assert call(sim.control_url, "POST", "/sources/tax/off", Authorization="Bearer x")[0] == 401
    assert sim.is_on("tax")


def test_the_control_endpoint_changes_and_switches_sources(sim: SimulatedSources) -> None:
    token = f"Bearer {sim.secrets['VERIFY_SIMULATE_CONTROL_TOKEN']}"

    def control(method: str, path: str, body: object = None) -> tuple[int, object]:
        raw = json.dumps(body).encode() if body is not None else b""
        status, _, answer = call(sim.control_url, method, path, raw, Authorization=token)
        return status, json.loads(answer)

    status, view = control("PATCH", "/sources/vehicle", {"fault": "http_500", "fault_count": 1})
    assert status == 200
    assert sim.profile("vehicle").fault == "http_500"
    assert control("PATCH", "/sources/vehicle", {"fault": "gremlins"})[0] == 422
    assert control("PATCH", "/sources/vehicle", {"speed": 1})[0] == 422
    assert control("POST", "/sources/vehicle/off")[0] == 200
    assert not sim.is_on("vehicle")
    assert control("POST", "/sources/vehicle/on")[0] == 200
    assert sim.is_on("vehicle")
    assert control("POST", "/sources/vehicle/sideways")[0] == 404
    assert control("POST", "/sources/nowhere/off")[0] == 404
    status, view = control("GET", "/sources")
    assert isinstance(view, dict)
    assert set(view) == set(sim.urls)


class _Listener(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.received.append((self.path, self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def test_a_callback_carries_the_business_number_and_nothing_else(sim: SimulatedSources) -> None:
    received: list[tuple[str, bytes]] = []
    handler = type("Handler", (_Listener,), {"received": received})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        application = {
            "请求流水号": "cb-1",
            "申请单位": "r",
            "查询目的": "p",
            "授权书编号": "l",
            "案件编号": "",
            "查询对象": {"姓名": WANG[0], "证件号码": WANG[1], "曾用名": []},
            "截止日期": "2025年05月20日",
            "回调地址": f"http://127.0.0.1:{server.server_port}/v1/callbacks/abc",
        }
        status, _, raw = _real_estate(sim, application)
        assert status == 202
        number = json.loads(raw)["业务编号"]
        deadline = time.monotonic() + 5
        while not received and time.monotonic() < deadline:
            time.sleep(0.02)
        [(path, body)] = received
        assert path == "/v1/callbacks/abc"
        assert json.loads(body) == {"业务编号": number}
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()


def _real_estate(
    sim: SimulatedSources, application: dict[str, object]
) -> tuple[int, dict[str, str], bytes]:
    import base64

    pair = ":".join(sim.secrets[f"VERIFY_SOURCE_REAL_ESTATE_{n}"] for n in ("USER", "PASSWORD"))
    basic = "Basic " + base64.b64encode(pair.encode()).decode()
    body = json.dumps(application).encode()
    url = sim.urls["real_estate"]
    return call(url, "POST", "/bdc/applications", body, Authorization=basic)


def test_secrets_are_made_anew_at_every_start_unless_given(sim: SimulatedSources) -> None:
    with SimulatedSources(Registers(), secrets={"VERIFY_SOURCE_BANK_KEY": "given"}) as other:
        assert other.secrets["VERIFY_SOURCE_BANK_KEY"] == "given"
        assert (
            other.secrets["VERIFY_SOURCE_TAX_CLIENT_SECRET"]
            != (sim.secrets["VERIFY_SOURCE_TAX_CLIENT_SECRET"])
        )


def test_registers_are_read_from_hand_written_households() -> None:
    folder = Path(__file__).parents[2] / "fixtures" / "households"
    files = tuple(sorted(folder.glob("*.yaml")))[:3]
    assert load_registers(files).accounts


def test_serving_stops_cleanly_on_sigterm() -> None:
    script = (
        "from verify.simulate.registers import Registers\n"
        "from verify.simulate.server import serve_forever\n"
        "serve_forever(Registers(), ports={}, ready=lambda s: print('ready', flush=True))\n"
        "print('stopped', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "stopped\n", "")
