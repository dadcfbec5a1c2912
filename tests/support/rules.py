"""A small sound set of rules, made up, for tests that change or break it."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.commandline import ROOT
from verify.content import ContentSet

SOUND = ROOT / "tests/rules/bad_rulebooks/sound"
BOOK = "cn/310000/aid.yaml"


def small_rules(**replaced: str) -> ContentSet:
    """The set, with the shipped wording."""
    files = {p.relative_to(SOUND).as_posix(): p.read_text("utf-8") for p in SOUND.rglob("*.yaml")}
    files["wording.yaml"] = (ROOT / "rules/wording.yaml").read_text("utf-8")
    return ContentSet("rules", dict(sorted(files.items())) | replaced)


def edited(*edits: tuple[str, str], path: str = BOOK, base: ContentSet | None = None) -> ContentSet:
    """The set with text replaced in one file; each old text must be there exactly once."""
    content = base or small_rules()
    text = content.files[path]
    for old, new in edits:
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    return ContentSet("rules", {**content.files, path: text})


def write_content(root: Path, rules: ContentSet | None = None) -> Path:
    """A content root with these rules and the shipped connectors and scoring."""
    for kind in ("connectors", "scoring"):
        shutil.copytree(ROOT / kind, root / kind)
    for path, text in (rules or small_rules()).files.items():
        file = root / "rules" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root
