"""The further departments that speak HTTP. Each follows the steps of `verify.simulate.apps`."""

from __future__ import annotations

import base64
import hmac
import json
import secrets as random
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from verify.simulate import faults
from verify.simulate.apps import JSON, XML, Department, Guard, job_app, query_app
from verify.simulate.dialects import (
    disability,
    household_register,
    insurance,
    internet_finance,
    market,
    marriage,
    medical,
    provident_fund,
    securities,
    utilities,
)
from verify.simulate.dialects.common import json_bytes
from verify.simulate.dialects.sealing import mac
from verify.simulate.state import Asked, Fault

MAX_NONCES = 20_000
OLD_SECONDS = 300


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _key_guard(department: Department) -> Guard:
    return lambda request, body: _same(
        request.headers.get("x-api-key", ""), department.secret("API_KEY")
    )


def _basic_guard(department: Department) -> Guard:
    def allowed(request: Request, body: bytes) -> bool:
        pair = f"{department.secret('USER')}:{department.secret('PASSWORD')}"
        expected = "Basic " + base64.b64encode(pair.encode()).decode()
        return _same(request.headers.get("authorization", ""), expected)

    return allowed


def _signed_guard(department: Department, algorithm: str) -> Guard:
    """Method, path, time, nonce and body are signed; what is old or was seen is refused."""
    nonces: OrderedDict[str, None] = OrderedDict()

    def allowed(request: Request, body: bytes) -> bool:
        moment = request.headers.get("x-time", "")
        nonce = request.headers.get("x-nonce", "")
        fresh = moment.isdecimal() and abs(int(moment) - time.time()) < OLD_SECONDS
        lines = [request.method, request.url.path, moment, nonce]
        expected = mac(
            algorithm, department.secret("KEY"), "\n".join(lines).encode() + b"\n" + body
        )
        known = _same(request.headers.get("x-key-id", ""), department.secret("KEY_ID"))
        good = known and _same(request.headers.get("x-signature", ""), expected)
        if not (fresh and good and nonce not in nonces):
            return False
        nonces[nonce] = None
        while len(nonces) > MAX_NONCES:
            nonces.popitem(last=False)
        return True

    return allowed


def _simple(module: Any, guard: Callable[[Department], Guard], media_type: str = JSON) -> Any:
    """A department whose answer is one body of one dialect module."""

    def make(department: Department) -> Starlette:
        def write(asked: Asked, shown: Asked, fault: Fault) -> bytes:
            day = department.data_day(asked)
            made: bytes = module.write(asked, department.holdings, day, shown)
            return _lost_page(made, asked, fault)

        return query_app(
            department,
            path=module.PATH,
            guard=guard(department),
            read=module.read,
            write=write,
            media_type=media_type,
        )

    return make


def _lost_page(body: bytes, asked: Asked, fault: Fault) -> bytes:
    """A later page without its rows."""
    if fault != "lost_page" or asked.page == 1:
        return body
    page = json.loads(body)
    empty: dict[str, Any] = {k: [] for k, v in page.items() if isinstance(v, list)}
    return json_bytes({**page, **empty})


def household_register_app(department: Department) -> Starlette:
    """The household register, behind a security server that repeats the message id."""

    def write(asked: Asked, shown: Asked, fault: Fault) -> bytes:
        day = department.data_day(asked)
        return household_register.write(asked, department.holdings, day, shown)

    def repeat(request: Request, response: Response) -> Response:
        forged = department.state.profile.fault == "bad_signature"
        response.headers["x-road-id"] = "0" if forged else request.headers.get("x-road-id", "")
        return response

    return query_app(
        department,
        path=household_register.PATH,
        guard=_signed_guard(department, "sm3"),
        read=household_register.read,
        write=write,
        media_type=JSON,
        finish=repeat,
    )


def insurance_app(department: Department) -> Starlette:
    """The gateway of the insurers."""

    def guard(request: Request, body: bytes) -> bool:
        expected = mac("sm3", department.secret("KEY"), body)
        return _same(request.headers.get("x-key-id", ""), department.secret("KEY_ID")) and _same(
            request.headers.get("x-signature", ""), expected
        )

    def write(asked: Asked, shown: Asked, fault: Fault) -> bytes:
        day = department.data_day(asked)
        envelope = insurance.write(asked, department.holdings, day, shown)
        if fault in ("extra_field", "missing_field"):
            faults.drift_tree(envelope, fault)
        key = "another key" if fault == "bad_signature" else department.secret("KEY")
        return insurance.seal(envelope, department.secret("KEY_ID"), key)

    return query_app(
        department,
        path=insurance.PATH,
        guard=guard,
        read=insurance.read,
        write=write,
        media_type=JSON,
    )


def provident_fund_app(department: Department) -> Starlette:
    """The provident fund: a task number first, the answer later."""
    return job_app(
        department,
        path=provident_fund.PATH,
        guard=_basic_guard(department),
        dialect=provident_fund,
        number=lambda: f"GJJ{random.token_hex(6)}",
        media_type=XML,
        drift=faults.drift_xml,
    )


MORE_APPS: dict[str, Callable[[Department], Starlette]] = {
    "disability": _simple(disability, _key_guard),
    "household_register": household_register_app,
    "insurance": insurance_app,
    "internet_finance": _simple(internet_finance, lambda d: _signed_guard(d, "sha256")),
    "market": _simple(market, _key_guard),
    "marriage": _simple(marriage, _basic_guard, XML),
    "medical": _simple(medical, _key_guard),
    "provident_fund": provident_fund_app,
    "securities": _simple(securities, _key_guard),
    "utilities": _simple(utilities, _key_guard),
}
