"""The drawings of an evaluation: what stands where, and that text cannot become markup."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from verify.console import plots

SVG = "{http://www.w3.org/2000/svg}"
SHARES = st.one_of(st.none(), st.integers(0, 1_000_000))


def point(cutoff, precision, recall, *, chosen=False):
    return {"cutoff": cutoff, "precision": precision, "recall": recall, "chosen": chosen}


def band(expected, observed, pairs=10):
    return {"from": 0, "to": 3000, "pairs": pairs, "same": 1, "expected": expected,
            "observed": observed}  # fmt: skip


def test_recall_runs_across_and_precision_up_and_the_chosen_point_is_marked():
    root = ElementTree.fromstring(
        plots.precision_recall(
            [point(30_000, 1_000_000, 0), point(12_000, 500_000, 1_000_000, chosen=True)]
        )
    )
    line = root.find(f"{SVG}polyline").get("points").split()
    (x0, y0), (x1, y1) = ([int(n) for n in p.split(",")] for p in line)
    assert (x1 - x0, y1 - y0) == (360, 360)
    (mark,) = root.findall(f"{SVG}circle")
    assert (int(mark.get("cx")), int(mark.get("cy"))) == (x1, y1)
    assert mark.find(f"{SVG}title").text == "cut-off 12.0 bits"


def test_perfect_precision_is_drawn_at_the_top_of_a_narrow_scale():
    drawn = plots.precision_recall([point(1, 999_000, 10), point(0, 995_000, 20)])
    assert ">99%<" in drawn
    assert ">99.25%<" in drawn


def test_odds_that_mean_what_they_say_lie_on_the_diagonal():
    root = ElementTree.fromstring(plots.calibration([band(0, 0), band(500_000, 500_000)]))
    places = [(int(c.get("cx")), int(c.get("cy"))) for c in root.findall(f"{SVG}circle")]
    assert places[0][0] - places[1][0] == places[1][1] - places[0][1] == -180


def test_nothing_measured_is_said_and_a_title_is_text():
    drawn = plots.precision_recall([], title="<script>&")
    assert "nothing to draw" in drawn
    assert "<script>" not in drawn
    ElementTree.fromstring(drawn)


@given(st.lists(st.tuples(st.integers(-99_999, 99_999), SHARES, SHARES), max_size=20))
@settings(max_examples=40, deadline=None)
def test_whatever_was_measured_the_drawing_is_well_formed_and_stays_inside(rows):
    root = ElementTree.fromstring(plots.precision_recall([point(*row) for row in rows]))
    width, height = int(root.get("width")), int(root.get("height"))
    for line in root.findall(f"{SVG}polyline"):
        for place in line.get("points").split():
            x, y = map(int, place.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
