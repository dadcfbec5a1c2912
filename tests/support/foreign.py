"""Drivers of other packages, installed for a test: an entry point and a module on the path."""

from __future__ import annotations

from pathlib import Path

MODULE = """
from __future__ import annotations

from typing import Literal

from verify.connectors.drivers.outcome import Outcome
from verify.connectors.plugins import Driver
from verify.connectors.protocols import ProtocolSpec
from verify.domain.evidence import EvidenceState


class Spec(ProtocolSpec):
    driver: Literal["{name}"]


def ask(channel, protocol, ticket):
    channel.gate.pass_through()
    who = channel.values["name"] + channel.values["id_number"]
{body}


DRIVER = Driver(Spec, ask)
"""


def install(folder: Path, name: str, body: str) -> None:
    """A package in `folder` (on `sys.path`) that offers the driver `name`; `body` is what it does:
    it knows `channel`, `ticket`, and in `who` the person's name and number."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / f"{name}_package.py").write_text(
        MODULE.format(name=name, body=lines), encoding="utf-8"
    )
    info = folder / f"{name}_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[verify.drivers]\n{name} = {name}_package:DRIVER\n")
