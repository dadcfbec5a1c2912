"""A city in tables: the same bytes twice, true to its own truth, followed over two years."""

from __future__ import annotations

import datetime as dt
import json
from hashlib import sha256

import polars as pl
import pytest

from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.errors import InputError
from verify.domain.identifiers import parse_citizen_id
from verify.domain.vocabulary import StatementKind
from verify.simulate.city.city import generate_city
from verify.simulate.city.departments import DEPARTMENTS
from verify.simulate.city.events import KINDS
from verify.simulate.city.extracts import as_known_on, extract
from verify.simulate.city.numbers import BLOCK
from verify.simulate.city.timeline import DAYS, START, month, month_of
from verify.simulate.population import SOURCES

HOUSEHOLDS = 6_000
AS_OF = dt.date(2025, 5, 20)
END = START + dt.timedelta(days=DAYS - 1)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    out = tmp_path_factory.mktemp("city") / "c"
    return generate_city(HOUSEHOLDS, 9, out), out


def read(city, table):
    return pl.read_parquet(city[1] / table / "*.parquet")


@pytest.fixture(scope="module")
def people(city):
    return read(city, "people")


def source_tables(city):
    return {
        path.name: pl.read_parquet(path / "*.parquet")
        for path in sorted((city[1] / "sources").glob("*/*"))
    }


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path):
    made = [
        generate_city(300, seed, tmp_path / name).digests
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert made[0] == made[1]
    assert made[0]["all"] != made[2]["all"]
    files = [sorted((tmp_path / n).rglob("*.parquet")) for n in "ab"]
    assert len(files[0]) == len(made[0]) - 1
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_the_digest_of_a_table_covers_its_files(city):
    summary, out = city
    part = out / "people" / "part-00000.parquet"
    of_file = sha256(part.read_bytes()).hexdigest()
    assert summary.digests["people"] == sha256(of_file.encode()).hexdigest()


def test_a_smaller_city_is_the_beginning_of_a_larger_one(city, tmp_path):
    generate_city(1_000, 9, tmp_path / "small")
    for table, key in (("people", "household"), ("events", "household"), ("declared", "person")):
        small = pl.read_parquet(tmp_path / "small" / table / "*.parquet")
        limit = 1_000 if key == "household" else 8_000
        large = read(city, table).filter(pl.col(key) < limit)
        assert large.equals(small), table


def test_parts_do_not_depend_on_where_they_are_cut(monkeypatch, tmp_path):
    generate_city(BLOCK + 200, 3, tmp_path / "whole")
    monkeypatch.setattr("verify.simulate.city.city.PART", BLOCK)
    generate_city(BLOCK + 200, 3, tmp_path / "cut")
    for path in sorted((tmp_path / "whole").rglob("part-00000.parquet")):
        whole = pl.read_parquet(path)
        folder = tmp_path / "cut" / path.parent.relative_to(tmp_path / "whole")
        assert len(list(folder.iterdir())) == 2
        key = next(k for k in ("row", "person", "household") if k in whole.columns)
        by = [c for c in (key, "quantity", "kind", "on") if c in whole.columns]
        assert pl.read_parquet(folder / "*.parquet").sort(by).equals(whole.sort(by)), path


def test_every_source_has_its_tables_and_every_row_its_truth(city, people):
    assert {d.name for d in DEPARTMENTS} > set(SOURCES)
    connected = Connectors.from_content(ContentSet.load("connectors")).sources
    assert {d.name for d in DEPARTMENTS} == set(connected), "an extract of each department"
    for name, rows in source_tables(city).items():
        told = read(city, f"truth/rows/{name}")
        assert rows["row"].is_unique().all(), name
        assert rows["row"].equals(told["row"]), name
        assert told["person"].is_in(people["person"].implode()).all(), name
        assert rows.height == city[0].rows[f"truth/rows/{name}"] > 0


def test_an_undamaged_row_says_who_it_is_about_and_social_insurance_keeps_numbers(city, people):
    for name, rows in source_tables(city).items():
        told = read(city, f"truth/rows/{name}")
        both = rows.join(told, on="row").join(people, on="person")
        clean = both.filter((pl.col("id_mishap") == "none") & (pl.col("name_mishap") == "none"))
        assert clean.height > 0.8 * rows.height
        assert (clean["subject_id"] == clean["id_number"]).all()
        assert (clean["subject_name"] == clean["name"]).all()
        if name in ("contributions", "payouts", "statuses"):
            assert (both["subject_id"] == both["id_number"]).all()


def test_no_thing_is_registered_twice(city):
    tables = source_tables(city)
    assert tables["vehicles"]["plate"].is_unique().all()
    for table, thing, more in (("accounts", "account", "as_of"), ("titles", "title_no", "basis")):
        owners = (
            tables[table]
            .group_by(thing, more)
            .agg(pl.len(), (pl.col("share_num") / pl.col("share_den")).sum().alias("whole"))
        )
        assert set(owners["len"]) == {1, 2}
        assert (owners["whole"] == 1).all()


def test_true_income_is_what_the_books_add_up_to(city):
    """Twelve months before the application, counted here month by month."""
    first, last = dt.date(2024, 5, 1), dt.date(2025, 4, 1)
    months = pl.DataFrame({"month": pl.date_range(first, last, "1mo", eager=True)})
    books = source_tables(city)
    parts = []
    for table, amount in (("tax_incomes", "amount"), ("payouts", "amount")):
        rows = books[table].join(read(city, f"truth/rows/{table}"), on="row")
        each = rows.join(months, how="cross").filter(
            (pl.col("month") >= pl.col("first_month"))
            & (pl.col("last_month").is_null() | (pl.col("month") <= pl.col("last_month")))
        )
        parts.append(each.select("person", fen=pl.col(amount)))
    summed = pl.concat(parts).group_by("person").agg(pl.col("fen").sum()).sort("person")
    told = read(city, "truth/income").group_by("person").agg(pl.col("fen").sum()).sort("person")
    assert told.equals(summed)
    kinds = set(read(city, "truth/income")["quantity"])
    assert kinds <= {k.value for k in StatementKind}
    assert {"wage", "business_income", "pension", "unemployment_benefit"} <= kinds


def test_some_of_the_truth_is_left_out_of_the_application(city):
    told, income = read(city, "declared"), read(city, "truth/income")
    month_ = income.with_columns(fen=pl.col("fen") // 12)
    both = month_.join(told, on=["person", "quantity"], how="left", suffix="_told")
    left_out = both["fen_told"].null_count() / both.height
    assert 0.02 < left_out < 0.12
    said = both.drop_nulls("fen_told")
    assert (said["fen"] == said["fen_told"]).all()


def test_life_goes_on_for_two_years(city, people):
    happened = read(city, "events")
    assert set(happened["kind"]) == set(KINDS)
    assert happened["on"].is_between(START, END).all()
    assert happened.filter(pl.col("on") > AS_OF).height > 0.3 * happened.height
    dead = happened.filter(pl.col("kind") == "death")
    assert set(dead["person"]) == set(people.filter(pl.col("died_on").is_not_null())["person"])
    born = people.filter(pl.col("role") == "newborn")
    assert (born["birth"] >= dt.date(2025, 1, 1)).all()
    assert people["person"].is_unique().all()
    for number, birth in born.select("id_number", "birth").iter_rows():
        assert parse_citizen_id(number).birth == birth


def test_nobody_works_after_death_but_a_pension_may_run_on_until_the_notice(city, people):
    books = source_tables(city)
    died = people.select("person", "died_on").drop_nulls()

    def after_death(table):
        told = read(city, f"truth/rows/{table}")
        rows = books[table].join(told, on="row").join(died, on="person")
        return rows.filter(
            pl.col("last_month").is_null() | (pl.col("last_month") > pl.col("died_on"))
        )

    assert after_death("tax_incomes").is_empty()
    assert after_death("contributions").is_empty()
    late = after_death("payouts")
    assert set(late["item"]) <= {"employee_pension", "resident_pension"}
    assert late.height > 0


def test_the_register_enters_the_born_and_strikes_out_the_dead(city, people):
    rows = source_tables(city)["residences"].join(read(city, "truth/rows/residences"), on="row")
    listed = rows.join(people, on="person")
    assert (listed["since"] >= listed["birth"]).all()
    born = listed.filter(pl.col("role") == "newborn")
    assert born.height == people.filter(pl.col("role") == "newborn").height > 0
    dead = listed.filter(pl.col("died_on").is_not_null())
    assert dead.height > 0
    assert (dead["until"] <= dead["died_on"].dt.offset_by("60d")).all()
    assert dead["until"].null_count() == 0
    deaths = source_tables(city)["deaths"].join(read(city, "truth/rows/deaths"), on="row")
    told = deaths.join(people, on="person")
    assert (told["deceased_on"] == told["died_on"]).all()
    assert told.height == people["died_on"].len() - people["died_on"].null_count()


def test_a_marriage_is_told_alike_from_both_sides(city, people):
    rows = source_tables(city)["marriages"].join(read(city, "truth/rows/marriages"), on="row")
    pairs = rows.join(people, on="person").group_by("certificate_no").agg(
        pl.len(), pl.col("registered_on").n_unique().alias("days"),
        pl.col("name").sort().alias("own"), pl.col("spouse_name").sort().alias("other"),
        (pl.col("registered_on") - pl.col("birth")).min().alias("youngest"),
    )  # fmt: skip
    assert set(pairs["len"]) == {2}
    assert set(pairs["days"]) == {1}
    assert (pairs["own"] == pairs["other"]).all()
    assert pairs["youngest"].min() > dt.timedelta(days=18 * 365)


def test_an_extract_shows_no_future(city):
    day = dt.date(2025, 5, 20)
    for name, rows in source_tables(city).items():
        known = as_known_on(rows, day)
        assert (known["known_on"] <= day).all(), name
        assert not {"until", "ended_as"} & set(known.columns)
        if "last_month" in known.columns:
            assert (known["last_month"] <= dt.date(2025, 4, 1)).all(), name
            assert known["last_month"].null_count() == 0


def test_a_later_extract_knows_what_has_happened_since(city, tmp_path):
    early = extract(city[1], dt.date(2025, 5, 20), tmp_path / "early")
    late = extract(city[1], dt.date(2026, 4, 30), tmp_path / "late")
    assert set(early) == set(late)
    assert late["social_insurance/statuses"] > early["social_insurance/statuses"]
    bought = read(city, "events").filter(
        (pl.col("kind") == "car_bought") & pl.col("on").is_between(dt.date(2025, 5, 21), END)
    )
    vehicles = [
        pl.read_parquet(tmp_path / when / "vehicle/vehicles/*.parquet")
        for when in ("early", "late")
    ]
    new = set(vehicles[1]["plate"]) - set(vehicles[0]["plate"])
    assert len(new) == bought.height
    balances = [
        pl.read_parquet(tmp_path / when / "bank/accounts/*.parquet") for when in ("early", "late")
    ]
    assert set(balances[0]["as_of"]) == {dt.date(2025, 4, 30)}
    assert set(balances[1]["as_of"]) == {dt.date(2026, 4, 30)}


def test_an_extract_of_nothing_or_of_another_decade_is_refused(city, tmp_path):
    with pytest.raises(InputError, match="no city"):
        extract(tmp_path, AS_OF, tmp_path / "x")
    with pytest.raises(InputError, match="nothing is known"):
        extract(city[1], dt.date(2035, 1, 1), tmp_path / "x")


def test_the_readme_sets_generated_beside_published_figures(city):
    readme = json.loads((city[1] / "README.json").read_text(encoding="utf-8"))
    lines = {line["figure"]: line for line in readme["marginals"]}
    assert all(line["source"] for line in lines.values())
    for figure, tolerance in (
        ("people per household", 0.03), ("households of 1", 0.06), ("surname 王", 0.15),
        ("in the countryside", 0.15), ("deaths per person and year", 0.35),
        # About a hundred of each in so small a city: three standard deviations.
        ("births per person and year", 0.35), ("wage a year of those with any (yuan)", 0.1),
    ):  # fmt: skip
        line = lines[figure]
        assert abs(line["generated"] - line["published"]) <= tolerance * line["published"], line


def test_months_count_from_the_first_day():
    frame = pl.DataFrame({"i": [0, 7, 8, 23]}).with_columns(m=month(pl.col("i")))
    assert frame["m"].to_list() == [
        dt.date(2024, 5, 1), dt.date(2024, 12, 1), dt.date(2025, 1, 1), dt.date(2026, 4, 1),
    ]  # fmt: skip
    assert frame.select(month_of(pl.col("m"))).to_series().to_list() == [0, 7, 8, 23]


def test_an_impossible_size_or_a_used_folder_is_refused(tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(InputError) as error:
        generate_city(0, 1, tmp_path)
    assert [p.pointer for p in error.value.problems] == ["/households", "/out"]
    assert [p.name for p in tmp_path.iterdir()] == ["note"]
