"""The access trail: no read of personal data without an entry; the questions auditors ask."""

from __future__ import annotations

import csv
import io
import re

from support.canaries import Sweep
from support.live import household
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn
from verify.store.accesses import AccessFilters

HOUSEHOLD = household("01")
MEMBERS = HOUSEHOLD.application["household"]["members"]
SWEEP = Sweep(
    {m["id_number"]: m["id_number"] for m in MEMBERS} | {m["name"]: m["name"] for m in MEMBERS}
)
PARTS = re.compile(r"^GET (/v1/verifications/\{id\}\S*|/console/verifications/\{id\}\S*)$")


def reads(live, verification):
    filters = AccessFilters((verification,))
    return len(live.system.store.accesses(LOCAL, filters, "", 500))


def routes():
    from test_api_access import every_route

    return [m[1] for route in every_route() if (m := PARTS.match(route))]


def test_no_route_shows_personal_data_without_an_entry_in_the_trail(
    live, caseworker, auditor, judged
):
    """A walk over every route of a case, as caseworker and as auditor."""
    digests = [d for x in live.system.store.exchanges(judged) for d in x.bodies]
    shown, walked = set(), routes()
    with live.client() as console:
        console.headers.pop("Authorization")
        console.post(
            "/console/login", data={"key": live.caseworker_key}, headers={"Origin": live.url}
        )
        for template in walked:
            for client in (caseworker, auditor, console):
                path = template.replace("{id}", judged).replace("{digest}", digests[0])
                before = reads(live, judged)
                answer = client.get(path)
                personal = SWEEP.scan(answer.content)
                if personal:
                    shown.add(template)
                    assert reads(live, judged) > before, template
        for path in (f"/v1/verifications/{judged}/what-if", f"/v1/verifications/{judged}/replay"):
            before = reads(live, judged)
            assert auditor.post(path, json={"as_of": "2025-05-20"}).status_code == 200
            assert reads(live, judged) > before, path
    assert shown >= {"/v1/verifications/{id}/report", "/v1/verifications/{id}/bundle",
                     "/console/verifications/{id}"}  # fmt: skip


def test_every_entry_of_the_trail_names_who_what_and_the_case(live, auditor, judged):
    auditor.get(f"/v1/verifications/{judged}/report")
    newest = auditor.get("/v1/audit/accesses", params={"verification": judged}).json()["accesses"]
    assert all(row["caller"] and row["what"] and row["verification"] == judged for row in newest)


def test_a_check_that_nobody_read_is_a_check_without_follow_up(live, auditor, caseworker):
    verification = live.check(HOUSEHOLD.application)

    def unread():
        found = auditor.get("/v1/audit/unread", params={"days": 0}).json()["checks"]
        return verification in [row["verification"] for row in found]

    assert unread()
    assert caseworker.get("/v1/audit/unread").status_code == 403
    caseworker.get(f"/v1/verifications/{verification}/report")
    assert not unread()


def test_a_look_up_without_a_case_stands_out(live, auditor):
    body = ApplicationIn.model_validate({**HOUSEHOLD.application, "case_number": ""})
    without = live.system.verifications.submit(body, LOCAL).id
    with_case = live.check(HOUSEHOLD.application)
    found = {r["verification"] for r in auditor.get("/v1/audit/caseless").json()["checks"]}
    assert without in found
    assert with_case not in found


def test_who_looked_at_this_person_is_answered_and_itself_recorded(live, auditor, judged):
    wanted = {"id_number": MEMBERS[0]["id_number"]}
    answer = auditor.post("/v1/audit/person", json=wanted).json()
    assert judged in {case["verification"] for case in answer["cases"]}
    again = auditor.post("/v1/audit/person", json=wanted).json()
    assert "search" in {row["what"] for row in again["accesses"]}
    assert not SWEEP.scan(str(answer).encode())


def test_everybody_was_asked_negatives_included(live, auditor, judged):
    answer = auditor.get(f"/v1/verifications/{judged}/asked").json()
    assert answer["complete"]
    assert answer["intact"]
    planned = {x.evidence for x in live.system.store.exchanges(judged)}
    assert {row["evidence"] for row in answer["asked"]} == planned
    assert "confirmed_empty" in {row["state"] for row in answer["asked"]}
    entries = {e.position: e for e in live.system.store.ledger(judged, LOCAL)}
    for row in answer["asked"]:
        assert entries[row["entry"]].payload["evidence"] == row["evidence"]


def test_answers_are_also_given_as_csv_that_no_spreadsheet_runs(live, auditor, judged):
    text = auditor.get(f"/v1/verifications/{judged}/asked", params={"format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(live.system.store.exchanges(judged))
    from verify.service.access_trail import as_csv

    assert (
        as_csv([{"caller": "=cmd()", "n": None, "l": ["a", "b"]}])
        == "caller,n,l\r\n'=cmd(),,a b\r\n"
    )


def test_what_if_is_answered_and_nothing_is_kept(live, auditor, caseworker, judged, refusal):
    verdicts = live.system.store.verdicts(judged, LOCAL)
    path = f"/v1/verifications/{judged}/what-if"
    answer = caseworker.post(path, json={"without": "bank/p1"}).json()
    assert answer["stored"] is False
    assert answer["sealed"]["outcome"] == "eligible"
    sets = live.system.contents.digests
    same = auditor.post(path, json={"rules": sets.rules, "scoring": sets.scoring}).json()
    assert same["differences"] == []
    assert live.system.store.verdicts(judged, LOCAL) == verdicts
    refusal(caseworker.post(path, json={"as_of": "yesterday"}), 422)
    refusal(caseworker.post(path, json={"rules": "sha256:" + "0" * 64}), 404)
    refusal(caseworker.post(path, json={"without": "bank/p9"}), 422)
