"""The steps of the Dockerfile, outside a container: what is installed works without a checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel that `pip install .` would install, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "--disable-pip-version-check",
            "-w",
            str(folder),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed, *words, cwd):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VERIFY_")}
    # The unpacked wheel comes first, so that the checkout plays no part.
    environment["PYTHONPATH"] = str(installed)
    return subprocess.run(
        [sys.executable, "-m", "verify.cli.main", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_wheel_holds_the_content_and_nothing_stray(installed):
    files = {p.relative_to(installed).as_posix() for p in installed.rglob("*") if p.is_file()}
    for folder in ("connectors", "rules", "scoring", "fixtures/households"):
        assert any(f.startswith(f"verify/_content/{folder}/") for f in files), folder
    kinds = {Path(f).suffix for f in files if f.startswith("verify/")}
    assert kinds <= {".py", ".typed", ".html", ".css", ".js", ".mako", ".yaml"}, kinds
    assert not [f for f in files if "/.env" in f or f.endswith(".db")]


def test_the_installed_engine_finds_its_law_without_a_checkout(installed, tmp_path):
    done = run(installed, "rules", "test", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run(installed, "connectors", "list", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_installed_engine_upgrades_a_database(installed, tmp_path):
    done = run(installed, "db", "upgrade", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "var" / "verify.db").exists()


def test_the_dockerfile_copies_only_what_exists_and_installs_with_hashes():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+)$", text, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert "--require-hashes -r requirements.lock" in text


def test_the_image_holds_the_client_programs_of_the_server_beside_it():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    major = compose["services"]["database"]["image"].removeprefix("postgres:")
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"postgresql-client-{major} " in text


def test_compose_runs_the_api_a_worker_and_postgresql():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert services["database"]["image"].startswith("postgres:")
    assert "--no-worker" in services["api"]["command"]
    assert "--worker-only" in services["worker"]["command"]
    # The API checks addresses and secrets of a changed source, and tries it: as the worker asks.
    assert services["api"]["env_file"] == services["worker"]["env_file"] == ["sources.env"]
    used = {s for service in services.values() for s in service.get("secrets", [])}
    assert used == set(compose["secrets"])
