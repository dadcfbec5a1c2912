"""The linkage roster: what a matcher sees, what it must find, and how much was damaged."""

from __future__ import annotations

import json
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.domain.errors import InputError
from verify.domain.identifiers import check_digit, lift_15_to_18, mask_id, parse_citizen_id
from verify.simulate.city.draws import MILLION, Draws, RowDice, Weighted, mixed, mixed_int
from verify.simulate.city.numbers import BLOCK, first17, with_check
from verify.simulate.city.people import people
from verify.simulate.city.rates import OTHERS, RosterRates
from verify.simulate.city.roster import generate_roster

WORDS = st.integers(min_value=0, max_value=2**64 - 1)
PEOPLE, RECORDS = 40_000, 60_000


def u64(*values):
    return pl.Series("u", values, dtype=pl.UInt64).to_frame()


@pytest.fixture(scope="module")
def roster(tmp_path_factory):
    out = tmp_path_factory.mktemp("roster")
    # Rare damage often enough to be seen in a small roster.
    rates = RosterRates.of(
        {"namesake_born_alike": 500, "namesake_masked": 1_000, "namesake_no_id": 1_000,
         "same_id_stranger": 1_000, "birth_swapped": 50_000}
    )  # fmt: skip
    summary = generate_roster(PEOPLE, RECORDS, 11, out, rates)
    frames = [pl.read_parquet(out / f"{n}.parquet") for n in ("people", "records", "truth")]
    return summary, out, *frames


@pytest.fixture(scope="module")
def seen(roster):
    """Each record with its truth and with the person it belongs to."""
    _, _, people_, records, truth = roster
    return records.join(truth, on="record").join(people_, on="person", how="left")


def test_the_hash_is_the_published_splitmix64():
    # The first outputs of SplitMix64 from seed 1234567 (the reference programme's).
    step, seed = 0x9E3779B97F4A7C15, 1234567
    states = [(seed + step * n) % 2**64 for n in range(1, 4)]
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert u64(*states).select(mixed(pl.col("u"))).to_series().to_list() == expected
    assert [mixed_int(s) for s in states] == expected


@given(st.lists(WORDS, min_size=1, max_size=20))
@settings(max_examples=30, deadline=None)
def test_a_column_and_a_single_word_are_mixed_alike(words):
    assert u64(*words).select(mixed(pl.col("u"))).to_series().to_list() == [
        mixed_int(w) for w in words
    ]


def test_a_row_gets_the_same_value_alone_and_among_others():
    draws = Draws("x", 1)
    rows = pl.int_range(0, 1000, dtype=pl.UInt64, eager=True).alias("u").to_frame()
    together = rows.select(draws.below("c", "u", 97)).to_series().to_list()
    alone = [u64(i).select(draws.below("c", "u", 97)).item() for i in (0, 1, 500, 999)]
    assert alone == [together[i] for i in (0, 1, 500, 999)]
    other = rows.select(draws.below("d", "u", 97)).to_series().to_list()
    assert 0 < sum(a == b for a, b in zip(together, other, strict=True)) < 40  # about 1 in 97


def test_weights_are_the_shares_that_come_out():
    rows = pl.int_range(0, 100_000, dtype=pl.UInt64, eager=True).alias("u").to_frame()
    table = Weighted([("a", 7), ("never", 0), ("b", 2), ("c", 1)])
    drawn = Counter(rows.select(Draws(3).weighted("w", "u", table)).to_series().to_list())
    assert set(drawn) == {"a", "b", "c"}
    assert [round(drawn[x] / 100_000, 2) for x in "abc"] == [0.7, 0.2, 0.1]
    hits = rows.select(Draws(3).chance("p", "u", 250_000).sum()).item()
    assert 24_000 < hits < 26_000


@given(WORDS)
@settings(max_examples=50, deadline=None)
def test_dice_of_a_row_stay_in_range_and_repeat(word):
    first, again = RowDice(word), RowDice(word)
    rolled = [first.below(6) for _ in range(20)]
    assert rolled == [again.below(6) for _ in range(20)]
    assert set(rolled) <= set(range(6))


@given(st.integers(min_value=10**16, max_value=10**17 - 1))
@settings(max_examples=50, deadline=None)
def test_the_check_digit_of_a_column_is_that_of_the_standard(number):
    text = u64(number).select(with_check(pl.col("u"))).item()
    assert text == f"{number}{check_digit(str(number))}"


