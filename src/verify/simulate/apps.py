"""The first five departments as web applications, one each, and what all of them share.

Every application follows the same steps: who is calling, what is asked, write it down, wait as
the profile says, answer in the department's own dialect, or fail as the profile says.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hmac
import http.client
import json
import secrets as random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from verify.simulate import faults
from verify.simulate.dialects import bank, real_estate, social_insurance, tax, vehicle
from verify.simulate.dialects.common import json_bytes
from verify.simulate.state import Asked, Fault, Holdings, SourceState

JSON, XML = "application/json; charset=utf-8", "application/xml; charset=utf-8"
HANG_SECONDS = 120
MAX_JOBS = 50_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Reader = Callable[[bytes], Asked]
Writer = Callable[[Asked, Asked, Fault], bytes]
Handler = Callable[[Request], Awaitable[Response]]
Guard = Callable[[Request, bytes], bool]
Finish = Callable[[Request, Response], Response]


@dataclass
class Department:
    """What an application needs: its state, the registers, its secrets, and when to stop."""

    state: SourceState
    holdings: Holdings
    secrets: dict[str, str]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def data_day(self, asked: Asked) -> dt.date:
        """The day of which the answer's data are."""
        return asked.as_of - dt.timedelta(days=self.state.profile.stale_days)

    def secret(self, name: str) -> str:
        """A secret of this source by the last part of its name."""
        return self.secrets[f"VERIFY_SOURCE_{self.state.source.upper()}_{name}"]

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of this server."""
        if seconds > 0:
            with_stop = asyncio.ensure_future(self.stopping.wait())
            await asyncio.wait({with_stop}, timeout=seconds)
            with_stop.cancel()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _plain(status: int, text: str = "") -> Response:
    return Response(text, status, media_type="text/plain; charset=utf-8")


async def transport_fault(department: Department, fault: Fault) -> Response | None:
    """The answer to a request that meets a fault before anything is looked up."""
    if fault == "timeout":
        await department.pause(HANG_SECONDS)
        return _plain(503)
    if fault == "throttled":
        headers = {"retry-after": department.state.profile.retry_after}
        return Response("", 429, headers=headers)
    if fault == "redirect":
        return Response("", 302, headers={"location": "/elsewhere"})
    status = {"http_500": 500, "refused": 403}.get(fault)
    return _plain(status, "内部错误") if status else None


async def send(department: Department, body: bytes, fault: Fault, media_type: str) -> Response:
    """An answer, as a page of HTML or a byte at a time where the fault is that."""
    if fault == "html_error_page":
        return Response(faults.ERROR_PAGE, media_type="text/html; charset=utf-8")
    if fault != "slow_drip":
        return Response(body, media_type=media_type)

    async def drip() -> AsyncIterator[bytes]:
        for i in range(len(body)):
            await department.pause(0.1)
            if department.stopping.is_set():
                return
            yield body[i : i + 1]

    return StreamingResponse(drip(), media_type=media_type)


async def understand(
    department: Department, request: Request, read: Reader
) -> tuple[Asked, Fault] | Response:
    """Read and log a request, wait as long as the source takes, meet transport faults."""
    state = department.state
    try:
        asked = read(await request.body())
    except (ValueError, KeyError, TypeError, SyntaxError):
        return _plain(400, "请求格式错误")
    key = request.headers.get("idempotency-key", "") or next(
        (request.headers[h] for h in ("x-serial-no", "x-idempotency-key") if h in request.headers),
        "",
    )
    state.log(request.url.path, key, asked)
    await department.pause(state.profile.latency_seconds)
    fault = state.next_fault()
    failed = await transport_fault(department, fault)
    return failed if failed is not None else (asked, fault)


def shown_subject(department: Department, asked: Asked, fault: Fault) -> Asked:
    """The person whose data are shown: with the fault `wrong_subject`, somebody else."""
    if fault != "wrong_subject":
        return asked
    name, number = department.holdings.somebody_else(asked)
    return replace(asked, name=name, id=number, former_names=())


def query_app(
    department: Department,
    *,
    path: str,
    guard: Guard,
    read: Reader,
    write: Writer,
    media_type: str,
    extra: tuple[Route, ...] = (),
    finish: Finish = lambda request, response: response,
) -> Starlette:
    """A department that answers at once; `finish` has the last word on a whole answer."""

    async def answer(request: Request) -> Response:
        if not guard(request, await request.body()):
            return _plain(401, "未授权")
        understood = await understand(department, request, read)
        if isinstance(understood, Response):
            return understood
        asked, fault = understood
        if asked.part in department.state.profile.parts_down and asked.part:
            return _plain(502, "成员行无应答")
        body = write(asked, shown_subject(department, asked, fault), fault)
        by = faults.drift_xml if media_type == XML else faults.drift_json
        if not asked.part or fault == "truncated":
            body = faults.drift(body, fault, by)
        return finish(request, await send(department, body, fault, media_type))

    return Starlette(routes=[Route(path, answer, methods=["POST"]), *extra])


def tax_app(department: Department) -> Starlette:
    """The tax office, with its token endpoint (OAuth 2 client credentials)."""
    tokens: OrderedDict[str, float] = OrderedDict()

    async def issue(request: Request) -> Response:
        pair = f"{department.secret('CLIENT_ID')}:{department.secret('CLIENT_SECRET')}"
        expected = "Basic " + base64.b64encode(pair.encode()).decode()
        form = await request.body()
        if not _same(request.headers.get("authorization", ""), expected):
            return Response(json_bytes({"error": "invalid_client"}), 401, media_type=JSON)
        if form != b"grant_type=client_credentials":
            return Response(json_bytes({"error": "unsupported_grant_type"}), 400, media_type=JSON)
        life = department.state.profile.token_seconds
        token = random.token_urlsafe(24)
        tokens[token] = time.monotonic() + life
        while len(tokens) > 1000:
            tokens.popitem(last=False)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": life}
        return Response(json_bytes(body), media_type=JSON)

    def guard(request: Request, body: bytes) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return tokens.get(token, 0.0) > time.monotonic()

    def write(asked: Asked, shown: Asked, fault: Fault) -> bytes:
        body = tax.write(asked, department.holdings, department.data_day(asked), shown)
        if asked.page > 1 and fault == "lost_page":
            page = json.loads(body)
            return json_bytes({**page, "srxx": [], "rzxx": []})
        return body

    token_route = Route("/oauth/token", issue, methods=["POST"])
    return query_app(
        department,
        path="/api/v2/nsr/query",
        guard=guard,
        read=tax.read,
        write=write,
        media_type=JSON,
        extra=(token_route,),
    )


def _key_guard(department: Department) -> Callable[[Request, bytes], bool]:
    return lambda request, body: _same(
        request.headers.get("x-api-key", ""), department.secret("API_KEY")
    )


def vehicle_app(department: Department) -> Starlette:
    """The vehicle office."""

    def write(asked: Asked, shown: Asked, fault: Fault) -> bytes:
        return vehicle.write(asked, department.holdings, department.data_day(asked), shown)

    guard = _key_guard(department)
    return query_app(
        department,
        path="/vio/VehicleQuery",
        guard=guard,
        read=vehicle.read,
        write=write,
        media_type=XML,
    )


def social_insurance_app(department: Department) -> Starlette:
    """The social insurance agency."""

    def write(asked: Asked, shown: Asked, fault: Fault) -> bytes:
        day = department.data_day(asked)
        return social_insurance.write(asked, department.holdings, day, shown)

    guard = _key_guard(department)
    read = social_insurance.read
    return query_app(
        department,
        path="/si/v1/insured/query",
        guard=guard,
        read=read,
        write=write,
        media_type=JSON,
    )


def bank_app(department: Department) -> Starlette:
    """The gateway of the banks."""

    def guard(request: Request, body: bytes) -> bool:
        return _same(request.headers.get("x-key-id", ""), department.secret("KEY_ID")) and _same(
            request.headers.get("x-signature", ""), bank.signature(department.secret("KEY"), body)
        )

    def write(asked: Asked, shown: Asked, fault: Fault) -> bytes:
        envelope = bank.write(asked, department.holdings, department.data_day(asked), shown)
        if fault in ("extra_field", "missing_field"):
            faults.drift_tree(envelope, fault)
        key = "another key" if fault == "bad_signature" else department.secret("KEY")
        return bank.seal(envelope, department.secret("KEY_ID"), key)

    return query_app(
        department,
        path="/gateway/v1/query",
        guard=guard,
        read=bank.read,
        write=write,
        media_type=JSON,
    )


@dataclass
class _Job:
    number: str
    asked: Asked
    taken_at: float
    ready_at: float


def real_estate_app(department: Department) -> Starlette:
    """The real-estate registry: a business number first, the answer later."""

    def allowed(request: Request, body: bytes) -> bool:
        pair = f"{department.secret('USER')}:{department.secret('PASSWORD')}"
        expected = "Basic " + base64.b64encode(pair.encode()).decode()
        return _same(request.headers.get("authorization", ""), expected)

    return job_app(
        department,
        path="/bdc/applications",
        guard=allowed,
        dialect=real_estate,
        number=lambda: f"BDC{random.token_hex(8).upper()}",
        media_type=JSON,
        drift=faults.drift_json,
    )


def job_app(
    department: Department,
    *,
    path: str,
    guard: Guard,
    dialect: Any,
    number: Callable[[], str],
    media_type: str,
    drift: Callable[[bytes, Fault], bytes],
) -> Starlette:
    """A department that takes a task and answers when it is asked for it later."""
    jobs: OrderedDict[str, _Job] = OrderedDict()
    numbers: dict[str, str] = {}
    calls: set[asyncio.Task[None]] = set()

    async def submit(request: Request) -> Response:
        if not guard(request, await request.body()):
            return _plain(401, "未授权")
        understood = await understand(department, request, dialect.read)
        if isinstance(understood, Response):
            return understood
        asked, _ = understood
        job = _job(asked)
        body = dialect.accepted(job.number, int(department.state.profile.delay_seconds))
        headers = {"location": f"{path}/{job.number}"}
        return Response(body, 202, headers=headers, media_type=media_type)

    def _job(asked: Asked) -> _Job:
        """The job of this request; the same request again gets the same number."""
        if known := jobs.get(numbers.get(asked.request_id, "")):
            return known
        delay = department.state.profile.delay_seconds
        now = time.monotonic()
        job = _Job(number(), asked, now, now + delay)
        jobs[job.number] = job
        numbers[asked.request_id] = job.number
        while len(jobs) > MAX_JOBS:
            _, old = jobs.popitem(last=False)
            numbers.pop(old.asked.request_id, None)
        if asked.callback_url:
            task = asyncio.ensure_future(_call_back(department, job))
            calls.add(task)
            task.add_done_callback(calls.discard)
        return job

    async def status(request: Request) -> Response:
        if not guard(request, b""):
            return _plain(401, "未授权")
        job = jobs.get(request.path_params["number"])
        if job is None:
            return _plain(404, "无此业务")
        profile = department.state.profile
        await department.pause(profile.latency_seconds)
        if profile.fault in faults.TRANSPORT_FAULTS:
            failed = await transport_fault(department, department.state.next_fault())
            if failed is not None:
                return failed
        # A register that became quicker meanwhile is done with old tasks too.
        if time.monotonic() < min(job.ready_at, job.taken_at + profile.delay_seconds):
            return Response(dialect.working(job.number), 202, media_type=media_type)
        shown = shown_subject(department, job.asked, profile.fault)
        day = department.data_day(job.asked)
        body = dialect.write(job.number, department.holdings, day, shown)
        body = faults.drift(body, profile.fault, drift)
        return await send(department, body, profile.fault, media_type)

    return Starlette(
        routes=[
            Route(path, submit, methods=["POST"]),
            Route(f"{path}/{{number}}", status, methods=["GET"]),
        ]
    )


async def _call_back(department: Department, job: _Job) -> None:
    """Tell the asker that the answer is ready: the business number, nothing else.

    The simulated registry calls nobody but this machine.
    """
    await department.pause(job.ready_at - time.monotonic())
    url = urlsplit(job.asked.callback_url)
    if department.stopping.is_set() or url.scheme != "http" or url.hostname not in LOOPBACK:
        return
    await asyncio.to_thread(_post, url.hostname or "", url.port or 80, url.path, job.number)


def _post(host: str, port: int, path: str, number: str) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        body = json_bytes({"业务编号": number})
        connection.request("POST", path, body, {"content-type": JSON})
        connection.getresponse().read(1000)
    except (OSError, http.client.HTTPException):
        return  # a lost callback is the asker's to survive: it polls
    finally:
        connection.close()


APPS: dict[str, Callable[[Department], Starlette]] = {
    "bank": bank_app,
    "real_estate": real_estate_app,
    "social_insurance": social_insurance_app,
    "tax": tax_app,
    "vehicle": vehicle_app,
}
