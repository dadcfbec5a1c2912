"""Splink on DuckDB with its documented recipe, in a process of its own.

Usage: peer_splink.py OUT MAX_PAIRS A [B]. Name, date-of-birth, e-mail and postcode comparisons of
its library, edit distances for numbers, term frequencies for what is unevenly frequent, seven to
nine blocking rules, u from MAX_PAIRS random pairs, m by expectation-maximisation over three rules,
the prior from deterministic rules. The operating point is a match probability of 0.9.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import duckdb
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


def main(out: str, max_pairs: str, *paths: str) -> None:
    con = duckdb.connect()
    columns = con.sql(f"describe select * from '{paths[0]}'").df()["column_name"].tolist()
    if "record" in columns:
        recipe = roster()
        tables = [
            con.sql(ROSTER.format(path=p, **c)).df()
            for p, c in zip(paths, (RECORDS, PEOPLE), strict=True)
        ]
    else:
        recipe = febrl() if "soc_sec_id" in columns else fake()
        tables = [con.sql(f"select * exclude cluster from '{p}'").df() for p in paths]
    comparisons, rules, sessions, certain = recipe
    started = time.perf_counter()
    api = DuckDBAPI()
    registers = [
        api.register(t, dataset_display_name=name)
        for t, name in zip(tables, ("a", "b"), strict=False)
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
