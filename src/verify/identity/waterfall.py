"""Why a pair scored as it did: a waterfall of named weights, as data, as text and as a picture.

The prior stands first, then one step a field with its level and weight, each beginning where the
last one ended; the total is held against the cut-offs. Nothing here holds a name or a number of
anyone: fields, levels and weights only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from verify.domain.verdict import Text
from verify.identity import settle
from verify.identity.model import Model
from verify.scoring import Family
from verify.scoring.kinds import KINDS, MISSING
from verify.scoring.linking import Kind

_JUDGEMENT = {
    "positive": Text("同一人", "the same person"),
    "unsure": Text("存疑,须人工确认", "doubtful: a person must say"),
    "negative": Text("非同一人", "not the same person"),
}
RULES = {
    settle.BY_SCORE: Text("按总分", "by the total"),
    settle.IN_CLUSTER: Text(
        "与同组其他记录一致,且无相反信息",
        "it hangs together with other rows that agree, and nothing contradicts",
    ),
    settle.BELOW: Text("总分低于存疑线", "the total is below the cut-off for doubt"),
    settle.NOT_CONFIRMED: Text(
        "仅姓名一致,无其他信息佐证", "nothing but the name agrees: a name alone proves nothing"
    ),
    settle.AMBIGUOUS: Text("另有同等符合者", "another row fits equally well"),
    settle.BETTER: Text("另有更符合者", "another row fits better"),
    settle.ASSIGNED_ELSEWHERE: Text(
        "整体匹配时归于另一记录", "taken together, the rows belong to others"
    ),
}


@dataclass(frozen=True)
class Step:
    """One field: its level in words, its weight and the sum up to and with it (milli-bits)."""

    field: str
    title: Text
    level: str
    words: Text
    weight: int
    total: int


@dataclass(frozen=True)
class Waterfall:
    """A pair's score taken apart; all numbers are milli-bits."""

    prior: int
    steps: tuple[Step, ...]
    total: int
    positive: int
    unsure: int
    judgement: str
    rule: str
    because: Text

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, weights in milli-bits."""
        return {
            "prior": self.prior,
            "steps": [
                {
                    "field": s.field,
                    "title": {"zh": s.title.zh, "en": s.title.en},
                    "level": s.level,
                    "words": {"zh": s.words.zh, "en": s.words.en},
                    "weight": s.weight,
                    "total": s.total,
                }
                for s in self.steps
            ],
            "total": self.total,
            "cutoffs": {"positive": self.positive, "unsure": self.unsure},
            "judgement": self.judgement,
            "rule": self.rule,
            "because": {"zh": self.because.zh, "en": self.because.en},
        }


def pair_waterfall(pair: Mapping[str, Any], model: Model, kinds: Mapping[str, Kind]) -> Waterfall:
    """The waterfall of a row of `Linked.pairs`."""
    named = []
    for field in model.fields:
        if field.name in pair:
            kind = kinds[field.kind]
            level = pair[field.name]
            words = kind.titles[KINDS[field.kind].index(level)]
            named.append((field.name, field.title, level, words, pair[f"{field.name}_milli"]))
    rule = pair["rule"]
    return Waterfall(
        model.prior,
        _steps(model.prior, named),
        pair["score"],
        model.positive,
        model.unsure,
        pair["judgement"],
        rule,
        RULES[rule],
    )


def match_waterfall(match: Mapping[str, Any], family: Family, because: Text) -> Waterfall:
    """The waterfall of a row of `frames.MATCHES`; `because` are the words of its rule."""
    named = []
    for reason in match["reasons"]:
        field = family.field(reason["field"])
        words = field.titles[field.levels.index(reason["level"])]
        named.append((field.field, field.title, reason["level"], words, reason["weight"]))
    return Waterfall(
        match["prior"],
        _steps(match["prior"], named),
        match["score"],
        family.positive,
        family.unsure,
        match["judgement"],
        match["rule"],
        because,
    )


def _steps(prior: int, named: list[tuple[str, Text, str, Text, int]]) -> tuple[Step, ...]:
    total, steps = prior, []
    for name, title, level, words, weight in named:
        total += weight
        steps.append(Step(name, title, level, words, weight, total))
    return tuple(steps)


def bits(milli: int) -> str:
    """`-9964` -> `-10.0`: milli-bits as bits, to the nearest tenth, in integers."""
    tenths = (abs(milli) + 50) // 100
    sign = "-" if milli < 0 and tenths else "+"
    return f"{sign}{tenths // 10}.{tenths % 10}"


def as_text(waterfall: Waterfall, language: str = "en") -> str:
    """The waterfall as aligned lines."""

    def say(text: Text) -> str:
        return text.zh if language == "zh" else text.en

    start, total = Text("起点", "Starting point"), Text("合计", "Total")
    lines = [(bits(waterfall.prior), bits(waterfall.prior), say(start))]
    lines += [
        (bits(s.weight), bits(s.total), f"{say(s.title)}: {say(s.words)}") for s in waterfall.steps
    ]
    end = f"{say(_JUDGEMENT[waterfall.judgement])} ({say(waterfall.because)})"
    cutoffs = Text(
        f"确认线 {bits(waterfall.positive)},存疑线 {bits(waterfall.unsure)}",
        f"positive from {bits(waterfall.positive)}, doubt from {bits(waterfall.unsure)}",
    )
    lines.append(("", bits(waterfall.total), f"{say(total)} ({say(cutoffs)})"))
    return "\n".join([*(f"{w:>7} {t:>7}  {words}" for w, t, words in lines), f"{'':>15}  {end}"])


_ROW, _LEFT, _WIDE, _PAD = 26, 300, 420, 14


def as_svg(waterfall: Waterfall, language: str = "en") -> str:
    """The waterfall as a picture without scripts, styles or external references."""

    def say(text: Text) -> str:
        return escape(text.zh if language == "zh" else text.en)

    sums = [waterfall.prior, *(s.total for s in waterfall.steps)]
    low, high = min(0, *sums), max(0, *sums, waterfall.positive)
    span = max(1, high - low)

    def x(milli: int) -> int:
        return _LEFT + (milli - low) * _WIDE // span

    bars = [(say(Text("起点", "Starting point")), 0, waterfall.prior)]
    before = waterfall.prior
    for step in waterfall.steps:
        if step.level != MISSING:
            bars.append((f"{say(step.title)}: {say(step.words)}", before, step.total))
        before = step.total
    bars.append((say(_JUDGEMENT[waterfall.judgement]), 0, waterfall.total))
    height = (len(bars) + 1) * _ROW + 2 * _PAD
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDE + 80} {height}" '
        'font-family="sans-serif" font-size="12" role="img">'
    )
    parts = [opening, f"<title>{say(waterfall.because)}</title>"]
    for milli, colour in ((waterfall.unsure, "#b58900"), (waterfall.positive, "#2e7d32")):
        at = x(milli)
        parts.append(
            f'<line x1="{at}" x2="{at}" y1="{_PAD}" y2="{height - _PAD}" stroke="{colour}" '
            f'stroke-dasharray="4 3"/><text x="{at}" y="{height - 2}" text-anchor="middle" '
            f'fill="{colour}">{bits(milli)}</text>'
        )
    for at, (words, start, end) in enumerate(bars):
        parts.append(_bar(words, x(min(start, end)), x(max(start, end)), end - start, at))
    return "".join([*parts, "</svg>"])


def _bar(words: str, left: int, right: int, weight: int, at: int) -> str:
    y = _PAD + at * _ROW
    colour = "#3b7dd8" if weight >= 0 else "#c0392b"
    return (
        f'<text x="{_LEFT - 8}" y="{y + 16}" text-anchor="end">{words}</text>'
        f'<rect x="{left}" y="{y + 4}" width="{max(1, right - left)}" height="{_ROW - 8}" '
        f'fill="{colour}"/><text x="{right + 4}" y="{y + 16}">{bits(weight)}</text>'
    )
