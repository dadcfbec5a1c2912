"""Rules of the house that no other tool checks; each message names the decision behind it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTENT = ("connectors", "rules", "scoring", "api", "fixtures")
PURE = ("domain", "scoring", "identity", "reconcile", "rules")
# Learning the weights of a linking model is statistics, and ends in integers (ADR 0013); no
# verdict comes through these modules (tested below).
ESTIMATING = ("chance", "estimate", "evaluation", "expectation", "likeness", "model")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return [ROOT / line for line in listed if line and (ROOT / line).is_file()]


@pytest.mark.parametrize("folder", CONTENT)
def test_content_folders_hold_no_python(folder):
    assert not list((ROOT / folder).rglob("*.py")), "content stands beside the engine (ADR 0001)"


def pure_modules() -> list[Path]:
    return [
        p
        for package in PURE
        for p in sorted((ROOT / "src/verify" / package).rglob("*.py"))
        if not (package == "identity" and p.stem in ESTIMATING)
    ] + [ROOT / "src/verify/service/judging.py", ROOT / "src/verify/service/sealed.py"]


def test_a_verdict_comes_through_no_module_that_estimates():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, verify.service.judging; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "verify.identity.judge" in loaded
    assert not {f"verify.identity.{name}" for name in ESTIMATING}.intersection(loaded)


@pytest.mark.parametrize("module", pure_modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_judging_path_reads_no_clock_and_makes_no_float(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        where = f"{module.name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float), f"{where}: a float (ADR 0002)"
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("today", "now", "utcnow", "time_ns", "Float64", "Float32"), (
                f"{where}: {node.attr} in the judging path breaks replay (ADR 0003)"
            )
            assert node.attr != "sql_expr", f"{where}: unlinted SQL touches the disk (ADR 0004)"
        if isinstance(node, ast.keyword) and node.arg == "keep":
            assert not (isinstance(node.value, ast.Constant) and node.value.value == "any"), where
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
            assert not {"random", "time", "uuid", "secrets"}.intersection(names), where


def test_modules_stay_small_enough_to_hold_in_the_head():
    sizes = {
        str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines())
        for p in (ROOT / "src").rglob("*.py")
    }
    assert {name: n for name, n in sizes.items() if n > 450} == {}, "split it where the ideas part"


def test_no_file_names_a_package_registry_or_a_machine_path():
    # Put together here, so that this file names none either.
    hosts = [".".join(parts) for parts in (("files", "pythonhosted"), ("pypi", "org"))]
    options = ["-".join(parts) for parts in (("index", "url"), ("--find", "links"))]
    registry = re.compile("|".join(re.escape(word) for word in (*hosts, *options)))
    paths = re.compile(r"(^|[^a-zA-Z0-9_.])/(work|root)/")
    for file in tracked():
        if file.suffix in (".png", ".gz", ".ttf"):
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        assert not registry.search(text), file
        if file == Path(__file__):
            continue
        assert not paths.search(text), file


def test_every_fixture_says_that_it_is_synthetic():
    for file in sorted((ROOT / "fixtures").rglob("*.yaml")):
        assert "synthetic" in file.read_text(encoding="utf-8").lower(), file


def test_the_lock_files_pin_every_requirement_with_a_hash():
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        pins = [i for i, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
        assert pins
        for i in pins:
            assert "==" in lines[i], f"{name}:{i + 1}"
            assert "--hash=sha256:" in lines[i + 1], f"{name}:{i + 1}"
