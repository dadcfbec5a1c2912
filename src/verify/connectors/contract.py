"""The contract that every connector passes, as a pytest plugin. One line subscribes:

    pytest_plugins = ["verify.connectors.contract"]

pytest then collects every `*.yaml` of the folder `verify_connectors` (an ini option, default
`connectors`) and its recorded replies under `verify_replies` (default `replies`). Each check is a
test of its own; a fault that a connector meets in the field becomes one more check, for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verify.connectors.catalogue import Connectors
from verify.connectors.contract_checks import Run, contract_of
from verify.connectors.recordings import read_recordings
from verify.content import ContentSet


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where connectors and their recorded replies are, relative to the root."""
    parser.addini("verify_connectors", "folder of the connectors", default="connectors")
    parser.addini("verify_replies", "folder of recorded replies", default="replies")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Each declaration is a file of tests."""
    folder = parent.config.rootpath / str(parent.config.getini("verify_connectors"))
    if file_path.suffix == ".yaml" and file_path.parent == folder.resolve():
        return ConnectorFile.from_parent(parent, path=file_path)
    return None


class ConnectorFile(pytest.File):
    """One connector with its replies."""

    def collect(self) -> Iterator[pytest.Item]:
        """The checks of the declaration, then those of each reply."""
        source = self.path.stem
        text = self.path.read_text(encoding="utf-8")
        connectors = Connectors.from_content(ContentSet("connectors", {self.path.name: text}))
        replies = self.config.rootpath / str(self.config.getini("verify_replies"))
        recorded = read_recordings(replies / source / "replies.yaml")
        for name, run in contract_of(connectors, replies, recorded):
            yield ContractItem.from_parent(self, name=name, run=run)


class ContractItem(pytest.Item):
    """One check."""

    def __init__(self, *, run: Run, **options: Any) -> None:
        super().__init__(**options)
        self._run = run

    def runtest(self) -> None:
        """Run it."""
        self._run()

    def reportinfo(self) -> tuple[Path, int, str]:
        """The declaration is the place of a failure."""
        return self.path, 0, f"{self.path.stem}: {self.name}"
