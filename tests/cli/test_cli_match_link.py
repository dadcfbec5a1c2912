"""`verify match link` and `explain`, as a person at a terminal meets them."""

from __future__ import annotations

import json

import polars as pl
import pytest

from identity.identity_registers import entries, people
from verify.identity import evaluate

PEOPLE = people(300, seed=21)
ENTRIES = entries(PEOPLE, seed=22)


@pytest.fixture
def registers(cli):
    ENTRIES.drop("cluster").write_csv(cli.home / "records.csv")
    PEOPLE.write_parquet(cli.home / "people.parquet")
    return ("records.csv", "people.parquet")


def test_two_registers_are_linked_and_a_pair_is_explained(cli, registers) -> None:
    done = cli("match", "link", *registers, "--out", "pairs.parquet", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    pairs = pl.read_parquet(cli.home / "pairs.parquet")
    truth = ENTRIES.select(unique_id_l="record", unique_id_r="cluster")
    assert evaluate(pairs, truth).recall > 0.95
    assert (said["family"], said["judged"]["positive"]) == ("han", evaluate(pairs, truth).positive)
    first = pairs.row(0, named=True)
    words = ("match", "explain", "pairs.parquet", "--left", first["unique_id_l"])
    told = json.loads(cli(*words, "--svg", "pair.svg", "--json").stdout)
    assert told[0]["total"] == first["score"]
    assert (cli.home / "pair.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "Starting point" in cli(*words).stdout


def test_a_pair_that_was_not_kept_is_not_found(cli, registers) -> None:
    cli("match", "link", *registers, "--out", "pairs.parquet")
    done = cli("match", "explain", "pairs.parquet", "--left", "nobody")
    assert done.returncode == 3
    assert "no such pair" in done.stderr


def test_a_file_that_is_no_register_is_refused(cli) -> None:
    (cli.home / "broken.parquet").write_bytes(b"no parquet")
    done = cli("match", "link", "broken.parquet", "--out", "pairs.parquet")
    assert done.returncode == 2
    assert "not a readable register" in done.stderr
