"""Arrange what is known of sources for the eye: the last hours, words for states and steps."""

from __future__ import annotations

from typing import Any

from verify.service.clock import iso

Plain = dict[str, Any]
HOURS = 24
HOUR_MS = 3_600_000

STATE = {
    "asked": {"zh": "正常查询", "en": "asked"},
    "breaker_open": {"zh": "故障暂停", "en": "left alone: it failed"},
    "slow_down": {"zh": "应其要求放缓", "en": "left alone: it asked for it"},
    "quarantined": {"zh": "已隔离", "en": "in quarantine"},
}
PROPOSAL = {
    "proposed": {"zh": "待他人批准", "en": "waits for another person"},
    "scheduled": {"zh": "已批准,待生效", "en": "scheduled"},
    "in_force": {"zh": "生效中", "en": "in force"},
    "superseded": {"zh": "已被取代", "en": "superseded"},
    "withdrawn": {"zh": "已撤回", "en": "withdrawn"},
    "rolled_back": {"zh": "已回退", "en": "rolled back"},
}
STEP = {
    "proposed": {"zh": "提出", "en": "proposed"},
    "approved": {"zh": "批准", "en": "approved"},
    "withdrawn": {"zh": "撤回", "en": "withdrawn"},
    "in_force": {"zh": "首次使用", "en": "first used"},
    "rolled_back": {"zh": "回退", "en": "rolled back"},
}
REASON = {
    "refused_in_a_row": {
        "zh": "连续多次答复不合约定",
        "en": "answers in a row are not as declared",
    },
    "found_rate": {"zh": "查得率异常", "en": "it knows unusually many or few people"},
    "mean_rows": {"zh": "每次记录数异常", "en": "unusually many records an answer"},
    "fill_rate": {"zh": "字段大量为空", "en": "a field went empty"},
    "magnitude": {"zh": "金额量级异常", "en": "amounts of another magnitude"},
}


def health_row(source: Plain, now_hour: int) -> Plain:
    """One source of `SourceHealth.view` with its last hours drawn and summed up.

    `now_hour` counts hours since the epoch; the drawing ends with it.
    """
    by_hour = {h["from"]: h for h in source["hours"]}
    drawn = [_counts(by_hour.get(_hour(now_hour - n))) for n in reversed(range(HOURS))]
    asked, bad = sum(a for a, _ in drawn), sum(b for _, b in drawn)
    code, _, place = source["reason"].partition(":")
    return {
        **source,
        "words": STATE[source["state"]],
        "why": REASON.get(code),
        "place": place,
        "drawn": drawn,
        "asked": asked,
        "bad": bad,
        "latest": source["hours"][0] if source["hours"] else None,
        "matched": source["matches"][0] if source["matches"] else None,
    }


def _hour(number: int) -> str:
    return iso(number * HOUR_MS)


def _counts(hour: Plain | None) -> tuple[int, int]:
    if hour is None:
        return 0, 0
    return hour["asked"], hour["asked"] * hour["error_permille"] // 1000


def proposal_row(proposal: Plain) -> Plain:
    """A proposal with its state in words."""
    return {**proposal, "words": PROPOSAL[proposal["state"]]}


def diff_lines(changes: list[str]) -> list[Plain]:
    """The lines of a unified diff, each with what it is."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    return [{"text": line, "kind": kinds.get(line[:1], "same")} for line in changes[2:]]


def steps(events: list[Plain]) -> list[Plain]:
    """The history of a proposal in words."""
    return [{**e, "words": STEP[e["kind"]]} for e in events]