def test_a_block_of_households_is_the_same_alone_and_within_a_city():
    draws = Draws("city", 4)
    city = people(draws, 0, 3 * BLOCK)
    block = city.filter(pl.col("h").is_between(BLOCK, 2 * BLOCK - 1))
    assert people(draws, BLOCK, BLOCK).equals(block)


def test_numbers_are_valid_agree_with_birth_and_are_shared_only_where_it_is_said():
    city = people(Draws("city", 4), 0, 2 * BLOCK)
    for number, birth in city.select("id_number", "birth").gather_every(17).iter_rows():
        assert parse_citizen_id(number).birth == birth
    assert city.filter(~pl.col("shared_id"))["id_number"].is_unique().all()
    twice = city.filter(pl.col("shared_id"))
    assert 0 < twice.height < 20
    for number in twice["id_number"]:
        names = city.filter(pl.col("id_number") == number)["u"]
        assert len(names) == 2
    assert city["phone"].drop_nulls().len() > 0.7 * city.height


def test_running_out_of_numbers_is_an_error_and_not_a_second_owner():
    crowd = pl.DataFrame(
        {"h": pl.Series([0] * 200, dtype=pl.UInt64), "place": pl.Series([4] * 200, dtype=pl.UInt32),
         "year": [1980] * 200, "sex": ["m"] * 200}
    )  # fmt: skip
    with pytest.raises(InputError, match="used up"):
        first17(Draws(1), crowd)


def test_twins_are_born_on_one_day_with_one_surname_and_neighbouring_numbers():
    city = people(Draws("city", 4), 0, 2 * BLOCK)
    pairs = city.filter(pl.col("twin")).join(
        city.with_columns(slot=pl.col("slot") + 1), on=["h", "slot"], suffix="_elder"
    )
    assert pairs.height > 20
    for field in ("birth", "sex", "surname", "address"):
        assert (pairs[field] == pairs[f"{field}_elder"]).all()
    assert (pairs["id_number"].str.head(14) == pairs["id_number_elder"].str.head(14)).all()
    assert (pairs["id_number"] != pairs["id_number_elder"]).all()


def test_the_same_seed_writes_the_same_files_and_another_seed_does_not(tmp_path):
    digests = [
        generate_roster(3_000, 4_000, seed, tmp_path / name).digests
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert digests[0] == digests[1]
    assert not set(digests[0].values()) & set(digests[2].values())
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "README.json", "people.parquet", "records.parquet", "truth.parquet",
    ]  # fmt: skip


def test_every_size_asked_for_is_written_exactly(roster, tmp_path):
    _, _, people_, records, truth = roster
    assert (people_.height, records.height, truth.height) == (PEOPLE, RECORDS, RECORDS)
    assert people_["person"].is_unique().all()
    assert records["record"].is_unique().all()
    assert records["record"].equals(truth["record"])
    assert generate_roster(1, 5, 3, tmp_path).records == 5
    assert pl.read_parquet(tmp_path / "records.parquet").height == 5


def test_the_keys_of_people_and_records_say_nothing_of_each_other(seen):
    own = seen.filter(pl.col("kind") == "own")
    same = own["record"].str.tail(9) == own["person"].str.tail(9)
    assert same.mean() < 0.001


def test_the_truth_names_a_person_for_own_records_alone(roster):
    _, _, people_, _, truth = roster
    own = pl.col("kind") == "own"
    assert truth.filter(own)["person"].is_in(people_["person"].implode()).all()
    assert truth.filter(~own)["person"].null_count() == truth.filter(~own).height
    assert (truth.filter(own)["person"] == truth.filter(own)["cluster"]).all()
    assert not truth.filter(~own)["cluster"].is_in(people_["person"].implode()).any()


def test_every_stated_kind_of_damage_occurs_about_as_often_as_stated(roster):
    summary, _, _, _, truth = roster
    kinds = dict(truth["kind"].value_counts().iter_rows())
    for kind in OTHERS:
        expected = getattr(summary.rates, kind) / MILLION * RECORDS
        assert 0.4 * expected <= kinds[kind] <= 1.8 * expected, kind
    numbers, names = (set(truth[c]) for c in ("id_mishap", "name_mishap"))
    assert numbers - {"none"} >= set(summary.rates.group("id_")) - {"id_second"}
    assert names - {"none"} == set(summary.rates.group("name_"))
    struck = truth.filter(pl.col("id_mishap") == "id_digit").height / RECORDS * MILLION
    assert 0.7 * summary.rates.id_digit < struck < 1.3 * summary.rates.id_digit


