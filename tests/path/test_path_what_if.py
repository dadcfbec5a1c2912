"""Every verdict replayed at once; and what a verdict would be if something were otherwise."""

from __future__ import annotations

import datetime as dt

import pytest

from support.live import household
from verify.content import ContentSet
from verify.domain.access import LOCAL, Caller, RoleName
from verify.domain.errors import InputError, NotFound, NotPermitted
from verify.service.what_if import Supposed


@pytest.fixture(scope="module")
def judged(live):
    """Two households with their verdicts."""
    return [live.check(household(number).application) for number in ("01", "03")]


def test_all_verdicts_and_a_drawn_sample_are_replayed(live, judged):
    results = list(live.system.replays.replay_many(LOCAL))
    assert {r.verification for r in results} >= set(judged)
    assert all(r.identical for r in results), [r for r in results if not r.identical]
    one = [r.verification for r in live.system.replays.replay_many(LOCAL, 1, seed=4)]
    again = [r.verification for r in live.system.replays.replay_many(LOCAL, 1, seed=4)]
    assert one == again
    assert len(set(one)) == 1


def test_replaying_many_stays_in_the_callers_regions(live, judged):
    elsewhere = Caller("auditor", frozenset({RoleName.AUDITOR}), ("440000",))
    assert list(live.system.replays.replay_many(elsewhere)) == []
    administrator = Caller("admin", frozenset({RoleName.ADMINISTRATOR}), ("*",))
    with pytest.raises(NotPermitted):
        list(live.system.replays.replay_many(administrator))


def asked(live, verification, **supposed):
    before = live.system.store.verification(verification, LOCAL)
    found = live.system.what_ifs.ask(verification, Supposed(**supposed), LOCAL)
    assert found.stored is False
    assert live.system.store.verification(verification, LOCAL) == before, "nothing is stored"
    return found


def test_supposing_nothing_changes_nothing(live, judged):
    for verification in judged:
        found = asked(live, verification)
        assert found.differences == ()
        assert found.sealed == found.supposed


def test_under_rules_with_a_lower_limit_the_difference_is_named(live, judged):
    current = ContentSet.load("rules")
    found = asked(live, judged[0], rules=current)
    assert found.differences == ()
    # Half the income limit, wherever it is published as a plain number.
    verdict = live.verdict(judged[0])
    finding = next(f for f in verdict["assessment"]["findings"] if "income" in f["test"])
    limit = str(finding["limit"]).split(".")[0]
    files = {
        name: text.replace(limit, "1") if "310000" in name or "shanghai" in name else text
        for name, text in current.files.items()
    }
    if files != dict(current.files):
        found = asked(live, judged[0], rules=ContentSet("rules", files))
        assert any("/limit" in d.pointer for d in found.differences)


def test_without_one_answer_its_records_no_longer_count(live, judged):
    trace = live.system.verifications.documents(judged[0], LOCAL).trace_bytes
    import json

    records = [r["record"] for r in json.loads(trace)["records"]]
    assert records
    evidence = records[0].rpartition("/")[0]
    found = asked(live, judged[0], without=evidence)
    single = asked(live, judged[0], without=records[0])
    assert found.differences or single.differences
    with pytest.raises(InputError):
        asked(live, judged[0], without="casino/p9/1")


def test_a_source_that_is_supposed_not_to_have_answered_knows_we_know_not_what(live, judged):
    """Also one that answered that there is nothing: that was knowledge."""
    favourable = judged[1]
    for exchange in live.system.store.exchanges(favourable):
        if exchange.source == "bank":
            found = asked(live, favourable, without=f"bank/{exchange.person}")
            assert found.sealed["outcome"] == "eligible"
            assert found.supposed["outcome"] == "undetermined"
    offered = {r["record"] for r in live.system.what_ifs.choices(favourable, LOCAL).records}
    assert f"bank/{exchange.person}" in offered


def test_a_day_without_law_is_refused_not_guessed(live, judged):
    with pytest.raises(InputError):
        asked(live, judged[0], as_of=dt.date(1980, 1, 1))


def test_anothers_case_is_not_supposed_about(live, judged):
    elsewhere = Caller("auditor", frozenset({RoleName.AUDITOR}), ("440000",))
    with pytest.raises(NotFound):
        live.system.what_ifs.ask(judged[0], Supposed(), elsewhere)
