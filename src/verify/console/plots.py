"""Two plots of how good a scoring is, as SVG that stands alone: no script, no style sheet.

Integers throughout, so that the same figures give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

Row = Mapping[str, Any]

_SIDE, _LEFT, _TOP = 360, 64, 56  # the square plot, and the room for words around it
_WIDTH, _HEIGHT = _SIDE + _LEFT + 24, _SIDE + _TOP + 56
_MILLION = 1_000_000
_INK, _FAINT, _LINE, _CHOSEN = "#1b1b1b", "#c9c9c9", "#0b5394", "#b45f06"


def precision_recall(points: Sequence[Row], title: str = "Precision and recall") -> str:
    """Precision over recall, one point a cut-off; the cut-off in use is marked.

    `points` as in `service.matching.evaluation.curve`. Precision is drawn from the lowest that
    occurs, so that the interesting end is not squeezed.
    """
    drawn = [p for p in points if p["precision"] is not None and p["recall"] is not None]
    floor = _floor(min((p["precision"] for p in drawn), default=0))
    places = [(_across(p["recall"]), _up(p["precision"], floor)) for p in drawn]
    parts = [_axes("recall", "precision", floor), _path(places)]
    parts += [
        _dot(x, y, _CHOSEN, 5, f"cut-off {_bits(p['cutoff'])} bits")
        for p, (x, y) in zip(drawn, places, strict=True)
        if p["chosen"]
    ]
    if not drawn:
        parts.append(_text(_LEFT + _SIDE // 2, _TOP + _SIDE // 2, "nothing to draw", "middle"))
    return _page(title, parts)


def calibration(bands: Sequence[Row], title: str = "Calibration") -> str:
    """What scores claim (across) against what turned out true (up), one dot a band of scores.

    `bands` as in `service.matching.evaluation.calibration`. On the diagonal odds mean what they
    say; a dot is larger the more pairs it stands for.
    """
    parts = [_axes("claimed", "found", 0)]
    ends = (_across(0), _up(0, 0)), (_across(_MILLION), _up(_MILLION, 0))
    parts.append(
        f'<line x1="{ends[0][0]}" y1="{ends[0][1]}" x2="{ends[1][0]}" y2="{ends[1][1]}" '
        f'stroke="{_FAINT}" stroke-dasharray="4 4"/>'
    )
    for band in bands:
        radius = 2 + min(8, int(band["pairs"]).bit_length())
        words = (
            f"{_bits(band['from'])} to {_bits(band['to'])} bits: {band['same']} of "
            f"{band['pairs']} are the same person"
        )
        parts.append(
            _dot(_across(band["expected"]), _up(band["observed"], 0), _LINE, radius, words)
        )
    return _page(title, parts)


def _across(share: int) -> int:
    return _LEFT + share * _SIDE // _MILLION


def _up(share: int, floor: int) -> int:
    return _TOP + _SIDE - (share - floor) * _SIDE // (_MILLION - floor)


def _floor(lowest: int) -> int:
    """A round share below the lowest: 99 %, 90 %, 50 % or nothing."""
    return next((f for f in (990_000, 900_000, 500_000) if lowest >= f), 0)


def _bits(milli: int) -> str:
    sign, size = ("-", -milli) if milli < 0 else ("", milli)
    return f"{sign}{size // 1000}.{size % 1000 // 100}"


def _axes(across: str, up: str, floor: int) -> str:
    parts = []
    for quarter in range(5):
        share = quarter * _MILLION // 4
        x, y = _across(share), _TOP + _SIDE - quarter * _SIDE // 4
        above = floor + (_MILLION - floor) * quarter // 4
        parts += [
            f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{_TOP + _SIDE}" stroke="{_FAINT}"/>',
            f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + _SIDE}" y2="{y}" stroke="{_FAINT}"/>',
            _text(x, _TOP + _SIDE + 18, _percent(share), "middle"),
            _text(_LEFT - 8, y + 4, _percent(above), "end"),
        ]
    parts += [
        _text(_LEFT + _SIDE // 2, _HEIGHT - 12, across, "middle"),
        _text(_LEFT - 8, _TOP - 12, up, "middle"),
    ]
    return "".join(parts)


def _percent(share: int) -> str:
    whole, rest = divmod(share, 10_000)
    return f"{whole}%" if rest == 0 else f"{whole}.{rest:04d}".rstrip("0") + "%"


def _path(places: Iterable[tuple[int, int]]) -> str:
    points = " ".join(f"{x},{y}" for x, y in places)
    return (
        f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="2"/>'
        if points
        else ""
    )


def _dot(x: int, y: int, colour: str, radius: int, words: str) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}" fill-opacity="0.8">'
        f"<title>{escape(words)}</title></circle>"
    )


def _text(x: int, y: int, words: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{_INK}">{escape(words)}</text>'


def _page(title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12" role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
        f'<text x="{_LEFT}" y="18" fill="{_INK}" font-size="14">{escape(title)}</text>'
        f"{''.join(parts)}</svg>\n"
    )
