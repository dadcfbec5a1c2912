"""Rules only: given facts, golden cases, faults in content, the published description."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.commandline import ROOT

GIVEN = """\
programme: dibao
region: "310104"
as_of: 2025-05-20
members:
  - {person: p1, relation: self, birth: 1975-03-08, incomes: [{kind: pension, monthly: "%s"}]}
"""


def write(cli, name, text):
    (cli.home / name).write_text(text, encoding="utf-8")
    return name


def test_many_given_households_are_assessed_in_the_order_given(cli):
    poor, rich = write(cli, "a.yaml", GIVEN % "900.00"), write(cli, "b.yaml", GIVEN % "9000.00")
    found = cli.json("assess", poor, rich)["assessments"]
    assert [(a["file"], a["outcome"]) for a in found] == [
        ("a.yaml", "eligible"),
        ("b.yaml", "ineligible"),
    ]


def test_an_assessment_is_readable_as_a_table(cli):
    done = cli("assess", write(cli, "b.yaml", GIVEN % "9000.00"), COLUMNS="160")
    assert done.returncode == 0, done.stderr
    for words in ("✘ Not eligible", "✘ not met", "¥9,000 a month", "over the limit", "in force"):
        assert words in done.stdout


def test_money_as_a_number_is_refused_with_its_field(cli):
    body = {
        "programme": "dibao", "region": "310104", "as_of": "2025-05-20",
        "members": [{"person": "p1", "relation": "self", "birth": "1975-03-08",
                     "incomes": [{"kind": "pension", "monthly": 900.0}]}],
    }  # fmt: skip
    name = write(cli, "n.json", json.dumps({"households": [body]}))
    error = cli.json("assess", name, code=2)["error"]
    assert [e["pointer"] for e in error["errors"]] == ["/members/0/incomes/0/monthly"]


def test_an_assessment_before_any_rule_is_refused(cli):
    name = write(cli, "old.yaml", (GIVEN % "900.00").replace("2025-05-20", "1999-01-01"))
    assert cli.json("assess", name, code=2)["error"]["code"] == "law-not-in-force"


@pytest.fixture
def content(tmp_path):
    """A copy of the content folders, to break."""
    folder = tmp_path / "content"
    for kind in ("rules", "connectors", "scoring"):
        shutil.copytree(ROOT / kind, folder / kind)
    return folder


def test_a_fault_in_a_rulebook_is_named_with_file_and_line(cli, content):
    book = content / "rules/cn/310000/dibao.yaml"
    lines = book.read_text(encoding="utf-8").splitlines()
    lines.insert(1, "surprise: yes")
    book.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = cli.json("rules", "lint", code=2, VERIFY_CONTENT=str(content))
    (flaw,) = [f for f in found["flaws"] if f["level"] == "error"]
    assert (flaw["code"], flaw["file"], flaw["line"]) == ("field", "rules/cn/310000/dibao.yaml", 2)


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("medical", "unread_source", "no test reads anything that `medical` reports"),
        ("marriage", "unread_source", "no income, savings or things"),
        ("lottery", "source", "no source `lottery` is connected"),
    ],
)
def test_a_source_that_must_answer_and_changes_nothing_is_a_fault(cli, content, source, code, says):
    book = content / "rules/cn/310000/dibao.yaml"
    text = book.read_text(encoding="utf-8")
    book.write_text(
        text.replace("mandatory_sources: [tax,", f"mandatory_sources: [{source}, tax,"), "utf-8"
    )
    found = cli.json("rules", "lint", str(content), code=2)
    (flaw,) = [f for f in found["flaws"] if f["level"] == "error"]
    assert (flaw["code"], flaw["file"]) == (code, "rules/cn/310000/dibao.yaml")
    assert flaw["line"] == text[: text.index("mandatory_sources")].count("\n") + 1
    assert says in flaw["what"]


def test_golden_cases_run_and_a_changed_limit_makes_some_fail(cli, content):
    folder = content / "rules/cn/310000/cases/dibao"
    for date in folder.iterdir():
        if date.name != "2024-07-01":
            shutil.rmtree(date)
    shutil.rmtree(content / "rules/cn/310000/cases/dibao_margin")
    passed = cli.json("rules", "test", VERIFY_CONTENT=str(content))
    assert passed["cases"] > 0
    assert passed["failed"] == 0
    case = sorted((folder / "2024-07-01").glob("*.yaml"))[0]
    text = case.read_text(encoding="utf-8")
    assert "outcome: eligible" in text
    case.write_text(text.replace("outcome: eligible", "outcome: ineligible"), encoding="utf-8")
    failed = cli.json("rules", "test", code=2, VERIFY_CONTENT=str(content))
    assert failed["failed"] >= 1
    assert any(r["differences"] for r in failed["results"] if not r["passed"])


def test_sources_are_listed_with_legal_basis_and_the_names_of_their_settings(cli):
    listed = cli.json("connectors", "list")["connectors"]
    assert [c["id"] for c in listed] == sorted(c["id"] for c in listed)
    for source in listed:
        assert source["purposes"][0]["citations"]
        assert all(name.startswith("VERIFY_SOURCE_") for name in source["environment"])
        assert f"VERIFY_SOURCE_{source['id'].upper()}_URL" in source["environment"]


def test_the_description_of_the_api_is_written_to_a_file(cli):
    done = cli("openapi", "--out", "out/openapi.json")
    assert done.returncode == 0, done.stderr
    document = json.loads((cli.home / "out/openapi.json").read_text(encoding="utf-8"))
    assert document["openapi"].startswith("3.1")
    assert "/v1/verifications" in document["paths"]


def test_the_reference_of_connectors_is_what_the_models_read():
    from verify.cli.connector_reference import document

    page = Path(__file__).parents[2] / "docs/reference/connectors.md"
    remedy = "run: python -m verify.cli.connector_reference > docs/reference/connectors.md"
    assert page.read_text(encoding="utf-8") == document(), remedy
