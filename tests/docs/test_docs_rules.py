"""The pages for policy staff: followed to the letter, on a small set of rules and from nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

from support.commandline import ROOT
from support.pages import FENCE, follow
from support.rules import small_rules, write_content
from verify.content import ContentSet
from verify.rules import Law
from verify.rules.coverage import coverage, markdown
from verify.rules.schema import editor_settings, schemas

WIDE = {"COLUMNS": "100"}


def test_a_change_of_law_goes_from_the_notice_to_being_in_force(tmp_path, tmp_path_factory):
    root = write_content(tmp_path_factory.mktemp("content"))
    page = ROOT / "docs/how-to/change-the-law.md"
    environment = {**WIDE, "VERIFY_CONTENT": str(root), "VERIFY_HOME": str(tmp_path / "var")}
    follow(page, tmp_path, tmp_path_factory.mktemp("tools"), environment)


def test_a_city_is_added_from_an_empty_folder_with_files_under_rules_only(
    tmp_path, tmp_path_factory
):
    page = ROOT / "docs/tutorials/add-a-city.md"
    root = write_content(tmp_path_factory.mktemp("content"))
    environment = {**WIDE, "VERIFY_CONTENT": str(root)}
    assert not list(tmp_path.iterdir())
    follow(page, tmp_path, tmp_path_factory.mktemp("tools"), environment)
    assert [p.name for p in tmp_path.iterdir()] == ["rules"]
    shipped = small_rules().files
    written = ContentSet.of_folder("rules", tmp_path / "rules").files
    changed = {p for p in written if written[p] != shipped.get(p)}
    assert changed == {
        "regions.yaml",
        "cn/999900/dibao.yaml",
        "cn/999900/cases/dibao/2025-01-01/income.yaml",
    }
    assert set(shipped) <= set(written)


def test_the_table_of_known_law_is_the_current_one():
    page = (ROOT / "docs/reference/coverage.md").read_text(encoding="utf-8")
    current = markdown(coverage(Law.from_content(ContentSet.load("rules"))))
    assert page == current, "run `verify rules coverage --out docs/reference/coverage.md`"


def test_the_published_schemas_are_the_current_ones():
    folder = ROOT / "api/schemas"
    found = {p.name.removesuffix(".schema.json"): p for p in folder.glob("*.schema.json")}
    assert set(found) == set(schemas())
    for name, schema in schemas().items():
        assert json.loads(found[name].read_text(encoding="utf-8")) == schema, (
            "run `verify rules schema --out api/schemas`"
        )


def test_the_editor_settings_on_the_page_name_the_published_schemas():
    page = (ROOT / "docs/how-to/edit-rules.md").read_text(encoding="utf-8")
    (block,) = [body for kind, body in FENCE.findall(page) if kind == "json"]
    settings = json.loads(block)["yaml.schemas"]
    assert settings == editor_settings()
    for path, pattern in settings.items():
        assert (ROOT / path).is_file()
        assert list(Path(ROOT).glob(pattern)), pattern


def test_every_command_of_the_rules_is_in_the_reference():
    reference = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    for page in ("how-to/change-the-law.md", "tutorials/add-a-city.md", "how-to/edit-rules.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for name in set(re.findall(r"verify rules ([a-z]+)", text)):
            assert f"verify rules {name}" in reference, f"{page} speaks of `verify rules {name}`"
