"""Why a pair was judged so: every number adds up, nothing personal is said."""

import xml.etree.ElementTree as ET

import pytest

from identity.identity_registers import FAMILIES, entries, people
from verify.identity import Linked, link
from verify.identity.waterfall import Waterfall, as_svg, as_text, bits, pair_waterfall

PEOPLE = people(400, seed=9)


@pytest.fixture(scope="module")
def linked() -> Linked:
    return link(entries(PEOPLE, seed=10).drop("cluster"), PEOPLE, FAMILIES)


@pytest.fixture(scope="module")
def falls(linked: Linked) -> list[Waterfall]:
    kinds = FAMILIES["han"].kinds
    return [pair_waterfall(row, linked.model, kinds) for row in linked.pairs.to_dicts()]


def test_each_step_starts_where_the_last_one_ended(falls: list[Waterfall]) -> None:
    for fall in falls:
        total = fall.prior
        for step in fall.steps:
            total += step.weight
            assert step.total == total
        assert total == fall.total


def test_the_text_names_every_field_both_cutoffs_and_the_reason(falls: list[Waterfall]) -> None:
    for fall in falls[:50]:
        for language in ("en", "zh"):
            text = as_text(fall, language)
            assert len(text.splitlines()) == len(fall.steps) + 3
            assert bits(fall.total) in text
            assert bits(fall.positive) in text
            assert getattr(fall.because, language) in text


def test_no_explanation_holds_a_name_or_a_number(falls: list[Waterfall], linked: Linked) -> None:
    said = "".join(as_text(f) + as_text(f, "zh") + as_svg(f) for f in falls)
    for person in PEOPLE.to_dicts()[:100]:
        for field in ("name", "id_number", "phone", "address"):
            assert person[field] not in said


def test_the_picture_is_well_formed_and_draws_every_bar(falls: list[Waterfall]) -> None:
    for fall in falls[:50]:
        picture = ET.fromstring(as_svg(fall))
        bars = [e for e in picture.iter() if e.tag.endswith("rect")]
        spoken = [s for s in fall.steps if s.level != "missing"]
        assert len(bars) == len(spoken) + 2
        assert "script" not in as_svg(fall)


def test_the_data_say_the_same_as_the_waterfall(falls: list[Waterfall]) -> None:
    data = falls[0].to_dict()
    assert data["total"] == data["prior"] + sum(s["weight"] for s in data["steps"])
    assert data["judgement"] == falls[0].judgement
