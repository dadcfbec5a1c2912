"""The commands for policy staff, as processes of their own, on a small set of rules."""

from __future__ import annotations

import pytest

from support.rules import edited, small_rules, write_content


@pytest.fixture
def content(tmp_path):
    return write_content(tmp_path / "content")


@pytest.fixture
def proposed(tmp_path):
    return str(write_content(tmp_path / "proposed", edited(('value: "1000"', 'value: "1100"'))))


def test_what_changed_in_law_is_said_from_the_installed_rules_on(cli, content, proposed):
    found = cli.json("rules", "diff", proposed, VERIFY_CONTENT=str(content))
    (change,) = found["changes"]
    assert (change["before"], change["after"]) == ("1,000 yuan a month", "1,100 yuan a month")
    same = cli("rules", "diff", proposed, proposed, VERIFY_CONTENT=str(content))
    assert "no change in law" in same.stdout


def test_the_impact_on_given_households_is_told_with_their_file(cli, content, proposed):
    (cli.home / "h.yaml").write_text(
        'programme: aid\nregion: "310000"\nas_of: 2020-05-20\nmembers:\n'
        "  - {person: p1, relation: self, birth: 1980-03-01, "
        'incomes: [{kind: wage, monthly: "1050"}]}\n',
        encoding="utf-8",
    )
    found = cli.json(
        "rules", "impact", proposed, "--households", "h.yaml", VERIFY_CONTENT=str(content)
    )
    assert found["flips"] == [{"from": "ineligible", "to": "eligible", "households": 1}]
    assert found["examples"][0]["household"].startswith("h.yaml")
    done = cli("rules", "impact", proposed, "--cases", "--stored", VERIFY_CONTENT=str(content))
    assert done.returncode == 2
    assert "only one of" in done.stderr


def test_a_case_is_explained_in_both_languages(cli, content):
    done = cli("rules", "explain", "below the line of 2020", VERIFY_CONTENT=str(content))
    assert done.returncode == 0, done.stderr
    for words in ("按所给情况,符合", "on the facts given, Eligible", "A made-up law 1"):
        assert words in done.stdout


def test_a_proposal_is_compared_by_digest_and_withdrawn(cli, content):
    """The whole way with two keys is followed on docs/how-to/change-the-law.md."""
    here = {"VERIFY_CONTENT": str(content)}
    words = write_content(
        cli.home / "words", edited(("# A small made-up", "# A remark on a made-up"))
    )
    made = cli.json("rules", "propose", str(words), "--starts", "2099-01-01", **here)
    assert made["checks"]["passed"]
    assert made["proposed_by"].startswith("os:")
    assert made["base"] == small_rules().digest
    stored = cli.json("rules", "diff", made["base"], made["digest"], **here)
    assert stored["same_law"]
    assert stored["text_only"]
    assert cli.json("rules", "withdraw", made["id"], **here)["state"] == "withdrawn"
