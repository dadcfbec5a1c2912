"""Splink on DuckDB, in a process of its own.

Usage: peer_splink.py OUT RECIPE MAX_PAIRS A [B].

Name, date-of-birth, e-mail and postcode comparisons of its library, edit distances for numbers,
term frequencies for what is unevenly frequent, seven to ten blocking rules, u from MAX_PAIRS random
pairs, m by expectation-maximisation over two or three rules, the prior from deterministic rules.
The operating point is a match probability of 0.9. Reading, cleaning and loading into DuckDB are
not timed.

RECIPE is `documented` or, for the Chinese roster, also `light`:

*light* is what one writes at first sight of the columns: numbers trimmed, eight tight blocking
rules, two training sessions, the library's edit distances. It loses the records whose number is
written in its 15-digit form, in full-width digits or with a mask.

*documented* is what its guides ask for before a result is relied on: the data are standardised
(full-width digits, separators in numbers and names, the birth date of 15-digit numbers), each
known way of writing a number is a comparison level of its own, ten blocking rules bring in what
the others miss, chosen by looking at the pairs that *light* missed, and three training sessions
leave no comparison without an m of its own. Its recall is the one to compare with ours.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

logging.disable(logging.WARNING)
THRESHOLD = 0.9

ROSTER = """
    select {id} as unique_id, {name} as name,
      nullif(upper(replace(trim({number}), ' ', '')), '') as id_number,
      strftime(coalesce({birth}, try_strptime(substr({number}, 7, 8), '%Y%m%d')::date), '%Y-%m-%d')
        as dob,
      {phone} as phone, {address} as address from '{path}'
"""
STANDARDISED = """
    with read as (
      select {id} as unique_id, regexp_replace({name}, '[\\s.·•．・‧∙⋅]', '', 'g') as name,
        nullif(regexp_replace(upper(translate({number},
          '０１２３４５６７８９Ｘｘ', '0123456789XX')), '[^0-9A-Z*]', '', 'g'), '') as id_number,
        {birth} as birth, {phone} as phone, {address} as address from '{path}'
    )
    select unique_id, name, id_number,
      case length(id_number) when 15 then id_number
        when 18 then substr(id_number, 1, 6) || substr(id_number, 9, 9) end as id_short,
      substr(id_number, 1, 6) || right(id_number, 4) as id_ends,
      strftime(coalesce(birth, try_strptime(case length(id_number)
        when 15 then '19' || substr(id_number, 7, 6)
        when 18 then substr(id_number, 7, 8) end, '%Y%m%d')::date), '%Y-%m-%d') as dob,
      phone, replace(address, ' ', '') as address from read
