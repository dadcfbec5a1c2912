"""Publishing through the API: by two people with the role `policy`, with the impact seen before."""

from __future__ import annotations

import datetime as dt

import pytest

from verify.api import rules_models
from verify.content import ContentSet
from verify.domain.access import RoleName

BOOK = "cn/310000/dibao.yaml"
TEXT = ContentSet.load("rules").files[BOOK]
FUTURE = (dt.date.today() + dt.timedelta(days=400)).isoformat()


@pytest.fixture(scope="module")
def staff(live, key_for):
    """Two people of the policy department."""
    keys = [key_for(RoleName.POLICY, regions=("*",)) for _ in range(2)]
    with live.client(keys[0]) as li, live.client(keys[1]) as wang:
        yield li, wang


def body(**changes) -> dict:
    return {"starts": FUTURE, "files": {BOOK: TEXT + "# remark\n"}, **changes}


@pytest.fixture(scope="module")
def proposed(staff) -> dict:
    """A proposal that raises the standard of 2024."""
    raised = TEXT.replace('value: "1595"', 'value: "1695"')
    answer = staff[0].post("/v1/rules/proposals", json=body(files={BOOK: raised}, note="raise"))
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/rules/proposals/{answer.json()['id']}"
    return answer.json()


def test_a_proposal_says_what_it_changes_in_law(proposed):
    rules_models.ProposalView.model_validate(proposed)
    (change,) = proposed["changes"]["changes"]
    assert (change["what"], change["after"]) == ("limits.standard", "1,695 yuan a month")
    assert proposed["state"] == "proposed"


def test_a_proposal_that_breaks_golden_cases_is_not_approved(staff, proposed, refusal):
    assert proposed["failed_cases"]
    answer = staff[1].post(f"/v1/rules/proposals/{proposed['id']}/approve")
    assert "golden cases" in refusal(answer, 409)["detail"]


def test_the_impact_is_seen_before_anything_counts(staff, auditor, proposed):
    at = f"/v1/rules/proposals/{proposed['id']}/impact"
    answer = staff[1].get(at, params={"size": 60})
    assert answer.status_code == 200, answer.text
    found = rules_models.ImpactView.model_validate(answer.json())
    assert found.households == 60
    assert found.benefit.raised.households > 0
    assert found.benefit.lowered.households == 0
    assert found.examples


def test_policy_staff_see_stored_cases_only_in_numbers(staff, judged, proposed, auditor):
    at = f"/v1/rules/proposals/{proposed['id']}/impact"
    asked = {"sample": "stored", "on": "2024-09-01"}
    seen = staff[0].get(at, params=asked).json()
    assert seen["households"] >= 1
    assert seen["examples"] == []
    assert auditor.get(at, params=asked).json()["households"] == seen["households"]


def test_two_people_publish_and_the_second_must_be_another(staff, refusal):
    li, wang = staff
    made = li.post("/v1/rules/proposals", json=body()).json()
    assert made["changes"]["same_law"]
    at = f"/v1/rules/proposals/{made['id']}"
    refusal(li.post(f"{at}/approve"), 403)
    approved = wang.post(f"{at}/approve")
    assert approved.status_code == 200, approved.text
    assert approved.json()["state"] == "scheduled"
    page = rules_models.ProposalPage.model_validate(li.get("/v1/rules/proposals").json())
    assert page.in_force.from_ == "folder"
    assert li.post(f"{at}/withdraw").json()["state"] == "withdrawn"
    kinds = [e["kind"] for e in wang.get(at).json()["events"]]
    assert kinds == ["proposed", "approved", "withdrawn"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"starts": "2020-01-01"}, "/starts"),
        ({"files": {BOOK: TEXT}}, "/files"),
        ({"files": {}}, "/files"),
        ({"files": {"cn/none.yaml": None}}, "/files"),
        ({"files": {"../../etc/passwd.yaml": "a: b"}}, None),
        ({"base": "sha256:abc"}, "/base"),
    ],
)
def test_a_proposal_that_cannot_be_stored_names_its_field(staff, refusal, changes, pointer):
    problem = refusal(staff[0].post("/v1/rules/proposals", json=body(**changes)), 422)
    if pointer is not None:
        assert [e["pointer"] for e in problem["errors"]] == [pointer]


def test_other_roles_neither_propose_nor_read_proposals(caseworker, auditor, proposed, refusal):
    refusal(caseworker.post("/v1/rules/proposals", json=body()), 403)
    refusal(auditor.post("/v1/rules/proposals", json=body()), 403)
    refusal(caseworker.get("/v1/rules/proposals"), 403)
    assert auditor.get(f"/v1/rules/proposals/{proposed['id']}").status_code == 200


def test_policy_staff_read_no_cases(staff, judged, refusal):
    refusal(staff[0].get(f"/v1/verifications/{judged}"), 403)


def test_the_law_that_is_known_is_listed_for_everybody_with_a_key(caseworker):
    found = rules_models.CoverageView.model_validate(caseworker.get("/v1/rules/coverage").json())
    assert {"cn/310000/dibao"} <= {r.rulebook for r in found.rulebooks}
