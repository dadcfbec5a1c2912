"""docs/how-to/tune-matching.md: its commands run, and every command it names exists."""

from __future__ import annotations

import re
from pathlib import Path

from typer.main import get_command

from support.commandline import Cli
from verify.api.openapi import document
from verify.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs/how-to/tune-matching.md").read_text(encoding="utf-8")


def test_the_commands_that_need_no_case_run_as_they_stand(tmp_path):
    cli = Cli(tmp_path)
    commands = re.findall(r"^```sh\nverify (.*?)\n```$", PAGE, re.M | re.S)
    assert len(commands) == 2
    for command in commands:
        done = cli(*command.split())
        assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "plots").iterdir()) == [
        "calibration.svg", "precision-recall.svg",
    ]  # fmt: skip


def test_every_command_and_address_on_the_page_exists():
    commands = get_command(app).commands
    for group, name in re.findall(r"verify (match|simulate) ([a-z]+)", PAGE):
        assert name in commands[group].commands, name
    paths = document()["paths"]
    for method, path in re.findall(r"`(GET|POST) (/v1/[a-z/]+)`", PAGE):
        assert method.lower() in paths[path], path
