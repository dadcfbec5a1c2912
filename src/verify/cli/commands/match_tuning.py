"""`verify match evaluate` and the like: how sure the matching is, what a change would do.

They stand in one group with `link` and `explain` (`commands.match_link`).
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.commands.match_link import app
from verify.cli.options import Home, Json

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["app"]

Plain = dict[str, Any]
Family = Annotated[str, typer.Option(metavar="NAME", help="The script family.")]
RosterFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Work on the linking of registers instead, held against this roster: "
        "people.parquet, records.parquet, truth.parquet (see `verify simulate roster`).",
    ),
]
ModelFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="With --roster: weights of an earlier run (default: estimated anew)."
    ),
]
Verdicts = Annotated[
    int,
    typer.Option(
        min=0, max=2000, metavar="N", help="How many of the newest past verdicts to judge again."
    ),
]


class Said(enum.StrEnum):
    """What a person says of a match."""

    POSITIVE = "positive"
    UNSURE = "unsure"
    NEGATIVE = "negative"


@app.command()
def evaluate(
    *,
    family: Family = "cn",
    roster: RosterFolder = None,
    model: ModelFile = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw precision-recall.svg and calibration.svg into this folder."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Hold the scoring in use against the labelled pairs and the clerical decisions.

    Exit code 0 whatever the figures; `verify match threshold` tries other cut-offs.
    """
    del as_json
    from verify.cli.matching import tuning
    from verify.cli.output import emit
    from verify.console import plots
    from verify.domain.access import LOCAL
    from verify.service.matching.view import evaluation_view

    if roster is not None:
        from verify.cli.rosters import evaluate_folder, show_roster

        document, show = evaluate_folder(roster, model), show_roster
    else:
        with tuning(home) as matching:
            document = evaluation_view(matching.evaluation(LOCAL, family))
        show = _show_evaluation
    if svg is not None:
        svg.mkdir(parents=True, exist_ok=True)
        drawings = {
            "precision-recall": plots.precision_recall(document["curve"]),
            "calibration": plots.calibration(document["calibration"]),
        }
        for name, drawing in drawings.items():
            (svg / f"{name}.svg").write_text(drawing, encoding="utf-8")
    emit(document, lambda console: show(document, console))


@app.command()
def threshold(
    *,
    to: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=BITS", help="positive=BITS or unsure=BITS; may be given once each."
        ),
    ],
    family: Family = "cn",
    verdicts: Verdicts = 200,
    roster: RosterFolder = None,
    model: ModelFile = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Move a cut-off and see which labelled pairs and which past verdicts flip.

    Past verdicts are judged again from their sealed evidence; nothing is stored and none changes.
    """
    del as_json
    from verify.cli.matching import read_cutoffs, show_trial, tuning
    from verify.cli.output import emit
    from verify.cli.reader import reader
    from verify.service.matching.view import trial_view

    wanted = read_cutoffs(to)
    if roster is not None:
        from verify.cli.rosters import move_in_folder, show_moves

        moved = move_in_folder(roster, model, wanted)
        emit(moved, lambda console: show_moves(moved, console))
        return
    with tuning(home) as matching:
        trial = matching.try_cutoffs(
            reader(),
            positive=wanted.get("positive"),
            unsure=wanted.get("unsure"),
            family=family,
            verdicts=verdicts,
        )
    document = trial_view(trial)
    emit(document, lambda console: show_trial(document, console))


@app.command()
def train(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the draft as a content folder, DIR/scoring, for review; with --roster "
            "the weights as DIR/model.json.",
        ),
    ] = None,
    strength: Annotated[
        int,
        typer.Option(
            min=1,
            max=1_000_000,
            metavar="N",
            help="The declared shares count as much as this many decided pairs.",
        ),
    ] = 200,
    svg: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw claimed.svg and calibrated.svg into this folder."),
    ] = None,
    family: Family = "cn",
    verdicts: Verdicts = 0,
    roster: RosterFolder = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Learn the shares m from clerical decisions; see what they would change.

    The draft is content: compare it, have it reviewed, and put it where the scoring content is.
    Decisions also say what a score means: how far its odds are from what was found, and where
    the cut-offs would have to stand to mean what they claim.
    With --roster the weights for linking are learnt from its people and records, without looking
    at the truth, which then says how good they are.
    """
    del as_json
    from verify.cli.matching import tuning
    from verify.cli.output import emit
    from verify.cli.reader import reader
    from verify.console import plots
    from verify.content import ContentSet
    from verify.service.matching import draft
    from verify.service.matching.view import calibrated_view

    if roster is not None:
        from verify.cli.rosters import show_roster, train_on_folder

        learnt = train_on_folder(roster, out)
        emit(learnt, lambda console: show_roster(learnt, console))
        return
    with tuning(home) as matching:
        made, content = matching.calibrate(
            reader(), family=family, strength=strength, verdicts=verdicts
        )
    document = calibrated_view(made)
    if svg is not None:
        svg.mkdir(parents=True, exist_ok=True)
        for name in ("claimed", "calibrated"):
            drawing = plots.calibration(document["odds"][name], title=name.capitalize())
            (svg / f"{name}.svg").write_text(drawing, encoding="utf-8")
    if out is not None:
        document["files"] = draft.write(content, ContentSet.load("scoring"), out)
    emit(document, lambda console: _show_training(document, out, console))


