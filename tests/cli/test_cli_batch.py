"""`verify assess --batch`: any number of given households to Parquet, and a trace read back."""

from __future__ import annotations

import json

import polars as pl

POOR, RICH = "900.00", "9000.00"


def given(pension: str, **more: object) -> dict:
    member = {
        "person": "p1",
        "relation": "self",
        "birth": "1960-03-04",
        "incomes": [{"kind": "pension", "monthly": pension}],
        "assets": [{"amount": "1000.00", "doubtful": True}],
    }
    base = {"programme": "dibao", "region": "310104", "as_of": "2025-05-20"}
    return {**base, **more, "members": [member]}


def lines(cli, *households: dict) -> str:
    path = cli.home / "many.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(h) for h in households), encoding="utf-8")
    return str(path)


def test_a_batch_is_written_as_parquet_and_agrees_with_single_assessments(cli):
    source = lines(cli, given(POOR), given(RICH), given(POOR, programme="dibao_margin"))
    out = str(cli.home / "out")
    said = cli.json("assess", "--batch", source, "--out", out)
    assert said["households"] == 3
    outcomes = pl.read_parquet(f"{out}/outcomes/*.parquet").rows()
    assert [o[2] for o in outcomes] == ["eligible", "ineligible", "eligible"]
    findings = pl.read_parquet(f"{out}/findings/*.parquet")
    failed = findings.filter(state="not_satisfied")["household", "test"].rows()
    assert failed == [("000000002", "income")]
    one = cli.home / "one.json"
    one.write_text(json.dumps(given(RICH)), encoding="utf-8")
    (alone,) = cli.json("assess", str(one))["assessments"]
    again = cli.json("assess", "--out", out, "--household", "000000002")["trace"]
    assert again == alone["trace"]
    plan = json.loads((cli.home / "out/trace/cn-310000-dibao/plan.json").read_bytes())
    assert plan["quantities"]["income_per_member"]["made_of"] == ["household_income", "members"]


def test_a_batch_of_tables_is_read_as_the_frames_of_the_rules_layer(cli):
    from verify.content import ContentSet
    from verify.rules import GivenHousehold, Law, facts_from_given

    tables = cli.home / "tables"
    tables.mkdir(parents=True)
    law = Law.from_content(ContentSet.load("rules"))
    parts = facts_from_given([("a", GivenHousehold.model_validate(given(POOR)))], law)
    for name in ("households", "persons", "facts", "doubts"):
        getattr(parts, name).write_parquet(tables / f"{name}.parquet")
    said = cli.json("assess", "--batch", str(tables), "--out", str(cli.home / "out"))
    assert said["outcomes"] == {"eligible": 1}
    (tables / "facts.parquet").unlink()
    error = cli.json("assess", "--batch", str(tables), "--out", str(cli.home / "new"), code=2)
    assert "facts.parquet" in error["error"]["where"]


def test_results_are_never_overwritten_and_a_wrong_line_is_named(cli):
    source = lines(cli, given(POOR), {"programme": "dibao"})
    out = cli.home / "out"
    error = cli.json("assess", "--batch", source, "--out", str(out), code=2)["error"]
    assert error["where"].endswith("many.jsonl:2")
    out.mkdir(exist_ok=True)
    (out / "mine.txt").write_text("kept", encoding="utf-8")
    cli.json("assess", "--batch", lines(cli, given(POOR)), "--out", str(out), code=2)
    assert (out / "mine.txt").read_text(encoding="utf-8") == "kept"
