"""`verify assess`: rules only, on given facts; nothing is asked and nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer

from verify.cli.options import Json

if TYPE_CHECKING:
    from rich.console import Console

    from verify.rules import Law
    from verify.service.columnar import Written

Plain = dict[str, Any]


def assess(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            help="Given households (JSON or YAML): one, a list, or a list under `households`.",
        ),
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option(
            metavar="SOURCE",
            help="Any number of households: a folder of Parquet tables (households, persons, "
            "facts, doubts), or a .jsonl file with one given household a line. Needs --out.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for outcomes, findings and the trace of a batch (Parquet)."
        ),
    ] = None,
    household: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Show the trace of one household of the batch in --out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Apply the rules to given facts: what would the verdict be if all this were established?

    Few households are shown; a batch is written as Parquet, one row per household, and its
    trace is read back with --household.
    """
    if batch is not None or household is not None:
        _batch(batch, out, household)
        return
    if not files:
        raise typer.BadParameter("name a file, or a batch with --batch and --out")
    del as_json
    from verify.cli.inputs import read_given_file
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.rules import GivenHousehold
    from verify.service.assessment import Assessments
    from verify.service.contents import Contents
    from verify.settings import Settings

    limit = Settings().max_body_bytes
    given = [
        (source, item)
        for name in files
        for source, item in read_given_file(name, limit, GivenHousehold)
    ]
    contents = Contents.load(_nothing_stored)
    results = Assessments(contents).assess([item for _, item in given], LOCAL)
    labels = [f"{source.name} {'/'.join(map(str, source.base))}".strip() for source, _ in given]
    document = {
        "assessments": [
            {"file": source.name, **result}
            for (source, _), result in zip(given, results, strict=True)
        ]
    }
    emit(document, lambda console: _show(labels, results, console))


def _batch(source: Path | None, out: Path | None, household: str | None) -> None:
    from verify.cli.output import emit
    from verify.cli.tree import trace_tree
    from verify.service import columnar
    from verify.service.contents import Contents

    if out is None:
        raise typer.BadParameter("a batch needs --out, the folder of its results")
    law = Contents.load(_nothing_stored).law
    if household is not None:
        nodes = columnar.as_plain(columnar.tree_from_files(law, out, household))
        emit(
            {"household": household, "trace": nodes},
            lambda console: console.print(trace_tree(nodes)),
        )
    else:
        written = _written(law, cast("Path", source), out)
        emit(
            {"out": str(out), "households": written.households, "outcomes": written.outcomes},
            lambda console: console.print(f"{written.households:,} households: {written.outcomes}"),
        )


def _written(law: Law, source: Path, out: Path) -> Written:
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

    from verify.cli.output import err
    from verify.service import columnar

    columns = (SpinnerColumn(), "households", MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True) as progress:
        task = progress.add_task("assess", total=None)
        return columnar.assess_to_files(
            law, columnar.batches(law, source), out, lambda n: progress.advance(task, n)
        )


def _nothing_stored(digest: str) -> NoReturn:
    from verify.domain.errors import NotFound

    raise NotFound("an assessment of given facts uses no store", where=digest)


def _show(labels: list[str], results: list[Plain], console: Console) -> None:
    from verify.cli.render import show_assessment
    from verify.service.report import assessment_view

    for label, result in zip(labels, results, strict=True):
        show_assessment(label, result["outcome"], assessment_view(result, {}), console)
