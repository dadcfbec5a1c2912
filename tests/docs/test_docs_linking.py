"""docs/how-to/link-registers.md: its commands run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import polars as pl

from support.commandline import Cli

PAGE = (Path(__file__).parents[2] / "docs/how-to/link-registers.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_link_and_explain(tmp_path):
    cli = Cli(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) == 3
    said = []
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "verify"
        done = cli(*words)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert "pairs of one person" in said[1]
    assert "Starting point" in said[2]
    assert (tmp_path / "why.svg").exists()
    columns = pl.read_parquet_schema(tmp_path / "pairs.parquet")
    assert {"unique_id_l", "unique_id_r", "score", "judgement", "rule"} <= set(columns)
