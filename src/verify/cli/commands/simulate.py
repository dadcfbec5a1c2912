"""`verify simulate`: the simulated departments."""

from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import EnvFile, Home, Json

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]


class Pace(enum.StrEnum):
    """How fast the simulated departments answer (`verify.simulate.state.PRESETS`)."""

    INSTANT = "instant"
    DEMO = "demo"
    REALISTIC = "realistic"


class Form(enum.StrEnum):
    """How a population is written."""

    LINES = "lines"
    TABLES = "tables"


LINES_UP_TO = 10_000  # households; lines are written household by household

app = typer.Typer(
    help="The simulated departments on loopback, and the synthetic population.",
    invoke_without_command=True,
)


@app.callback()
def simulate(
    context: typer.Context,
    *,
    household: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Household fixture to serve; may be repeated (default: all)."
        ),
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of a generated population to serve as well."),
    ] = None,
    ports: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Fixed ports, e.g. tax=8601,bank=8604 (default: free ones)."
        ),
    ] = "",
    pace: Annotated[
        Pace,
        typer.Option(
            metavar="PACE",
            help="How fast they answer: instant, demo (a second) or realistic (minutes).",
        ),
    ] = Pace.DEMO,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--for", min=0, metavar="SECONDS", help="Stop by itself after this many seconds."
        ),
    ] = None,
    home: Home = None,
    env_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write addresses and secrets, readable by you alone "
            "(default: sources.env in the home folder).",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve the departments until Ctrl-C or SIGTERM.

    Prints their addresses and the environment that `verify check` and `verify serve` need; both
    find the written file by themselves.
    """
    del as_json
    if context.invoked_subcommand is not None:
        return
    from verify.cli.environment import SOURCES_FILE, settings_for
    from verify.cli.simulating import SimulateOptions, run_simulation

    run_simulation(
        SimulateOptions(
            households=tuple(household or ()),
            population=population,
            ports=ports,
            pace=pace.value,
            seconds=seconds,
            env_file=env_file or settings_for(home).home / SOURCES_FILE,
        )
    )


@app.command("population")
def make_population(
    households: Annotated[int, typer.Option(min=1, metavar="N", help="How many households.")],
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The same seed gives the same bytes.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
    form: Annotated[
        Form | None,
        typer.Option(
            metavar="FORM",
            help="lines: whole applications and registers, which `verify simulate --population` "
            "serves. tables: Parquet per department, with two years of life events. "
            f"Default: lines up to {LINES_UP_TO:,} households, tables beyond.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a synthetic population with its registers and the truth beside them.

    It streams: memory does not grow with the size. README.json (tables) or summary.json (lines)
    say what was written, with digests.
    """
    del as_json
    from verify.cli.output import emit, note
    from verify.cli.simulating import write_population

    chosen = form or (Form.LINES if households <= LINES_UP_TO else Form.TABLES)
    note(f"writing {households:,} households to {out} as {chosen} ...")
    document = write_population(households, seed, out, tables=chosen is Form.TABLES)
    emit(document, lambda console: console.print(f"✔ {households:,} households in {out}"))


@app.command("extract")
def make_extract(
    city: Annotated[
        Path, typer.Argument(metavar="DIR", help="A population written with --form tables.")
    ],
    on: Annotated[
        dt.datetime,
        typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="The day, e.g. 2025-11-20."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
    as_json: Json = False,
) -> None:
    """Write what the departments of a population knew on some day, for checks and re-checks."""
    del as_json
    from verify.cli.output import emit
    from verify.simulate.city.extracts import extract

    rows = extract(city, on.date(), out)
    document: Plain = {"on": on.date().isoformat(), "rows": rows}
    emit(document, lambda console: console.print(f"✔ {sum(rows.values()):,} rows in {out}"))


@app.command("roster")
def make_roster(
    *,
    people: Annotated[int, typer.Option(min=1, metavar="N", help="How many people.")],
    records: Annotated[int, typer.Option(min=1, metavar="N", help="How many source records.")],
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The same seed gives the same bytes.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
    rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N",
            help="Another rate per million, e.g. id_missing=20000; may be repeated. "
            "The usual rates stand in README.json of any roster.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write people, records about them with stated damage, and whose each record is."""
    del as_json
    from verify.cli.output import emit, note
    from verify.cli.simulating import read_rates
    from verify.simulate.city.rates import RosterRates
    from verify.simulate.city.roster import generate_roster

    rates = RosterRates.of(read_rates(rate or ()))
    note(f"writing {people:,} people and {records:,} records to {out} ...")
    summary = generate_roster(people, records, seed, out, rates)
    emit(
        summary.plain(),
        lambda console: console.print(f"✔ {people:,} people and {records:,} records in {out}"),
    )


@app.command("off")
def switch_off(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="e.g. tax")],
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Close a department: connections to it are refused until it is switched on again."""
    del as_json
    _switch(source, home, env_file, on=False)


@app.command("on")
def switch_on(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="e.g. tax")],
    home: Home = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Open a department again."""
    del as_json
    _switch(source, home, env_file, on=True)


def _switch(source: str, home: Path | None, env_file: Path | None, *, on: bool) -> None:
    from verify.cli.control import Control, control_environment
    from verify.cli.environment import settings_for
    from verify.cli.output import emit

    environment = control_environment(settings_for(home).home, env_file)
    Control.from_environment(environment).switch(source, on=on)
    document: Plain = {"source": source, "on": on}
    emit(document, lambda console: _show(document, console))


def _show(document: Plain, console: Console) -> None:
    words = "answers again" if document["on"] else "is closed: it refuses connections"
    console.print(f"✔ {document['source']} {words}")
