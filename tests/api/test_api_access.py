"""Who may reach what: every route, every role, every region."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute

from verify.api.app import create_app
from verify.domain.access import RoleName

OPEN = {
    "GET /healthz",
    "GET /readyz",
    "GET /problems/{code}",
    "POST /v1/callbacks/{token}",
    "GET /console",  # leads to /console/
    "GET /console/login",
    "POST /console/login",  # asks for the key itself, in the form
    "POST /console/logout",  # ends what there is, if anything
}
NOWHERE = "v_" + "0" * 26


def every_route() -> list[str]:
    """`METHOD /path` of each route, included routers and all."""

    def of(routes):
        for route in routes:
            if inner := getattr(route, "original_router", None):
                yield from of(inner.routes)
            else:
                assert isinstance(route, APIRoute), f"{route} is no API route: judge its access"
                for method in sorted(route.methods):
                    yield f"{method} {route.path}"

    return sorted(of(create_app(None).routes))


def filled(path: str, verification: str = NOWHERE) -> str:
    return re.sub(
        r"\{(\w+)\}",
        lambda m: {"id": verification, "digest": "sha256:" + "0" * 64}.get(m[1], "x"),
        path,
    )


def test_the_walk_over_the_routes_sees_the_whole_contract():
    routes = every_route()
    assert len(routes) == len(set(routes))
    assert {r.split()[1] for r in routes} >= {
        f"/v1/verifications/{{id}}{part}"
        for part in (
            "", "/verdict", "/trace", "/evidence", "/evidence/{digest}", "/report", "/receipt",
            "/events", "/replay", "/cancel",
        )
    }  # fmt: skip
    assert set(routes) >= OPEN


@pytest.mark.parametrize("route", [r for r in every_route() if r not in OPEN])
def test_without_credentials_every_route_answers_401(nobody, refusal, route):
    method, path = route.split()
    answer = nobody.request(method, filled(path))
    assert answer.status_code == 401, route
    assert answer.headers["www-authenticate"].startswith("Bearer")
    if not path.startswith("/console"):
        refusal(answer, 401, "not-authenticated")


@pytest.mark.parametrize(
    "credentials",
    [
        {"Authorization": "Bearer vk_nobody_" + "A" * 43},
        {"Authorization": "Bearer not.a.token"},
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer"},
        {"X-API-Key": "vk_x"},
    ],
    ids=["unknown key", "no token", "algorithm none", "basic", "empty", "broken key"],
)
def test_bad_credentials_are_no_credentials(nobody, refusal, credentials):
    refusal(nobody.get("/v1/verifications", headers=credentials), 401)


def test_a_key_works_in_either_header(nobody, live):
    for headers in (
        {"Authorization": f"Bearer {live.caseworker_key}"},
        {"X-API-Key": live.caseworker_key},
    ):
        assert nobody.get("/v1/verifications", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "route", [r for r in every_route() if "{id}" in r and not r.split()[1].startswith("/console")]
)
def test_anothers_verification_is_answered_like_one_that_does_not_exist(
    elsewhere, auditor, judged, route
):
    method, path = route.split()
    theirs = elsewhere.request(method, filled(path, judged))
    nothing = elsewhere.request(method, filled(path, NOWHERE))
    malformed = elsewhere.request(method, filled(path, "'or'1'='1"))
    assert theirs.status_code == 404
    assert theirs.content == nothing.content == malformed.content
    assert dict(theirs.headers) == dict(nothing.headers) | {"date": theirs.headers["date"]}
    # and it is there, for whom it is there (a raw answer needs a digest of its own)
    if method == "GET" and "{digest}" not in path:
        assert auditor.get(filled(path, judged)).status_code == 200


def test_a_list_holds_nothing_from_other_regions(elsewhere, caseworker, judged):
    assert elsewhere.get("/v1/verifications").json()["verifications"] == []
    ids = [v["id"] for v in caseworker.get("/v1/verifications?limit=100").json()["verifications"]]
    assert judged in ids


def test_nobody_submits_for_a_region_outside_their_own(elsewhere, application, refusal):
    refusal(elsewhere.post("/v1/verifications", json=application), 403, "not-permitted")


def test_an_auditor_reads_and_replays_but_changes_nothing(auditor, judged, application, refusal):
    assert auditor.get(f"/v1/verifications/{judged}/verdict").status_code == 200
    assert auditor.post(f"/v1/verifications/{judged}/replay").status_code == 200
    refusal(auditor.post("/v1/verifications", json=application), 403)
    refusal(auditor.post(f"/v1/verifications/{judged}/cancel"), 403)


def test_an_administrator_reads_no_personal_data(live, key_for, judged, refusal):
    with live.client(key_for(RoleName.ADMINISTRATOR, regions=("*",))) as administrator:
        for part in ("", "/verdict", "/trace", "/evidence", "/report", "/events", "/receipt"):
            refusal(administrator.get(f"/v1/verifications/{judged}{part}"), 403)
        refusal(administrator.get("/v1/verifications"), 403)
        assert administrator.get("/v1/connectors").status_code == 200


def test_raw_answers_are_for_caseworkers_and_auditors(live, key_for, auditor, judged, refusal):
    evidence = auditor.get(f"/v1/verifications/{judged}/evidence").json()["evidence"]
    digest = next(d for e in evidence for d in e["bodies"])
    path = f"/v1/verifications/{judged}/evidence/{digest}"
    answer = auditor.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    with live.client(key_for(RoleName.CALLER)) as caller:
        refusal(caller.get(path), 403)


def test_a_revoked_key_ends_at_once(live, key_for):
    key = key_for(RoleName.CALLER)
    with live.client(key) as client:
        assert client.get("/v1/verifications").status_code == 200
        live.system.store.revoke_key(key.split("_")[1], 1)
        assert client.get("/v1/verifications").status_code == 401


def test_a_callback_is_answered_alike_whatever_its_token(nobody):
    answers = [
        nobody.post(f"/v1/callbacks/{token}", content=b'{"outcome":"eligible"}')
        for token in ("x", "A" * 43, "%00", "%0d%0a", "長" * 30)
    ]
    assert {(a.status_code, a.content) for a in answers} == {(204, b"")}
