"""The how-to pages of tuning and of synthetic cities: commands run, whatever is named exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from support.commandline import Cli
from verify.api.openapi import document
from verify.cli.main import app

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
NAMES = ("tune-matching.md", "synthetic-city.md")
PAGES = {name: (HOW_TO / name).read_text("utf-8") for name in NAMES}
MADE = {
    "tune-matching.md": ["plots/calibration.svg", "plots/precision-recall.svg"],
    "synthetic-city.md": ["city/README.json", "november/README.json", "roster/README.json"],
}


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_that_need_no_case_run_as_they_stand(name, tmp_path):
    cli = Cli(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)```$", PAGES[name], re.M | re.S)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) >= 2
    for command in commands:
        assert command.startswith("verify ")
        done = cli(*command.split()[1:])
        assert done.returncode == 0, done.stderr
    for made in MADE[name]:
        assert (tmp_path / made).is_file(), made


@pytest.mark.parametrize("name", PAGES)
def test_every_command_option_and_address_on_the_page_exists(name):
    commands = get_command(app).commands
    for group, sub, rest in re.findall(r"verify (match|simulate) ([a-z]+)([^\n`]*)", PAGES[name]):
        command = commands[group].commands[sub]
        known = {o for p in command.params for o in p.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, (sub, rest)
    paths = document()["paths"]
    for method, path in re.findall(r"`(GET|POST) (/v1/[a-z/]+)`", PAGES[name]):
        assert method.lower() in paths[path], path


def test_the_tables_of_the_city_are_those_that_are_written(tmp_path):
    from verify.simulate.city.city import generate_city

    generate_city(20, 1, tmp_path / "city")
    told = set(re.findall(r"^\| `(.*?)` \|", PAGES["synthetic-city.md"], re.M))
    told = {part for line in told for part in line.split("`, `")}
    for path in tmp_path.rglob("*.parquet"):
        table = str(path.parent.relative_to(tmp_path / "city"))
        shape = re.sub(r"^sources/[^/]+/[^/]+$", "sources/<department>/<table>", table)
        shape = re.sub(r"^truth/rows/[^/]+$", "truth/rows/<table>", shape)
        assert shape in told, table
