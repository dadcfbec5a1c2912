"""Published rules on the whole path: pinned when accepted, replayed with the rules of then."""

from __future__ import annotations

import datetime as dt

from support.live import household
from verify.content import ContentSet
from verify.domain.access import LOCAL, Caller, RoleName
from verify.service.clock import day_of, now_ms

LI, WANG = (Caller(n, frozenset({RoleName.POLICY}), ("*",)) for n in ("key:li", "key:wang"))


def test_each_verification_keeps_the_rules_of_the_day_it_was_accepted(live):
    body = household("01").application
    first = live.check({**body, "case_number": "SYN-PUBLISH-1"})
    publishing = live.system.publishing
    folder = ContentSet.load("rules")
    files = {**folder.files, "wording.yaml": folder.files["wording.yaml"] + "# reworded\n"}
    today = day_of(now_ms())
    made = publishing.propose(ContentSet("rules", files), today, LI, note="words only")
    publishing.approve(made["id"], WANG)
    second = live.check({**body, "case_number": "SYN-PUBLISH-2"})
    rows = {v: live.system.store.verification(v, LOCAL) for v in (first, second)}
    assert rows[first].rules_digest == folder.digest
    assert rows[second].rules_digest == made["digest"]
    assert live.verdict(second)["digests"]["rules"] == made["digest"]
    for verification in (first, second):
        assert live.system.replays.replay(verification, LOCAL).identical
    back = publishing.propose(folder, today + dt.timedelta(days=0), WANG, note="back")
    publishing.approve(back["id"], LI)
    assert live.system.contents.digests.rules == folder.digest
