"""The demo from start to end: departments up, keys made, service up, the story, addresses."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from verify import content
from verify.cli import logs
from verify.cli.client import Api
from verify.cli.control import Control
from verify.cli.demo import children, story
from verify.cli.demo.children import Child
from verify.cli.demo.narrator import Narrator
from verify.cli.environment import SOURCES_FILE, read_env_file
from verify.cli.keys import signing_key
from verify.domain.access import RoleName
from verify.domain.errors import InputError
from verify.service.access import create_key
from verify.service.clock import now_ms
from verify.settings import Settings
from verify.simulate.households import load_household
from verify.simulate.state import SOURCES
from verify.store import Store

Plain = dict[str, Any]

PORT = 8470
START_SECONDS = 30
STORY_SECONDS = 120  # given to the story; the children end by themselves even if it is killed
MARKER = ".verify-demo"
REGION = "310000"
FAMILY, OUTAGE, NAMESAKE = "01-*.yaml", "24-*.yaml", "07-*.yaml"


@dataclass(frozen=True)
class Keys:
    """The API keys of the demo, shown at its end."""

    caseworker: str
    auditor: str


def run(home: Path, keep_minutes: int, console: Console) -> Plain:
    """Tell the demo; returns what it found for `--json`.

    Raises:
        VerifyError: a step failed; the children are stopped.
    """
    logs.quiet()
    narrator = Narrator(console)
    children.stop(children.load(home))
    _fresh(home)
    seconds = keep_minutes * 60 + STORY_SECONDS
    started: list[Child] = []
    try:
        departments = _start_departments(home, seconds, started)
        made = _make_keys(home, narrator)
        _await_departments(home, departments, narrator)
        address = _start_service(home, seconds, started, narrator)
        stage = story.Stage(
            api=Api(address, made.caseworker),
            control=Control.from_environment(read_env_file(home / SOURCES_FILE)),
            narrator=narrator,
            home=home,
        )
        first = story.family(stage, load_household(_household(FAMILY)))
        story.outage(stage, load_household(_household(OUTAGE)))
        story.namesake(stage, load_household(_household(NAMESAKE)))
        story.replay(stage, first)
    except BaseException:
        children.stop(started)
        raise
    if not keep_minutes:
        children.stop(started)
    document = _document(address, first, made, keep_minutes, narrator)
    _farewell(document, home, console)
    return document


def _fresh(home: Path) -> None:
    """An empty folder that is the demo's own; a folder with other people's files is refused."""
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise InputError(
            "the folder is not empty and not the demo's; nothing was touched",
            where=str(home),
            remedy="give an empty or new folder with --home",
        )
    home.mkdir(parents=True, exist_ok=True)
    for entry in home.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (home / MARKER).write_text("made by `verify demo`; it may be emptied at any time\n")


def _environment(home: Path, **changes: str) -> dict[str, str]:
    """The children's environment: this one's, but with the demo's own database and keys."""
    own = {
        "VERIFY_HOME": str(home),
        "VERIFY_DATABASE_URL": "",
        # A source that was away is asked again within seconds, so that the story can show it.
        "VERIFY_RETRY_SECONDS": "1",
        "VERIFY_ANSWER_DEADLINE_SECONDS": "20",
    }
    kept = {k: v for k, v in os.environ.items() if not _is_source_setting(k)}
    return {**kept, **own, **changes}


def _is_source_setting(name: str) -> bool:
    """Addresses and secrets of real sources must not reach the demo."""
    return name.startswith("VERIFY_") and name not in ("VERIFY_CONTENT", "VERIFY_DEBUG")


def _start_departments(home: Path, seconds: int, started: list[Child]) -> Child:
    """Started first and awaited later: they read their registers while the keys are made."""
    words = ["simulate", "--ports", "free", "--home", str(home)]
    words += ["--env-file", str(home / SOURCES_FILE), "--for", str(seconds)]
    child = children.start("sources", words, _environment(home), home / "sources.log")
    _remember(home, started, child)
    return child


def _await_departments(home: Path, child: Child, narrator: Narrator) -> None:
    env_file, log = home / SOURCES_FILE, home / "sources.log"
    with narrator.step("start the simulated departments") as facts:
        children.wait_until(child, env_file.exists, START_SECONDS, log, "the sources")
        done = f"{len(SOURCES)} simulated departments answer, each in its own dialect"
        facts |= {"done": done}


