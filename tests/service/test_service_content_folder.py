"""The content folder that the settings name is the one that is used."""

from __future__ import annotations

from support.live import changed_content
from verify.bootstrap import build
from verify.settings import Settings


def test_the_settings_say_which_content_is_used(tmp_path, monkeypatch):
    changes = {"max_age_days: 45": "max_age_days: 7"}
    folder = changed_content(tmp_path / "content", "connectors/tax.yaml", changes)
    with build(Settings(home=tmp_path / "a", content=folder), environment={}, worker=False) as own:
        named = own.contents.connectors.declaration("tax").freshness.max_age_days
    monkeypatch.setenv("VERIFY_CONTENT", str(folder))
    with build(Settings(home=tmp_path / "b"), environment={}, worker=False) as system:
        by_environment = system.contents.connectors.declaration("tax").freshness.max_age_days
    assert (named, by_environment) == (7, 7)
