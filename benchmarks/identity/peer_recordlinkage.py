"""recordlinkage with its ECM classifier, in a process of its own.

Usage: peer_recordlinkage.py OUT A [B].
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import duckdb
import recordlinkage
from peer_splink import PEOPLE, RECORDS, ROSTER

warnings.filterwarnings("ignore")
SETTINGS = {
    "soc_sec_id": (
        [["soc_sec_id"], ["given_name", "surname"], ["surname", "date_of_birth"],
         ["given_name", "date_of_birth"], ["postcode", "surname"], ["postcode", "given_name"],
         ["date_of_birth", "postcode"]],
        {"given_name": 0.85, "surname": 0.85, "date_of_birth": None, "soc_sec_id": None,
         "address_1": 0.85, "suburb": 0.85, "postcode": None, "state": None},
    ),
    "email": (
        [["first_name", "surname"], ["surname", "dob"], ["first_name", "dob"], ["email"]],
        {"first_name": 0.85, "surname": 0.85, "dob": 0.85, "city": 0.85, "email": 0.85},
    ),
    "id_number": (
        [["id_number"], ["name", "dob"], ["name", "phone"], ["name", "address"]],
        {"name": None, "id_number": 0.92, "dob": None, "phone": None, "address": 0.85},
    ),
}  # fmt: skip


def main(out: str, *paths: str) -> None:
    con = duckdb.connect()
    columns = con.sql(f"describe select * from '{paths[0]}'").df()["column_name"].tolist()
    if "record" in columns:
        queries = [
            ROSTER.format(path=p, **c) for p, c in zip(paths, (RECORDS, PEOPLE), strict=True)
        ]
    else:
        queries = [f"select * exclude cluster from '{p}'" for p in paths]
    frames = [con.sql(q).df().set_index("unique_id") for q in queries]
    rules, fields = next(v for k, v in SETTINGS.items() if k in frames[0].columns)
    started = time.perf_counter()
    indexer = recordlinkage.Index()
    for keys in rules:
        indexer.block(keys)
    pairs = indexer.index(*frames)
    compare = recordlinkage.Compare()
    for name, threshold in fields.items():
        if threshold is None:
            compare.exact(name, name)
        else:
            compare.string(name, name, method="jarowinkler", threshold=threshold)
    features = compare.compute(pairs, *frames)
    matches = recordlinkage.ECMClassifier().fit_predict((features > 0.5).astype(int))
    seconds = time.perf_counter() - started
    frame = matches.to_frame(index=False).astype(str)
    frame.columns = ["unique_id_l", "unique_id_r"]
    con.register("found", frame)
    con.sql(
        "select unique_id_l, unique_id_r, 1.0 as score, 'positive' as judgement from found"
    ).write_parquet(out)
    Path(out + ".json").write_text(
        json.dumps({"seconds": seconds, "compared": len(pairs)}), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
