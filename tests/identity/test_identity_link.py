"""Registers linked: who is who, and the laws that linking keeps. All people are invented."""

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from identity.identity_registers import FAMILIES, entries, letters, people
from verify.domain.errors import InputError
from verify.identity import Linked, Model, evaluate, link, true_pairs
from verify.identity.agree import agree
from verify.identity.block import block
from verify.identity.coding import prepare
from verify.identity.columns import map_columns
from verify.identity.normalise import normalise
from verify.identity.weigh import weigh
from verify.scoring.kinds import KINDS

PEOPLE = people(1500)
ENTRIES = entries(PEOPLE)
SEEN = ENTRIES.drop("cluster")
TRUTH = ENTRIES.select(unique_id_l="record", unique_id_r="cluster")


@pytest.fixture(scope="module")
def linked() -> Linked:
    return link(SEEN, PEOPLE, FAMILIES)


@pytest.fixture(scope="module")
def repeated() -> tuple[pl.DataFrame, Linked]:
    register = letters(500)
    return register, link(register.drop("cluster"), None, FAMILIES)


def judged(found: Linked) -> dict[tuple[str, str], tuple[str, int]]:
    rows = found.pairs.select("unique_id_l", "unique_id_r", "judgement", "score").iter_rows()
    return {(a, b): (judgement, score) for a, b, judgement, score in rows}


def test_damaged_chinese_entries_find_their_person(linked: Linked) -> None:
    quality = evaluate(linked.pairs, TRUTH)
    assert linked.family == "han"
    assert quality.precision == 1
    assert quality.recall > 0.98
    assert quality.recall_with_unsure > 0.99


def test_repeated_persons_of_one_register_are_found(
    repeated: tuple[pl.DataFrame, Linked],
) -> None:
    register, found = repeated
    quality = evaluate(found.pairs, true_pairs(register, None))
    assert (found.family, found.how) == ("latin", "clusters")
    assert quality.f1 > 0.99


def test_cyrillic_letters_are_read_like_latin_ones() -> None:
    register = letters(500, cyrillic=True)
    found = link(register.drop("cluster"), None, FAMILIES)
    assert found.family == "cyrillic"
    assert evaluate(found.pairs, true_pairs(register, None)).f1 > 0.99


def test_the_order_of_rows_and_repeated_rows_change_nothing(linked: Linked) -> None:
    dice = random.Random(5)
    order = dice.sample(range(SEEN.height), SEEN.height)
    shuffled = pl.concat([SEEN[order], SEEN[:50]])
    again = link(shuffled, PEOPLE[::-1], FAMILIES)
    assert_frame_equal(again.pairs, linked.pairs)
    assert again.model.model_digest == linked.model.model_digest


def test_one_entry_alone_is_judged_as_in_the_batch(linked: Linked) -> None:
    batch = judged(linked)
    for row in SEEN[::60].iter_slices(1):
        alone = link(row, PEOPLE, FAMILIES, model=linked.model, how="many_to_one")
        mine = {pair: what for pair, what in batch.items() if pair[0] == row["record"][0]}
        assert judged(alone) == mine


def test_a_saved_model_judges_alike(linked: Linked, tmp_path: pytest.TempPathFactory) -> None:
    path = tmp_path / "model.json"  # type: ignore[operator]  # a Path
    linked.model.save(path)
    again = link(SEEN, PEOPLE, FAMILIES, model=Model.load(path))
    assert_frame_equal(again.pairs, linked.pairs)


def test_who_stands_left_or_right_does_not_matter(linked: Linked) -> None:
    turned = link(PEOPLE, SEEN, FAMILIES, model=linked.model)
    assert {(b, a): w for (a, b), w in judged(turned).items()} == judged(linked)


def test_full_width_and_traditional_writing_change_nothing(linked: Linked) -> None:
    wide = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
    written = str.maketrans("张刘陈杨马赵吴孙罗丽强军华兰红国", "張劉陳楊馬趙吳孫羅麗強軍華蘭紅國")
    other = SEEN.with_columns(
        pl.Series("subject_name", [n.translate(written) for n in SEEN["subject_name"]]),
        pl.Series("subject_phone", [p and p.translate(wide) for p in SEEN["subject_phone"]]),
        pl.Series("subject_address", [a and a.translate(wide) for a in SEEN["subject_address"]]),
    )
    assert judged(link(other, PEOPLE, FAMILIES)) == judged(linked)


