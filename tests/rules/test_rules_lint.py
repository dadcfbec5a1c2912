"""Lint names every fault of a corpus of bad rulebooks; none of them runs or opens anything."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support.bad_rules import BadRules, corpus
from support.commandline import ROOT
from support.rules import BOOK, edited, small_rules
from verify.content import ContentSet
from verify.rules.flaws import WHY
from verify.rules.lint import errors, lint

CORPUS = corpus()
MAX_MS = 100


def test_the_sound_rulebook_of_these_tests_has_no_fault():
    assert lint(small_rules()) == ()


def test_the_shipped_rules_have_no_fault():
    assert errors(lint(ContentSet.load("rules"))) == ()


def test_the_corpus_is_large_and_every_entry_differs():
    assert len(CORPUS) >= 60
    assert len({b.title for b in CORPUS}) == len(CORPUS)
    assert len({b.content.digest for b in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("bad", CORPUS, ids=lambda b: b.title)
def test_every_planted_fault_is_found_at_its_line_and_nothing_else(bad: BadRules):
    flaws = lint(bad.content)
    for expected in bad.expected:
        assert [f for f in flaws if expected.matches(f)], f"{expected} not among {flaws}"
    unexpected = [f for f in flaws if not any(e.matches(f) for e in bad.expected)]
    assert not unexpected
    for flaw in flaws:
        assert flaw.what
        assert flaw.remedy
        assert flaw.why in WHY.values()


def test_linting_runs_opens_and_calls_nothing_and_is_quick():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/audit_lint.py")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    *during, probe = found["events"]
    assert probe == "open", "the hook must be able to see an open file"
    assert during == []
    slow = {title: ms for title, ms in found["ms"].items() if ms > MAX_MS}
    assert len(found["ms"]) == len(CORPUS)
    assert not slow, "processor milliseconds; everything read once is read before the clock runs"


def test_independent_faults_of_one_file_are_all_named_at_once():
    flaws = lint(
        edited(
            ('value: "30000"', 'value: "30000.001"'),
            ("{code: spouse, counts: yes", "{code: applicant, counts: yes"),
            (
                "relation = 'child' AND age < adult_age",
                "relation = 'child' AND age < line",
            ),
            ("is: COUNT(counted)", "is: COUNT(NOW())"),
            ("is: SUM(savings)", "is: SUM(saving)"),
            ('operator: "<"}', 'operator: "<", effective_to: 2022-12-31}'),
            ("monthly: shortfall", "monthly: income_per_year"),
        )
    )
    found = [f.code for f in flaws]
    assert found == ["name", "unit", "value", "expression", "name", "gap", "name"], flaws


def test_faults_of_several_files_are_named_together():
    case = "cn/310000/cases/aid/2021-01-01/income.yaml"
    content = edited(("as_of: 2021-01-01", "as_off: 2021-01-01"), path=case)
    content = edited(
        ("effect: fail\n    cite: [law]\n  - test", "effect: fail\n  - test"), base=content
    )
    content = edited(
        ("en: the nation}", "en: the nation, typo: x}"), path="regions.yaml", base=content
    )
    assert {f.path for f in lint(content)} == {
        f"rules/{case}",
        f"rules/{BOOK}",
        "rules/regions.yaml",
    }


def test_a_set_without_its_tables_is_told_so():
    files = {p: t for p, t in small_rules().files.items() if p == BOOK}
    missing = [f.path for f in lint(ContentSet("rules", files)) if f.code == "missing"]
    assert missing == ["rules/regions.yaml", "rules/wording.yaml"]
