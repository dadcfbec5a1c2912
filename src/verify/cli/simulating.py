"""Run the simulated departments in this process until a signal, or a time limit, stops them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from verify import content
from verify.cli.environment import write_env_file
from verify.cli.output import emit, note
from verify.domain.errors import Conflict, InputError
from verify.simulate.server import (
    CONTROL,
    DEFAULT_PORTS,
    SimulatedSources,
    load_registers,
    serve_forever,
)
from verify.simulate.state import PRESETS

Plain = dict[str, Any]

FREE = "free"


@dataclass(frozen=True)
class SimulateOptions:
    """What `verify simulate` was asked to do."""

    households: tuple[Path, ...]
    population: Path | None
    ports: str
    pace: str
    seconds: float | None
    env_file: Path


def run_simulation(options: SimulateOptions) -> None:
    """Serve until stopped; the env file goes away again with the sources.

    Raises:
        InputError: a file is not there, or `--ports` cannot be read.
        Conflict: a port is taken.
    """
    ports = read_ports(options.ports)
    files = options.households or _all_households()
    try:
        registers = load_registers(files, options.population)
    except OSError as error:
        if options.population is not None and (options.population / "sources").is_dir():
            raise InputError(
                "this population is in tables, which are not served",
                where=str(options.population),
                remedy="write one with: verify simulate population --form lines",
            ) from None
        raise InputError(
            f"a file cannot be read ({error.strerror})", where=str(error.filename)
        ) from None
    stop = threading.Event()
    timer = threading.Timer(options.seconds or 0, stop.set)
    timer.daemon = True
    if options.seconds is not None:
        timer.start()
    try:
        serve_forever(
            registers,
            ports=ports,
            profiles=PRESETS[options.pace],
            ready=lambda sources: _announce(sources, len(files), options),
            stop=stop,
        )
    except OSError as error:
        raise Conflict(
            f"a port cannot be opened ({error.strerror})",
            where="127.0.0.1",
            remedy="stop the other program, or take free ports with --ports free",
        ) from None
    finally:
        timer.cancel()
        options.env_file.unlink(missing_ok=True)
    note("the simulated sources have stopped")


def read_ports(text: str) -> Mapping[str, int]:
    """`tax=8601,bank=8604`, `free`, or nothing for the usual ports.

    Raises:
        InputError: anything else.
    """
    if text == FREE:
        return {}
    ports = dict(DEFAULT_PORTS)
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if name not in ports or not number.isdecimal() or not 0 <= int(number) <= 65535:
            raise InputError(
                f"{part!r} is not SOURCE=PORT",
                where="--ports",
                remedy=f"sources are {', '.join(sorted(ports))}; or give: free",
            )
        ports[name] = int(number)
    return ports


def write_population(households: int, seed: int, out: Path, *, tables: bool) -> Plain:
    """Write a population and return what its summary says.

    Raises:
        InputError: the size is impossible, or the folder is not empty.
    """
    from verify.domain.canonical import plain
    from verify.simulate.city.city import generate_city
    from verify.simulate.population import generate

    if not tables:
        return cast(Plain, plain(generate(households, seed, out)))
    told = 0

    def progress(done: int, of: int) -> None:
        nonlocal told
        if done * 10 // of > told:
            told = done * 10 // of
            note(f"{done:,} of {of:,} households")

    return generate_city(households, seed, out, progress=progress).plain()


def read_rates(given: Iterable[str]) -> dict[str, int]:
    """`id_missing=20000` and the like.

    Raises:
        InputError: anything else.
    """
    rates = {}
    for part in given:
        name, _, number = part.partition("=")
        if not name or not number.isdecimal():
            raise InputError(f"{part!r} is not NAME=NUMBER", where="--rate")
        rates[name] = int(number)
    return rates


def _all_households() -> tuple[Path, ...]:
    folder = content.content_root() / "fixtures" / "households"
    return tuple(sorted(folder.glob("*.yaml")))


def _announce(sources: SimulatedSources, households: int, options: SimulateOptions) -> None:
    write_env_file(options.env_file, sources.environment())
    document: Plain = {
        "sources": sources.urls,
        CONTROL: sources.control_url,
        "households": households,
        "env_file": str(options.env_file),
    }
    emit(document, lambda console: _show(document, console))
    note("Ctrl-C stops them")


def _show(document: Plain, console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, border_style="dim")
    table.add_column("source")
    table.add_column("address")
    for source, url in (*document["sources"].items(), (CONTROL, document[CONTROL])):
        table.add_row(source.replace("_", " "), url)
    console.print(table)
    console.print(Text(f"{document['households']} households; all of them are synthetic", "dim"))
    env_file = document["env_file"]
    console.print("`verify check` and `verify serve` find the addresses by themselves. Elsewhere:")
    console.print(Text(f"  set -a; . {env_file}; set +a", "cyan"), soft_wrap=True)
