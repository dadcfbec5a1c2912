"""`verify assess`: rules only, on given facts; nothing is asked and nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from verify.cli.options import Json

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]


def assess(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Given households (JSON or YAML): one, a list, or a list under `households`.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Apply the rules to given facts: what would the verdict be if all this were established?"""
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


def _nothing_stored(digest: str) -> NoReturn:
    from verify.domain.errors import NotFound

    raise NotFound("an assessment of given facts uses no store", where=digest)


def _show(labels: list[str], results: list[Plain], console: Console) -> None:
    from verify.cli.render import show_assessment
    from verify.service.report import assessment_view

    for label, result in zip(labels, results, strict=True):
        show_assessment(label, result["outcome"], assessment_view(result, {}), console)
