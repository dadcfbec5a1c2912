"""`verify match link` and `explain`: who is who in two registers, and why."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.options import Json

if TYPE_CHECKING:
    from rich.console import Console

    from verify.identity import Linked

app = typer.Typer(help="Who is who in two registers, why, and how sure.", no_args_is_help=True)


class How(enum.StrEnum):
    """How many counterparts a row may have (`verify.identity.settle`)."""

    ONE_TO_ONE = "one_to_one"
    MANY_TO_ONE = "many_to_one"
    ONE_TO_MANY = "one_to_many"
    MANY_TO_MANY = "many_to_many"


class Language(enum.StrEnum):
    """Language of an explanation."""

    EN = "en"
    ZH = "zh"


@app.command("link")
def link(
    left: Annotated[Path, typer.Argument(metavar="A", help="A register: Parquet or CSV.")],
    right: Annotated[
        Path | None,
        typer.Argument(metavar="[B]", help="The other register; without it, A against itself."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the judged pairs go (Parquet).")],
    family: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Script family of scoring/linking/ (default: by the script)."
        ),
    ] = "",
    how: Annotated[
        How | None,
        typer.Option(
            metavar="HOW",
            help="How many counterparts a row of A and of B has: one_to_one, many_to_one, "
            "one_to_many or many_to_many (default: told from the pairs).",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Weights of an earlier run (default: estimated anew)."),
    ] = None,
    scoring: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Scoring content (default: the one in use)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the rows of one person in two registers, or in one.

    Columns are known by their names (scoring/linking/*.yaml); weights are estimated from the
    registers themselves, without labels. Beside the pairs, the weights are written to
    FILE.model.json for `verify match explain` and for later runs.
    """
    del as_json
    from verify.cli.linking import read_families, read_register
    from verify.identity import Model
    from verify.identity import link as find

    found = find(
        read_register(left),
        read_register(right) if right else None,
        read_families(scoring),
        family=family or None,
        model=Model.load(model) if model else None,
        how=how.value if how else None,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    found.pairs.write_parquet(out)
    found.model.save(_model_beside(out))
    _report(found, out)


def _model_beside(pairs: Path) -> Path:
    return pairs.with_name(pairs.name + ".model.json")


def _report(found: Linked, out: Path) -> None:
    from verify.cli import output

    counts = dict(found.pairs["judgement"].value_counts().iter_rows())
    judged = {name: int(counts.get(name, 0)) for name in ("positive", "unsure", "negative")}
    document: dict[str, Any] = {
        "pairs": str(out),
        "family": found.family,
        "how": found.how,
        "fields": {f.name: [*f.left, *f.right] for f in found.fields},
        "compared": found.blocked.pairs.height,
        "judged": judged,
        "missed_at_least": str(round(float(found.missed.lower_bound), 1)),
        "model": found.model.model_digest,
        "blocking": found.blocked.report.to_dicts(),
    }

    def show(console: Console) -> None:
        console.print(
            f"{judged['positive']:,} pairs of one person, {judged['unsure']:,} doubtful, in {out}"
        )
        console.print(f"script family {found.family}, {found.how.replace('_', ' ')}")
        console.print("compared by " + ", ".join(f.title.en for f in found.fields))
        for line in document["blocking"]:
            if not line["pairs_left_out"]:
                continue
            console.print(
                f"{line['rule']}: {line['pairs_left_out']:,} pairs in {line['blocks_left_out']:,} "
                "blocks were too many and left out"
            )
        console.print(f"true pairs missed by all rules: at least {document['missed_at_least']}")

    output.emit(document, show)


@app.command("explain")
def explain(
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS", help="Pairs that `link` wrote.")],
    left: Annotated[str, typer.Option(metavar="ID", help="The row of A.")],
    right: Annotated[
        str, typer.Option(metavar="ID", help="The row of B (default: every candidate of the row).")
    ] = "",
    *,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the first one here as well.")
    ] = None,
    language: Annotated[
        Language, typer.Option(metavar="LANG", help="Language of the words: en or zh.")
    ] = Language.EN,
    as_json: Json = False,
) -> None:
    """Why a pair was judged so: every weight from the starting point to the total.

    Candidates that were rejected are there too, with the reason.
    """
    del as_json
    from verify.cli import output
    from verify.cli.linking import waterfalls
    from verify.identity.waterfall import as_svg, as_text

    found = waterfalls(pairs, _model_beside(pairs), left, right)
    if svg:
        svg.write_text(as_svg(found[0][1], language.value), encoding="utf-8")
    document = [{"left": left, "right": other, **w.to_dict()} for other, w in found]

    def show(console: Console) -> None:
        for other, waterfall in found:
            console.print(f"{left} - {other}", markup=False)
            console.print(as_text(waterfall, language.value), markup=False, soft_wrap=True)

    output.emit(document, show)