def test_scores_are_the_prior_and_the_named_weights(linked: Linked) -> None:
    fields = [f.name for f in linked.model.fields]
    total = pl.sum_horizontal(f"{name}_milli" for name in fields) + linked.model.prior
    assert linked.pairs.select((pl.col("score") == total).all()).item()


def test_more_agreement_never_weighs_less(linked: Linked) -> None:
    for field in linked.model.fields:
        *weights, missing = field.weights
        assert weights == sorted(weights, reverse=True), field.name
        assert missing == 0


def test_agreement_is_the_same_seen_from_either_side(
    repeated: tuple[pl.DataFrame, Linked],
) -> None:
    register, found = repeated
    fields = map_columns(register.drop("cluster"), None, FAMILIES["latin"])
    registers = prepare(register, None, fields, FAMILIES["latin"])
    pairs = block(registers, FAMILIES["latin"].declared.blocking).pairs[::97]
    turned = pairs.select(l="r", r="l", rules="rules")
    ways = [weigh(registers, agree(registers, p), found.model)["score"] for p in (pairs, turned)]
    assert ways[0].equals(ways[1])


def test_a_rare_name_weighs_more_than_a_common_one(linked: Linked) -> None:
    names = linked.pairs.filter(pl.col("name") == "exact").join(
        PEOPLE.group_by("name").len("often").join(PEOPLE, on="name"),
        left_on="unique_id_r",
        right_on="person",
    )
    by_count = names.group_by("often").agg(pl.col("name_milli").mean()).sort("often")
    assert by_count.height > 1
    assert by_count["name_milli"].is_sorted(descending=True)


def test_a_name_alone_is_never_positive() -> None:
    only_names = [PEOPLE.select("person", "name"), SEEN.select("record", "subject_name")]
    found = link(only_names[1], only_names[0], FAMILIES)
    assert "positive" not in found.pairs["judgement"].to_list()


def test_another_name_under_the_number_is_for_a_person_to_say(linked: Linked) -> None:
    stranger = SEEN[:1].with_columns(
        record=pl.lit("x"),
        subject_name=pl.lit("欧阳震华"),
        subject_id=pl.lit(PEOPLE["id_number"][0]),
        subject_birth=pl.lit(None, pl.String),
        subject_phone=pl.lit(None, pl.String),
        subject_address=pl.lit(None, pl.String),
    )
    found = link(stranger, PEOPLE, FAMILIES, model=linked.model, how="many_to_one")
    assert found.pairs["judgement"].to_list() == ["unsure"]


def test_two_people_who_fit_alike_are_both_unsure(linked: Linked) -> None:
    twice = pl.concat([PEOPLE, PEOPLE[:1].with_columns(person=pl.lit("double"))])
    entry = SEEN[:1].with_columns(subject_id=pl.lit(PEOPLE["id_number"][0]))
    found = link(entry, twice, FAMILIES, model=linked.model, how="many_to_one").pairs
    assert found.select("judgement", "rule").unique().rows() == [("unsure", "ambiguous")]
    assert set(found["unique_id_r"]) == {"p00000", "double"}


def test_a_former_name_counts() -> None:
    renamed = PEOPLE.with_columns(
        former_names=pl.when(pl.col("person") == "p00000").then(pl.lit(["慕容雪"])).otherwise([])
    )
    entry = SEEN.with_columns(
        subject_name=pl.when(pl.col("record") == SEEN["record"][0])
        .then(pl.lit("慕容雪"))
        .otherwise("subject_name")
    )
    found = link(entry, renamed, FAMILIES).pairs
    mine = found.filter(
        pl.col("unique_id_l") == SEEN["record"][0], pl.col("unique_id_r") == "p00000"
    )
    assert mine["name"].to_list() == ["former"]


def test_rejected_candidates_stay_with_the_reason(linked: Linked) -> None:
    namesake = PEOPLE[:1].with_columns(
        person=pl.lit("son"), birth=pl.lit("1999-09-09"), id_number=pl.lit(None, pl.String)
    )
    entry = SEEN[:1].with_columns(
        subject_id=pl.lit(PEOPLE["id_number"][0]),
        subject_phone=pl.lit(PEOPLE["phone"][0]),
        subject_address=pl.lit(PEOPLE["address"][0]),
    )
    everybody = pl.concat([PEOPLE, namesake])
    found = link(entry, everybody, FAMILIES, model=linked.model, how="many_to_one").pairs
    said = {row["unique_id_r"]: (row["judgement"], row["rule"]) for row in found.to_dicts()}
    assert said == {
        "p00000": ("positive", "by_score"),
        "son": ("negative", "better_candidate"),
    }


