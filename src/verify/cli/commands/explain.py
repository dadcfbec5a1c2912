"""`verify explain`: a verdict in plain sentences, its matches, its trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Home, Json, Sequence, StatedPurpose, VerificationId

if TYPE_CHECKING:
    from rich.console import Console

Plain = dict[str, Any]


def explain(
    verification: VerificationId,
    *,
    matches: Annotated[
        bool, typer.Option("--matches", help="Each record: whose it is, the score, the reasons.")
    ] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="The whole reasoning as a tree, down to the facts.")
    ] = False,
    table: Annotated[
        bool, typer.Option("--report", help="The full report, as `verify check` prints it.")
    ] = False,
    sequence: Sequence = None,
    purpose: StatedPurpose = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Explain a sealed verdict in plain Chinese and English sentences, each with its law.

    Opens the store for reading only, also beside a running service.
    """
    del as_json
    import json

    from verify.bootstrap import build
    from verify.cli import logs, sentences
    from verify.cli.environment import settings_for
    from verify.cli.output import emit
    from verify.cli.reader import reader
    from verify.service.report import build_report

    logs.quiet()
    with build(settings_for(home), worker=False, read_only=True) as system:
        found = system.verifications.documents(
            verification, reader(purpose), sequence, "explanation"
        )
        report = build_report(
            verification, found.verdict, found.application, system.verifications.content(found.row)
        )
    reasoning: list[Plain] = json.loads(found.trace_bytes)["trace"]
    document: Plain = {
        "verification": verification,
        "sequence": found.verdict_row.sequence,
        "sentences": [{"zh": zh, "en": en} for zh, en in sentences.explain(report)],
    }
    if matches:
        document["matches"] = report["matches"]
    if trace:
        document["trace"] = reasoning
    if table:
        document["report"] = report
    emit(document, lambda console: _show(document, console))


def _show(document: Plain, console: Console) -> None:
    from rich.text import Text

    from verify.cli.render import show_report
    from verify.cli.symbols import bullet
    from verify.cli.tree import show_matches, trace_tree

    if "report" in document:
        show_report(document["report"], console)
    for sentence in document["sentences"]:
        console.print(bullet(Text.assemble(sentence["zh"], "\n", (sentence["en"], "dim"))))
    if "matches" in document:
        console.print(Text("\nRecords judged  记录比对", "bold"))
        show_matches(document["matches"], console)
    if "trace" in document:
        console.print()
        console.print(trace_tree(document["trace"]))