"""
PEOPLE = {
    "id": "person", "name": "name", "number": "id_number", "birth": "birth", "phone": "phone",
    "address": "address",
}  # fmt: skip
RECORDS = {
    "id": "record", "name": "subject_name", "number": "subject_id", "birth": "subject_birth",
    "phone": "subject_phone", "address": "subject_address",
}  # fmt: skip


def tf(comparison):
    return comparison.configure(term_frequency_adjustments=True)


def roster():
    return (
        [
            tf(cl.LevenshteinAtThresholds("name", [1])),
            cl.DamerauLevenshteinAtThresholds("id_number", [1, 2]),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.LevenshteinAtThresholds("phone", [1]),
            tf(cl.JaroWinklerAtThresholds("address", [0.9, 0.8])),
        ],
        [
            ["id_number"],
            ["name", "dob"],
            ["name", "phone"],
            ["name", "address"],
            ["dob", "phone"],
            ["dob", "address"],
            ["name", "substr(id_number, 1, 6)"],
            ["name", "substr(id_number, 15, 4)"],
        ],
        [["id_number"], ["name", "dob"]],
        [["id_number", "name"], ["name", "dob", "phone"]],
    )


def written(sql, name):
    """Two numbers agree in what both of them show."""
    return cll.CustomLevel(sql, label_for_charts=name)


def standardised():
    comparisons, rules, _, certain = roster()
    comparisons[1] = cl.CustomComparison(
        output_column_name="id_number",
        comparison_levels=[
            cll.NullLevel("id_number"),
            cll.ExactMatchLevel("id_number"),
            written("id_short_l = id_short_r", "15 digits and 18"),
            cll.DamerauLevenshteinLevel("id_number", 1),
            cll.DamerauLevenshteinLevel("id_number", 2),
            written(
                "id_ends_l = id_ends_r and (contains(id_number_l, '*') or "
                "contains(id_number_r, '*'))",
                "what the mask shows",
            ),
            cll.ElseLevel(),
        ],
    )
    return (
        comparisons,
        [*rules, ["id_short"], ["id_ends"]],
        [["id_number"], ["name", "dob"], ["name", "phone"]],
        certain,
    )


def febrl():
    return (
        [
            tf(cl.NameComparison("given_name")),
            tf(cl.NameComparison("surname")),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d"
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            tf(cl.ExactMatch("street_number")),
            tf(cl.JaroWinklerAtThresholds("address_1", [0.9, 0.7])),
            tf(cl.LevenshteinAtThresholds("postcode", [1, 2])),
            tf(cl.JaroWinklerAtThresholds("suburb", [0.9, 0.7])),
        ],
        [
            ["soc_sec_id"],
            ["given_name", "surname"],
            ["surname", "date_of_birth"],
            ["given_name", "date_of_birth"],
            ["given_name", "postcode"],
            ["surname", "postcode"],
            ["date_of_birth", "postcode"],
            ["street_number", "address_1"],
        ],
        [["date_of_birth"], ["given_name", "surname"], ["postcode"]],
        [["soc_sec_id"], ["given_name", "surname", "date_of_birth"]],
    )


def fake():
    return (
        [
            tf(cl.NameComparison("first_name")),
            tf(cl.NameComparison("surname")),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            tf(cl.ExactMatch("city")),
            tf(cl.EmailComparison("email")),
        ],
        [
            ["first_name", "surname"],
            ["surname", "dob"],
            ["first_name", "dob"],
            ["email"],
            ["city", "dob"],
            ["substr(first_name, 1, 3)", "substr(surname, 1, 4)"],
            ["dob"],
        ],
        [["first_name", "surname"], ["dob"], ["email"]],
        [["first_name", "dob"], ["email"], ["surname", "dob", "city"]],
    )


def main(out: str, recipe: str, max_pairs: str, *paths: str) -> None:
    con = duckdb.connect()
    columns = con.sql(f"describe select * from '{paths[0]}'").df()["column_name"].tolist()
    if "record" in columns:
        chosen, query = {"light": (roster, ROSTER), "documented": (standardised, STANDARDISED)}[
            recipe
        ]
        queries = [query.format(path=p, **c) for p, c in zip(paths, (RECORDS, PEOPLE), strict=True)]
    else:
        chosen = febrl if "soc_sec_id" in columns else fake
        queries = [f"select * exclude cluster from '{p}'" for p in paths]
    comparisons, rules, sessions, certain = chosen()
    tables = [f"given_{at}" for at in range(len(queries))]
    for table, query in zip(tables, queries, strict=True):
        con.sql(f"create table {table} as {query}")
    started = time.perf_counter()
    api = DuckDBAPI(connection=con)
    registers = [
        api.register(table, dataset_display_name=name)
        for table, name in zip(tables, ("a", "b"), strict=False)
    ]
    settings = SettingsCreator(
        link_type="link_only" if len(registers) == 2 else "dedupe_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*keys) for keys in rules],
    )
    linker = Linker(registers if len(registers) == 2 else registers[0], settings)
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*keys) for keys in certain], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=float(max_pairs), seed=1)
    for keys in sessions:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*keys))
    found = linker.inference.predict(threshold_match_probability=0.001)
    result = found.as_duckdbpyrelation()
    seconds = time.perf_counter() - started
    frame = result.df()
    con.register("found", frame)
    con.sql(
        "select unique_id_l::varchar as unique_id_l, unique_id_r::varchar as unique_id_r, "
        "match_probability as score, "
        f"if(match_probability >= {THRESHOLD}, 'positive', 'negative') as judgement from found"
    ).write_parquet(out)
    Path(out + ".json").write_text(
        json.dumps({"seconds": seconds, "compared": len(frame)}), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
