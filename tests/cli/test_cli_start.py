from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from verify.cli.reference import document

ROOT = Path(__file__).parents[2]


def test_the_reference_page_says_what_the_commands_say():
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert page == document(), "run: python -m verify.cli.reference > docs/reference/cli.md"


def test_the_reference_page_names_every_command_of_the_contract():
    page = document()
    for command in (
        "demo", "serve", "simulate", "simulate off", "simulate population", "simulate extract",
        "simulate roster", "check", "assess",
        "replay", "explain", "list", "openapi", "rules lint", "rules test", "connectors list",
        "connectors test", "match evaluate", "match train", "match threshold", "db upgrade",
        "db check", "access create-key", "access token",
    ):  # fmt: skip
        assert f"\n## verify {command}\n" in page


def test_help_imports_nothing_heavy(cli):
    """`verify --help` takes 0.35 s; each of these would add as much again."""
    code = (
        "import sys; import verify.cli.main; "
        "print([m for m in ('polars', 'fastapi', 'sqlalchemy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
    assert "demo" in cli("--help").stdout


def test_a_wrong_option_is_bad_input_and_with_json_still_one_document(cli):
    done = cli("list", "--limit", "0", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "invalid-input"
    assert cli("nonsense").returncode == 2


def test_the_version_is_printed(cli):
    assert cli("--version").stdout.startswith("verify ")