def _make_keys(home: Path, narrator: Narrator) -> Keys:
    with narrator.step("make a signing key and API keys") as facts:
        signing_key(home)
        settings = Settings(home=home, database_url="")
        with Store.open(settings.resolved_database_url) as store:
            made = Keys(
                caseworker=create_key(
                    store,
                    label="demo caseworker",
                    roles=[RoleName.CALLER, RoleName.CASEWORKER],
                    regions=[REGION],
                    now=now_ms(),
                ),
                auditor=create_key(
                    store,
                    label="demo auditor",
                    roles=[RoleName.AUDITOR],
                    regions=["*"],
                    now=now_ms(),
                ),
            )
        facts |= {"done": "a fresh database, a signing key, two API keys"}
    return made


def _start_service(home: Path, seconds: int, started: list[Child], narrator: Narrator) -> str:
    address_file, log = home / "service.url", home / "service.log"
    with narrator.step("start the service") as facts:
        words = ["serve", "--home", str(home), "--port", str(_port())]
        words += ["--address-file", str(address_file), "--for", str(seconds)]
        environment = _environment(home, VERIFY_JWKS_FILE=str(signing_key(home).jwks_file))
        child = children.start("service", words, environment, log)
        _remember(home, started, child)
        children.wait_until(child, address_file.exists, START_SECONDS, log, "the service")
        address = address_file.read_text(encoding="utf-8").strip()
        facts |= {"done": f"API, worker and console at {address}"}
    return address


def _remember(home: Path, started: list[Child], child: Child) -> None:
    started.append(child)
    children.save(home, started)


def _port() -> int:
    """The usual port if it is free, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT


def _household(pattern: str) -> Path:
    folder = content.content_root() / "fixtures" / "households"
    found = sorted(folder.glob(pattern))
    if not found:
        raise InputError(f"there is no household {pattern}", where=str(folder))
    return found[0]


def _document(address: str, first: str, made: Keys, keep_minutes: int, narrator: Narrator) -> Plain:
    return {
        "verification": first,
        "api": f"{address}/v1",
        "console": f"{address}/console/",
        "report": f"{address}/console/verifications/{first}",
        "keys": {"caseworker": made.caseworker, "auditor": made.auditor},
        "keep_minutes": keep_minutes,
        "steps": narrator.steps,
    }


def _farewell(document: Mapping[str, Any], home: Path, console: Console) -> None:
    if not document["keep_minutes"]:
        console.print(Text("everything is stopped again (--keep 0)", "dim"))
        return
    console.print(Text("\nLook around (paste a key at the console's login):", "bold green"))
    rows = (
        ("console", document["console"]),
        ("report", document["report"]),
        ("API", document["api"]),
        ("caseworker's key", document["keys"]["caseworker"]),
        ("auditor's key", document["keys"]["auditor"]),
    )
    for label, text in rows:
        # Never wrapped: an address or a key must stay whole to be copied.
        console.print(Text.assemble((f"  {label:<17}", "dim"), text), soft_wrap=True)
    header = f"Authorization: Bearer {document['keys']['caseworker']}"
    verification, verify = document["verification"], _program()
    home = home.relative_to(Path.cwd()) if home.is_relative_to(Path.cwd()) else home
    lines = (
        f"curl -s -H '{header}' {document['api']}/verifications/{verification}",
        f"{verify} explain {verification} --matches --home {home}",
        f"{verify} simulate off bank --home {home}",
    )
    for line in lines:
        console.print(Text(f"  {line}", "cyan"), soft_wrap=True)
    minutes = document["keep_minutes"]
    stays = f"It stays up for {minutes} minute{'s' if minutes > 1 else ''}; to end it now:"
    console.print(
        Text.assemble((stays, "dim"), (f" {verify} demo --stop --home {home}", "cyan")),
        soft_wrap=True,
    )


def _program() -> str:
    """How the person at the terminal can call this program."""
    called = Path(sys.argv[0])
    if called.name != "verify":
        return "python -m verify.cli.main"
    return "verify" if shutil.which("verify") else os.path.relpath(called)