def test_the_original_stands_beside_the_normal_form() -> None:
    fields = map_columns(SEEN, PEOPLE, FAMILIES["han"])
    frame = normalise(SEEN, fields, FAMILIES["han"])
    given = dict(zip(SEEN["record"], SEEN["subject_id"], strict=True))
    assert dict(zip(frame["unique_id"], frame["id_number_given"], strict=True)) == given
    short = frame.filter(pl.col("id_number_given").str.len_chars() == 15)
    assert short.height
    assert (short["id_number"].str.len_chars() == 18).all()


def test_a_skewed_register_does_not_explode_and_says_so() -> None:
    crowd = pl.DataFrame(
        {
            "person": [f"{i}" for i in range(6000)],
            "name": ["王伟"] * 6000,
            "birth": ["1980-01-01"] * 6000,
            "phone": [f"1{i:010d}" for i in range(6000)],
        }
    )
    found = link(crowd, None, FAMILIES, family="han")
    report = found.blocked.report.filter(pl.col("rule") == "name_birth").to_dicts()[0]
    assert (report["pairs"], report["pairs_left_out"]) == (0, 6000 * 5999 // 2)
    assert found.pairs.is_empty()


def test_registers_without_a_common_column_are_refused() -> None:
    with pytest.raises(InputError, match="share no column"):
        link(pl.DataFrame({"unique_id": ["1"], "a": ["x"]}), pl.DataFrame({"b": ["y"]}), FAMILIES)


def test_rows_that_share_an_id_are_refused() -> None:
    double = pl.concat([SEEN[:1], SEEN[1:2].with_columns(record=SEEN["record"][:1])])
    with pytest.raises(InputError, match="share their unique_id"):
        link(double, PEOPLE, FAMILIES)


ANY_TEXT = st.none() | st.text(max_size=30)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT), min_size=1, max_size=6))
def test_any_text_can_be_linked(rows: list[tuple[str | None, ...]]) -> None:
    columns = ("name", "id_number", "birth", "address")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    for family in FAMILIES:
        named = frame.rename({"name": "full_name"}) if family != "han" else frame
        found = link(named, named, FAMILIES, family=family)
        assert set(found.pairs["judgement"]) <= {"positive", "unsure", "negative"}
        assert all(f.kind in KINDS for f in found.fields)


def test_hostile_texts_cost_no_more_than_their_capped_length() -> None:
    long = ["王" * 100_000, "a b " * 50_000, "\ufdfa" * 20_000, "1" * 100_000, "·" * 100_000]
    frame = pl.DataFrame({"name": long, "id_number": long, "address": long})
    normal = normalise(frame, map_columns(frame, None, FAMILIES["han"]), FAMILIES["han"])
    assert (
        max(normal[c].str.len_chars().max() or 0 for c in ("name", "id_number", "address")) <= 128
    )


def test_a_co_owner_who_is_sure_makes_the_other_member_likely() -> None:
    households = PEOPLE.with_columns(
        household=pl.col("person").str.slice(1).cast(pl.Int64).floordiv(3).cast(pl.String)
    )
    entries_of = SEEN.join(
        ENTRIES.select("record", "cluster")
        .join(households.select(cluster="person", household="household"), on="cluster")
        .select("record", object_key="household"),
        on="record",
    )
    # One entry of household 0 has nothing but a name left.
    bare = ENTRIES.filter(pl.col("cluster") == "p00001")["record"][0]
    fields = [c for c in SEEN.columns if c not in ("record", "subject_name")]
    damaged = entries_of.with_columns(
        pl.when(pl.col("record") == bare).then(None).otherwise(pl.col(c)).alias(c) for c in fields
    )
    alone = link(damaged.drop("object_key"), households, FAMILIES)
    beside = link(damaged, households, FAMILIES)

    def of_bare(found: Linked) -> dict[str, tuple[str, int]]:
        return {b: what for (a, b), what in judged(found).items() if a == bare}

    assert "p00001" not in of_bare(alone)
    context = beside.model.field("context")
    assert context.weights[0] > 5000 > 0 > context.weights[1]
    assert of_bare(beside)["p00001"][0] == "unsure"  # a name, and company: for a person to say
    again = link(damaged, households, FAMILIES, model=beside.model)
    assert_frame_equal(again.pairs, beside.pairs)
