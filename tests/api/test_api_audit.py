"""Proofs over REST: whoever has the public keys need not trust the service."""

from __future__ import annotations

import time

import pytest

from verify.api.models import AccessPage, ConsistencyProof, InclusionProof, Receipt
from verify.service.audit_bundle import check_bundle
from verify.service.audit_receipt import check_proof
from verify.store.merkle import TreeHead, consistent
from verify.store.note import Note, PublicKey, unb64


@pytest.fixture(scope="module")
def keys(caseworker):
    return [PublicKey.parse(k) for k in caseworker.get("/v1/audit/keys").text.splitlines()]


def test_a_receipt_proves_its_verdict_with_public_keys_alone(caseworker, judged, keys):
    receipt = caseworker.get(f"/v1/verifications/{judged}/receipt").json()
    Receipt.model_validate(receipt)
    proven = check_proof(receipt["proof"], keys)
    assert proven["verification"] == judged
    assert proven["first"]["hash"] == receipt["leaf"]["hash"]
    assert proven["first"]["payload"]["verdict_digest"] == receipt["verdict"]


def test_inclusion_is_proven_of_the_newest_witnessed_entry(caseworker, judged, keys):
    proof = caseworker.get("/v1/audit/inclusion", params={"verification": judged}).json()
    InclusionProof.model_validate(proof)
    events = caseworker.get(f"/v1/verifications/{judged}/events").json()["events"]
    assert check_proof(proof, keys)["first"]["hash"] == events[-1]["hash"]


def test_the_checkpoint_grows_and_proves_that_it_only_grew(live, caseworker, example, keys):
    before = Note.parse(caseworker.get("/v1/audit/checkpoint").text)
    assert before.only_by(tuple(keys))
    live.check({**example, "case_number": "SYN-AUDIT-1"})
    deadline = time.monotonic() + 30
    after = before
    while after.checkpoint.size == before.checkpoint.size:
        assert time.monotonic() < deadline
        after = Note.parse(caseworker.get("/v1/audit/checkpoint").text)
        time.sleep(0.05)
    sizes = {"from": before.checkpoint.size, "to": after.checkpoint.size}
    answer = caseworker.get("/v1/audit/consistency", params=sizes).json()
    ConsistencyProof.model_validate(answer)
    proof = [unb64(text) for text in answer["proof"]]
    assert consistent(before.checkpoint.head, after.checkpoint.head, proof)
    forged = TreeHead(before.checkpoint.size, bytes(32))
    assert not consistent(forged, after.checkpoint.head, proof)


def test_an_archive_of_a_real_verification_holds_offline(auditor, judged, keys):
    answer = auditor.get(f"/v1/verifications/{judged}/bundle")
    assert answer.headers["content-type"] == "application/zip"
    found = check_bundle(answer.content, keys)
    assert found.faults == ()
    assert found.intact


def test_only_auditors_take_archives_away(caseworker, refusal, judged):
    refusal(caseworker.get(f"/v1/verifications/{judged}/bundle"), 403)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=0&to=999999999", 404),
        ("from=3&to=1", 422),
        ("from=-1&to=1", 422),
        ("from=x&to=1", 422),
        ("to=1", 422),
    ],
)
def test_sizes_that_make_no_sense_are_refused(caseworker, refusal, query, status):
    refusal(caseworker.get(f"/v1/audit/consistency?{query}"), status)


def test_inclusion_of_anothers_verification_is_answered_like_one_that_does_not_exist(
    elsewhere, judged
):
    theirs = elsewhere.get("/v1/audit/inclusion", params={"verification": judged})
    nothing = elsewhere.get("/v1/audit/inclusion", params={"verification": "v_" + "0" * 26})
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.content == nothing.content


def test_every_read_over_rest_is_on_record_before_it_is_answered(
    auditor, caseworker, judged, refusal
):
    def seen(**query):
        page = auditor.get("/v1/audit/accesses", params={"verification": judged, **query}).json()
        AccessPage.model_validate(page)
        return [a["what"] for a in page["accesses"]]

    def cases(page):
        """The reads of the case; a look into this trail is a read as well, on record beside."""
        return [what for what in page if what != "trail"]

    before = len(cases(seen()))
    digests = caseworker.get(f"/v1/verifications/{judged}/evidence").json()["evidence"]
    digest = next(d for e in digests for d in e["bodies"])
    caseworker.get(f"/v1/verifications/{judged}/report")
    caseworker.get(f"/v1/verifications/{judged}/trace")
    raw = f"/v1/verifications/{judged}/evidence/{digest}"
    refusal(caseworker.get(raw), 422, "purpose-needed")
    refusal(caseworker.get(raw, headers={"X-Purpose": "curiosity"}), 422)
    refusal(caseworker.get(raw, headers={"X-Purpose": "audit"}), 403)
    assert caseworker.get(raw, headers={"X-Purpose": "complaint"}).status_code == 200
    caseworker.post(f"/v1/verifications/{judged}/replay")
    after = seen()
    fresh = cases(after)[: len(cases(after)) - before]
    assert fresh == ["replay", "raw answer", "trace", "report", "evidence"]
    assert after[len(fresh)] == "trail"  # the look before
    assert seen()[0] == "trail"
    assert seen(what="raw answer", purpose="complaint")[:1] == ["raw answer"]
    assert seen(what="raw answer", purpose="review") == []


def test_only_auditors_see_who_read_what(caseworker, refusal):
    refusal(caseworker.get("/v1/audit/accesses"), 403)
