"""docs/how-to/change-a-source.md: followed to the letter, from two keys to the way back."""

from __future__ import annotations

import re

from support.commandline import ROOT
from support.pages import follow
from verify.api.openapi import document

PAGE = ROOT / "docs/how-to/change-a-source.md"


def test_a_source_is_changed_by_two_people_and_rolled_back(tmp_path, tmp_path_factory):
    environment = {"COLUMNS": "100", "VERIFY_HOME": str(tmp_path / "var")}
    follow(PAGE, tmp_path, tmp_path_factory.mktemp("tools"), environment)


def test_every_address_on_the_page_exists():
    paths = document()["paths"]
    for method, path in re.findall(r"`(GET|POST) (/v1/[a-z/{}]+)`", PAGE.read_text("utf-8")):
        assert method.lower() in paths[path], path