def test_an_undamaged_record_says_exactly_who_it_is_about(seen):
    clean = seen.filter(
        (pl.col("kind") == "own") & (pl.col("id_mishap") == "none")
        & (pl.col("name_mishap") == "none")
    )  # fmt: skip
    assert clean.height > 0.85 * RECORDS
    assert (clean["subject_name"] == clean["name"]).all()
    assert (clean["subject_id"] == clean["id_number"]).all()
    born = clean.filter(pl.col("subject_birth").is_not_null() & ~pl.col("birth_swapped"))
    assert (born["subject_birth"] == born["birth"]).all()
    fresh = clean.filter(pl.col("subject_phone").is_not_null() & ~pl.col("phone_stale"))
    assert (fresh["subject_phone"] == fresh["phone"]).all()
    stale = clean.filter(pl.col("phone_stale"))
    assert (stale["subject_phone"] != stale["phone"]).mean() > 0.99


def _one_apart(a, b):
    return len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1


LOOKS = {
    "id_15": lambda w, t: len(w) == 15 and lift_15_to_18(w) == t,
    "id_digit": _one_apart,
    "id_swap": lambda w, t: sorted(w) == sorted(t) and w != t,
    "id_letters": lambda w, t: w.replace("O", "0").replace("I", "1") == t and w != t,
    "id_full_width": lambda w, t: not w.isascii() and len(w) == 18,
    "id_lower_x": lambda w, t: w.upper() == t and w.endswith("x"),
    "id_grouped": lambda w, t: w.replace(" ", "").replace("-", "") == t and w != t,
    "id_masked": lambda w, t: w == mask_id(t),
    "id_missing": lambda w, t: w is None,
}


@pytest.mark.parametrize("kind", LOOKS)
def test_a_damaged_number_is_damaged_in_the_way_that_is_told(seen, kind):
    struck = seen.filter((pl.col("kind") == "own") & (pl.col("id_mishap") == kind))
    pairs = struck.select("subject_id", "id_number").rows()
    assert len(pairs) > 20
    assert all(LOOKS[kind](written, true) for written, true in pairs)


def test_a_damaged_name_differs_and_a_former_name_is_told_to_some_only(seen):
    struck = seen.filter((pl.col("kind") == "own") & (pl.col("name_mishap") != "none"))
    assert (struck["subject_name"] != struck["name"]).all()
    former = struck.filter(pl.col("name_mishap") == "name_former")
    told = former.select(pl.col("former_names").list.contains(pl.col("subject_name"))).to_series()
    assert 0.2 < told.mean() < 0.8


def test_strangers_look_alike_in_the_way_that_is_told(roster, seen):
    _, _, people_, _, _ = roster
    names, numbers = set(people_["name"]), set(people_["id_number"])
    plain = pl.col("name_mishap") == "none"
    namesakes = seen.filter(pl.col("kind").str.starts_with("namesake") & plain)
    assert set(namesakes["subject_name"]) <= names
    with_number = namesakes.filter(pl.col("id_mishap") == "none")
    assert not set(with_number["subject_id"]) & numbers
    mixed_up = seen.filter(pl.col("kind") == "same_id_stranger")
    assert set(mixed_up["subject_id"]) <= numbers
    born = people_.select("name", "birth").rows()
    alike = seen.filter((pl.col("kind") == "namesake_born_alike") & plain).filter(
        pl.col("id_mishap") == "none"
    )
    assert alike.height > 5
    for name, number in alike.select("subject_name", "subject_id").rows():
        assert (name, parse_citizen_id(number).birth) in set(born)


def test_the_readme_states_sizes_rates_counts_and_digests(roster):
    summary, out, *_ = roster
    readme = json.loads((out / "README.json").read_text(encoding="utf-8"))
    assert readme["synthetic"] is True
    assert readme["rates_per_million"]["id_swap"] == RosterRates().id_swap
    assert sum(readme["counts"]["kind"].values()) == RECORDS == readme["records"]
    assert readme["digests"] == summary.digests


def test_impossible_sizes_and_rates_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(InputError) as error:
        generate_roster(0, 0, 1, tmp_path / "none")
    assert [p.pointer for p in error.value.problems] == ["/people", "/records"]
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError) as error:
        RosterRates.of({"id_swap": -1, "luck": 3})
    assert {p.pointer for p in error.value.problems} == {"/rates/id_swap", "/rates/luck"}
