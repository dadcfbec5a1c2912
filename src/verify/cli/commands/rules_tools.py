"""`verify rules explain | diff | impact | coverage | schema`: read the law and changes to it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.cli.commands.rules_words import show_case, show_coverage, show_diff, show_impact
from verify.cli.options import Home, Json

if TYPE_CHECKING:
    from verify.service.impacts import Sample

Plain = dict[str, Any]


def explain(
    case: Annotated[
        str,
        typer.Argument(
            metavar="CASE",
            help="Title (or part of it) of a golden case, its FILE:LINE, or a file with a given "
            "household.",
        ),
    ],
    *,
    rules: Annotated[
        str | None,
        typer.Option("--rules", metavar="DIR|DIGEST", help="Other rules than the installed ones."),
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="The whole reasoning as a tree, down to the facts.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Explain how the law judges a case, in plain Chinese and English with its citations."""
    del as_json
    from verify.cli import sentences
    from verify.cli.inputs import read_given_file
    from verify.cli.output import emit
    from verify.cli.rulebooks import read_rules
    from verify.rules import GivenHousehold, Law
    from verify.rules.cases import run_cases
    from verify.service.explain_case import explain_given, find_case
    from verify.settings import Settings

    content = read_rules(rules)
    law = Law.from_content(content)
    document: Plain = {"title": case, "where": case, "differences": []}
    if Path(case).is_file():
        given = read_given_file(case, Settings().max_body_bytes, GivenHousehold)[0][1]
    else:
        found = find_case(content, case)
        given = found.given
        result = run_cases(law, [found])[0]
        document = {
            "title": found.title,
            "where": found.where,
            "differences": list(result.differences),
        }
    explained = explain_given(law, given)
    document["outcome"] = explained["report"]["outcome"]["code"]
    document["sentences"] = [
        {"zh": zh, "en": en}
        for zh, en in sentences.explain_case(explained["report"], explained["composition"])
    ]
    if trace:
        document["trace"] = explained["trace"]
    emit(document, lambda console: show_case(document, console))


