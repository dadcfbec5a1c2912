"""A source that is switched off is named, never read as "nothing found", and is asked again."""

from __future__ import annotations

import pytest

from support.live import household
from support.waiting import until
from verify.domain.access import LOCAL
from verify.domain.identifiers import mask_id

SOURCES = ("bank", "real_estate", "social_insurance", "tax", "vehicle")


@pytest.mark.parametrize("source", SOURCES)
def test_any_one_source_off_is_named_and_leaves_the_family_undetermined_until_it_returns(
    own, source
):
    own.sources.switch_off(source)
    verification = own.check(household("01").application)

    first = own.verdict(verification)
    states = {c["state"] for c in first["coverage"] if c["source"] == source}
    assert states == {"unavailable"}
    assert first["outcome"] == "undetermined"
    assert first["final"] is False
    questions = first["assessment"]["questions"]
    assert {q["source"] for q in questions if q["kind"] == "missing"} == {source}
    assert own.system.verifications.view(verification, LOCAL)["state"] == "waiting"

    own.sources.switch_on(source)
    own.sources.set_profile(source, latency_seconds=0, delay_seconds=0.2)
    until(lambda: own.system.verifications.view(verification, LOCAL)["state"] == "completed")

    last = own.verdict(verification)
    assert last["outcome"] == "eligible"
    assert last["final"] is True
    verdicts = own.system.store.verdicts(verification, LOCAL)
    assert [v.sequence for v in verdicts] == list(range(1, len(verdicts) + 1))
    assert verdicts[-1].follows == verdicts[-2].verdict_digest
    for verdict in verdicts:
        assert own.system.replays.replay(verification, LOCAL, verdict.sequence).identical


def test_a_source_that_could_not_change_the_outcome_does_not_hold_it_up(own):
    """A family far above the income limit: whatever the vehicle register might say, it is over."""
    own.sources.switch_off("vehicle")
    over = next(
        h
        for h in _all()
        if h.expect["outcome"] == "ineligible" and h.expect.get("not_satisfied") == ["income"]
    )
    verification = own.check(over.application)
    verdict = own.verdict(verification)
    assert {c["state"] for c in verdict["coverage"] if c["source"] == "vehicle"} == {"unavailable"}
    assert verdict["outcome"] == "ineligible"
    assert verdict["final"] is True
    assert own.system.verifications.view(verification, LOCAL)["state"] == "completed"


def test_no_personal_data_in_the_places_where_a_source_was_asked(own):
    application = household("01").application
    own.check(application)
    people = application["household"]["members"]
    for source in SOURCES:
        for request in own.sources.requests(source):
            for person in people:
                assert person["id_number"] not in request.path
                assert person["name"] not in request.path
                assert mask_id(person["id_number"]) not in request.path


def _all():
    from support.live import households

    return households()
