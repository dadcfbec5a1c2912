"""Sources under an administrator's eyes: health, quarantine, a change tried before it counts."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from support.live import household
from verify.connectors.shared import change
from verify.content import ContentSet
from verify.domain.access import LOCAL, Caller, RoleName
from verify.domain.errors import ContentError, NotFound, NotPermitted
from verify.service.source_state import StoreState

ADMINISTRATOR = Caller("key:admin", frozenset({RoleName.ADMINISTRATOR}), ("*",))
CLERK = Caller("key:clerk", frozenset({RoleName.CASEWORKER}), ("*",))
TAX = ContentSet.load("connectors").files["tax.yaml"]


@pytest.fixture(scope="module")
def checked(live):
    """One family checked, whose evidence the tests look at."""
    verification = live.check(household("01").application)
    assert live.verdict(verification)["outcome"] == "eligible"
    return live


def test_the_same_declaration_beside_itself_differs_in_nothing(checked) -> None:
    found = checked.system.shadows.compare("tax", TAX, LOCAL, 50)
    assert found["compared"]["verdicts"] >= 1
    assert (found["answers"], found["verdicts"]) == ([], [])


def test_a_changed_unit_shows_which_facts_and_which_verdicts_would_differ(checked) -> None:
    draft = TAX.replace(
        "amount: {field: srje, unit: yuan}", "amount: {field: srje, unit: wan_yuan}"
    )
    assert draft != TAX
    found = checked.system.shadows.compare("tax", draft, LOCAL, 50)
    [row] = [a for a in found["answers"] if a["facts"]["lost"]][:1]
    lost = {(f["kind"], f["amount"]) for f in row["facts"]["lost"]}
    gained = {(f["kind"], f["amount"]) for f in row["facts"]["gained"]}
    assert {(k, str(int(a) * 10_000)) for k, a in lost} == gained
    assert {"live": "eligible", "draft": "ineligible"} in [
        {"live": v["live"], "draft": v["draft"]} for v in found["verdicts"]
    ]


def test_a_draft_that_no_longer_knows_a_field_would_refuse_the_answers(checked) -> None:
    draft = TAX.replace("detail: {payer: kjywr, item_code: srxmdm}", "detail: {payer: kjywr}")
    draft = draft.replace("phone: lxdh, address: dz", "address: dz")
    found = checked.system.shadows.compare("tax", draft, LOCAL, 50)
    assert any((s["live"], s["draft"]) == ("ok", "schema_mismatch") for s in found["states"])
    assert any(a["signals"] == ["unexpected_field:srxx.lxdh"] for a in found["answers"])
    assert all(v["draft"] == "undetermined" for v in found["verdicts"])


def test_a_draft_that_does_not_load_is_told_with_its_line(checked) -> None:
    with pytest.raises(ContentError, match=r"connectors/tax.yaml:\d+"):
        checked.system.shadows.compare("tax", TAX.replace("unit: yuan", "unit: yen"), LOCAL, 5)
    with pytest.raises(NotFound):
        checked.system.shadows.compare("lottery", TAX, LOCAL, 5)


def test_health_says_how_each_source_answered_this_hour(checked) -> None:
    checked.system.asker.health.flush()
    time.sleep(0.3)
    shown = {s["id"]: s for s in checked.system.sources.view(2)["sources"]}
    assert set(shown) == set(checked.system.contents.connectors.sources)
    tax = shown["tax"]
    assert (tax["state"], tax["reason"]) == ("asked", "")
    hour = tax["hours"][0]
    assert hour["asked"] >= 4
    assert sum(hour["states"].values()) == hour["asked"]
    assert hour["states"]["ok"] >= 1
    assert hour["p95_ms_at_most"] >= hour["mean_ms"] // 2
    assert hour["mean_age_days"] == 0
    assert shown["education"]["hours"] == []  # no rulebook asks it


def test_match_rates_are_counted_by_the_hour_and_each_record_once(own) -> None:
    """Households with namesakes' records: what the verdicts say is what is counted."""
    rank = ("negative", "unsure", "positive")
    seen: Counter[str] = Counter()
    for number in ("01", "02", "07"):
        verdict = own.verdict(own.check(household(number).application))
        best: dict[str, int] = {}
        for match in verdict["matches"]:
            if match["evidence"].startswith("tax/"):
                known = best.get(match["record"], 0)
                best[match["record"]] = max(known, rank.index(match["judgement"]))
        seen.update(rank[n] for n in best.values())
    assert seen["positive"] >= 1
    assert seen["negative"] + seen["unsure"] >= 1, "a namesake's record is among them"
    own.system.asker.health.flush()
    time.sleep(0.3)
    shown = {s["id"]: s["matches"] for s in own.system.sources.view(2)["sources"]}
    assert shown["education"] == []
    assert sum(h["records"] for h in shown["tax"]) == seen.total()
    if len(shown["tax"]) == 1:  # else the hour turned meanwhile
        for judgement in rank:
            share = shown["tax"][0][f"{judgement}_permille"]
            assert share == 1000 * seen[judgement] // seen.total()


def test_a_quarantine_holds_for_every_process_until_an_administrator_ends_it(checked) -> None:
    system = checked.system
    declaration = system.contents.connectors.declaration("vehicle")
    system.asker.watch.quarantine(declaration, "found_rate")

    def state() -> tuple[str, str]:
        [row] = [s for s in system.sources.view(1)["sources"] if s["id"] == "vehicle"]
        return row["state"], row["reason"]

    time.sleep(0.3)
    assert state() == ("quarantined", "found_rate")
    held = checked.check(household("03").application)
    row = next(c for c in checked.verdict(held)["coverage"] if c["source"] == "vehicle")
    assert (row["state"], row["detail"], row["bodies"]) == ("unavailable", "quarantined", [])
    assert checked.verdict(held)["outcome"] == "undetermined"
    with pytest.raises(NotPermitted):
        system.sources.release("vehicle", CLERK)
    assert system.sources.release("vehicle", ADMINISTRATOR)["state"] == "asked"
    with pytest.raises(NotFound):
        system.sources.release("lottery", ADMINISTRATOR)


def test_of_many_processes_that_change_one_value_none_loses_a_change(store) -> None:
    def count() -> None:
        mine = StoreState(store, lambda: 1, alone=False)  # as another process would
        for _ in range(10):
            change(mine, "n", lambda value: {"n": value.get("n", 0) + 1})

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.shared("n")[1] == {"n": 60}
    assert store.shared_under("n") == {"n": {"n": 60}}
    assert store.shared("nothing") == (0, {})