def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="Folder with rules, or the digest of stored ones.")
    ],
    second: Annotated[
        str | None,
        typer.Argument(
            metavar="[B]", help="The same. With A alone: from the installed rules to A."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say what changed in law from A to B, not in text: figures, operators, days, formulas."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import read_rules
    from verify.rules.diff import diff_content

    before, after = (None, first) if second is None else (first, second)
    document = diff_content(read_rules(before, home), read_rules(after, home)).plain()
    emit(document, lambda console: show_diff(document, console))


def impact(
    after: Annotated[
        str, typer.Argument(metavar="RULES", help="The proposed rules: a folder, or a digest.")
    ],
    *,
    before: Annotated[
        str | None,
        typer.Option(
            "--before", metavar="DIR|DIGEST", help="Compared with these (default: installed)."
        ),
    ] = None,
    households: Annotated[
        str | None,
        typer.Option("--households", metavar="FILE", help="Given households, as for `assess`."),
    ] = None,
    cases: Annotated[bool, typer.Option("--cases", help="The golden cases.")] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="What the newest stored verdicts rest on.")
    ] = False,
    size: Annotated[
        int, typer.Option("--size", min=1, max=5000, metavar="N", help="How many households.")
    ] = 1000,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the synthetic households.")
    ] = 1,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="DAY", help="Move every household in time, as if it applied then."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Who would be judged differently under proposed rules, by how much, and by which test.

    Without --households, --cases or --stored: synthetic households spread around the limits, on
    the days on which the law differs. Nothing is stored.
    """
    del as_json
    from verify.cli.output import emit

    day = _day(on)
    chosen = _one_of(households=households is not None, cases=cases, stored=stored)
    document = _impact(before, after, households, chosen, size, seed, day, home)
    emit(document, lambda console: show_impact(document, console))


def _impact(  # noqa: PLR0917 - as `impact`
    before: str | None,
    after: str,
    households: str | None,
    chosen: Sample,
    size: int,
    seed: int,
    on: dt.date | None,
    home: Path | None,
) -> Plain:
    from verify.bootstrap import build
    from verify.cli import logs
    from verify.cli.environment import settings_for
    from verify.cli.inputs import read_given_file
    from verify.cli.reader import reader
    from verify.cli.rulebooks import read_rules
    from verify.domain.access import LOCAL
    from verify.rules import GivenHousehold, Law
    from verify.service.contents import Contents
    from verify.service.impacts import Impacts, Sample

    old, new = read_rules(before, home), Law.from_content(read_rules(after, home))
    if households is not None:
        settings = settings_for(home)
        given = [
            ("/".join([source.name, *map(str, source.base)]), item)
            for source, item in read_given_file(households, settings.max_body_bytes, GivenHousehold)
        ]
        return Impacts.of_given(Law.from_content(old), new, given, on)
    if chosen is not Sample.STORED:
        return Impacts(None, Contents.load(_nothing_stored)).of(
            old, new, chosen, size, seed, on, LOCAL
        )
    logs.quiet()
    with build(settings_for(home), worker=False, read_only=True) as system:
        stored = Contents.load(system.store.content)
        return Impacts(system.store, stored, system.trail.note_list).of(
            old, new, chosen, size, seed, on, reader()
        )


def coverage(
    rules: Annotated[
        str | None, typer.Argument(metavar="[DIR]", help="Rules (default: the installed ones).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the table as Markdown.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which law is known: region by programme by year, what is unknown, where gaps are."""
    del as_json
    from verify.cli.output import emit, note
    from verify.cli.rulebooks import read_rules
    from verify.rules import Law
    from verify.rules.coverage import coverage as cover
    from verify.rules.coverage import markdown

    law = Law.from_content(read_rules(rules))
    rows = cover(law)
    document: Plain = {"digest": law.digest, "rulebooks": [r.plain() for r in rows]}
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(markdown(rows), encoding="utf-8")
        note(f"wrote {out}")
    emit(document, lambda console: show_coverage(document, console))


def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="An empty or new folder for the files.")
    ],
    rules: Annotated[
        str | None,
        typer.Option("--rules", metavar="DIR|DIGEST", help="Which rules (default: installed)."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write rules to a folder, to read or to change them there."""
    del as_json
    from verify.cli.output import emit
    from verify.cli.rulebooks import read_rules
    from verify.domain.errors import Conflict

    content = read_rules(rules, home)
    if folder.exists() and any(folder.iterdir()):
        raise Conflict("the folder is not empty", where=str(folder), remedy="give a new folder")
    for path, text in content.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    document = {"digest": content.digest, "folder": str(folder), "files": len(content.files)}
    emit(document, lambda console: console.print(f"✔ {len(content.files)} files in {folder}"))


def schema(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write one file per kind (api/schemas)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the JSON Schemas of the files under rules/, for editors (docs/how-to/edit-rules.md)."""
    del as_json
    import json
    import sys

    from verify.cli.output import note
    from verify.rules.schema import schemas

    found = schemas()
    if out is None:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, document in found.items():
        text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (out / f"{name}.schema.json").write_text(text, encoding="utf-8")
        note(f"wrote {out / f'{name}.schema.json'}")


def _day(text: str | None) -> dt.date | None:
    from verify.domain.errors import InputError

    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "it is not a day", where="--on", remedy="give a day such as 2025-07-01"
        ) from None


def _one_of(*, households: bool, cases: bool, stored: bool) -> Sample:
    from verify.domain.errors import InputError
    from verify.service.impacts import Sample

    if households + cases + stored > 1:
        raise InputError(
            "give only one of --households, --cases and --stored",
            remedy="run the command once for each",
        )
    return Sample.CASES if cases else Sample.STORED if stored else Sample.SYNTHETIC


def _nothing_stored(digest: str) -> bytes:
    from verify.domain.errors import NotFound

    raise NotFound("a comparison of folders uses no store", where=digest)