@app.command()
def decide(
    *,
    verification: Annotated[str, typer.Argument(metavar="ID", help="The verification.")],
    record: Annotated[str, typer.Argument(metavar="RECORD", help="As in the verdict's matches.")],
    person: Annotated[str, typer.Argument(metavar="PERSON", help="As in the verdict's matches.")],
    judgement: Annotated[
        Said, typer.Argument(metavar="JUDGEMENT", help="positive, unsure or negative.")
    ],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Keep what you found of a match; the verdict stays as it is."""
    del as_json
    from verify.cli.matching import tuning
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.domain.match import Judgement
    from verify.service.matching.view import label_view

    with tuning(home, write=True) as matching:
        row = matching.decide(LOCAL, verification, record, person, Judgement(judgement.value))
    emit(label_view(row), lambda console: console.print(f"✔ kept as {row.id}"))


@app.command()
def revoke(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="The decision's id, `l_...`.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take a decision back; it stays on record and no longer counts."""
    del as_json
    from verify.cli.matching import tuning
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.service.matching.view import label_view

    with tuning(home, write=True) as matching:
        row = matching.revoke(LOCAL, label)
    emit(label_view(row), lambda console: console.print(f"✔ {row.id} no longer counts"))


@app.command("labels")
def list_labels(home: Home = None, as_json: Json = False) -> None:
    """The clerical decisions, oldest first, revoked ones too."""
    del as_json
    from verify.cli.matching import tuning
    from verify.cli.output import emit
    from verify.domain.access import LOCAL
    from verify.service.matching.view import label_view

    with tuning(home) as matching:
        rows = [label_view(row) for row in matching.labels(LOCAL)]
    document: Plain = {"labels": rows}
    emit(document, lambda console: _show_labels(rows, console))


def _show_evaluation(document: Plain, console: Console) -> None:
    from rich.text import Text

    from verify.cli.matching import bits, show_figures

    show_figures(document, console)
    for pair in document["wrong"]:
        console.print(
            Text.assemble(
                ("  ✘ ", "red"),
                f"{pair['title_zh']}  {pair['title_en']}: {pair['judgement']}, a person says "
                f"{pair['label']} ",
                (f"({pair['rule']}, {bits(pair['score'])} bits)", "dim"),
            )
        )


def _show_training(document: Plain, out: Path | None, console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from verify.cli.matching import show_trial

    head = f"{document['decisions']} decisions, {document['same']} of them the same person"
    console.print(Text(head, "bold"))
    table = Table(box=box.SIMPLE_HEAD, border_style="dim")
    for column in ("field", "level", "m", "draft", "seen"):
        table.add_column(column, justify="left" if column in ("field", "level") else "right")
    for c in document["changes"]:
        table.add_row(c["field"], c["level"], c["m"], c["draft"], str(c["seen"]))
    console.print(table)
    _show_odds(document["odds"], console)
    show_trial(document["trial"], console)
    if out is not None:
        console.print(f"✔ written to {out / 'scoring'}: {', '.join(document['files'])} differ")


def _show_odds(odds: Plain, console: Console) -> None:
    from verify.cli.matching import bits, percent

    error = odds["error"]
    console.print(
        f"calibration error: {percent(error['claimed'])} as claimed, "
        f"{percent(error['calibrated'])} by the decisions (on those held out)"
    )
    for name, found in odds["cutoffs"].items():
        console.print(
            f"  {name} from {bits(found['cutoff'])} bits claims {percent(found['meant'])}, means "
            f"{percent(found['means'])}; it would be true from {bits(found['from'])}"
        )


def _show_labels(rows: list[Plain], console: Console) -> None:
    from rich.text import Text

    for row in rows:
        levels = ", ".join(f"{field} {level}" for field, level in row["levels"].items())
        style = "dim strike" if row["revoked_at"] else ""
        console.print(
            Text(
                f"{row['id']}  {row['judgement']:<8}  {row['verification']} {row['record']}:"
                f"{row['person']}  {levels}",
                style,
            )
        )
    console.print(f"{len(rows)} decisions")
